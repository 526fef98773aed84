/* What was done to a fleet's keys and with them, a line of JSON each: only ever appended, synced, and chained by the digest of
 * the line before, so that a line that was changed or taken out shows. Lines cut off the end show by the end's digest alone:
 * people note it. */
#pragma once

#include "base/doc.h"

#define TRANSCRIPT_FILE "keys.log" /* in the fleet's folder; on a machine without one, in the keys folder */
enum { TRANSCRIPT_MAX = 64 * MIB, TRANSCRIPT_WHAT_MAX = 32 * KIB, TRANSCRIPT_END_SIZE = 20 };

struct transcript_step {
	const char *step;   /* "key new" */
	struct str what;    /* in words; lines; what passes TRANSCRIPT_WHAT_MAX is cut, and says so */
	const char *digest; /* the short one of what was signed, or of the key; NULL: none */
	doc *keys;          /* borrowed: [{"name":..,"id":..}], whose key did it; NULL: none */
};
/* Time, user@host and version are added here. A link is refused. */
must_check bool transcript_add(const char *path, const struct transcript_step *step, struct err *e);

struct transcript {
	doc *steps;                    /* in order; what is wrong with one is its "fault" */
	size_t faults;
	char end[TRANSCRIPT_END_SIZE]; /* "1a2b-3c4d-5e6f-7081" of the last line */
};
must_check bool transcript_read(struct transcript *out, const char *path, struct err *e); /* ERR_MISSING: nothing was done yet */
/* Does it have the line that was its end when `end` was noted? ERR_DIGEST: it was cut off. */
must_check bool transcript_had(const struct transcript *t, const char *end, struct err *e);
void transcript_free(struct transcript *t);
