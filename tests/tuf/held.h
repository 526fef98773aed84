/* DIR of the front end: what a TUF client holds. root.json and one percent-encoded file a role, as received; the root
 * of init and every root since lie in roots/, without the ending .json, and are walked again at each start. */
#pragma once

#include "manifests/trust.h"

must_check bool held_init(const char *dir, const char *root_file, struct err *e);
/* All that is held, ready for trust_next; *at is the folder, open. root.json is mended when a stop came before it. */
must_check bool held_open(struct trust **out, int *at, const char *dir, struct trust_time now, struct err *e);
must_check bool held_keep(int at, const struct trust_keep *keep, struct str bytes, struct err *e);
