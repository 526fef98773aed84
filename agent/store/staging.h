/* What arrives before it may be believed: staging/SHA256.part, a payload named by its own bytes, and what is made of it. */
#pragma once

#include "agent/store/store.h"
#include "keys/digest.h"

enum { STAGING_PARTS_MAX = 2 }; /* payloads kept half received */

/* The payload so far, open for adding at `at`: what stands behind is cut off. ERR_PROTOCOL when less than `at` is there. */
must_check bool staging_part(int *out, const struct store *s, struct digest payload, uint64_t at, struct err *e);
uint64_t staging_have(const struct store *s, struct digest payload);
/* Is it whole, and the bytes it is named by? When its bytes are wrong, it is dropped: ERR_DIGEST. */
must_check bool staging_check(const struct store *s, struct digest payload, uint64_t length, struct err *e);
must_check bool staging_drop(const struct store *s, struct digest payload, struct err *e);
must_check bool staging_open(int *out, const struct store *s, struct digest payload, struct err *e);

/* The manifest of the release that is tried, until the release is made. */
must_check bool staging_manifest_save(const struct store *s, struct digest release, struct str bytes, struct err *e);
must_check bool staging_manifest(struct buf *out, const struct store *s, struct digest release, struct err *e);

/* Everything, or all but payloads that are not whole yet. */
must_check bool staging_clear(const struct store *s, bool parts_too, struct err *e);
/* At most STAGING_PARTS_MAX payloads stay, `but` among them; the others go. */
must_check bool staging_bound(const struct store *s, struct digest but, struct err *e);
