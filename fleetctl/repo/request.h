/* A change that keys on other machines must sign, as one file that is carried to them, and the signature files that come
 * back. Both are foreign bytes: bounded, read strictly, and never believed in words; what people are told comes from the very
 * bytes that are to be signed.
 *
 *   request    {"_type": "fleet-request", "format": 1, "fleet", "made", "plans": [PLAN...],
 *               "held": {ROLE: document...}, "asked": {ROLE: document...}, "manifests": {PLAN: {"before", "new"}},
 *               "documents": {PATH: {"before", "new"}}}   text; what is missing there is known by its digest alone
 *   answer     {"_type": "fleet-answer", "format": 1, "fleet", "request": SHA-256, "signatures": [{"role", "name", "keyid", "sig"}]}
 */
#pragma once

#include "fleetctl/repo/sign.h"
#include "manifests/role.h"

enum { REQUEST_MAX = 32 * MIB, ANSWER_MAX = 1 * MIB };

struct request {
	char *fleet;
	int64_t made, ends;    /* unix seconds; ends: when the first of what it asks runs out */
	char **plan;           /* compiled for it; none: all */
	size_t plans;
	struct digest id;      /* of all bodies that it asks */
	struct sign *sign;     /* for sign_words, sign_part, sign_standing, sign_digest */
	/* inside */
	doc *whole;
	struct role root;      /* held; version 0: none */
	struct ring top, delegated;
	struct buf said;       /* of the documents, in words */
};

/* Of what sign_compute found: the roles that cannot be completed by the keys `here`, and root and targets where they change, for
 * they say who signs. ERR_USAGE: none, the keys here are enough. */
must_check bool request_compose(struct buf *out, const struct sign *s, const struct signers *here, const char *fleet,
	const char *const *plan, size_t plans, int64_t made, struct err *e);
bool request_is(struct str bytes); /* is it meant to be one? */
/* `*out` must be zero. Signatures in it are verified: a wrong one is ERR_SIGNATURE. */
must_check bool request_read(struct request *out, struct str bytes, struct err *e);
void request_write(struct buf *out, const struct request *r); /* with the signatures that were added since */
void request_free(struct request *r);
void request_words(struct buf *out, const struct request *r);
/* Does what it says is signed now stand in this fleet's repository, verified? ERR_REFUSED says what differs. */
must_check bool request_is_of(const struct request *r, const char *fleet_dir, struct err *e);

/* What sign_part signed. */
void answer_write(struct buf *out, const struct request *r);
/* Takes its signatures in. `notes`: lines, of those that count for nothing. ERR_FOREIGN: it answers another request. */
must_check bool answer_add(struct request *r, struct buf *notes, struct str bytes, struct err *e);
