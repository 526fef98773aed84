/* What this Pi must not forget: the step it is at, what is tried and the way back, what is guilty or held.
 * Two copies, `state` and `state.2`, each with a sequence and a checksum, both written and synced at every step; the newest
 * whole one counts. Only the holder of the store's lock writes. */
#pragma once

#include "agent/store/step.h"
#include "agent/store/store.h"
#include "manifests/receipt.h"

/* One release being tried, or taken back. Everything that the table needs to go on after a power cut. */
struct attempt {
	struct digest release, from; /* tried (of an undo: taken back), and what runs if it fails */
	bool undo;
	bool access;                 /* of an access list: these two are sets (access.h) */
	bool self;                   /* of an agent: its document's SHA-256, and the bundle linked before (linked.h) */
	int payload;                 /* enum payload_kind of the wire */
	struct digest payload_sha256, base;
	int64_t payload_length;
	char *who;                   /* for "busy" */
	int64_t tries;               /* how often the step that stands in the ledger was started */
	int64_t boots_left;          /* reboots that the trial may still live through */
	char *boot;                  /* boot id for the next three */
	int64_t began_ms, swapped_ms; /* on CLOCK_BOOTTIME; 0: not yet, or before this boot */
	int64_t deadline_ms;          /* of the step */
	int64_t left_ms;              /* until then, when it was written: what counts after a reboot */
	bool worked;                  /* a path check was green before, or none was asked */
	char *nonce;                  /* of confirm */
	struct receipt receipt;       /* as far as it is known */
};
struct mark {
	struct digest release;
};
struct quota { /* quota.h */
	int64_t taken, since_ms;
	char *boot;
};
struct ledger {
	int64_t format, sequence;
	int step; /* enum step */
	bool has_attempt;
	struct attempt attempt;
	bool has_previous;
	struct digest previous;    /* committed before current */
	int64_t since;             /* unix seconds of the last commit */
	int64_t receipt;           /* number of the newest, and what the next one names it by */
	struct digest receipt_digest;
	bool has_quota;
	struct quota quota;        /* of trials begun from outside */
	struct list guilty, held;  /* struct mark, newest last, bounded */
};
/* ERR_MISSING when neither copy is whole: what runs goes on, but nothing new is tried. ERR_IO: the kernel gives none now. */
must_check bool ledger_load(struct ledger *out, const struct store *s, struct err *e);
/* The copy that is not whole or not there, whole though the other may be; NULL: both are. ledger_save makes it again. */
const char *ledger_damaged(const struct store *s);
/* Raises the sequence. On a full disk it is written all the same: the ballast goes for it, and is made again of what is left. */
must_check bool ledger_save(struct ledger *l, const struct store *s, struct err *e);
void ledger_free(struct ledger *l);
void ledger_end_attempt(struct ledger *l);

void marks_add(struct list *marks, struct digest release);
bool marks_has(const struct list *marks, struct digest release);
/* False when it was not there. */
bool marks_drop(struct list *marks, struct digest release);

/* "12 (3f9a...)", of an agent "0.2.0 (3f9a...)": number and the first 12 digits. */
void attempt_text(char out[48], const struct attempt *a);
/* The step's deadline `ms` from now. */
void attempt_deadline(struct attempt *a, int64_t ms);
int64_t attempt_left_ms(const struct attempt *a); /* never negative; after a reboot what was left */
/* Another boot: what was left counts from now on, and one boot less is left. */
void attempt_wake(struct attempt *a);
