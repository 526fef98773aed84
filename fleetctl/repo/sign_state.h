/* Inside sign.h, for sign_*.c and changes.c alone. */
#pragma once

#include "fleetctl/repo/keyset.h"
#include "fleetctl/repo/sign.h"

struct sign_role {
	char *name;
	enum role_kind kind;
	uint64_t old, version; /* old 0: new; version: what will be */
	doc *before;           /* the body signed before, NULL: none */
	doc *body;             /* to be signed, NULL: it stays as it is */
	doc *whole;            /* signed */
	bool due;              /* only its date makes it change */
	bool known;            /* `by` is set: a plan that keys.yaml does not know stays as it is */
	struct keyset_role by; /* who signs now */
	/* of a plan with a release given: its manifest is not NULL */
	struct sign_release release;
	struct buf manifest, manifest_before; /* the new one, empty: nothing new */
	char *path;                           /* "plan-D/releases/7.json" */
};

struct sign {
	struct repository at; /* dir NULL: there is none yet */
	char *fleet_dir;
	int64_t now;
	bool refresh;
	struct keyset keys;
	struct trust *trust;    /* NULL: first signing */
	struct sign_role *role; /* SIGN_ROOT, SIGN_TARGETS, SIGN_SNAPSHOT, SIGN_TIMESTAMP, then the plans */
	size_t roles;
	struct buf notes;
	const struct signers *signers;
};
enum { SIGN_ROOT, SIGN_TARGETS, SIGN_SNAPSHOT, SIGN_TIMESTAMP, SIGN_PLANS };

/* The role's body as it will stand: new, or as before. */
static inline doc *sign_body(const struct sign_role *r)
{
	return r->body ? r->body : r->before;
}
/* What a root or targets body says of a role; NULL: nothing. *keys are those it may name. */
doc *sign_entry(doc **keys, const doc *body, const char *role);
/* sign_write.c: can the keys at hand sign it as often as is needed? NULL: all are at hand. */
must_check bool sign_possible(const struct sign *s, const struct sign_role *r, const struct signers *have, struct err *e);
/* sign_compose.c: fills all roles */
must_check bool sign_compose(struct sign *s, struct err *e);
