/* fleet-agent script: one hook or check, for the unit that runs them as another user. */
#include "agent/script.h"

#include <unistd.h>

#include "agent/command.h"

static int run(const struct command *me, int argc, char **argv)
{
	struct where w = {0};
	const struct opt table[] = {WHERE_OPTS(w), {0}};
	cleanup(host_close) struct host h = {0};
	struct err e;
	int code;

	if (!command_begin(me, table, argc, argv, &code))
		return code;
	if (!host_open(&h, &w, &e) || !script_serve(STDIN_FILENO, &h.config, &h.store, &e))
		return command_fail(me, &e);
	return COMMAND_OK;
}

const struct command cmd_script = {
	"script", NULL, "Run one hook or check that apply asks for on stdin, a socket: for its unit alone", run};
