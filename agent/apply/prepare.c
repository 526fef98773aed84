/* From a staged payload to a tree that is what was signed. Nothing live changes. */
#include <fcntl.h>

#include "agent/apply/steps.h"
#include "agent/store/bundle.h"
#include "agent/store/staging.h"
#include "agent/store/tree.h"
#include "agent/take/expand.h"
#include "wire/message.h"

/* --- what is tried --- */

void tried_free(struct tried *t)
{
	buf_free(&t->text);
}

static bool read_document(struct buf *out, struct apply *a, struct err *e)
{
	struct digest id = a->ledger.attempt.release;

	if (!a->ledger.attempt.self && release_has(a->store, id))
		return release_manifest(out, a->store, id, e);
	if (!staging_manifest(out, a->store, id, e))
		return false;
	return digest_eq(digest_of(buf_str(out)), id) ||
	       err_set(e, ERR_DIGEST, "the staged document is not the one that is tried");
}

static bool read_program(struct bundle_named *out, struct str text, struct err *e)
{
	cleanup(program_free) struct program p = {0};

	if (!program_read(&p, text, FLEET_PLATFORM, e))
		return false;
	*out = p.bundle;
	return true;
}

static bool read_release(struct bundle_named *out, struct str text, struct err *e)
{
	cleanup(manifest_free) struct manifest m = {0};

	if (!manifest_read(&m, text, NULL, e))
		return false;
	*out = m.bundle;
	return true;
}

bool tried_open(struct tried *out, struct apply *a, struct err *e)
{
	cleanup(tried_free) struct tried t = {0};

	if (!read_document(&t.text, a, e))
		return false;
	struct str text = buf_str(&t.text);
	if (!(a->ledger.attempt.self ? read_program(&t.bundle, text, e) : read_release(&t.bundle, text, e)))
		return false;
	*out = t;
	t = (struct tried){0};
	return true;
}

/* --- the steps --- */

static enum apply_say say(bool done)
{
	return done ? APPLY_DONE : APPLY_FAILED;
}

enum apply_say step_fetch(struct apply *a, struct err *e)
{
	const struct attempt *t = &a->ledger.attempt;
	cleanup(tried_free) struct tried tried = {0};

	if (!tried_open(&tried, a, e))
		return APPLY_FAILED;
	if (bundle_has(a->store, tried.bundle.sha256))
		return APPLY_DONE;
	if (t->payload == PAYLOAD_NONE) {
		err_set(e, ERR_MISSING, "the bundle is not here, and no payload came");
		return APPLY_FAILED;
	}
	return say(staging_check(a->store, t->payload_sha256, (uint64_t)t->payload_length, e));
}

static bool expand_and_keep(struct apply *a, const struct bundle_named *b, struct err *e)
{
	const struct attempt *t = &a->ledger.attempt;
	const struct staged staged = {t->payload, t->payload_sha256, t->base};

	return expand_staged(a->store, &staged, b, e);
}

enum apply_say step_verify(struct apply *a, struct err *e)
{
	cleanup(tried_free) struct tried tried = {0};

	if (!tried_open(&tried, a, e))
		return APPLY_FAILED;
	struct digest bundle = tried.bundle.sha256;
	if (!bundle_has(a->store, bundle))
		return say(expand_and_keep(a, &tried.bundle, e));
	if (bundle_check(a->store, bundle, (uint64_t)tried.bundle.length, e))
		return APPLY_DONE;
	if (e->code != ERR_DIGEST || a->ledger.attempt.payload == PAYLOAD_NONE || !bundle_remove(a->store, bundle, e))
		return APPLY_FAILED;
	return say(expand_and_keep(a, &tried.bundle, e));
}

enum apply_say step_unpack(struct apply *a, struct err *e)
{
	cleanup(tried_free) struct tried tried = {0};

	if (!tried_open(&tried, a, e) || !tree_make(a->store, tried.bundle.sha256, e))
		return APPLY_FAILED;
	return say(a->ledger.attempt.self ||
		   release_add(a->store, a->ledger.attempt.release, buf_str(&tried.text), e));
}

static void first_difference(void *ctx, const char *path, const char *what)
{
	struct err *e = ctx;

	if (e->code == ERR_NONE)
		err_set(e, ERR_IO, "the disk gives back something else than was written: %s: %s", path, what);
}

/* Something runs from it already. */
static bool in_force(struct apply *a, struct digest bundle)
{
	struct err e;

	if (a->ledger.attempt.self)
		return digest_eq(bundle, a->ledger.attempt.from);
	return !steps_open(a, &e) || digest_eq(bundle, a->old.manifest.bundle.sha256);
}

/* The bundle against what was signed, then the tree against the bundle. False with *wrong: the disk has something else. */
static bool reread(bool *wrong, struct apply *a, const struct tried *t, struct err *e)
{
	struct err first = {0};
	size_t differences = 0;

	*wrong = false;
	if (!bundle_check(a->store, t->bundle.sha256, (uint64_t)t->bundle.length, e)) {
		*wrong = e->code == ERR_DIGEST;
		return false;
	}
	if (!tree_compare(&differences, a->store, t->bundle.sha256, first_difference, &first, e))
		return false;
	*wrong = differences > 0;
	if (*wrong)
		*e = first;
	return !*wrong;
}

/* A tree that is wrong may be one that another release runs from: then it stays, and `verify` tells about it. */
enum apply_say step_reread(struct apply *a, struct err *e)
{
	cleanup(tried_free) struct tried tried = {0};
	struct err drop;
	bool wrong;

	if (!tried_open(&tried, a, e))
		return APPLY_FAILED;
	if (reread(&wrong, a, &tried, e))
		return APPLY_DONE;
	if (wrong && !in_force(a, tried.bundle.sha256)) {
		release_close(&a->new);
		(void)!tree_remove(a->store, tried.bundle.sha256, &drop);
		if (e->code == ERR_DIGEST)
			(void)!bundle_remove(a->store, tried.bundle.sha256, &drop);
	}
	return APPLY_FAILED;
}
