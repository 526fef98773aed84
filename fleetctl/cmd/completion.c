#include <stdio.h>

#include "fleetctl/command.h"

/* The script asks fleetctl itself for options, so it cannot drift from the commands. */
static const char bash_tail[] =
	"_fleetctl()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} first=${COMP_WORDS[1]} second=${COMP_WORDS[2]} words=\n"
	"\tif [ \"$COMP_CWORD\" -eq 1 ]; then words=$(printf '%s\\n' \"${_fleetctl_commands[@]%% *}\" | sort -u)\n"
	"\telif [ \"$COMP_CWORD\" -eq 2 ] && [ \"${cur#-}\" = \"$cur\" ]; then words=$(printf '%s\\n' \"${_fleetctl_commands[@]}\" | sed -n \"s/^$first //p\")\n"
	"\tfi\n"
	"\tcase $cur in -*) words=$(fleetctl \"$first\" \"$second\" --complete-options 2>/dev/null || fleetctl \"$first\" --complete-options 2>/dev/null) ;; esac\n"
	"\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	"}\n"
	"complete -o default -F _fleetctl fleetctl\n";

static int run(const struct command *me, int argc, char **argv)
{
	struct common common = { 0 };
	struct opt table[] = { COMMON_OPTS(common), { 0 } };
	struct show show;
	int code;
	if (!command_begin(me, table, &common, argc, argv, &show, &code))
		return code;
	fputs("_fleetctl_commands=(", stdout);
	for (size_t i = 0; commands[i]; i++)
		printf("%s\"%s\"", i ? " " : "", commands[i]->name);
	printf(")\n%s", bash_tail);
	return 0;
}

const struct command cmd_completion = {
	"completion", NULL, "A completion script for bash", "  source <(fleetctl completion)", run,
};
