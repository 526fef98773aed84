/* Inside sign.h, for sign*.c and changes.c alone. */
#pragma once

#include "fleetctl/repo/keyset.h"
#include "fleetctl/repo/sign.h"

struct sign_role {
	char *name;
	enum role_kind kind;
	uint64_t old, version;  /* old 0: new; version: what will be */
	doc *before;            /* the body signed before, NULL: none */
	doc *body;              /* to be signed, NULL: it stays as it is */
	doc *whole;             /* signed */
	bool due;               /* only its date made it change */
	struct keyset_role by;  /* who signs now */
	bool known;             /* `by` is set: a plan that keys.yaml does not know stays under its old keys */
	/* of a plan that gets a new release */
	struct buf manifest, manifest_before;
	char *path;             /* "plan-D/releases/7.json" */
	const struct sign_release *release;
};

struct sign {
	struct repository at;   /* dir NULL: there is none yet */
	char *fleet_dir;
	int64_t now;
	struct keyset keys;
	struct trust *trust;    /* NULL: first signing */
	struct sign_role *role; /* root, targets, plans, snapshot, timestamp */
	size_t roles;
	size_t root, targets, snapshot, timestamp; /* which is which */
	struct buf notes;
	const struct signers *signers;
};

/* The role's body as it will stand: new, or as before. */
const doc *sign_body(const struct sign_role *r);
/* The entry of a role in a root or targets body, and the keys it may name. False: there is none. */
bool sign_entry(const doc **entry, const doc **keys, const doc *body, const char *role);
/* Which keys of a set will sign: the first `threshold` that are at hand; false: too few, with who is missing. */
must_check bool sign_pick(const struct public_key **out, size_t *count, const struct signers *have, const struct sign_role *r,
	const struct role_signers *set, struct err *e);
/* sign_compose.c */
must_check bool sign_compose(struct sign *s, const struct sign_job *job, struct err *e);
