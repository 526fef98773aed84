/* What nothing needs any more goes. */
#pragma once

#include "agent/store/ledger.h"

/* Kept: current, the release before it (after an undo there is none: the one taken back, for it may be allowed again without
 * being sent), what is tried and its way back, and every tree that a process stands in. */
must_check bool sweep_store(const struct store *s, const struct ledger *l, struct err *e);
/* The same where nothing is tried, and what is staged but payloads: a run that was killed leaves some of it. */
must_check bool sweep_idle(const struct store *s, const struct ledger *l, struct err *e);
