/* What pulling must remember. What must outlive a reboot is pull.json in the state folder, written only when it changes; when
 * and how the last poll went is in a volatile file, so that a poll without news writes nothing that lasts. */
#pragma once

#include "agent/config.h"
#include "agent/store/store.h"
#include "base/clock.h"
#include "sources/source.h"

struct pull_mark { /* how the timestamp looked at that source when all that followed from it was done */
	char *url, *etag, *modified;
	struct digest timestamp; /* of the bytes it was */
};
struct pull_state {
	int64_t format;
	int64_t failures;         /* in a row; the next three are for their back-off */
	char *boot;
	int64_t next_ms, left_ms; /* on CLOCK_BOOTTIME of that boot; until then when it was written: what counts after a reboot */
	struct list marks;        /* struct pull_mark */
	int64_t counter;          /* highest of any rollout.json of this plan, */
	int64_t counter_root;     /* while the root had this version */
	bool has_waiting;
	struct digest waiting;    /* the release that only the clock keeps from this host, and for how long */
	int64_t waited_ms;
	int64_t sent;             /* number of the newest receipt that came home */
	struct digest sum;        /* of the file without this: a counter that rotted upwards would keep every rollout away */
};
struct pull_last {
	char *boot;
	int64_t at_ms, root_ms;   /* CLOCK_BOOTTIME of the last poll, and of the last that asked for a root; -1: none */
	int64_t unix_s;
	bool window;              /* only a window kept this host from it: it is looked at again without asking anybody */
	char *say, *why, *code;   /* what came of it: a word, a sentence, and err_word when it failed */
};

/* Absent or damaged: as new. It holds nothing that trust or the ledger need. False: it cannot be read now, and must not be written over:
 * the rollout's counter would be forgotten. */
must_check bool pull_state_load(struct pull_state *out, const struct store *s, struct err *e);
bool pull_state_damaged(const struct store *s);
/* Nothing is written when nothing differs from what is there. */
must_check bool pull_state_save(struct pull_state *p, const struct store *s, struct err *e);
void pull_state_free(struct pull_state *p);
void pull_last_load(struct pull_last *out, const struct store *s); /* of this boot, else none */
void pull_last_save(struct pull_last *p, const struct store *s);   /* that it can't be written stops nobody */
void pull_last_free(struct pull_last *p);
char *pull_volatile(const struct store *s, const char *name); /* the path of such a file; the caller frees */

/* NULL: none is known, or not of these bytes. */
const struct pull_mark *pull_mark_find(const struct pull_state *p, const char *url, struct digest timestamp);
void pull_mark_set(struct pull_state *p, const char *url, const struct source_mark *mark, struct digest timestamp);

/* --- when; pure --- */
enum { PULL_BACKOFF_MS = 60 * 1000, PULL_REBOOT_MS = 3600 * 1000 };
/* How long until this host polls again, 0: now. Every host has its own moment: by its id, within a tenth of `every_ms`; after
 * failures the wait doubles from PULL_BACKOFF_MS up to `every_ms`, of which its id takes up to a half away. In another boot what was
 * left counts, at most PULL_REBOOT_MS: who restarts each day would else never come. */
int64_t pull_due_ms(const struct pull_state *p, const struct pull_last *last, const char *id, int64_t every_ms,
	const char *boot, int64_t boot_ms);
void pull_failed(struct pull_state *p, const char *id, int64_t every_ms, const char *boot, int64_t boot_ms);
void pull_went_well(struct pull_state *p);
