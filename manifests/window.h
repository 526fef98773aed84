/* When hosts may be on trial: some days, from and to, by the clock of a named zone, daylight saving included. */
#pragma once

#include "base/shape.h"

struct window {
	char *zone;       /* an IANA name: Europe/Berlin */
	unsigned days;    /* bit 0 is Monday */
	int64_t from, to; /* minutes since midnight; to below from: over midnight, and then the day is that of `from` */
};
extern const struct shape_field window_shape[];

/* One that opens at all. */
must_check bool window_check(const struct window *w, struct err *e);
/* Does this machine have the zone (Debian: tzdata)? */
bool window_is_known(const struct window *w);
/* Closed, too, when the zone is not known on this machine. */
bool window_is_open(const struct window *w, int64_t unix_s);
