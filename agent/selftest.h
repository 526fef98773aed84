/* What a new agent must be able to do before it is linked: read what this host holds, and take a release, run it and go back from
 * it, in a scratch folder of its own. Nothing of the host is changed. */
#pragma once

#include "agent/config.h"
#include "agent/store/store.h"

must_check bool selftest_run(const struct config *c, const struct store *s, struct err *e);
