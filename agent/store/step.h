/* The steps of a release's life on a Pi; number and word are born together. The table that walks them: agent/apply/apply.c. */
#pragma once

#define STEPS(X)                                                                              \
	X(IDLE,     "idle")     /* nothing is tried; a trial still noted here is settled: its receipt is written */ \
	X(FETCH,    "fetch")    /* the payload is staged, whole */                                \
	X(VERIFY,   "verify")   /* expanded: the bundle has the manifest's length and digest */   \
	X(UNPACK,   "unpack")   /* a tree, sealed and synced */                                   \
	X(REREAD,   "reread")   /* what the disk gives back is what was signed */                 \
	X(SWAP,     "swap")     /* samples, stop hook, one rename, start hook */                  \
	X(PROVE,    "prove")    /* checks, until they hold or the deadline passes */              \
	X(CONFIRM,  "confirm")  /* touched the network: reached over a new connection? */         \
	X(COMMIT,   "commit")   /* it stays */                                                    \
	X(ROLLBACK, "rollback") /* back to the release before, which is looked at too */

enum step {
#define X(name, word) STEP_##name,
	STEPS(X)
#undef X
	STEP_COUNT
};
extern const char *const step_words[]; /* ends with NULL */
