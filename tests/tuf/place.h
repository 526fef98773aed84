/* TDIR of the front end: where a downloaded target lies. A target's name becomes a path only when each of its parts is
 * a plain name, and no link is followed on the way; else the whole name, percent-encoded, is one file's. */
#pragma once

#include "manifests/trust.h"

/* "a/b.txt", or "%2Fa%2Fb.txt"; ERR_UNSAFE: a name that climbs. The caller frees. */
must_check bool place_path(char **out, const char *target, struct err *e);
/* Is the very file there? */
bool place_has(int tdir, const char *path, const struct trust_target *want);
/* An empty file beside all others, then under its own name; or gone. */
must_check bool place_begin(int *fd, int tdir, struct err *e);
must_check bool place_take(int tdir, int fd, const char *path, const struct trust_target *want, struct err *e);
void place_drop(int tdir);
