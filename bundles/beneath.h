/* Opening below a folder without ever leaving it: no links, no mounts, no climbing. It is the kernel that refuses
 * (openat2, Linux 5.6); where it cannot, the error says so, and nothing weaker is tried. */
#pragma once

#include <sys/types.h>

#include "base/err.h"

must_check bool beneath_open(int *out, int dir, const char *path, int flags, mode_t mode, struct err *e);
/* The same for those who ask what is there: the descriptor, or -1 and errno. */
int beneath_try(int dir, const char *path, int flags, mode_t mode);
/* The folder that `path` lies in, opened O_PATH, and the last component, which points into `path`. */
must_check bool beneath_parent(int *out, const char **name, int dir, const char *path, struct err *e);
