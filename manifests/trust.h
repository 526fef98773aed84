/* From the root we hold to the target we obey: the client of TUF 1.0.34, section 5, as a step machine without I/O.
 * Bytes and time go in; "fetch this", "keep these bytes" and a verdict come out. ../shared/trust.md names the traps.
 *
 *   trust_new, trust_hold what the disk has, then
 *   while ((say = trust_next(t, &want, e)) == TRUST_WANTS)
 *       fetch it, at most want.max bytes: trust_give(t, bytes, &keep, e), and make `keep` last before going on;
 *       or, when it is not there (404): trust_absent(t)
 *   TRUST_DONE: refreshed. Then trust_seek(t, "plan-D/manifest.json") and the same loop again: trust_found. */
#pragma once

#include "keys/ring.h"

enum {
	TRUST_ROOT_MAX = 512000,
	TRUST_TIMESTAMP_MAX = 16384,
	TRUST_SNAPSHOT_MAX = 2000000,
	TRUST_TARGETS_MAX = 5000000,
	TRUST_ROOTS_MAX = 256,
	TRUST_ROLES_MAX = 32,
};

/* Taken once, for all expiry checks; design, section 3, "Clock". */
struct trust_time {
	int64_t unix_s;   /* max(system clock, floor) */
	bool synced;      /* false: expiry blocks nothing that has a newer version */
};

struct trust;
/* `anchor`: the root of enrolment; verified by itself. Its expiry does not matter. */
must_check bool trust_new(struct trust **out, struct str anchor, struct trust_time now, struct err *e);
void trust_free(struct trust **t);

/* Bytes kept earlier, before the first trust_next. `role` "root" walks on from the anchor (give them in order, they must
 * chain); then "timestamp", "snapshot", "targets" or a delegated role's name. What no longer verifies is ignored, as if absent;
 * what has expired still serves as the floor against rollback. */
void trust_hold(struct trust *t, const char *role, struct str bytes);

/* The poll rule: timestamp is asked for before anything else, on a condition. If it is the very one held, and root was asked
 * for within a day, that is all; to go on with what an earlier run left, call trust_skip_root first. Else the walk begins
 * with root as ever, and is given the timestamp that has come already when it wants it: nothing is fetched twice. */
bool trust_holds(const struct trust *t, const char *role, struct str bytes); /* are these the bytes trusted now? */
void trust_skip_root(struct trust *t); /* before the first trust_next: the root held is the last there is */

enum trust_say { TRUST_DONE, TRUST_WANTS, TRUST_FAILED };
enum trust_what { TRUST_ROOT, TRUST_TIMESTAMP, TRUST_SNAPSHOT, TRUST_TARGETS, TRUST_DELEGATED };
struct trust_want {
	enum trust_what what;
	char role[160];    /* the role's name, as signed: never a path unchecked */
	uint64_t version;  /* 0: unversioned (timestamp; or no consistent snapshot: trust_want_file says the name) */
	uint64_t max;      /* bytes */
};
enum trust_say trust_next(struct trust *t, struct trust_want *want, struct err *e);
/* "3.plan-D.json": the file of a want below the metadata URL, percent-encoded. */
void trust_want_file(char out[512], const struct trust *t, const struct trust_want *want);

struct trust_keep {
	char role[160];      /* make the bytes just given last under this name ("root": as VERSION.root too); empty: keep none */
	uint64_t version;
	bool drop_online;    /* before that: forget the timestamp and snapshot kept (their keys were changed) */
};
must_check bool trust_give(struct trust *t, struct str bytes, struct trust_keep *keep, struct err *e);
void trust_absent(struct trust *t);

/* After TRUST_DONE: look for a target, through the delegations. Then trust_next again. */
void trust_seek(struct trust *t, const char *path);
struct trust_target {
	uint64_t length;
	bool has_sha256, has_sha512;
	struct digest sha256;
	uint8_t sha512[64];
	char role[160]; /* who signed for it */
};
/* After TRUST_DONE of a seek: false when no role signs for that path. */
bool trust_found(const struct trust *t, struct trust_target *out);
must_check bool trust_target_check(const struct trust_target *want, struct str bytes, struct err *e);

uint64_t trust_version(const struct trust *t, const char *role); /* of what is trusted now; 0: none */
bool trust_consistent(const struct trust *t);
/* Newest verified x-fleet-signed of a timestamp, for the clock's floor; 0: none. */
int64_t trust_signed_at(const struct trust *t);
int64_t trust_expires(const struct trust *t, const char *role); /* unix seconds, 0: not held */
/* Something that has expired was let pass because the clock is not synchronised: the receipt says so. */
bool trust_stale(const struct trust *t);
/* The verified document itself, for those who walk all that it lists (role.h); NULL: none. Borrowed until the next step. */
struct role;
const struct role *trust_role(const struct trust *t, const char *role);
/* "3.plan-D.json", "timestamp.json" (version 0): a role's file, percent-encoded. */
void trust_role_file(char out[512], const char *role, uint64_t version);
