/* fleet-agent pull: ask the sources whether there is news, and take it where the rollout lets this host. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/command.h"
#include "agent/pull/pull.h"

enum { EXIT_LATER = 3, EXIT_BACK = 9, POLLS_MAX = 3 };

static int code_of(enum pull_end end)
{
	static const int codes[] = {
		[PULL_FAILED] = COMMAND_FAILED, [PULL_BUSY] = EXIT_LATER, [PULL_HANDED] = EXIT_LATER, [PULL_WENT_BACK] = EXIT_BACK};

	return (size_t)end < COUNT_OF(codes) ? codes[end] : COMMAND_OK;
}

/* The same job goes on as the new agent, where a launcher started us; else it is its next poll. */
static void become_new(char **argv)
{
	const char *by = getenv("FLEET_LAUNCHER");

	if (by) /* argv[0] is the command: what was before it is the program */
		execv(by, argv - 1);
}

static int run(const struct command *me, int argc, char **argv)
{
	struct where w = {0};
	struct pull pull = {.launch = launch_apply};
	bool quiet = false;
	const struct opt table[] = {
		{"now", 0, OPT_FLAG, &pull.now, NULL, "also when the next poll is not due"},
		{"quiet", 'q', OPT_FLAG, &quiet, NULL, "say nothing where the next poll is not due: for the timer, which asks each minute"},
		{"dry-run", 'n', OPT_FLAG, &pull.dry, NULL, "say what it would take, and take nothing"},
		WHERE_OPTS(w),
		{0},
	};
	cleanup(host_close) struct host h = {0};
	struct pull_outcome end;
	struct err e;
	int code;

	if (!command_begin(me, table, argc, argv, &code))
		return code;
	if (!host_open(&h, &w, &e))
		return command_fail(me, &e);
	pull.config = &h.config;
	pull.store = &h.store;
	for (int left = POLLS_MAX; left > 0; left = end.more ? left - 1 : 0) {
		if (!pull_once(&end, &pull, &e))
			return command_fail(me, &e);
		if (!quiet || end.end != PULL_NOT_DUE)
			fprintf(end.end == PULL_FAILED ? stderr : stdout, "%s: %s\n", pull_end_words[end.end], end.why);
		pull.now = true;
	}
	if (end.end == PULL_HANDED)
		become_new(argv);
	host_came_through(&h);
	if (end.aside[0])
		fprintf(stderr, "fleet-agent pull: %s\n", end.aside);
	if (end.unsent[0])
		fprintf(stderr, "fleet-agent pull: its receipts did not come home: %s\n", end.unsent);
	return code_of(end.end);
}

const struct command cmd_pull = {
	"pull", NULL, "Ask the sources for news, and take what the rollout lets this host take", run};
