#include "fleetctl/repo/turn.h"

#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

enum { WHO_MAX = 200, NAP_MS = 50 };
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

static bool wait_for(int *mine, bool *taken, int dir, int64_t wait_ms, struct err *e)
{
	static const struct timespec nap = {.tv_nsec = NAP_MS * 1000000L};
	int64_t until_ms = clock_boot_ms() + wait_ms;

	while (fs_lock(mine, taken, dir, lock, false, e)) {
		if (*taken || clock_boot_ms() >= until_ms)
			return true;
		nanosleep(&nap, NULL);
	}
	return false;
}

bool turn_take(int *turn, const struct fleet *f, const char *who, int64_t wait_ms, struct err *e)
{
	cleanup(fd_close) int dir = -1, mine = -1;
	cleanup(buf_free) struct buf name = BUF_MAX(WHO_MAX);
	bool taken;

	if (!fleet_state_dir(&dir, f, e) || !wait_for(&mine, &taken, dir, wait_ms, e))
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
