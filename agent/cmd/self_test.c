/* fleet-agent self-test: what apply asks of a new agent before it links it. */
#include <stdio.h>

#include "agent/command.h"
#include "agent/selftest.h"
#include "base/version.h"

static int run(const struct command *me, int argc, char **argv)
{
	struct where w = {0};
	const char *as = fleet_version;
	const struct opt table[] = {
		{"as", 0, OPT_TEXT, &as, "VERSION", "it must be this one"},
		WHERE_OPTS(w),
		{0},
	};
	cleanup(host_close) struct host h = {0};
	struct err e;
	int code;

	if (!command_begin(me, table, argc, argv, &code))
		return code;
	if (strcmp(as, fleet_version) != 0) {
		err_set(&e, ERR_FOREIGN, "it is version %s, and came as %s", fleet_version, as);
		return command_fail(me, &e);
	}
	if (!host_open(&h, &w, &e) || !selftest_run(&h.config, &h.store, &e))
		return command_fail(me, &e);
	puts("it reads this host, takes a release, and goes back from it");
	return COMMAND_OK;
}

const struct command cmd_self_test = {"self-test", NULL, "Take a release and go back from it, in a scratch folder", run};
