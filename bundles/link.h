/* Where a symbolic link of a bundle leads, told from names alone. */
#pragma once

#include "base/name.h"

/* The path inside the bundle that the link at `path` leads to, "" for the top. `target` is relative: '..' only in front, then
 * names ('.' is skipped). So it cannot leave even when a name on its way is itself such a link: "up/.." could.
 * ERR_UNSAFE when it leads outward. */
must_check bool link_lead(char out[PATH_LEN_MAX + 1], const char *path, const char *target, struct err *e);
