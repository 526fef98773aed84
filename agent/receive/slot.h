/* One of the sessions that this host holds at once: who has an SSH key can open hundreds, and each is a process. */
#pragma once

#include "agent/store/store.h"

enum { SLOTS = 16 };
/* Held until it is closed, or the process ends. ERR_BUSY when all are taken. Where the disk takes no lock, -1: no limit, so that
 * such a host can still be asked. */
must_check bool slot_take(int *out, const struct store *s, struct err *e);
