/* fleetctl: the commands, and which of them was meant. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "fleetctl/command.h"

extern const struct command cmd_publish, cmd_init, cmd_key_new, cmd_key_add, cmd_key_revoke, cmd_key_replace, cmd_key_threshold,
	cmd_key_list, cmd_key_transcript, cmd_sign, cmd_verify, cmd_preview, cmd_rollout_start,
	cmd_rollout_status, cmd_rollout_pause, cmd_rollout_resume, cmd_rollout_abort, cmd_rollout_undo, cmd_status, cmd_host_add,
	cmd_host_enroll, cmd_host_list, cmd_host_show, cmd_host_pin, cmd_access_status, cmd_access_push, cmd_completion, cmd_refresh, cmd_doctor,
	cmd_agent_add, cmd_agent_list, cmd_agent_push, cmd_agent_offer;

const struct command *const commands[] = {
	&cmd_init, &cmd_key_new, &cmd_key_add, &cmd_key_revoke, &cmd_key_replace, &cmd_key_threshold, &cmd_key_list,
	&cmd_key_transcript, &cmd_sign, &cmd_refresh, &cmd_verify, &cmd_doctor, &cmd_host_add, &cmd_host_enroll, &cmd_host_list, &cmd_host_show, &cmd_host_pin, &cmd_preview,
	&cmd_rollout_start, &cmd_rollout_status, &cmd_rollout_pause, &cmd_rollout_resume, &cmd_rollout_abort, &cmd_rollout_undo,
	&cmd_status, &cmd_access_status, &cmd_access_push, &cmd_agent_add, &cmd_agent_list, &cmd_agent_push, &cmd_agent_offer,
	&cmd_publish, &cmd_completion, NULL,
};

static void usage(FILE *to)
{
	fputs("usage: fleetctl COMMAND [options]     (fleetctl COMMAND --help; man fleetctl)\n\n", to);
	for (size_t i = 0; commands[i]; i++)
		fprintf(to, "  %-16s %s\n", commands[i]->name, commands[i]->summary);
}

/* How many words of argv name the command: 0, 1 or 2. */
static int names(const struct command *c, int argc, char **argv)
{
	struct str second, first = str_cut(str_of(c->name), ' ', &second);
	if (argc < 2 || !str_is(first, argv[1]))
		return 0;
	if (second.len == 0)
		return 1;
	return argc > 2 && str_is(second, argv[2]) ? 2 : 0;
}

/* "rollout" alone, or "rollout strat": the commands of that group. */
static bool say_group(const char *word, FILE *to)
{
	bool any = false;
	for (size_t i = 0; commands[i]; i++) {
		struct str second, first = str_cut(str_of(commands[i]->name), ' ', &second);
		if (second.len == 0 || !str_is(first, word))
			continue;
		if (!any)
			fprintf(to, "fleetctl: \"%s\" is one of:\n", word);
		any = true;
		fprintf(to, "  %-16s %s\n", commands[i]->name, commands[i]->summary);
	}
	return any;
}

static int unknown(int argc, char **argv)
{
	const char *names_of[64] = { NULL };
	bool asked = argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0);
	if (say_group(argv[1], asked ? stdout : stderr))
		return asked ? 0 : 2;
	if (argv[1][0] == '-') {
		fprintf(stderr, "fleetctl: %s: options stand behind the command: fleetctl COMMAND %s\n", argv[1], argv[1]);
		return 2;
	}
	for (size_t i = 0; commands[i] && i < COUNT_OF(names_of) - 1; i++)
		names_of[i] = commands[i]->name;
	const char *near = opts_nearest(str_of(argv[1]), names_of);
	fprintf(stderr, "fleetctl: no command \"%s\"%s%s%s\n", argv[1], near ? ": did you mean \"" : "; fleetctl --help lists them", near ? near : "",
		near ? "\"?" : "");
	return 2;
}

static int run(int argc, char **argv)
{
	char help[] = "--help";
	char *asked[] = { argv[0], argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : help, argc > 3 ? help : NULL, NULL };
	if (argc < 2) {
		usage(stderr);
		return 2;
	}
	/* "help rollout start" is "rollout start --help" */
	if (strcmp(argv[1], "help") == 0 && argc > 2)
		return run(argc > 3 ? 4 : 3, asked);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
		printf("fleetctl %s\n", fleet_version);
		return 0;
	}
	for (size_t i = 0; commands[i]; i++) {
		int words = names(commands[i], argc, argv);
		if (words)
			return commands[i]->run(commands[i], argc - words, argv + words);
	}
	return unknown(argc, argv);
}

/* Results that nobody got are no success; that the reader has gone (`| head`) is its own affair. */
int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	int code = run(argc, argv);
	bool lost = fflush(stdout) != 0 || ferror(stdout);
	struct pollfd out = { .fd = 1 };
	if (!lost || code || (poll(&out, 1, 0) == 1 && out.revents & POLLERR))
		return code;
	fputs("fleetctl: its results could not all be written to standard output: is the disk full?\n", stderr);
	return 1;
}
