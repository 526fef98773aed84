/* The folder as it lies there: found by name, read, written. Whether it can be believed is verify.c's. */
#include "fleetctl/repo/repository.h"

#include <fcntl.h>

#include "base/fs.h"
#include "base/name.h"
#include "bundles/squeeze.h"
#include "manifests/role.h"

/* --- the folder --- */

static const char *const rooms[] = {"metadata", "targets", "bundles", "patches"};

bool repository_open(struct repository *out, const char *fleet_dir, struct err *e)
{
	cleanup(free_ptr) char *dir = path_form("%s/repository", fleet_dir);
	struct err why = {0};
	int at = -1;

	if (!fs_open_dir(&at, AT_FDCWD, dir, &why)) {
		err_set(e, why.code, "%s", why.text);
		return err_in(e, why.code == ERR_MISSING ? "no repository yet (fleetctl sign makes it)" : "repository");
	}
	*out = (struct repository){dir, at};
	dir = NULL;
	return true;
}

bool repository_make(struct repository *out, const char *fleet_dir, struct err *e)
{
	for (size_t i = 0; i < COUNT_OF(rooms); i++) {
		cleanup(free_ptr) char *dir = path_form("%s/repository/%s", fleet_dir, rooms[i]);
		if (!fs_mkdir(AT_FDCWD, dir, 0755, e))
			return false;
	}
	return repository_open(out, fleet_dir, e);
}

void repository_free(struct repository *r)
{
	if (r->dir)
		fd_close(&r->at);
	free_ptr(&r->dir);
	*r = (struct repository){0};
}

char *repository_bundle_file(struct digest bundle)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, bundle);
	return path_form("bundles/%s.tar.zst", hex);
}

bool repository_target_file(char **out, const char *path, struct digest sha256, struct err *e)
{
	char hex[DIGEST_HEX + 1];
	const char *name = strrchr(path, '/');

	if (!name_check_path(str_of(path), e))
		return false;
	digest_hex(hex, sha256);
	name = name ? name + 1 : path;
	*out = path_form("targets/%.*s%s.%s", (int)(name - path), path, hex, name);
	return true;
}

/* --- metadata --- */

static bool read_meta(struct buf *out, const struct repository *r, const char *role, uint64_t version, struct err *e)
{
	char file[512];
	cleanup(buf_free) struct buf bytes = BUF_MAX(TRUST_TARGETS_MAX);

	trust_role_file(file, role, version);
	cleanup(free_ptr) char *path = path_form("metadata/%s", file);
	if (!fs_read(&bytes, r->at, path, e))
		return err_in(e, "repository");
	buf_add(out, buf_str(&bytes));
	return buf_ok(out, e);
}

/* N of "N.root.json", else 0. */
static uint64_t root_number(const char *file)
{
	struct str rest, front = str_cut(str_of(file), '.', &rest);
	uint64_t n;

	return str_is(rest, "root.json") && str_number(&n, front, UINT32_MAX) ? n : 0;
}

static bool newest_root(uint64_t *out, const struct repository *r, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	uint64_t newest = 0;

	if (!fs_names(&names, r->at, "metadata", e))
		return false;
	for (size_t i = 0; i < names.count; i++)
		newest = MAX(newest, root_number(names.name[i]));
	*out = newest;
	return true;
}

static bool read_role(struct role *out, const struct repository *r, enum role_kind kind, const char *role,
	uint64_t version, struct err *e)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(TRUST_TARGETS_MAX);

	return read_meta(&bytes, r, role, version, e) &&
	       (role_read(out, kind, buf_str(&bytes), e) || err_in(e, "repository: %s", role));
}

static bool listed_version(uint64_t *out, const struct repository *r, const char *role, struct err *e)
{
	cleanup(role_free) struct role timestamp = {0};
	cleanup(role_free) struct role snapshot = {0};
	struct role_file f = {0};

	if (!read_role(&timestamp, r, ROLE_TIMESTAMP, "timestamp", 0, e))
		return e->code == ERR_MISSING;
	f.version = timestamp.version;
	if (strcmp(role, "timestamp") != 0 && !role_meta(&timestamp, "snapshot", &f))
		return err_set(e, ERR_INTERNAL, "timestamp without snapshot");
	if (strcmp(role, "timestamp") != 0 && strcmp(role, "snapshot") != 0) {
		if (!read_role(&snapshot, r, ROLE_SNAPSHOT, "snapshot", f.version, e))
			return false;
		f.version = role_meta(&snapshot, role, &f) ? f.version : 0;
	}
	*out = f.version;
	return true;
}

bool repository_version(uint64_t *out, const struct repository *r, const char *role, struct err *e)
{
	struct err why = {0};

	*out = 0;
	if (strcmp(role, "root") == 0 ? newest_root(out, r, &why) : listed_version(out, r, role, &why))
		return true;
	if (e)
		*e = why;
	return false;
}

bool repository_meta(struct buf *out, const struct repository *r, const char *role, uint64_t version, struct err *e)
{
	if (version == 0 && !repository_version(&version, r, role, e))
		return false;
	if (version == 0)
		return err_set(e, ERR_MISSING, "repository: there is no role %s: `fleetctl sign` makes one for each plan of plans/", role);
	return read_meta(out, r, role, strcmp(role, "timestamp") == 0 ? 0 : version, e);
}

bool repository_online_changed(bool *out, const struct repository *r, uint64_t from, uint64_t to, struct err *e)
{
	static const enum role_kind online[] = {ROLE_TIMESTAMP, ROLE_SNAPSHOT};
	cleanup(role_free) struct role old = {0};
	cleanup(role_free) struct role new = {0};
	bool changed = false;

	if (!read_role(&old, r, ROLE_ROOT, "root", from, e) || !read_role(&new, r, ROLE_ROOT, "root", to, e))
		return false;
	for (size_t i = 0; i < COUNT_OF(online); i++) {
		const doc *a = doc_get(doc_get(old.body, "roles"), role_words[online[i]]);
		const doc *b = doc_get(doc_get(new.body, "roles"), role_words[online[i]]);
		changed = changed || !doc_equal(doc_get(a, "keyids"), doc_get(b, "keyids"));
	}
	*out = changed;
	return true;
}

/* --- releases --- */

static bool read_targets(struct role *out, const struct repository *r, const char *plan, struct err *e)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(TRUST_TARGETS_MAX);

	if (!repository_meta(&bytes, r, plan, 0, e))
		return false;
	return role_read(out, ROLE_TARGETS, buf_str(&bytes), e) || err_in(e, "repository: %s", plan);
}

static bool read_target(
	struct buf *out, const struct repository *r, const struct role *role, const char *path, struct err *e)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(MANIFEST_MAX);
	cleanup(free_ptr) char *file = NULL;
	struct role_file f;

	if (!role_target(role, path, &f) || !f.has_sha256)
		return err_set(e, ERR_MISSING, "%s: the repository has none", path);
	if (!repository_target_file(&file, path, f.sha256, e) || !fs_read(&bytes, r->at, file, e) ||
		!role_file_check(&f, buf_str(&bytes), e))
		return err_in(e, "repository: %s", path);
	buf_add(out, buf_str(&bytes));
	return buf_ok(out, e);
}

bool repository_current(struct buf *manifest, const struct repository *r, const char *plan, struct err *e)
{
	cleanup(role_free) struct role role = {0};
	cleanup(free_ptr) char *path = path_form("%s/manifest.json", plan);

	return read_targets(&role, r, plan, e) && read_target(manifest, r, &role, path, e);
}

/* A release's id is the SHA-256 of its manifest, so the target says it. */
bool repository_release(
	struct buf *manifest, const struct repository *r, const char *plan, struct digest id, struct err *e)
{
	cleanup(role_free) struct role role = {0};
	char hex[DIGEST_HEX + 1];

	if (!read_targets(&role, r, plan, e))
		return false;
	doc *targets = doc_get(role.body, "targets");
	for (void *i = doc_first(targets); i; i = doc_next(targets, i)) {
		struct role_file f;
		if (role_target(&role, doc_key(i), &f) && f.has_sha256 && digest_eq(f.sha256, id))
			return read_target(manifest, r, &role, doc_key(i), e);
	}
	digest_hex(hex, id);
	return err_set(e, ERR_REFUSED, "%s: release %.12s is not one of those that its keys still permit", plan, hex);
}

bool repository_document(struct buf *out, const struct repository *r, const char *role, const char *path, struct err *e)
{
	cleanup(role_free) struct role signed_by = {0};
	uint64_t version;

	if (!repository_version(&version, r, role, e))
		return false;
	if (!version)
		return err_set(e, ERR_MISSING, "%s: role %s has signed nothing yet", path, role);
	return read_targets(&signed_by, r, role, e) && read_target(out, r, &signed_by, path, e);
}

bool repository_bundle(int *out, const struct repository *r, struct digest bundle, struct err *e)
{
	cleanup(free_ptr) char *file = repository_bundle_file(bundle);

	return fs_open_read(out, r->at, file, e) || err_in(e, "repository");
}

/* --- writing --- */

bool repository_put_meta(
	const struct repository *r, const char *role, uint64_t version, const doc *whole, struct err *e)
{
	char file[512];
	cleanup(buf_free) struct buf text = BUF_MAX(TRUST_TARGETS_MAX);

	trust_role_file(file, role, strcmp(role, "timestamp") == 0 ? 0 : version);
	cleanup(free_ptr) char *path = path_form("metadata/%s", file);
	doc_pretty(&text, whole);
	return (buf_ok(&text, e) && fs_write(r->at, path, buf_str(&text), 0644, e)) ||
	       err_in(e, "repository: %s", file);
}

bool repository_put_target(const struct repository *r, const char *path, struct str bytes, struct err *e)
{
	cleanup(free_ptr) char *file = NULL;

	if (!repository_target_file(&file, path, digest_of(bytes), e))
		return err_in(e, "repository");
	cleanup(free_ptr) char *folder = str_dup(str_of(file));
	*strrchr(folder, '/') = 0;
	return (fs_mkdir(r->at, folder, 0755, e) && fs_write(r->at, file, bytes, 0644, e)) || err_in(e, "repository");
}

static bool squeeze_to(const struct repository *r, const char *file, int tar, struct err *e)
{
	cleanup(free_ptr) char *side = path_form("%s.new", file);
	cleanup(fd_close) int out = -1;

	return fs_create(&out, r->at, side, 0644, e) && squeeze_file(out, tar, e) && fs_rename(r->at, side, file, e);
}

bool repository_put_bundle(
	const struct repository *r, struct digest bundle, uint64_t length, const char *tar, struct err *e)
{
	cleanup(free_ptr) char *file = repository_bundle_file(bundle);
	cleanup(fd_close) int fd = -1;
	struct digest is;
	uint64_t size = 0;

	if (fs_exists(r->at, file))
		return true;
	if (!fs_open_read(&fd, AT_FDCWD, tar, e) || !digest_fd(&is, &size, fd, e))
		return err_in(e, "bundle");
	if (size != length || !digest_eq(is, bundle))
		return err_set(e, ERR_DIGEST, "bundle: %s is not the one that its manifest names", tar);
	return squeeze_to(r, file, fd, e) || err_in(e, "repository");
}
