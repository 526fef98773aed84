/* What makes a bundle of what this host holds: a patch where the source has one, else the whole. It goes on at the byte where it
 * broke, after a reboot too. */
#pragma once

#include "agent/pull/fetch.h"

struct payload {
	int kind; /* enum payload_kind of the wire */
	struct digest sha256, base;
	int64_t length;
};
/* Staged and whole, for apply to check; nothing when the bundle is here. */
must_check bool payload_pull(struct payload *out, struct fetched *f, const struct bundle_named *b, struct err *e);
