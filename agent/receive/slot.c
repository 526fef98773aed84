/* One of the sessions that this host holds at once. */
#include "agent/receive/slot.h"

bool slot_take(int *out, const struct store *s, struct err *e)
{
	for (int i = 0; i < SLOTS; i++) {
		cleanup(free_ptr) char *file = path_form("serve.%d.lock", i);
		bool taken = false;
		struct err none;
		if (!fs_lock(out, &taken, s->dir, file, false, &none)) {
			*out = -1;
			return true;
		}
		if (taken)
			return true;
	}
	return err_set(e, ERR_BUSY,
		"%d sessions are open here, and no more are taken; one that brings no order ends within a minute",
		SLOTS);
}
