/* The releases this Pi holds. A release is whole or absent; one is current. */
#pragma once

#include "agent/store/store.h"
#include "manifests/manifest.h"

/* One that is open: its manifest, and its tree under the real path, which `current` no longer moves. */
struct release {
	struct digest id;
	struct manifest manifest;
	char *tree;  /* NULL: empty */
	int tree_fd; /* only when tree is set */
};
bool release_has(const struct store *s, struct digest id);
/* releases/ID with its manifest and the link to its tree, which stands already. One that is there stays. */
must_check bool release_add(const struct store *s, struct digest id, struct str manifest, struct err *e);
/* The manifest's bytes, whose digest is the id; ERR_DIGEST when they are not. */
must_check bool release_manifest(struct buf *out, const struct store *s, struct digest id, struct err *e);
must_check bool release_open(struct release *out, const struct store *s, struct digest id, struct err *e);
void release_close(struct release *r);
/* The digest of the bundle that its tree packs to now: the manifest's, unless somebody changed a file. Zero when it cannot be
 * read or packed. */
struct digest release_disk(const struct release *r);

/* What runs. */
must_check bool release_current(struct digest *out, const struct store *s, struct err *e);
/* Make `id` the release that runs. Atomic: after a power cut it is the old one or the new one. */
must_check bool release_swap(const struct store *s, struct digest id, struct err *e);
/* "12 (3f9a…)" for people: number and the first 12 digits. */
void release_text(char out[48], int64_t number, struct digest id);
