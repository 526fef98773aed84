/* What a host states about what it runs and how the last trial ended. Numbered; later signed and chained. */
#pragma once

#include "base/clock.h"
#include "base/shape.h"
#include "keys/digest.h"

enum verdict {
	VERDICT_PASS,        /* committed */
	VERDICT_UNPROVEN,    /* committed, the network was down: path checks said nothing */
	VERDICT_FAIL,        /* the release is guilty; the one before runs again */
	VERDICT_ENVIRONMENT, /* went back, but the one before is red too: not blamed */
	VERDICT_UNDONE,      /* an operator took it back; held */
	VERDICT_REFUSED,     /* never swapped: fetch, verify or unpack said no */
	VERDICT_ENROLLED,    /* the baseline became current */
};
extern const char *const verdict_words[]; /* "pass" "unproven" "fail" "environment" "undone" "refused" "enrolled" */

enum check_result { CHECK_UNKNOWN, CHECK_GREEN, CHECK_RED };
extern const char *const check_result_words[]; /* "unknown" "green" "red" */

struct receipt_check {
	char *name;
	int class;           /* enum check_class */
	int before, after;   /* enum check_result: before the swap, at the verdict */
	int old;             /* the same check after going back, where it was asked */
	int64_t took_ms, status;
	char *output;        /* the last lines of a red one, bounded */
};
enum { RECEIPT_OUTPUT_MAX = 2 * KIB, RECEIPT_MAX = 64 * KIB };

struct receipt {
	int64_t format, number;
	char *host, *plan;
	int verdict;
	char *text;                /* one sentence: why */
	char *code;                /* the word of base/err.h for the error that ended it; NULL: none, or a check was red */
	struct digest release;     /* the release tried */
	int64_t release_number;
	struct digest current;     /* what runs now */
	int64_t current_number;
	struct list checks;        /* struct receipt_check */
	int64_t bytes_in;          /* of this update over the wire, as the agent counted it */
	char *rollout;             /* who asked: the rollout's id, or NULL */
	char *boot;                /* boot id */
	int64_t time, took_ms;     /* unix seconds when written */
	bool synced;               /* was the clock */
};
extern const struct shape_field receipt_shape[];
/* Foreign bytes, of a host: at most RECEIPT_MAX; control characters become '?' (newlines of an output stay); unknown fields
 * are ignored, another format is refused. */
must_check bool receipt_read(struct receipt *out, struct str json, struct err *e);
/* One line of JSON, never above RECEIPT_MAX: where there is no room, outputs lose their beginnings. */
void receipt_write(struct buf *out, const struct receipt *r);
void receipt_free(struct receipt *r);
enum err_code receipt_code(const struct receipt *r); /* a word that we do not know is none */
bool verdict_committed(enum verdict v); /* pass, unproven */
