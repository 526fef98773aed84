/* fleet-agent apply: go on with what is tried, or undo it. Started by serve, at boot, and by a person when in doubt. */
#include <fcntl.h>
#include <unistd.h>

#include "agent/apply/apply.h"
#include "agent/command.h"
#include "agent/receive/launch.h"

static bool get_lock(int *lock, const struct host *h, int64_t inherited, bool handed_over, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};
	char text[256];
	bool taken;

	if (handed_over)
		return launch_taken(lock, STDIN_FILENO, e);
	if (inherited) {
		*lock = (int)inherited;
		return fcntl(*lock, F_SETFD, FD_CLOEXEC) == 0 || err_sys(e, "--lock-fd");
	}
	if (!store_lock(lock, &taken, &h->store, e))
		return false;
	if (taken)
		return true;
	if (!ledger_load(&l, &h->store, e))
		return false;
	if (!l.has_attempt)
		return err_set(e, ERR_BUSY, "an update is being received");
	apply_busy_text(text, &l);
	return err_set(e, ERR_BUSY, "%s", text);
}

static int run(const struct command *me, int argc, char **argv)
{
	struct where w = {0};
	int64_t inherited = 0;
	bool handed_over = false;
	const struct opt table[] = {
		{"lock-fd", 0, OPT_COUNT, &inherited, "N", "the lock, inherited open: for serve alone", .min = 3,
			.max = 1023},
		{"handed-over", 0, OPT_FLAG, &handed_over, NULL, "the lock comes over stdin, a socket: for the unit alone"},
		WHERE_OPTS(w),
		{0},
	};
	cleanup(host_close) struct host h = {0};
	cleanup(fd_close) int lock = -1;
	cleanup(apply_free) struct apply a = {.config = &h.config, .store = &h.store};
	struct err e;
	int code;

	if (!command_begin(me, table, argc, argv, &code))
		return code;
	if (!host_open(&h, &w, &e) || !get_lock(&lock, &h, inherited, handed_over, &e))
		return command_fail(me, &e);
	if (!apply_run(&a, &e) || (a.hand_over && !launch_apply(&h.config, &h.store, lock, -1, &e)))
		return command_fail(me, &e);
	host_came_through(&h);
	return COMMAND_OK;
}

const struct command cmd_apply = {"apply", NULL, "Go on with the release that is tried, or undo it", run};
