/* A plan, numbered, with its bundle: what gets signed, as canonical JSON. A release is a manifest with its bundle; its id is
 * the SHA-256 of the manifest's bytes. Format 1. */
#pragma once

#include "keys/digest.h"
#include "manifests/plan.h"

struct bundle_named { /* by what signs for it */
	struct digest sha256;
	int64_t length;
};
struct manifest {
	int64_t format, number;
	struct bundle_named bundle;
	struct plan plan;
};
enum { MANIFEST_MAX = 256 * KIB };
extern const struct shape_field bundle_shape[];

/* Exactly canonical bytes, or ERR_SYNTAX. `file` for errors, may be NULL. Unknown fields are refused: what we do not
 * understand we do not run. */
must_check bool manifest_read(struct manifest *out, struct str json, const char *file, struct err *e);
void manifest_write(struct buf *out, const struct manifest *m);
struct digest manifest_id(struct str json);
void manifest_free(struct manifest *m);
/* What changes between two manifests but the number, a line each, in the words of the YAML; nothing when nothing does:
 *   scripts: bundle changes
 *   - probe http
 *   + probe tls: run probes/tls.sh, every 1m, timeout 30s
 *   checks[dns].timeout: 10s -> 20s
 * `old` may be NULL: then all there is. */
void manifest_changes(struct buf *out, const struct manifest *old, const struct manifest *new);
