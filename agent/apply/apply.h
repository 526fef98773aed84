/* The life of a release on this Pi: one table, walked step by step. Each step is written down before it starts and has a
 * deadline and an exit; killed anywhere, apply_run goes on or undoes. */
#pragma once

#include "agent/apply/health.h"
#include "agent/store/access.h"
#include "agent/store/ledger.h"
#include "manifests/program.h"

struct apply {
	const struct config *config; /* borrowed, set by the caller */
	const struct store *store;   /* whose lock the caller holds */
	struct ledger ledger;        /* apply_run loads it */
	int progress;                /* apply_run opens it */
	struct release new, old;     /* of the attempt; opened when first needed */
	struct health_mark *mark;    /* beside the receipt's checks */
	int64_t wait_ms;             /* of a step that said WAIT */
	bool back;                   /* in rollback: the old release runs again */
	bool hand_over;              /* apply_run has ended, and the new agent must go on: with the lock, by launch_apply */
};
enum apply_say {
	APPLY_WAIT,   /* nothing to do for wait_ms, then the same step again */
	APPLY_DONE,   /* the road goes on */
	APPLY_FAILED, /* the error says why; the row says where to */
};
typedef enum apply_say apply_step(struct apply *a, struct err *e);

/* Loads the ledger and walks until nothing is tried. False only when the state itself can't be read or written: then the
 * next call goes on. True with nothing to do. */
must_check bool apply_run(struct apply *a, struct err *e);
void apply_free(struct apply *a);

/* Begin: the caller holds the lock and has filled l->attempt; these set what every attempt has and write it down. */
must_check bool apply_begin(struct ledger *l, const struct config *c, const struct store *s, enum step first, struct err *e);
/* An undo of what is current, to the release before. ERR_MISSING when there is none; ERR_DIGEST when it is no longer what was signed and
 * cannot be healed. */
must_check bool apply_begin_undo(struct ledger *l, const struct config *c, const struct store *s, const char *rollout,
	const char *who, struct err *e);
/* A trial of this set (access_next), which is staged here. l->attempt has who, and in its receipt rollout and bytes_in. */
must_check bool apply_begin_access(struct ledger *l, const struct config *c, const struct store *s, const struct access_set *set,
	struct err *e);
/* A trial of this agent (take_program), whose document is staged here. l->attempt has who and the payload, and in its receipt
 * rollout and bytes_in. */
must_check bool apply_begin_program(struct ledger *l, const struct config *c, const struct store *s, const struct program *p,
	struct str document, struct err *e);
/* "release 12 (3f9a...) is at step prove, which takes another 1m 40s at most" */
void apply_busy_text(char out[256], const struct ledger *l);

/* For the steps. */
must_check bool apply_save(struct apply *a, struct err *e);
void apply_tell(struct apply *a, int64_t done, int64_t of, const char *form, ...) printf_like(4, 5);
struct receipt_check *apply_extra_check(struct apply *a, const char *name, int class); /* one that no manifest names */
