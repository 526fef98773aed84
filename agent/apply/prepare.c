/* From a staged payload to a tree that is what was signed. Nothing live changes. */
#include <fcntl.h>

#include "agent/apply/steps.h"
#include "agent/store/bundle.h"
#include "agent/store/staging.h"
#include "agent/store/tree.h"
#include "agent/take/expand.h"
#include "wire/message.h"

static bool read_manifest(struct manifest *out, struct buf *bytes, struct apply *a, struct err *e)
{
	struct digest id = a->ledger.attempt.release;

	if (release_has(a->store, id))
		return release_manifest(bytes, a->store, id, e) && manifest_read(out, buf_str(bytes), NULL, e);
	if (!staging_manifest(bytes, a->store, id, e))
		return false;
	if (!digest_eq(manifest_id(buf_str(bytes)), id))
		return err_set(e, ERR_DIGEST, "the staged manifest is not the release's");
	return manifest_read(out, buf_str(bytes), NULL, e);
}

static enum apply_say say(bool done)
{
	return done ? APPLY_DONE : APPLY_FAILED;
}

enum apply_say step_fetch(struct apply *a, struct err *e)
{
	const struct attempt *t = &a->ledger.attempt;
	cleanup(manifest_free) struct manifest m = {0};
	cleanup(buf_free) struct buf bytes = {0};

	if (!read_manifest(&m, &bytes, a, e))
		return APPLY_FAILED;
	if (bundle_has(a->store, m.bundle.sha256))
		return APPLY_DONE;
	if (t->payload == PAYLOAD_NONE) {
		err_set(e, ERR_MISSING, "the bundle is not here, and no payload came");
		return APPLY_FAILED;
	}
	return say(staging_check(a->store, t->payload_sha256, (uint64_t)t->payload_length, e));
}

static bool expand_and_keep(struct apply *a, const struct manifest *m, struct err *e)
{
	const struct attempt *t = &a->ledger.attempt;
	const struct staged staged = {t->payload, t->payload_sha256, t->base};

	return expand_staged(a->store, &staged, m, e);
}

enum apply_say step_verify(struct apply *a, struct err *e)
{
	cleanup(manifest_free) struct manifest m = {0};
	cleanup(buf_free) struct buf bytes = {0};
	struct digest bundle;

	if (!read_manifest(&m, &bytes, a, e))
		return APPLY_FAILED;
	bundle = m.bundle.sha256;
	if (!bundle_has(a->store, bundle))
		return say(expand_and_keep(a, &m, e));
	if (bundle_check(a->store, bundle, (uint64_t)m.bundle.length, e))
		return APPLY_DONE;
	if (e->code != ERR_DIGEST || a->ledger.attempt.payload == PAYLOAD_NONE || !bundle_remove(a->store, bundle, e))
		return APPLY_FAILED;
	return say(expand_and_keep(a, &m, e));
}

enum apply_say step_unpack(struct apply *a, struct err *e)
{
	cleanup(manifest_free) struct manifest m = {0};
	cleanup(buf_free) struct buf bytes = {0};

	if (!read_manifest(&m, &bytes, a, e))
		return APPLY_FAILED;
	return say(tree_make(a->store, m.bundle.sha256, e) &&
		   release_add(a->store, a->ledger.attempt.release, buf_str(&bytes), e));
}

static void first_difference(void *ctx, const char *path, const char *what)
{
	struct err *e = ctx;

	if (e->code == ERR_NONE)
		err_set(e, ERR_IO, "the disk gives back something else than was written: %s: %s", path, what);
}

/* A tree that is wrong may be one that another release runs from: then it stays, and `verify` tells about it. */
enum apply_say step_reread(struct apply *a, struct err *e)
{
	struct err first = {0}, drop;
	size_t differences = 0;

	if (!steps_open(a, e))
		return APPLY_FAILED;
	struct digest bundle = a->new.manifest.bundle.sha256;
	if (!tree_compare(&differences, a->store, bundle, first_difference, &first, e))
		return APPLY_FAILED;
	if (!differences)
		return APPLY_DONE;
	*e = first;
	if (!digest_eq(bundle, a->old.manifest.bundle.sha256)) {
		release_close(&a->new);
		(void)!tree_remove(a->store, bundle, &drop);
	}
	return APPLY_FAILED;
}
