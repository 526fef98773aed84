/* What one source says. */
#include "agent/pull/fetch.h"

#include <stdio.h>

enum { DAY_MS = 24 * 3600 * 1000, NAME_SIZE = 512 };

/* --- documents --- */

static bool bring(struct buf *out, bool *absent, void *ctx, const struct trust_want *want, struct err *e)
{
	struct fetched *f = ctx;
	struct source_answer answer;
	char name[NAME_SIZE];

	if (want->what == TRUST_TIMESTAMP) {
		buf_add(out, buf_str(&f->timestamp));
		return buf_ok(out, e);
	}
	trust_want_file(name, f->trust, want);
	struct source_ask ask = {.part = SOURCE_METADATA, .name = name, .max = want->max};
	if (!source_get(&answer, f->source, &ask, out, e))
		return false;
	*absent = answer.say == SOURCE_ABSENT;
	f->bytes += (int64_t)out->len;
	if (want->what == TRUST_ROOT)
		f->last->root_ms = clock_boot_ms();
	return true;
}

static struct obey obey_of(struct fetched *f)
{
	return (struct obey){.store = f->store, .bring = bring, .ctx = f};
}

static bool open_trust(struct fetched *f, struct err *e)
{
	cleanup(buf_free) struct buf held = BUF_MAX(TRUST_TARGETS_MAX);
	cleanup(free_ptr) char *role = path_form("rollout-%s", f->config->plan);

	if (!trustdir_open(&f->trust, f->store, f->config, clock_now(), e))
		return false;
	if (!trustdir_add(&held, f->store, role, e))
		return false;
	if (held.len)
		trust_hold(f->trust, role, buf_str(&held));
	return true;
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Into f->timestamp; on a condition where we know how the one held looked there. */
static bool get_timestamp(struct fetched *f, const struct pull_state *state, struct err *e)
{
	cleanup(buf_free) struct buf held = BUF_MAX(TRUST_TIMESTAMP_MAX);
	struct source_mark known = {0};
	struct source_answer answer;
	struct source_ask ask = {.part = SOURCE_METADATA, .name = "timestamp.json", .max = TRUST_TIMESTAMP_MAX};

	if (!trustdir_add(&held, f->store, "timestamp", e))
		return false;
	const struct pull_mark *m = state && held.len ? pull_mark_find(state, f->url, digest_of(buf_str(&held))) : NULL;
	if (m) {
		snprintf(known.etag, sizeof known.etag, "%s", m->etag ? m->etag : "");
		snprintf(known.modified, sizeof known.modified, "%s", m->modified ? m->modified : "");
		ask.known = &known;
	}
	f->timestamp.max = TRUST_TIMESTAMP_MAX;
	if (!source_get(&answer, f->source, &ask, &f->timestamp, e))
		return false;
	if (answer.say == SOURCE_ABSENT)
		return err_set(e, ERR_MISSING, "there is no repository: no metadata/timestamp.json");
	if (answer.say == SOURCE_UNCHANGED) {
		buf_clear(&f->timestamp);
		buf_add(&f->timestamp, buf_str(&held));
		f->mark = known;
		return buf_ok(&f->timestamp, e);
	}
	f->bytes += (int64_t)f->timestamp.len;
	f->mark = answer.mark;
	f->news = !str_eq(buf_str(&held), buf_str(&f->timestamp)) || !m || !same_text(m->etag, answer.mark.etag);
	return true;
}

bool fetch_refresh(struct fetched *f, const struct pull_state *state, struct err *e)
{
	struct obey o = obey_of(f);
	int64_t now_ms = clock_boot_ms();

	if (!open_trust(f, e) || !get_timestamp(f, state, e))
		return false;
	bool recent = f->last->root_ms >= 0 && now_ms - f->last->root_ms < DAY_MS;
	if (trust_holds(f->trust, "timestamp", buf_str(&f->timestamp)) && recent)
		trust_skip_root(f->trust);
	return obey_refresh(f->trust, &o, e);
}

/* The timestamp that a thief of the line could show is the one we hold: it was signed, and it was asked for over a new
 * connection whose other end the source's own means have proven. */
bool fetch_proof(struct fetched *f, struct err *e)
{
	struct trust_keep keep;
	struct trust_want want;

	if (!open_trust(f, e) || !get_timestamp(f, NULL, e))
		return false;
	trust_skip_root(f->trust);
	if (trust_next(f->trust, &want, e) == TRUST_FAILED)
		return false;
	return want.what != TRUST_TIMESTAMP || trust_give(f->trust, buf_str(&f->timestamp), &keep, e);
}

/* --- targets --- */

bool fetch_seek(struct trust_target *out, struct fetched *f, const char *path, const char *role, struct err *e)
{
	struct obey o = obey_of(f);
	bool found = false;

	if (!obey_seek(out, &found, f->trust, path, &o, e))
		return false;
	if (!found)
		return err_set(e, ERR_MISSING, "%s: nobody signs for it", path);
	return strcmp(out->role, role) == 0 ||
	       err_set(e, ERR_SIGNATURE, "%s: it is role %s that must sign it, and %s did", path, role, out->role);
}

/* "plan-D/SHA256.manifest.json" where the repository has consistent snapshots, TUF 6.2. */
static char *target_name(const struct fetched *f, const char *path, const struct trust_target *target)
{
	const char *slash = strrchr(path, '/');
	size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
	char hex[DIGEST_HEX + 1];

	if (!trust_consistent(f->trust) || !target->has_sha256)
		return str_dup(str_of(path));
	digest_hex(hex, target->sha256);
	return path_form("%.*s%s.%s", (int)folder, path, hex, path + folder);
}

bool fetch_target(struct buf *out, struct fetched *f, const char *path, const struct trust_target *target, uint64_t max,
	struct err *e)
{
	cleanup(free_ptr) char *name = target_name(f, path, target);
	struct source_answer answer;
	struct source_ask ask = {.part = SOURCE_TARGETS, .name = name, .max = MIN(target->length, max)};

	if (target->length > max)
		return err_set(e, ERR_LIMIT, "%s: longer than %llu bytes", path, (unsigned long long)max);
	out->max = (size_t)MIN(max, SIZE_MAX);
	if (!source_get(&answer, f->source, &ask, out, e))
		return false;
	if (answer.say != SOURCE_BYTES)
		return err_set(e, ERR_MISSING, "targets/%s: it is not there", name);
	f->bytes += (int64_t)out->len;
	return trust_target_check(target, buf_str(out), e) || err_in(e, "%s", path);
}

bool fetch_permits(struct fetched *f, const struct manifest *m, struct str bytes, int64_t number, struct err *e)
{
	struct obey o = obey_of(f);

	return obey_permits(f->trust, m, bytes, number, &o, e);
}

static bool bring_document(struct buf *out, void *ctx, const char *path, const struct trust_target *t, struct err *e)
{
	return fetch_target(out, ctx, path, t, out->max, e);
}

bool fetch_access(struct access_set *out, bool *same, struct fetched *f, struct err *e)
{
	struct obey o = obey_of(f);
	struct take_documents with = {.obey = &o, .bring = bring_document, .ctx = f};
	struct trust_target unused;
	bool access = false, sources = false;

	if (!obey_seek(&unused, &access, f->trust, ACCESS_PATH, &o, e) ||
		!obey_seek(&unused, &sources, f->trust, SOURCES_PATH, &o, e))
		return false;
	*same = !access && !sources; /* a fleet that signs no lists yet is no error for those who come by themselves */
	return *same || take_access(out, same, f->trust, &with, e);
}

bool fetch_program(struct program *out, struct buf *document, struct fetched *f, struct err *e)
{
	struct obey o = obey_of(f);
	struct take_documents with = {.obey = &o, .bring = bring_document, .ctx = f};

	return take_program(out, document, f->trust, &with, e);
}

void fetched_free(struct fetched *f)
{
	trust_free(&f->trust);
	buf_free(&f->timestamp);
}
