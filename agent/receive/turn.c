/* Whose turn it is. */
#include "agent/receive/turn.h"

#include "agent/apply/apply.h"
#include "agent/store/quota.h"
#include "agent/take/begin.h"

static bool busy(const struct follow *f, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};
	char text[256];

	if (!ledger_load(&l, f->store, e))
		return false;
	if (!l.has_attempt)
		return err_set(e, ERR_BUSY, "another session is sending an update");
	apply_busy_text(text, &l);
	return err_set(e, ERR_BUSY, "%s", text);
}

/* An attempt that nobody works on is taken up on the way. */
bool turn_take(int *lock, struct ledger *l, const struct follow *f, struct err *e)
{
	cleanup(fd_close) int fd = -1;
	bool taken;

	if (!begin_lock(&fd, &taken, f->store, e))
		return false;
	if (!taken)
		return busy(f, e);
	if (!ledger_load(l, f->store, e))
		return false;
	if (l->has_attempt)
		return follow_launch(f, fd, e) && busy(f, e);
	*lock = fd;
	fd = -1;
	return true;
}

bool turn_start(const struct follow *f, int *lock, struct err *e)
{
	if (!follow_launch(f, *lock, e))
		return false;
	fd_close(lock);
	return follow_apply(f, e);
}

bool turn_count(struct ledger *l, const struct follow *f, struct err *e)
{
	char boot[40];

	clock_boot_id(boot);
	return quota_take(l, f->config->trials_per_day, clock_boot_ms(), boot, e);
}
