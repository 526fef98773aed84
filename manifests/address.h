/* When two addresses lead to one place, or to a place inside of the other. */
#pragma once

#include "base/buf.h"

/* One spelling of a URL or an absolute path: without scheme, user and default port, the server in small letters, the path without
 * percent-codes, empty and dotted parts, a '/' or ".git" behind. "https://Git.example:443/fleet.git/" and
 * "ssh://git@git.example/fleet" are "git.example/fleet"; of a path or file:// the ".git" stays: "/srv/fleet.git". */
void address_plain(struct buf *out, const char *address);
/* Are two in one spelling the same, or is one inside of the other? */
bool address_meet_plain(struct str a, struct str b);
/* The same of any; no disk is looked at. */
bool address_meet(const char *a, const char *b);
