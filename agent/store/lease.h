/* Who drives this host: seconds left on CLOCK_BOOTTIME and a boot id. Gone after a reboot, and by itself when not renewed. */
#pragma once

#include "agent/store/store.h"
#include "wire/message.h"

enum { LEASE_MS_MAX = 10 * 60 * 1000 };

/* False when nobody holds one. *out is owned: lease_free. */
bool lease_read(struct lease *out, const struct store *s);
/* May `rollout` drive? ERR_REFUSED names who does and for how long, unless `take`. With ms above 0 it is taken or renewed. */
must_check bool lease_take(const struct store *s, const char *rollout, const char *who, int64_t ms, bool take,
	struct err *e);
/* Of `rollout` only; another's stays. */
must_check bool lease_drop(const struct store *s, const char *rollout, struct err *e);
void lease_free(struct lease *l);
