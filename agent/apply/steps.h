/* What each step does. Idempotent: a step that was cut off is simply run again. */
#pragma once

#include "agent/apply/apply.h"

/* prepare.c: nothing live changes */
apply_step step_fetch, step_verify, step_unpack, step_reread;
/* trial.c */
apply_step step_swap, step_prove, step_confirm;
bool step_wants_confirm(const struct apply *a);
/* back.c */
apply_step step_rollback;
/* access.c: of an access list; what they share with a release is settle.c's end */
apply_step access_step_swap, access_step_confirm, access_step_commit, access_step_back;
int64_t access_confirm_ms(struct apply *a);
enum { PROGRAM_CONFIRM_MS = 30 * 60 * 1000 }; /* a controller comes at once, a poll within two minutes: while the network is there */
/* program.c: of an agent, which shares its beginning with a release, too */
apply_step program_step_swap, program_step_confirm, program_step_commit, program_step_back;
/* settle.c: the receipt is written, the attempt forgotten, the store swept */
apply_step step_commit, step_settle;
/* How it ends; `text` NULL: the error says why. */
void steps_end(struct apply *a, enum verdict v, const char *text);
/* All that the receipt says is said here, and written down with the step that signs it. */
must_check bool steps_fix_receipt(struct apply *a, struct err *e);

/* How long each may take, by the manifests. */
int64_t steps_swap_ms(struct apply *a), steps_prove_ms(struct apply *a), steps_rollback_ms(struct apply *a);

/* prepare.c: the bundle of what is tried, and the document that names it */
struct tried {
	struct buf text;
	struct bundle_named bundle;
};
must_check bool tried_open(struct tried *out, struct apply *a, struct err *e);
void tried_free(struct tried *t);

/* each.c, for all of them: opens the two releases, those that are not open yet. */
must_check bool steps_open(struct apply *a, struct err *e);
enum apply_say steps_wait(struct apply *a, int64_t ms);
enum apply_say steps_red(const struct receipt_check *c, struct err *e); /* FAILED, for this check */
const struct check *steps_find_check(const struct release *r, const char *name); /* NULL: it has none of that name */
/* What the way back leads to is what was signed; told, where it was not. */
void steps_heal_old(struct apply *a);
