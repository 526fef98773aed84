/* What a host holds from its first day: the metadata of that day, read from a folder. A host that was enrolled with the root
 * alone takes the first repository it is shown; whoever has the online keys could show it one of long ago. */
#pragma once

#include "agent/store/trustdir.h"

struct first_document {
	struct trust_keep keep;
	struct buf bytes;
};
struct first_day {
	struct first_document *document; /* in the order in which they were believed */
	size_t count;
	int64_t signed_at;
};
/* From `dir`, a copy of the repository's metadata/: verified from the anchor as the agent always does, with the role of `plan`. */
must_check bool first_day_read(struct first_day *out, struct str anchor, const char *dir, const char *plan, struct moment now,
	struct err *e);
/* From now on nothing older is believed. None read: nothing to keep. */
must_check bool first_day_keep(const struct first_day *d, const struct store *s, struct err *e);
void first_day_free(struct first_day *d);
