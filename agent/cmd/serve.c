/* fleet-agent serve: the forced command. Its stdout is the wire, and nothing else is said there. */
#include <unistd.h>

#include "agent/command.h"
#include "agent/receive/serve.h"

static int run(const struct command *me, int argc, char **argv)
{
	struct where w = {0};
	const char *operator = NULL, *may = NULL, *access = NULL;
	const struct opt table[] = {
		{"operator", 0, OPT_TEXT, &operator, "NAME", "whose key came in, as the access list says"},
		{"may", 0, OPT_TEXT, &may, "WORDS", "what that operator may: look, roll"},
		{"access", 0, OPT_TEXT, &access, "ID", "the access list that let the key in"},
		WHERE_OPTS(w),
		{0},
	};
	cleanup(host_close) struct host h = {0};
	cleanup(session_free) struct session session = {.in = STDIN_FILENO, .out = STDOUT_FILENO};
	struct follow with = {.session = &session, .config = &h.config, .store = &h.store, .launch = launch_apply};
	struct err e;
	int code;

	if (!command_begin(me, table, argc, argv, &code))
		return code;
	if (!caller_read(&with.caller, operator, may, access, &e) || !host_open(&h, &w, &e) || !serve_session(&with, &e))
		return command_fail(me, &e);
	host_came_through(&h);
	return COMMAND_OK;
}

const struct command cmd_serve = {
	"serve", NULL, "Take one order on stdin, answer on stdout: the SSH forced command", run};
