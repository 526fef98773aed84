/* keys.yaml: who may sign what. Public keys only, kept in git beside the plans; the signed root and targets follow it.
 *
 *   threshold: {root: 1, targets: 1, snapshot: 1, timestamp: 1, plans: 1}     # not stated: 1; of agent: as many as root
 *   keys:
 *     - {name: ann, roles: [root, targets, plans], key: 'ed25519 HEX'}      # also 'p256 BASE64', 'rsa BASE64' (of the DER)
 *
 * `plans` means every plan that has no key of its own; a plan's own name means that plan alone. So do `rollouts` and
 * `rollout-PLAN`. `fleet` and `agent` are the roles of these names; agent's threshold is at least root's. */
#pragma once

#include "base/shape.h"
#include "manifests/role.h"

#define KEYSET_FILE "keys.yaml"
#define KEYSET_PLANS "plans"
#define KEYSET_ROLLOUTS "rollouts"

struct keyset_key {
	char *name, *text;
	struct list roles; /* char * */
	struct public_key key;
};
struct keyset {
	struct list keys;      /* struct keyset_key */
	struct list threshold; /* struct shape_pair */
};
must_check bool keyset_read(struct keyset *out, const char *fleet_dir, struct err *e); /* ERR_MISSING: no key was made yet */
must_check bool keyset_of(struct keyset *out, struct str text, struct err *e); /* the text of the file */
void keyset_free(struct keyset *k);
doc *keyset_doc(const struct keyset *k); /* what it says: {"threshold": {...}, "keys": [...]} */
enum { KEYSET_MAX = 1 * MIB };
static inline const struct keyset_key *keyset_at(const struct keyset *k, size_t i)
{
	return (const struct keyset_key *)k->keys.items + i;
}

/* The keys of a role (root, targets, snapshot, timestamp, or a plan's name) and their threshold. */
struct keyset_role {
	const struct public_key *key[64]; /* borrowed from the keyset, as the names are */
	const char *owner[64];
	struct role_signers signers; /* set by keyset_signers */
};
/* ERR_USAGE when no key has that role, or fewer than its threshold. */
must_check bool keyset_signers(struct keyset_role *out, const struct keyset *k, const char *role, struct err *e);
bool keyset_has(const struct keyset *k, const char *role); /* is there any key for it? */

/* One line more at the end of keys.yaml, which is made when absent; the rest stays as it is. ERR_EXISTS: that name, or that
 * key under another name. */
must_check bool keyset_add(const char *fleet_dir, const char *name, const char *const *role, size_t roles,
	const struct public_key *key, struct err *e);
must_check bool keyset_check_role(const char *role, struct err *e); /* a word that `roles` and `threshold` may have */
/* ERR_EXISTS: that name, or that key, is there. */
must_check bool keyset_check_new(const struct keyset *k, const char *name, const struct public_key *key, struct err *e);
/* "ed25519 HEX" */
void keyset_key_text(struct buf *out, const struct public_key *key);
must_check bool keyset_key_read(struct public_key *out, struct str text, struct err *e);
