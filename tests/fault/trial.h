/* One point: what a host is after it, taken through the next start to the end of its story. */
#pragma once

#include "tests/fault/check.h"
#include "tests/fault/tape.h"

/* A story that was told once without a fault. */
struct told {
	const struct story *story;
	struct world w;
	struct facts before;
	struct buf after;  /* the whole disk when it was told, before the next start; results/ is empty then */
	struct buf end;    /* entries of the disk, undisturbed */
	struct buf text;   /* of the record */
	struct tape tape;
	struct looks looks;
	long operations;   /* how many were numbered: those that failed are not in the record */
	long recovery;     /* the same, of the next start in the last trial_recover */
};
/* Ends the program when the story does not come to its end undisturbed. */
void told_open(struct told *t, const struct story *s, const char *build);
void told_close(struct told *t);

/* The power comes back: what the units start settles whatever is open; then the same is run once more, and comes to its end. Trust
 * is held against what it was before the story, and against what this point left of it. The disk
 * may be anything that this point left. False says what does not hold, and after which of these. */
must_check bool trial_recover(struct told *t, enum strict strict, struct err *e);
/* The same where it was said to be done: nothing is run once more, and it has come to its end all the same. */
must_check bool trial_stays(struct told *t, struct err *e);
/* Is something on trial here? Then its time is over from now on. */
bool trial_is_guarded(const struct told *t);
must_check bool trial_make_overdue(struct told *t, struct err *e);
/* The next start, and the same once more, with no look at it. */
must_check bool trial_tell_on(struct told *t, struct err *e);
/* The power comes back, and goes off again before operation n of that start. False says what does not hold then. */
must_check bool trial_strike(struct told *t, long n, struct err *e);
