/* What makes a bundle of what this host holds. */
#include "agent/pull/payload.h"

#include <fcntl.h>

#include "agent/store/bundle.h"
#include "agent/store/release.h"
#include "agent/store/staging.h"
#include "agent/take/begin.h"
#include "agent/take/expand.h"
#include "bundles/squeeze.h"
#include "wire/message.h"

enum { BASES_MAX = 3 };

/* Until it is whole its own digest is not known: it is staged under that of its name. */
static struct digest part_of(const struct source_ask *ask)
{
	cleanup(free_ptr) char *path = path_form("%s/%s", source_part_words[ask->part], ask->name);

	return digest_of(str_of(path));
}

/* A source writes where it says; appending would not. */
static bool open_part(int *out, const struct store *s, struct digest part, uint64_t have, struct err *e)
{
	if (!staging_bound(s, part, e) || !staging_part(out, s, part, have, e))
		return false;
	int flags = fcntl(*out, F_GETFL);
	return (flags >= 0 && fcntl(*out, F_SETFL, flags & ~O_APPEND) == 0) || err_sys(e, "payload");
}

static bool rename_part(const struct store *s, struct digest part, struct digest whole, struct err *e)
{
	char from[DIGEST_HEX + 1], to[DIGEST_HEX + 1];

	digest_hex(from, part);
	digest_hex(to, whole);
	cleanup(free_ptr) char *a = path_form("staging/%s.part", from);
	cleanup(free_ptr) char *b = path_form("staging/%s.part", to);
	return fs_rename(s->dir, a, b, e);
}

static bool drop_part(const struct store *s, struct digest part, struct err *e)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, part);
	cleanup(free_ptr) char *path = path_form("staging/%s.part", hex);
	return fs_remove(s->dir, path, e);
}

/* One file; *there false: the source has none. */
static bool pull_file(struct payload *out, bool *there, struct fetched *f, struct source_ask *ask, struct err *e)
{
	struct digest part = part_of(ask);
	struct source_answer answer = {0};
	cleanup(fd_close) int fd = -1;
	struct err late;
	uint64_t length;

	ask->from = MIN(staging_have(f->store, part), ask->max);
	uint64_t had = ask->from;
	if (!open_part(&fd, f->store, part, ask->from, e))
		return false;
	bool got = source_get_file(&answer, f->source, ask, fd, e);
	bool safe = fs_sync_fd(fd, got ? e : &late);
	if (!got || !safe)
		return false;
	*there = answer.say == SOURCE_BYTES;
	if (!*there)
		return drop_part(f->store, part, e);
	f->bytes += (int64_t)(answer.length - MIN(answer.from ? had : 0, answer.length));
	cleanup(fd_close) int whole = -1;
	if (!staging_open(&whole, f->store, part, e) || !digest_fd(&out->sha256, &length, whole, e) ||
		!rename_part(f->store, part, out->sha256, e))
		return false;
	out->length = (int64_t)length;
	return true;
}

/* The current bundle first: that is what releases are made after. */
static size_t bases(struct digest base[BASES_MAX], const struct store *s)
{
	cleanup(release_close) struct release now = {0};
	cleanup(free_ptr) struct digest *held = NULL;
	struct digest current;
	size_t count = 0, n = 0;
	struct err e;

	if (release_current(&current, s, &e) && release_open(&now, s, current, &e) &&
		bundle_has(s, now.manifest.bundle.sha256))
		base[n++] = now.manifest.bundle.sha256;
	if (!digest_names(&held, &count, s, "bundles", ".tar", &e))
		return n;
	for (size_t i = 0; i < count && n < BASES_MAX; i++)
		if (!n || !digest_eq(held[i], base[0]))
			base[n++] = held[i];
	return n;
}

/* Short enough for a patch, and still what it is named by: a patch against rotten bytes leads nowhere, again and again.
 */
static bool is_base(const struct store *s, struct digest bundle)
{
	cleanup(fd_close) int fd = -1;
	struct digest is;
	uint64_t length;
	struct err e;

	return bundle_open(&fd, s, bundle, &e) && digest_fd(&is, &length, fd, &e) && length <= SQUEEZE_PATCH_MAX &&
	       digest_eq(is, bundle);
}

static bool pull_patch(struct payload *out, bool *there, struct fetched *f, const struct bundle_named *b, struct err *e)
{
	char from[DIGEST_HEX + 1], to[DIGEST_HEX + 1];
	struct digest base[BASES_MAX];
	size_t count = (uint64_t)b->length <= SQUEEZE_PATCH_MAX ? bases(base, f->store) : 0;

	digest_hex(to, b->sha256);
	for (size_t i = 0; i < count && !*there; i++) {
		digest_hex(from, base[i]);
		cleanup(free_ptr) char *name = path_form("%s-%s.zst", from, to);
		struct source_ask ask = {.part = SOURCE_PATCHES, .name = name, .max = (uint64_t)begin_payload_most(b)};
		if (!is_base(f->store, base[i]))
			continue;
		if (!pull_file(out, there, f, &ask, e))
			return false;
		out->kind = PAYLOAD_PATCH;
		out->base = base[i];
	}
	return true;
}

static bool pull_whole(struct payload *out, bool *there, struct fetched *f, const struct bundle_named *b, struct err *e)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, b->sha256);
	cleanup(free_ptr) char *name = path_form("%s.tar.zst", hex);
	struct source_ask ask = {.part = SOURCE_BUNDLES, .name = name, .max = (uint64_t)begin_payload_most(b)};

	*out = (struct payload){.kind = PAYLOAD_FULL};
	return pull_file(out, there, f, &ask, e) &&
	       (*there || err_set(e, ERR_MISSING, "bundles/%s: it is not there", name));
}

/* At once, so that a source whose bytes lead to nothing costs a try and not a trial: the next one is asked. */
static bool expand(const struct payload *p, const struct store *s, const struct bundle_named *b, struct err *e)
{
	const struct staged staged = {p->kind, p->sha256, p->base};

	return expand_staged(s, &staged, b, e) || err_in(e, "payload");
}

/* One that has rotted goes: the whole of it is fetched again. */
static bool is_held(bool *held, const struct store *s, const struct bundle_named *b, struct err *e)
{
	struct digest bundle = b->sha256;

	if (!bundle_has(s, bundle))
		return true;
	*held = bundle_check(s, bundle, (uint64_t)b->length, e);
	return *held || (e->code == ERR_DIGEST && bundle_remove(s, bundle, e));
}

bool payload_pull(struct payload *out, struct fetched *f, const struct bundle_named *b, struct err *e)
{
	struct payload p = {.kind = PAYLOAD_NONE};
	bool there = false;

	if (!is_held(&there, f->store, b, e))
		return false;
	if (there) {
		*out = p;
		return true;
	}
	if (!begin_room(f->store, b, 0, e) || !pull_patch(&p, &there, f, b, e))
		return false;
	if (!there && !pull_whole(&p, &there, f, b, e))
		return err_in(e, "payload");
	if (!expand(&p, f->store, b, e))
		return false;
	*out = p;
	return true;
}
