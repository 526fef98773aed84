/* fleet-agent rollback: back to the release before, by hand; the one taken back is held. */
#include <stdio.h>

#include "agent/apply/apply.h"
#include "agent/command.h"
#include "agent/store/release.h"

static bool begin(int *lock, const struct host *h, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};
	char text[256];
	bool taken;

	if (!store_lock(lock, &taken, &h->store, e) || !ledger_load(&l, &h->store, e))
		return false;
	if (l.has_attempt) {
		apply_busy_text(text, &l);
		return err_set(e, ERR_BUSY, "%s; fleet-agent apply goes on with it", text);
	}
	if (!taken)
		return err_set(e, ERR_BUSY, "an update is being received");
	return apply_begin_undo(&l, &h->config, &h->store, NULL, "on the host", e);
}

static int run(const struct command *me, int argc, char **argv)
{
	struct where w = {0};
	const struct opt table[] = {WHERE_OPTS(w), {0}};
	cleanup(host_close) struct host h = {0};
	cleanup(fd_close) int lock = -1;
	cleanup(apply_free) struct apply a = {.config = &h.config, .store = &h.store};
	cleanup(release_close) struct release r = {0};
	struct digest current;
	char text[48];
	struct err e;
	int code;

	if (!command_begin(me, table, argc, argv, &code))
		return code;
	if (!host_open(&h, &w, &e) || !host_as_owner(&h, &e) || !begin(&lock, &h, &e) || !apply_run(&a, &e))
		return command_fail(me, &e);
	if (!release_current(&current, &h.store, &e) || !release_open(&r, &h.store, current, &e))
		return command_fail(me, &e);
	release_text(text, r.manifest.number, r.id);
	printf("release %s runs again; the one taken back is held until `fleet-agent allow`\n", text);
	return COMMAND_OK;
}

const struct command cmd_rollback = {
	"rollback", NULL, "Go back to the release before, and hold the one that runs", run};
