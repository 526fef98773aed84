/* Inside trust.h, for trust_*.c alone: what the client knows, and the checks that every step shares. */
#pragma once

#include "manifests/role.h"
#include "manifests/trust.h"

/* A delegated role's document. It is trusted under one delegator at a time: verified again for each (python-tuf 2977). */
struct part {
	char name[ROLE_NAME_SIZE];
	struct role role;
	bool verified;  /* under the delegation that was asked last */
	bool given;     /* in this session: asking again would bring the same */
	size_t seen_in; /* the seek that visited it */
};

struct visit {
	const struct role *from; /* the delegator; its roles do not move while it lives */
	size_t link;
};

struct seek {
	char *path; /* NULL: none is looked for */
	size_t number, visited;
	struct visit *todo; /* a stack, the next one on top */
	size_t count;
	struct part *wants;
	struct visit by; /* who delegates to `wants` */
	bool begun, found;
	struct trust_target target;
	struct err failed;
};

enum trust_step { STEP_ROOT, STEP_TIMESTAMP, STEP_SNAPSHOT, STEP_TARGETS, STEP_READY, STEP_FAILED };

struct trust {
	struct trust_time now;
	enum trust_step step;
	struct err failed;
	int roots_asked;
	bool started, root_skipped;
	struct role top[ROLE_KINDS];         /* version 0: not held */
	uint64_t held_version[ROLE_KINDS];   /* when the first question was asked */
	int64_t signed_at;
	bool newer;                          /* something newer than what was held has come */
	struct err stale;                    /* what had expired and was let pass, the clock being unsure */
	struct part **part;
	size_t parts;
	struct seek seek;
};

/* Expired? With a sure clock that is an error. Else it is noted: a seek fails by it when nothing newer came. */
must_check bool trust_fresh(struct trust *t, const struct role *r, const char *name, struct err *e);
/* Is that the document that `listed` speaks of? */
must_check bool trust_fits(const struct role *r, const struct role_file *listed, struct err *e);
uint64_t trust_limit(const struct role_file *listed, uint64_t most);
struct part *trust_part(const struct trust *t, const char *name);
void trust_part_set(struct trust *t, const char *name, struct role *role); /* takes it over */

void seek_hold(struct trust *t, const char *name, struct role *role);      /* takes it over */
enum trust_say seek_next(struct trust *t, struct trust_want *want, struct err *e);
must_check bool seek_give(struct trust *t, struct str bytes, struct trust_keep *keep, struct err *e);
void seek_forget(struct seek *s);
