/* What must be signed so that repository/ says what plans/ and keys.yaml say: computed, told in words, then signed and
 * written. The same input gives the same bytes (with Ed25519 keys). */
#pragma once

#include "fleetctl/repo/repository.h"
#include "fleetctl/repo/signer.h"

struct sign_release {
	const struct manifest *manifest; /* compiled; its number is ignored: the one signed before, or the next */
	const char *tar;                 /* path of its bundle, plain; both are borrowed until sign_write is done */
};
/* A target that is no release: of `fleet` (fleet/...), `agent` (agent/...) or `rollout-PLAN` (PLAN/rollout.json). Such a role
 * is made when it is first given something; roles of which nothing is given stay. */
struct sign_document {
	const char *role, *path; /* "fleet", "fleet/access.json" */
	struct str bytes;        /* borrowed until sign_write is done; data NULL: it is a target no more */
};
struct sign;
struct sign_job {
	const char *fleet_dir;
	const struct sign_release *release; /* plans that are not among them stay as they are */
	size_t releases;
	int64_t now;  /* unix seconds; the caller looks at SOURCE_DATE_EPOCH */
	bool refresh; /* a new timestamp, also when nothing else changes */
	bool online;  /* snapshot and timestamp only, by the keys that the root names: keys.yaml is not read, no plan opened */
	const struct sign_document *document;
	size_t documents;
	int64_t kept; /* how many releases of a plan stay permitted; 0: SIGN_RELEASES_KEPT */
	const struct sign *asked; /* of a request (request.h): what it asks is asked again, whoever has the keys; NULL: none */
};
enum { SIGN_RELEASES_KEPT = 5, SIGN_RELEASES_MAX = 32, SIGN_DIGEST_SIZE = 20 };

/* Reads only. What is there is verified first. `signers` (NULL: all keys are at hand) decides one thing: a role that only
 * nears its end is renewed if its keys are here, else a line of sign_words says so. */
must_check bool sign_compute(struct sign **out, const struct sign_job *job, const struct signers *signers, struct err *e);
bool sign_nothing(const struct sign *s);
bool sign_changes(const struct sign *s, const char *plan); /* does that plan get another release? */
/* Lines: what changes, and for a plan its manifest's changes. */
void sign_words(struct buf *out, const struct sign *s);
/* "1a2b-3c4d-5e6f-7081", for people to compare: of all that is to be signed. */
void sign_digest(char out[SIGN_DIGEST_SIZE], const struct sign *s);
struct digest sign_identity(const struct sign *s); /* the long one */
/* Signs all, then writes: bundles, targets, plans' roles, targets, snapshot, root, timestamp last. ERR_SIGNATURE names the
 * keys that are missing; nothing is written then. */
must_check bool sign_write(struct sign *s, struct signers *signers, struct err *e);
/* The two halves of sign_write: all signatures, then all files. */
must_check bool sign_seal(struct sign *s, struct signers *signers, struct err *e);
must_check bool sign_put(struct sign *s, struct err *e);
/* By every key here that counts, whether or not these are enough: the others sign elsewhere (request.h). */
must_check bool sign_part(struct sign *s, struct signers *signers, struct err *e);
bool sign_wants(const struct sign *s, const struct signers *have);        /* is there a key here that counts and has not signed? */
bool sign_within_reach(const struct sign *s, const struct signers *have); /* can the keys here complete all of it? */
/* A line for each role: how many of how many signed, who, who can here, and who is missing. True: all have signed. */
must_check bool sign_standing(struct buf *out, const struct sign *s, const struct signers *here);
/* [{"role","name","keyid","sig"}]: what the two above signed; borrowed, NULL: nothing yet. */
doc *sign_made(const struct sign *s);
void sign_free(struct sign **s);
