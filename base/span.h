/* Lengths of time as people write them: 500ms 10s 2m 6h 7d. For options and for documents alike. */
#pragma once

#include "base/str.h"

/* One whole number and one unit, into milliseconds; false when it is anything else or does not fit. */
must_check bool span_read(int64_t *ms, struct str text);
