/* How pulling goes, for `status`. */
#pragma once

#include "agent/pull/memory.h"

/* One line without its end; nothing where nothing was ever pulled. `every_ms`: the plan's interval. */
void pull_view_line(struct buf *out, const struct config *c, const struct store *s, int64_t every_ms);
doc *pull_view_doc(const struct config *c, const struct store *s, int64_t every_ms); /* the caller's */
