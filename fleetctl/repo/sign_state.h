/* Inside sign.h, for sign_*.c and changes.c alone. */
#pragma once

#include "fleetctl/repo/duty.h"
#include "fleetctl/repo/keyset.h"
#include "fleetctl/repo/sign.h"

struct sign_role {
	char *name;
	enum role_kind kind;
	enum duty duty;        /* of those that targets delegates to */
	bool linked;           /* targets delegates to it already */
	uint64_t old, version; /* old 0: new; version: what will be */
	doc *before;           /* the body signed before, NULL: none */
	doc *body;             /* to be signed, NULL: it stays as it is */
	doc *whole;            /* signed */
	bool due;              /* only its date makes it change */
	bool same_words;       /* other keys sign what was signed before */
	bool known;            /* `by` is set: a role that keys.yaml does not know stays as it is */
	struct keyset_role by; /* who signs now */
	/* of a plan with a release given: its manifest is not NULL */
	struct sign_release release;
	struct buf manifest, manifest_before; /* the new one, empty: nothing new */
	char *path;                           /* "plan-D/releases/7.json" */
};

struct sign {
	struct repository at; /* dir NULL: there is none yet */
	char *fleet_dir;
	int64_t now, kept;
	bool refresh, online;
	struct keyset keys;
	struct trust *trust;    /* NULL: first signing */
	struct sign_role *role; /* SIGN_ROOT, SIGN_TARGETS, SIGN_SNAPSHOT, SIGN_TIMESTAMP, then those that targets delegates to */
	size_t roles;
	struct sign_document *document; /* role and path are owned */
	size_t documents;
	struct buf notes;
	const struct signers *signers;
	const struct sign *asked;       /* a request: what it asks is composed, whoever has the keys; NULL: none */
	const struct role *root_before; /* of a request, which has no trust; NULL: none */
	doc *made;                      /* sign_made */
};
enum { SIGN_ROOT, SIGN_TARGETS, SIGN_SNAPSHOT, SIGN_TIMESTAMP, SIGN_DELEGATED };
struct sign_role *sign_add_role(struct sign *s, const char *name, enum role_kind kind); /* the array may move */
struct sign_role *sign_role_of(const struct sign *s, const char *delegated); /* NULL: there is none */

/* The role's body as it will stand: new, or as before. */
static inline doc *sign_body(const struct sign_role *r)
{
	return r->body ? r->body : r->before;
}
/* What a root or targets body says of a role; NULL: nothing. *keys are those it may name. */
doc *sign_entry(doc **keys, const doc *body, const char *role);
/* sign_sets.c: can the keys at hand, with the signatures that it has, sign it as often as is needed? NULL: all are at hand. */
must_check bool sign_possible(const struct sign *s, const struct sign_role *r, const struct signers *have, struct err *e);
/* A signature made elsewhere, verified, then taken in. *counts false: its key does not count for this role. ERR_SIGNATURE: it
 * is not of this body. */
must_check bool sign_accept(bool *counts, struct sign_role *r, const struct sign *s, struct str keyid, struct str hex, struct err *e);
/* sign_plan.c */
/* Numbered as before, the manifest is the one before, or it gets the next number. What agents would not read is not signed. */
must_check bool plan_number(struct sign_role *r, struct err *e);
doc *plan_body(const struct sign_role *r, int64_t kept);
/* sign_count.c */
bool count_online_changed(const struct sign *s); /* other keys for timestamp or snapshot than before */
must_check bool count_check(const struct sign *s, struct err *e); /* the root is composed: may we go on counting? */
uint64_t count_next(const struct sign *s, const struct sign_role *r);
/* sign_document.c */
must_check bool document_take(struct sign *s, const struct sign_document *d, struct err *e); /* checked; the bytes are borrowed */
void documents_free(struct sign *s);
bool document_any(const struct sign *s, const char *role); /* was one given for that role? */
doc *document_body(const struct sign *s, const struct sign_role *r);
must_check bool documents_write(const struct sign *s, const struct repository *at, struct err *e);
/* sign_compose.c: fills all roles */
must_check bool sign_compose(struct sign *s, struct err *e);
