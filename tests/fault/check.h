/* What must hold on a host, whatever happened to it. Each says what does not. */
#pragma once

#include "tests/fault/story.h"

enum { CHECK_ROLES = 5 };

/* What may never go back. */
struct facts {
	bool enrolled;
	uint64_t version[CHECK_ROLES]; /* of what trust/ holds; root first */
	int64_t floor, receipt;
	int64_t counter, counter_root; /* of the rollout, and the root under which it counts */
};
must_check bool facts_read(struct facts *out, struct world *w, struct err *e);
/* What may not be undercut, where one was true, and later the other. */
struct facts facts_later(const struct facts *was, const struct facts *is);
/* What an enrolment that begins anew may take back: all but the numbers of receipts. */
void facts_forget(struct facts *f);

/* `current` leads to one complete release that is what was signed, and the keys in force are whole. True where nobody is
 * enrolled. */
must_check bool check_current(struct world *w, struct err *e);
/* No older than `before`. */
must_check bool check_trust(struct world *w, const struct facts *before, struct err *e);
/* And: nothing is tried any more, guard has nothing to take back, trust is no older than `before`, receipts are one chain. */
must_check bool check_settled(struct world *w, const struct facts *before, struct err *e);
/* How much of the end may be otherwise. */
enum strict {
	STRICT_END,   /* nothing */
	STRICT_ERROR, /* the kernel said no: a payload may still be staged, and what could not be healed has made way */
	STRICT_SAFE,  /* programs could not even be started: what came of it may be anything, as long as it is whole and settled */
};
/* And: it came to what the story says, and the disk has the same entries as `like`, which check_entries made. */
must_check bool check_end(struct world *w, const struct story *s, struct str like, enum strict strict, struct err *e);
void check_entries(struct buf *out, struct world *w);
/* The same lines; else the first that only one of them has is named. */
must_check bool check_like(struct str is, struct str like, struct err *e);
