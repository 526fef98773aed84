/* From timestamp to snapshot to roles to targets; from manifests to bundles and patches. */
#include "fleetctl/publish/contents.h"

#include <stdlib.h>

#include "base/fs.h"
#include "fleetctl/repo/programs.h"
#include "manifests/role.h"

/* --- the list --- */

/* Takes over `path`. */
static bool add(struct contents *c, const struct repository *r, enum content_kind kind, char *path, const char *plan, struct err *e)
{
	uint64_t size;

	if (!fs_size(&size, r->at, path, e)) {
		free(path);
		return err_in(e, "repository");
	}
	c->at = mem_grow(c->at, c->count + 1, sizeof *c->at);
	c->at[c->count++] = (struct content){path, kind, plan ? str_dup(str_of(plan)) : NULL, size};
	return true;
}

static int by_kind(const void *a, const void *b)
{
	const struct content *l = a, *r = b;

	return l->kind != r->kind ? (l->kind > r->kind) - (l->kind < r->kind) : strcmp(l->path, r->path);
}

const struct content *contents_find(const struct contents *c, const char *path)
{
	for (int kind = CONTENT_BUNDLE; kind <= CONTENT_TIMESTAMP; kind++) {
		const struct content wanted = {.path = (char *)(uintptr_t)path, .kind = (enum content_kind)kind};
		const struct content *found = c->count ? bsearch(&wanted, c->at, c->count, sizeof wanted, by_kind) : NULL;
		if (found)
			return found;
	}
	return NULL;
}

/* In order; what several plans share, once. */
static void sort(struct contents *c)
{
	size_t kept = 0;

	if (c->count)
		qsort(c->at, c->count, sizeof *c->at, by_kind);
	for (size_t i = 0; i < c->count; i++) {
		bool again = kept && c->at[i].kind == CONTENT_BUNDLE && strcmp(c->at[kept - 1].path, c->at[i].path) == 0;
		if (again) {
			free(c->at[i].path);
			free(c->at[i].plan);
		} else {
			c->at[kept++] = c->at[i];
		}
	}
	c->count = kept;
}

/* --- metadata and targets --- */

static bool add_meta(struct contents *c, const struct repository *r, const char *role, uint64_t version, struct err *e)
{
	char file[512];

	trust_role_file(file, role, version);
	return add(c, r, version ? CONTENT_METADATA : CONTENT_TIMESTAMP, path_form("metadata/%s", file), NULL, e);
}

static bool add_targets(struct contents *c, const struct repository *r, const char *role, uint64_t version, struct err *e)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(TRUST_TARGETS_MAX);
	cleanup(role_free) struct role body = {0};

	if (!add_meta(c, r, role, version, e) || !repository_meta(&bytes, r, role, version, e) ||
		!role_read(&body, ROLE_TARGETS, buf_str(&bytes), e))
		return err_in(e, "%s", role);
	doc *targets = doc_get(body.body, "targets");
	for (void *i = doc_first(targets); i; i = doc_next(targets, i)) {
		struct role_file f;
		char *path;
		if (!role_target(&body, doc_key(i), &f) || !f.has_sha256)
			return err_set(e, ERR_MISSING, "%s: %s has no SHA-256", role, doc_key(i));
		if (!repository_target_file(&path, doc_key(i), f.sha256, e) || !add(c, r, CONTENT_TARGET, path, NULL, e))
			return false;
	}
	return true;
}

/* "plan-D" of "plan-D.json" */
static bool add_listed(struct contents *c, const struct repository *r, const struct role *snapshot, const char *key, struct err *e)
{
	cleanup(free_ptr) char *role = str_dup(str_of(key));
	size_t len = strlen(role), end = strlen(".json");
	struct role_file f;

	if (len <= end || strcmp(role + len - end, ".json") != 0)
		return err_set(e, ERR_SYNTAX, "snapshot: %s", key);
	role[len - end] = 0;
	if (!role_meta(snapshot, role, &f))
		return err_set(e, ERR_SYNTAX, "snapshot: %s", key);
	return add_targets(c, r, role, f.version, e);
}

static bool add_snapshot(struct contents *c, const struct repository *r, struct err *e)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(TRUST_TARGETS_MAX);
	cleanup(role_free) struct role snapshot = {0};
	uint64_t version;

	if (!repository_version(&version, r, "snapshot", e) || !add_meta(c, r, "snapshot", version, e) ||
		!repository_meta(&bytes, r, "snapshot", version, e) ||
		!role_read(&snapshot, ROLE_SNAPSHOT, buf_str(&bytes), e))
		return false;
	doc *meta = doc_get(snapshot.body, "meta");
	for (void *i = doc_first(meta); i; i = doc_next(meta, i))
		if (!add_listed(c, r, &snapshot, doc_key(i), e))
			return false;
	return true;
}

static bool add_roots(struct contents *c, const struct repository *r, struct err *e)
{
	uint64_t newest;

	if (!repository_version(&newest, r, "root", e))
		return false;
	for (uint64_t v = 1; v <= newest; v++)
		if (!add_meta(c, r, "root", v, e))
			return false;
	return true;
}

/* --- bundles and patches --- */

static int newest_first(const void *a, const void *b)
{
	const struct repository_permitted *l = *(const struct repository_permitted *const *)a,
					  *r = *(const struct repository_permitted *const *)b;
	int order = strcmp(l->plan, r->plan);

	return order ? order : (l->number < r->number) - (l->number > r->number);
}

static bool add_patch(struct contents *c, const struct repository *r, const char *plan, struct digest from, struct digest to, struct err *e)
{
	char a[DIGEST_HEX + 1], b[DIGEST_HEX + 1];
	cleanup(fd_close) int patch = -1;
	struct err none;

	/* one that cannot be made is no loss but of bytes: hosts take the bundle */
	if (digest_eq(from, to) || !repository_patch(&patch, r, from, to, &none))
		return true;
	digest_hex(a, from);
	digest_hex(b, to);
	return add(c, r, CONTENT_PATCH, path_form("patches/%s-%s.zst", a, b), plan, e);
}

/* From what hosts may still run: what is permitted no more is where those come from that were away for long. */
static bool add_patches(struct contents *c, const struct repository *r, const struct repository_permitted *to, int64_t most, struct err *e)
{
	cleanup(free_ptr) struct digest *from = mem_new((size_t)most + 1, sizeof *from);
	size_t count = repository_bundles_held(from, (size_t)most, r, to->plan, to->bundle);

	for (size_t i = 0; i < count; i++)
		if (!add_patch(c, r, to->plan, from[i], to->bundle, e))
			return false;
	return true;
}

/* A plan's permitted releases, the newest first. */
static bool add_plan(struct contents *c, const struct repository *r, struct repository_permitted *const *p, size_t count,
	const struct contents_wish *wish, struct err *e)
{
	const struct repository_permitted *current = p[0];

	for (size_t i = 0; i < count; i++)
		current = p[i]->current ? p[i] : current;
	for (size_t i = 0; i < count; i++) {
		if (wish->releases && (int64_t)i >= wish->releases && p[i] != current)
			c->left_out++;
		else if (!add(c, r, CONTENT_BUNDLE, repository_bundle_file(p[i]->bundle), NULL, e))
			return false;
	}
	return add_patches(c, r, current, wish->patches, e);
}

static bool add_payloads(struct contents *c, const struct repository *r, const struct repository_facts *f,
	const struct contents_wish *wish, struct err *e)
{
	cleanup(free_ptr) struct repository_permitted **p = mem_new(f->permitteds + 1, sizeof *p);
	size_t end;

	for (size_t i = 0; i < f->permitteds; i++)
		p[i] = &f->permitted[i];
	qsort(p, f->permitteds, sizeof *p, newest_first);
	for (size_t at = 0; at < f->permitteds; at = end) {
		for (end = at; end < f->permitteds && strcmp(p[end]->plan, p[at]->plan) == 0; end++)
			;
		if (!add_plan(c, r, p + at, end - at, wish, e))
			return false;
	}
	return true;
}

/* With patches from those that were signed for its platform before, the newest first. */
static bool add_agent(struct contents *c, const struct repository *r, const struct program *now, const struct programs *ever,
	const struct contents_wish *wish, struct err *e)
{
	int64_t patches = 0;

	if (!add(c, r, CONTENT_BUNDLE, repository_bundle_file(now->bundle.sha256), NULL, e))
		return false;
	for (size_t i = 0; i < ever->count && patches < wish->patches; i++) {
		const struct program *from = &ever->at[i];
		if (strcmp(from->platform, now->platform) != 0 || from->number >= now->number)
			continue;
		patches++;
		if (!add_patch(c, r, NULL, from->bundle.sha256, now->bundle.sha256, e))
			return false;
	}
	return true;
}

static bool add_agents(struct contents *c, const struct repository *r, const struct repository_facts *f, const struct contents_wish *wish,
	struct err *e)
{
	cleanup(programs_free) struct programs ever = {0};

	programs_held(&ever, r);
	for (size_t i = 0; i < f->programs; i++)
		if (!add_agent(c, r, &f->program[i], &ever, wish, e))
			return false;
	return true;
}

bool contents_of(struct contents *out, const struct repository *r, const struct repository_facts *facts,
	const struct contents_wish *wish, struct err *e)
{
	cleanup(contents_free) struct contents c = {0};

	if (!add_payloads(&c, r, facts, wish, e) || !add_agents(&c, r, facts, wish, e) || !add_roots(&c, r, e) || !add_snapshot(&c, r, e) ||
		!add_meta(&c, r, "timestamp", 0, e))
		return false;
	sort(&c);
	*out = c;
	c = (struct contents){0};
	return true;
}

void contents_free(struct contents *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->at[i].path);
		free(c->at[i].plan);
	}
	free_ptr(&c->at);
	*c = (struct contents){0};
}
