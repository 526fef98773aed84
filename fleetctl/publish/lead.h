/* May ours replace what is published? Not where it is older, or was signed apart from it. */
#pragma once

#include "base/buf.h"

/* Both are timestamp.json as they lie there; `theirs` empty: there is none. ERR_OLDER; `where` and `who` (may be NULL) are
 * named. */
must_check bool lead_check(struct str ours, struct str theirs, const char *where, const char *who, struct err *e);
