/* Keys by keyid, and how many of them must have signed (TUF 4.3.1, 5.3.4). */
#pragma once

#include "keys/public.h"

struct ring_key {
	char *keyid;
	struct public_key key;
};
struct ring {
	struct ring_key *key;
	size_t count;
};
/* {"KEYID": {keytype...}, ...}; at most 1024 keys. */
must_check bool ring_read(struct ring *out, doc *keys, struct err *e);
const struct public_key *ring_find(const struct ring *r, struct str keyid);
void ring_free(struct ring *r);

struct ring_role {
	char **keyid; /* owned */
	size_t count;
	int64_t threshold; /* at least 1; may be above count: such a role just cannot verify */
};
/* {"keyids": [...], "threshold": N}: threshold below 1 and a keyid twice are refused. */
must_check bool ring_role_read(struct ring_role *out, const doc *d, struct err *e);
void ring_role_free(struct ring_role *r);

/* Is `signed_bytes` (canonical) signed by the role's threshold of distinct public keys? `signatures` is the document's list
 * [{"keyid":..,"sig":hex}]. A keyid twice refuses; an empty, wrong or foreign signature does not count. ERR_SIGNATURE names
 * how many of how many were good. */
must_check bool ring_verify(const struct ring *r, const struct ring_role *role, struct str signed_bytes, const doc *signatures,
	struct err *e);
