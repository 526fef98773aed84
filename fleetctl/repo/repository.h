/* The folder `repository/`: what agents and stock TUF clients read. Design, section 3. (Contract by the lead for flight.c,
 * preview and rollout; whoever implements it may add, and mend.) */
#pragma once

#include "keys/digest.h"
#include "manifests/program.h"
#include "manifests/trust.h"

struct repository {
	char *dir; /* path of repository/ */
	int at;    /* the same, open */
};
must_check bool repository_open(struct repository *out, const char *fleet_dir, struct err *e); /* ERR_MISSING: sign first */
void repository_free(struct repository *r);

/* A role's metadata: version 0 is the newest. ERR_MISSING when it is not there. `timestamp` has only the newest. */
must_check bool repository_meta(struct buf *out, const struct repository *r, const char *role, uint64_t version, struct err *e);
/* Version of the newest metadata of a role, as timestamp and snapshot say (root: the highest N.root.json); 0: no such role. */
must_check bool repository_version(uint64_t *out, const struct repository *r, const char *role, struct err *e);
/* Does a host that goes from the one root to the other drop its timestamp and snapshot, and must be sent both whatever it holds
 * (TUF 5.3.11)? */
must_check bool repository_online_changed(bool *out, const struct repository *r, uint64_t from, uint64_t to, struct err *e);

/* The manifest that a plan's role names as current, or one of its permitted releases: its exact bytes. ERR_MISSING when the
 * plan has none, ERR_REFUSED when `id` is not permitted any more. */
must_check bool repository_current(struct buf *manifest, const struct repository *r, const char *plan, struct err *e);
must_check bool repository_release(struct buf *manifest, const struct repository *r, const char *plan, struct digest id, struct err *e);

/* A target of a role that signs documents (repo/sign.h), as its newest metadata names it. ERR_MISSING: the role does not sign it. */
must_check bool repository_document(struct buf *out, const struct repository *r, const char *role, const char *path, struct err *e);

/* Files to send, open for reading. The patch is made and kept when it is missing; ERR_MISSING when `from` is not held here,
 * ERR_LIMIT when one of both is longer than SQUEEZE_PATCH_MAX. */
must_check bool repository_bundle(int *out, const struct repository *r, struct digest bundle, struct err *e);
must_check bool repository_patch(int *out, const struct repository *r, struct digest from, struct digest to, struct err *e);
bool repository_has_patch(const struct repository *r, struct digest from, struct digest to); /* made already */
/* From each of the plan's permitted releases to this bundle: beforehand, as far as it can be done, so that no host waits for
 * it at the other end of a slow line. */
void repository_make_patches(const struct repository *r, const char *plan, struct digest to);
/* At most `most` bundles that releases of the plan ever had and that are still here, each once, newest release first, all but one:
 * hosts run them, whether or not they are permitted any more. How many it found. */
size_t repository_bundles_held(struct digest *out, size_t most, const struct repository *r, const char *plan, struct digest but);

/* --- for signing: each is on the disk when the call returns --- */
must_check bool repository_make(struct repository *out, const char *fleet_dir, struct err *e); /* opens, with folders made */
must_check bool repository_put_meta(const struct repository *r, const char *role, uint64_t version, const doc *whole, struct err *e);
must_check bool repository_put_target(const struct repository *r, const char *path, struct str bytes, struct err *e);
/* The plain tar, squeezed; ERR_DIGEST when it is not the bundle named. There already: nothing to do. */
must_check bool repository_put_bundle(const struct repository *r, struct digest bundle, uint64_t length, const char *tar, struct err *e);

/* --- verified: our own client over the folder, from 1.root.json (verify.c) --- */
/* Refreshed. `last_root`: read no root above it; 0: all. A `now` of zero and synced expires nothing. */
must_check bool repository_trust(struct trust **out, const struct repository *r, struct trust_time now, uint64_t last_root, struct err *e);
/* The same from another anchor: the root of that version, as a host that was enrolled then. */
must_check bool repository_trust_from(struct trust **out, const struct repository *r, uint64_t anchor, struct trust_time now,
	uint64_t last_root, struct err *e);
/* A target's bytes, held against what was signed; ERR_MISSING when nobody signs for it. */
must_check bool repository_target(struct buf *out, const struct repository *r, struct trust *t, const char *path, struct err *e);

/* A role that targets delegates to (repo/duty.h), read and verified: trust_role then has it. ERR_SIGNATURE: nobody delegates to it. */
must_check bool repository_load(const struct repository *r, struct trust *t, const char *role, struct err *e);

struct repository_permitted {
	char *plan;
	int64_t number, bundle_length;
	struct digest id, bundle;
	bool current;
};
struct repository_role {
	char *role;
	uint64_t version;
	int64_t expires; /* unix seconds */
};
struct repository_facts {
	struct repository_permitted *permitted;
	size_t permitteds;
	struct repository_role *role;
	size_t roles;
	struct program *program; /* agents, by platform */
	size_t programs;
};
/* `fleetctl verify`: every role that targets delegates to, every document of fleet, agent and rollout-PLAN, every permitted
 * manifest, its plan and number, every agent's platform, and their bundles: there, of that length and digest when expanded. Stops at
 * the first that is wrong, with its path. */
must_check bool repository_verify(struct repository_facts *out, const struct repository *r, struct trust_time now, struct err *e);
/* The same for one role of those that targets delegates to; what is found is added. */
must_check bool repository_verify_role(struct repository_facts *f, const struct repository *r, struct trust *t, const char *role,
	struct err *e);
void repository_facts_free(struct repository_facts *f);
/* Is it there, and the bytes that were signed? ERR_MISSING, ERR_DIGEST. */
must_check bool repository_check_bundle(const struct repository *r, const struct bundle_named *b, struct err *e);

/* Files below repository/: "targets/plan-D/SHA256.manifest.json" (ERR_UNSAFE: a path that is none); the caller frees. */
must_check bool repository_target_file(char **out, const char *path, struct digest sha256, struct err *e);
char *repository_bundle_file(struct digest bundle);
