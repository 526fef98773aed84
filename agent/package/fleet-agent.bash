# bash completion for fleet-agent: what the installed program says of itself, so that the two cannot drift apart
_fleet_agent()
{
	local cur=${COMP_WORDS[COMP_CWORD]} words=
	if [ "$COMP_CWORD" -eq 1 ]; then
		words=$(fleet-agent --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\)  *[A-Z].*/\1/p')
	elif [ "${cur#-}" != "$cur" ]; then
		words=$(fleet-agent "${COMP_WORDS[1]}" --help 2>/dev/null | sed -n 's/^ *\(-[a-zA-Z], \)\{0,1\}\(--[a-z-]*\).*/\2/p')
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _fleet_agent fleet-agent
