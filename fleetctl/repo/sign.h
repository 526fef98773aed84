/* What must be signed so that repository/ says what plans/ and keys.yaml say: computed, told in words, then signed and
 * written. The same input gives the same bytes (with Ed25519 keys). */
#pragma once

#include "fleetctl/repo/repository.h"
#include "fleetctl/repo/signer.h"

struct sign_release {
	const struct manifest *manifest; /* compiled; its number is ignored: the one signed before, or the next */
	const char *tar;                 /* path of its bundle, plain; both are borrowed until sign_write is done */
};
struct sign_job {
	const char *fleet_dir;
	const struct sign_release *release; /* plans that are not among them stay as they are */
	size_t releases;
	int64_t now;  /* unix seconds; the caller looks at SOURCE_DATE_EPOCH */
	bool refresh; /* a new timestamp, also when nothing else changes */
};
enum { SIGN_RELEASES_KEPT = 5, SIGN_DIGEST_SIZE = 20 };

struct sign;
/* Reads only. What is there is verified first. `signers` (NULL: all keys are at hand) decides one thing: a role that only
 * nears its end is renewed if its keys are here, else a line of sign_words says so. */
must_check bool sign_compute(struct sign **out, const struct sign_job *job, const struct signers *signers, struct err *e);
bool sign_nothing(const struct sign *s);
/* Lines: what changes, and for a plan its manifest's changes. */
void sign_words(struct buf *out, const struct sign *s);
/* "1a2b-3c4d-5e6f-7081", for people to compare: of all that is to be signed. */
void sign_digest(char out[SIGN_DIGEST_SIZE], const struct sign *s);
/* Signs all, then writes: bundles, targets, plans' roles, targets, snapshot, root, timestamp last. ERR_SIGNATURE names the
 * keys that are missing; nothing is written then. */
must_check bool sign_write(struct sign *s, struct signers *signers, struct err *e);
void sign_free(struct sign **s);
