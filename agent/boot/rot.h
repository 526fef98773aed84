/* What else lies on the disk of this Pi. */
#pragma once

#include "agent/config.h"
#include "agent/store/ledger.h"

/* Each file that is not what was written there is named, and made again where what it was is at hand; what is not comes again
 * with what needs it. `told` is continued: "; state.2 was made again". Trouble with any of them stops nobody. Nothing is on trial,
 * and the caller holds the store's lock. `l` NULL: the ledger is lost. Nothing is written where nothing is wrong. */
void rot_check(char *told, size_t size, const struct config *c, const struct store *s, struct ledger *l);
