#include "fleetctl/repo/turn.h"

#include <unistd.h>

#include "base/fs.h"

enum { WHO_MAX = 200 };
static const char lock[] = "sign.lock", holder[] = "sign.holder";

/* The holder may not have said its name yet, or not say it at all. */
static bool say_busy(int dir, struct err *e)
{
	cleanup(buf_free) struct buf who = BUF_MAX(WHO_MAX);

	if (!fs_read(&who, dir, holder, NULL) || str_trim(buf_str(&who)).len == 0) {
		buf_clear(&who);
		buf_text(&who, "another fleetctl");
	}
	return err_set(e, ERR_BUSY,
		STR_FMT " is at work on this fleet's repository: nothing was signed; try again when it has ended",
		STR_ARG(str_trim(buf_str(&who))));
}

bool turn_take(int *turn, const struct fleet *f, const char *who, struct err *e)
{
	cleanup(fd_close) int dir = -1, mine = -1;
	cleanup(buf_free) struct buf name = BUF_MAX(WHO_MAX);
	bool taken;

	if (!fleet_state_dir(&dir, f, e) || !fs_lock(&mine, &taken, dir, lock, false, e))
		return false;
	if (!taken)
		return say_busy(dir, e);
	buf_form(&name, "fleetctl %s (process %d)\n", who, (int)getpid());
	if (!fs_write(dir, holder, buf_str(&name), 0644, e))
		return false;
	*turn = mine;
	mine = -1;
	return true;
}
