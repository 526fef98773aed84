/* One TUF metadata document: root, timestamp, snapshot, or targets (also a delegated one). Read strictly, asked, checked,
 * and written. TUF 1.0.34, section 4. No files, no clock. */
#pragma once

#include "keys/ring.h"
#include "keys/sha512.h"

enum role_kind { ROLE_ROOT, ROLE_TIMESTAMP, ROLE_SNAPSHOT, ROLE_TARGETS, ROLE_KINDS };
enum { ROLE_NAME_SIZE = 160, ROLE_PATH_MAX = 1024, ROLE_WEIGHT_MAX = 640 * KIB };
#define ROLE_OWNER_FIELD "x-fleet-role"
extern const char *const role_words[ROLE_KINDS]; /* "root" "timestamp" "snapshot" "targets" */

/* One delegation of a targets role, in the order of the document. */
struct role_link {
	const char *name;      /* borrowed from the document; of a succinct link: the prefix of the names */
	struct ring_role keys; /* keyids of the delegator's ring */
	bool terminating;
	doc *paths, *prefixes; /* borrowed; one of the two, none in a succinct link */
	int64_t bits;          /* of a succinct link: 1 to 32 */
};

struct role {
	enum role_kind kind;
	uint64_t version;      /* 0: nothing was read into here */
	int64_t expires;       /* unix seconds */
	struct buf bytes;      /* exactly as received: what is kept, and what length and hashes speak of */
	doc *whole;
	doc *body;             /* `signed`, borrowed from whole */
	struct ring ring;      /* keys of a root, or of the delegations of targets */
	struct ring_role keys[ROLE_KINDS]; /* of a root: who signs what */
	bool consistent;       /* of a root: consistent_snapshot */
	struct role_link *link;
	size_t links;
};

/* Unknown fields are kept and ignored; whatever else is not as section 4 says is refused, before any signature.
 * `*out` must be zero; on failure it is zero again. */
must_check bool role_read(struct role *out, enum role_kind kind, struct str bytes, struct err *e);
void role_free(struct role *r);
/* Would it stay below 64 MiB when read? Of the files that TUF's limits allow, all that hold something do: 43,000 targets, 90,000
 * roles in a snapshot; role_read refuses the others before they are parsed (ERR_LIMIT). */
bool role_is_bearable(struct str bytes);
must_check bool role_signed_by(const struct role *r, const struct ring *ring, const struct ring_role *keys, struct err *e);
/* Does it say that it is another role's? We write x-fleet-role into each plan's role, for one key may sign for several plans,
 * and TUF's metadata does not say whose it is: without this a web host could serve one plan's role as another's. */
bool role_is_of(const struct role *r, const char *name); /* also true when it does not say */
/* x-fleet-signed of a timestamp: unix seconds, 0 when it is absent or no date. */
int64_t role_signed_at(const struct role *r);

/* What a document says of another file: an entry of `meta` or of `targets`. */
struct role_file {
	uint64_t version; /* 0: of a target */
	uint64_t length;
	bool has_length, has_hashes, has_sha256, has_sha512;
	struct digest sha256;
	uint8_t sha512[SHA512_LEN];
};
bool role_meta(const struct role *r, const char *role, struct role_file *out); /* "snapshot", not "snapshot.json" */
bool role_target(const struct role *r, const char *path, struct role_file *out);
/* Length, where stated, then every hash that we know; hashes of which we know none refuse. */
must_check bool role_file_check(const struct role_file *f, struct str bytes, struct err *e);

/* Does link `i` lead to `path`? `name` is then the role's (a succinct link computes it). */
bool role_leads(const struct role *r, size_t i, const char *path, char name[ROLE_NAME_SIZE]);
/* Could link `i` be to a role of that name, whatever the path? */
bool role_names(const struct role *r, size_t i, const char *name);

/* --- the writer's side: `signed` is filled, then sealed, then signed --- */
/* With _type, spec_version, version and expires, and the empty containers that its kind must have. */
doc *role_body(enum role_kind kind, uint64_t version, int64_t expires);
struct role_signers {
	const struct public_key *const *key;
	const char *const *owner; /* written beside each key as x-fleet-name; NULL: none */
	size_t count;
	int64_t threshold;
};
/* Keys that are listed already are not listed twice. */
void role_set_signers(doc *root_body, enum role_kind kind, const struct role_signers *s);
/* A terminating delegation behind the others; `path` are its patterns. */
void role_add_link(doc *targets_body, const char *name, const struct role_signers *s, const char *const *path, size_t paths);
void role_set_meta(doc *body, const char *role, uint64_t version); /* version only: signatures need not come first */
void role_set_target(doc *body, const char *path, struct str bytes); /* with its length and SHA-256 */
doc *role_seal(doc *body); /* {"signatures": [], "signed": body}; takes over body */
void role_add_signature(doc *whole, const char *keyid, struct str signature); /* raw bytes; sorted by keyid */
