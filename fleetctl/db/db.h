/* What fleetctl must not forget: rollouts, where each of their hosts stands, what was last heard of a host. SQLite (WAL) in
 * the fleet's .fleetctl/. Every write is a transaction that lasts before the call returns; killing fleetctl loses nothing. */
#pragma once

#include "fleetctl/fleet/fleet.h"
#include "keys/digest.h"

/*      state       word          is it the end? does it count as failed? */
#define MEMBER_STATES(X)                                                                            \
	X(WAITING,     "waiting",     false, false)                                                 \
	X(RUNNING,     "running",     false, false) /* we speak with it, or did when we were killed */ \
	X(COMMITTED,   "committed",   true,  false)                                                 \
	X(SAME,        "same",        true,  false) /* had it already */                            \
	X(UNDONE,      "undone",      true,  false)                                                 \
	X(ROLLED_BACK, "rolled-back", true,  true)  /* a check failed; the release before runs */   \
	X(FAILED,      "failed",      true,  true)                                                  \
	X(REFUSED,     "refused",     true,  true)  /* by a guard of the host or ours */            \
	X(UNREACHABLE, "unreachable", true,  false)                                                 \
	X(DEFERRED,    "deferred",    true,  false) /* not tried, and why is said */
enum member_state {
#define X(state, word, end, failed) MEMBER_##state,
	MEMBER_STATES(X)
#undef X
};
extern const char *const member_words[];
bool member_ended(enum member_state s);
bool member_failed(enum member_state s);

#define ROLLOUT_STATES(X) X(RUNNING, "running") X(PAUSED, "paused") X(HALTED, "halted") X(DONE, "done") X(ABORTED, "aborted") \
	X(REBUILT, "rebuilt") /* from what hosts say of it: what else there was is not known */
enum rollout_state {
#define X(state, word) ROLLOUT_##state,
	ROLLOUT_STATES(X)
#undef X
};
extern const char *const rollout_words[];
bool rollout_over(enum rollout_state s); /* it is not gone on with */

struct member_row {
	char *host, *plan;
	int64_t wave;             /* 0: canary */
	int state;                /* enum member_state */
	struct digest release;    /* wanted; of an undo: to be left */
	int64_t number;
	bool ordered;             /* the host may have heard our order */
	char *code, *text;        /* of what went wrong, or NULL */
	char *from;               /* release before, hex */
	int64_t bytes_in, bytes_out, tries, started, ended;
	char *receipt;            /* JSON, or NULL */
};
struct rollout_row {
	char *id, *who, *action;  /* action: "update" or "undo" */
	int state;                /* enum rollout_state */
	char *reason;
	char *options;            /* JSON, as `start` was told */
	int64_t started, ended;
};
void member_row_free(struct member_row *m);
void rollout_row_free(struct rollout_row *r);

struct db;
/* ERR_IO: its bytes are broken; ERR_REFUSED: it is a copy, or another folder's (deed.h). */
must_check bool db_open(struct db **out, const struct fleet *f, struct err *e);
/* The same, and where it is broken or not this folder's own, it is moved to *lost (owned; else NULL) because of *why, and a new one
 * is there. With the lock, which nobody else may have. */
must_check bool db_open_anew(struct db **out, char **lost, struct err *why, const struct fleet *f, const char *who, struct err *e);
void db_close(struct db **db);
/* Who drives rollouts from this folder; ERR_BUSY names the other. Held until db_close, let go by the kernel when killed. */
must_check bool db_lock(struct db *db, const char *who, struct err *e);

must_check bool db_rollout_add(struct db *db, const struct rollout_row *r, const struct member_row *m, size_t count, struct err *e);
/* `told`, here and below: the line of history that belongs to the change, in the same transaction: neither is without the other
 * when we are killed. NULL: none. */
must_check bool db_rollout_set(struct db *db, const char *id, enum rollout_state state, const char *reason, const char *told, struct err *e);
/* id NULL: the newest that was begun here, else the newest that was rebuilt. Members in the order they were added; free each, then
 * the array. ERR_USAGE when there is none. */
must_check bool db_rollout_get(struct db *db, const char *id, struct rollout_row *r, struct member_row **m, size_t *count, struct err *e);
bool db_knows(struct db *db, const char *id); /* was it begun from this folder? */
/* Of one that hosts tell of: added, or completed where it was rebuilt before; one that was begun here stays as it is. Each member
 * has one line of history, at the time it ended. */
must_check bool db_rebuilt(struct db *db, const struct rollout_row *r, const struct member_row *m, size_t count, struct err *e);
must_check bool db_rollouts(struct db *db, struct rollout_row **r, size_t *count, int64_t most, struct err *e); /* newest first */
must_check bool db_member_set(struct db *db, const char *rollout, const struct member_row *m, const char *told, struct err *e);

/* A wish of another process for a running rollout: "pause" or "abort"; NULL: none. Read and cleared by who drives. */
must_check bool db_ask(struct db *db, const char *rollout, const char *wish, struct err *e);
must_check bool db_asked(struct db *db, const char *rollout, char **wish, struct err *e);

/* The history: one line each, with its time; host NULL: of the whole rollout. */
must_check bool db_event(struct db *db, const char *rollout, const char *host, const char *text, struct err *e);
struct event_row {
	int64_t at;
	char *host, *text;
};
must_check bool db_events(struct db *db, const char *rollout, struct event_row **out, size_t *count, struct err *e);
void event_row_free(struct event_row *r);

/* What was last heard of a host, as JSON lines; or why nothing was. */
struct seen_row {
	char *host, *hello, *receipt, *error;
	int64_t at, error_at; /* 0: never */
};
must_check bool db_seen(struct db *db, const char *host, struct str hello, struct str receipt, struct err *e);
must_check bool db_unseen(struct db *db, const char *host, const char *error, struct err *e);
must_check bool db_seen_get(struct db *db, const char *host, struct seen_row *out, struct err *e); /* zero when never */
void seen_row_free(struct seen_row *r);

/* Receipts whose signature was good: number and digest, by the key that signed. What was seen first stays; of a host and key
 * the newest LINKS_KEPT. */
enum { LINKS_KEPT = 256 };
struct link_row {
	int64_t number;
	struct digest digest;
	int64_t at;   /* unix seconds, when it was seen first */
	bool checked; /* together with those before it */
};
must_check bool db_links(struct db *db, const char *host, const char *key, struct link_row **out, size_t *count, struct err *e); /* by number */
must_check bool db_links_add(struct db *db, const char *host, const char *key, const struct link_row *row, size_t count, struct err *e);
bool db_links_of_other_key(struct db *db, const char *host, const char *key); /* is any remembered? */
