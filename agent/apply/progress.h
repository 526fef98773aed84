/* What apply is doing, a line of JSON each (struct state of the wire), for whoever follows: a volatile file, never synced.
 * It outlives the follower, and a later follower reads it from its start. */
#pragma once

#include "agent/store/ledger.h"
#include "wire/message.h"

/* Begun anew with each attempt, by who writes the attempt into the ledger. */
must_check bool progress_begin(const struct store *s, struct err *e);
must_check bool progress_open(int *out, const struct store *s, struct err *e);
/* One line; that it can't be written stops nobody. */
void progress_say(int fd, const struct state *say);

/* Whole lines from *offset on, which moves behind them; an absent file has none. */
void progress_read(struct buf *out, const struct store *s, uint64_t *offset);
