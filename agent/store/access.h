/* access/: who may come in, and where to fetch from. What role `fleet` signs at one time is a set: access/ID/ with access.json,
 * sources.json, and authorized_keys made of the first; `access/current` leads to the set in force, and sshd reads there.
 * Before the first: access/enrolled/, with the keys of the enrolment. */
#pragma once

#include "agent/config.h"
#include "agent/store/store.h"
#include "manifests/access.h"

struct access_set {
	struct digest id; /* of the two documents' digests; zero: what was enrolled */
	bool damaged;     /* what lies there is not what the id is of: it has no documents, and the same set must be brought again */
	bool has_access, has_sources;
	struct digest access_sha256, sources_sha256;
	struct buf access_bytes, sources_bytes;
	struct access access;
	struct origins sources;
};
void access_set_free(struct access_set *s);

/* The set in force; zero where nothing was signed yet. *out must be zero. */
must_check bool access_open(struct access_set *out, const struct store *s, struct err *e);
must_check bool access_current(struct digest *id, const struct store *s, struct err *e);

/* Verified bytes (data NULL: not signed, so what is in force stays) become the set that would follow `now`. ERR_OLDER: a number
 * went back, or stands still with other bytes. ERR_SYNTAX, ERR_REFUSED: what access_read and origins_read refuse. */
must_check bool access_next(struct access_set *out, const struct access_set *now, struct str access, struct str sources,
	struct err *e);
/* Its folder, whole and synced; nothing in force changes. Twice is legal. */
must_check bool access_stage(const struct store *s, const struct config *c, const struct access_set *set, struct err *e);
/* Make it what sshd and pull read. Atomic: after a power cut it is the old one or the new one. Zero: what was enrolled. */
must_check bool access_swap(const struct store *s, struct digest id, struct err *e);
/* The keys of the set in force are what its list says, or are made so again: *healed. Of a damaged set they are left. */
must_check bool access_heal(bool *healed, const struct store *s, const struct config *c, struct err *e);
/* All sets but these two go. */
must_check bool access_sweep(const struct store *s, struct digest keep, struct digest also, struct err *e);

/* Where to fetch from: the signed sources in force, else, and where they are damaged, what agent.json says. ERR_MISSING when
 * neither says anything. */
must_check bool access_sources(struct origins *out, const struct store *s, const struct config *c, struct err *e);
/* At enrolment: no set is in force; `keys` (lines "TYPE BASE64 [WHOSE]"; data NULL: those of an earlier enrolment) may come in,
 * and may all. */
must_check bool access_enrol(const struct store *s, const struct config *c, struct str keys, struct err *e);
