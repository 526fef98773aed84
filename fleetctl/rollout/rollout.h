/* A rollout: each chosen host to its plan's release, in waves, within limits; every change of a host's state is in the
 * database before the next thing is done, so it can be killed at any moment and resumed from what the hosts really run. */
#pragma once

#include "fleetctl/db/db.h"
#include "fleetctl/push/talk.h"
#include "fleetctl/rollout/options.h"

struct member {
	struct member_row row;
	const struct host *host;
	size_t plan;              /* index into rollout.plan */
	struct rollout *rollout;
	/* while it runs */
	struct talk *talk, *confirm;
	int action;               /* enum order_action: what we said last */
	int64_t not_before;       /* clock_boot_ms of the next try */
	int64_t began_ms;
	char step[32], note[200];
	int64_t done, of;
	int64_t due_ms;           /* clock_boot_ms when the host's step must have ended; 0: it did not say */
	char nonce[64];
};

/* The hosts of one plan, counted anew whenever turns are given. */
struct plan_tally {
	const char *plan; /* borrowed from a member's row */
	size_t hosts;     /* in the whole fleet */
	size_t on_trial;  /* or may be: one that heard our order and was lost */
	size_t away;
	bool proven;      /* a canary of it proved the release, or still may */
};

struct rollout_calls {
	/* One line of history, already in the database. host NULL: of the whole. */
	void (*event)(void *ctx, const struct member *host, const char *text);
	void (*changed)(void *ctx, const struct rollout *r); /* several times a second while something moves */
	void *ctx;
};

struct rollout {
	struct rollout_row row;
	struct rollout_options options;
	struct member *member; /* in the order of waves_order */
	size_t count;
	struct plan_tally *plan;
	size_t plans;
	const struct fleet *fleet;
	const struct repository *repository;
	struct db *db;
	const struct login *login;
	struct loop *loop;
	struct timer *tick;
	struct rollout_calls calls;
	int wave;              /* whose turn it is */
	int64_t soak_until;    /* clock_boot_ms; 0: not soaking */
	int64_t began_ms;
	int stops;             /* how often a person said stop */
	char goes_on[300];     /* the line of history that says so and by whom; empty: it is new */
	bool told_unpinned;    /* that a host's receipts cannot be verified */
	enum rollout_state ending; /* what it will be once nothing runs; RUNNING: go on */
	char why[1000];
	bool over;
	struct err err;        /* ours: the database failed */
};

/* What a host shall have. Made by the command from the repository. */
struct rollout_target {
	const struct host *host;
	struct digest release;
	int64_t number;
	const char *deferred; /* why it is not tried at all, or NULL */
};
char *rollout_new_id(int64_t now); /* "r-20261123-202920-5f3a"; the caller frees */
/* New, with its waves, in the database; the id is made from time and a few random letters. */
must_check bool rollout_new(struct rollout *r, const char *action, const struct rollout_options *options,
	const struct rollout_target *target, size_t count, const char *who, struct err *e);
/* From the database: `id` NULL is the newest. Hosts that hosts.yaml no longer has are deferred. ERR_USAGE: it is over. */
must_check bool rollout_load(struct rollout *r, const char *id, struct err *e);
/* Until it is done, halted, paused, aborted. The caller has filled fleet, repository, db, login, calls before new or load. */
must_check bool rollout_run(struct rollout *r, struct err *e);
void rollout_free(struct rollout *r);

/* --- one host's way; member.c --- */
void member_start(struct member *m);
void member_drop(struct member *m); /* its conversations; the host goes on by itself */
/* Called by member.c when a member's row has changed: kept, and the next steps are taken. */
void rollout_member_changed(struct rollout *r, struct member *m, const char *event);

/* --- what came of it; outcome.c --- */
struct rollout_counts {
	size_t of[MEMBER_DEFERRED + 1]; /* by enum member_state */
	size_t all, ended, failed, trial;
	uint64_t bytes_in, bytes_out;
};
struct rollout_counts rollout_count(const struct rollout *r);
int rollout_exit(const struct rollout_row *row, const struct member_row *const *member, size_t count); /* design, section 8 */
int exit_of(enum err_code code);
