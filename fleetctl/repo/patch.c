/* Patches between two bundles that the repository has: made once, when somebody first wants them. */
#include <stdlib.h>
#include <sys/mman.h>

#include "base/fs.h"
#include "bundles/squeeze.h"
#include "fleetctl/repo/programs.h"

/* Does that file hold a manifest which names the bundle? Then it says the bundle's length, too. Nobody needs to believe
 * it: the expanded bytes are held against length and digest. A fleet has tens of thousands of them, so they are not read
 * as manifests before the digest is seen in them. */
static bool names_bundle(uint64_t *length, const struct repository *r, const char *file, struct digest bundle)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(MANIFEST_MAX);
	cleanup(manifest_free) struct manifest m = {0};
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, bundle);
	if (!fs_read(&bytes, r->at, file, NULL) || !strstr(buf_str(&bytes).data, hex) ||
		!manifest_read(&m, buf_str(&bytes), NULL, NULL) || !digest_eq(m.bundle.sha256, bundle))
		return false;
	*length = (uint64_t)m.bundle.length;
	return true;
}

static bool agent_length(uint64_t *out, const struct repository *r, struct digest bundle)
{
	cleanup(programs_free) struct programs ever = {0};

	programs_held(&ever, r);
	const struct program *p = programs_with(&ever, bundle);
	*out = p ? (uint64_t)p->bundle.length : 0;
	return p != NULL;
}

static bool find_length(uint64_t *out, const struct repository *r, struct digest bundle, struct err *e)
{
	cleanup(fs_names_free) struct fs_names plans = {0};
	char hex[DIGEST_HEX + 1];

	if (!fs_names(&plans, r->at, "targets", e))
		return false;
	for (size_t i = 0; i < plans.count; i++) {
		cleanup(fs_names_free) struct fs_names files = {0};
		cleanup(free_ptr) char *folder = path_form("targets/%s/releases", plans.name[i]);
		if (!fs_names(&files, r->at, folder, NULL))
			continue;
		for (size_t j = 0; j < files.count; j++) {
			cleanup(free_ptr) char *file = path_form("%s/%s", folder, files.name[j]);
			if (names_bundle(out, r, file, bundle))
				return true;
		}
	}
	if (agent_length(out, r, bundle))
		return true;
	digest_hex(hex, bundle);
	return err_set(e, ERR_MISSING, "no release and no agent here has the bundle %.12s", hex);
}

/* Expanded into memory: a patch is for short bundles only. */
static bool plain(int *out, const struct repository *r, struct digest bundle, struct err *e)
{
	cleanup(fd_close) int in = -1, memory = -1;
	uint64_t length;

	if (!repository_bundle(&in, r, bundle, e) || !find_length(&length, r, bundle, e))
		return false;
	if (length > SQUEEZE_PATCH_MAX)
		return err_set(
			e, ERR_LIMIT, "a bundle of %llu bytes is too long for a patch", (unsigned long long)length);
	memory = memfd_create("bundle", MFD_CLOEXEC);
	if (memory < 0)
		return err_sys(e, "memory for a bundle");
	if (!squeeze_expand(memory, in, -1, length, bundle, e))
		return false;
	*out = memory;
	memory = -1;
	return true;
}

static bool make(const struct repository *r, const char *file, struct digest from, struct digest to, struct err *e)
{
	cleanup(free_ptr) char *side = path_form("%s.new", file);
	cleanup(fd_close) int old = -1, new = -1, out = -1;

	return plain(&old, r, from, e) && plain(&new, r, to, e) && fs_mkdir(r->at, "patches", 0755, e) &&
	       fs_create(&out, r->at, side, 0644, e) && squeeze_patch(out, old, new, e) &&
	       fs_rename(r->at, side, file, e);
}

static char *patch_file(struct digest from, struct digest to)
{
	char a[DIGEST_HEX + 1], b[DIGEST_HEX + 1];

	digest_hex(a, from);
	digest_hex(b, to);
	return path_form("patches/%s-%s.zst", a, b);
}

bool repository_has_patch(const struct repository *r, struct digest from, struct digest to)
{
	cleanup(free_ptr) char *file = patch_file(from, to);

	return fs_exists(r->at, file);
}

bool repository_patch(int *out, const struct repository *r, struct digest from, struct digest to, struct err *e)
{
	cleanup(free_ptr) char *file = patch_file(from, to);

	if (!fs_exists(r->at, file) && !make(r, file, from, to, e))
		return err_in(e, "patch");
	return fs_open_read(out, r->at, file, e) || err_in(e, "patch");
}

/* The bundle of one file of releases/, if it is another than `to` and that is a release still permitted. */
static bool permitted_bundle(
	struct digest *out, const struct repository *r, const char *plan, const char *name, struct digest to)
{
	cleanup(free_ptr) char *file = path_form("targets/%s/releases/%s", plan, name);
	cleanup(buf_free) struct buf bytes = BUF_MAX(MANIFEST_MAX), permitted = BUF_MAX(MANIFEST_MAX);
	cleanup(manifest_free) struct manifest m = {0};

	if (!fs_read(&bytes, r->at, file, NULL) || !manifest_read(&m, buf_str(&bytes), NULL, NULL) ||
		digest_eq(m.bundle.sha256, to) ||
		!repository_release(&permitted, r, plan, manifest_id(buf_str(&bytes)), NULL))
		return false;
	*out = m.bundle.sha256;
	return true;
}

void repository_make_patches(const struct repository *r, const char *plan, struct digest to)
{
	cleanup(fs_names_free) struct fs_names files = {0};
	cleanup(free_ptr) char *folder = path_form("targets/%s/releases", plan);

	if (!fs_names(&files, r->at, folder, NULL))
		return;
	for (size_t i = 0; i < files.count; i++) {
		cleanup(fd_close) int patch = -1;
		struct digest from;
		if (permitted_bundle(&from, r, plan, files.name[i], to))
			(void)!repository_patch(&patch, r, from, to, NULL);
	}
}

/* --- the bundles of a plan, ever --- */

struct held_file {
	char *name; /* borrowed: SHA256.NUMBER.json */
	uint64_t number;
};

static int newest_first(const void *a, const void *b)
{
	const struct held_file *l = a, *r = b;

	return l->number != r->number ? (l->number < r->number) - (l->number > r->number) : strcmp(l->name, r->name);
}

static uint64_t file_number(const char *name)
{
	struct str rest, front = str_cut(str_of(name), '.', &rest), number = str_cut(rest, '.', &rest);
	uint64_t n;

	return front.len == DIGEST_HEX && str_number(&n, number, INT64_MAX) ? n : 0;
}

/* Its manifest's, if the bundle is still here. */
static bool held_bundle(struct digest *out, const struct repository *r, const char *plan, const char *name)
{
	cleanup(free_ptr) char *file = path_form("targets/%s/releases/%s", plan, name);
	cleanup(buf_free) struct buf bytes = BUF_MAX(MANIFEST_MAX);
	cleanup(manifest_free) struct manifest m = {0};

	if (!fs_read(&bytes, r->at, file, NULL) || !manifest_read(&m, buf_str(&bytes), NULL, NULL))
		return false;
	cleanup(free_ptr) char *bundle = repository_bundle_file(m.bundle.sha256);
	*out = m.bundle.sha256;
	return fs_exists(r->at, bundle);
}

static bool among(const struct digest *all, size_t count, struct digest one)
{
	for (size_t i = 0; i < count; i++)
		if (digest_eq(all[i], one))
			return true;
	return false;
}

size_t repository_bundles_held(struct digest *out, size_t most, const struct repository *r, const char *plan, struct digest but)
{
	cleanup(fs_names_free) struct fs_names files = {0};
	cleanup(free_ptr) char *folder = path_form("targets/%s/releases", plan);
	size_t count = 0;

	if (!fs_names(&files, r->at, folder, NULL))
		return 0;
	cleanup(free_ptr) struct held_file *file = mem_new(files.count + 1, sizeof *file);
	for (size_t i = 0; i < files.count; i++)
		file[i] = (struct held_file){files.name[i], file_number(files.name[i])};
	qsort(file, files.count, sizeof *file, newest_first);
	/* of a thousand releases only the newest are read */
	for (size_t i = 0; i < files.count && count < most; i++) {
		struct digest one;
		if (held_bundle(&one, r, plan, file[i].name) && !digest_eq(one, but) && !among(out, count, one))
			out[count++] = one;
	}
	return count;
}
