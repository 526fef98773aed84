/* Whose turn it is: an order that changes something holds the store's lock, which apply inherits. */
#pragma once

#include "agent/receive/follow.h"
#include "agent/store/ledger.h"

/* The lock, and the ledger behind it. ERR_BUSY says what is tried, at which step, and how long it may still take. */
must_check bool turn_take(int *lock, struct ledger *l, const struct follow *f, struct err *e);
/* The attempt that stands in the ledger is worked on by an apply, which has the lock from now on; then as follow. */
must_check bool turn_start(const struct follow *f, int *lock, struct err *e);
/* One of the day's trials is taken; it lasts with the ledger. */
must_check bool turn_count(struct ledger *l, const struct follow *f, struct err *e);
