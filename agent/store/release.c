/* The releases this Pi holds. */
#include "agent/store/release.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "bundles/pack.h"

static char *release_path(struct digest id, const char *rest)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, id);
	return path_form("releases/%s%s", hex, rest);
}

bool release_has(const struct store *s, struct digest id)
{
	cleanup(free_ptr) char *path = release_path(id, "/tree/.");
	struct stat st;

	return fstatat(s->dir, path, &st, 0) == 0;
}

static bool link_tree(const struct store *s, const char *folder, struct digest bundle, struct err *e)
{
	cleanup(free_ptr) char *link = path_form("%s/tree", folder);
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, bundle);
	cleanup(free_ptr) char *target = path_form("../../trees/%s", hex);
	return fs_link(s->dir, target, link, e);
}

static bool add_files(
	const struct store *s, const char *beside, struct str manifest, struct digest bundle, struct err *e)
{
	cleanup(free_ptr) char *file = path_form("%s/manifest.json", beside);

	return fs_mkdir(s->dir, beside, 0755, e) && fs_write(s->dir, file, manifest, 0644, e) &&
	       link_tree(s, beside, bundle, e);
}

/* One that has lost nothing but the link is never away while it is mended: it may be what runs. */
static bool holds_manifest(const struct store *s, struct digest id)
{
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);
	struct err e;

	return release_manifest(&text, s, id, &e);
}

bool release_add(const struct store *s, struct digest id, struct str manifest, struct err *e)
{
	cleanup(free_ptr) char *path = release_path(id, "");
	cleanup(free_ptr) char *beside = release_path(id, ".new");
	cleanup(manifest_free) struct manifest m = {0};

	if (release_has(s, id))
		return true;
	if (!digest_eq(manifest_id(manifest), id))
		return err_set(e, ERR_DIGEST, "the manifest is not what the release is named by");
	if (!manifest_read(&m, manifest, NULL, e))
		return false;
	if (holds_manifest(s, id))
		return link_tree(s, path, m.bundle.sha256, e);
	return fs_remove_tree(s->dir, path, e) && fs_remove_tree(s->dir, beside, e) &&
	       add_files(s, beside, manifest, m.bundle.sha256, e) && fs_rename(s->dir, beside, path, e);
}

bool release_manifest(struct buf *out, const struct store *s, struct digest id, struct err *e)
{
	cleanup(free_ptr) char *path = release_path(id, "/manifest.json");
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);

	if (!fs_read(&text, s->dir, path, e))
		return false;
	if (!digest_eq(manifest_id(buf_str(&text)), id))
		return err_set(e, ERR_DIGEST, "%s is not what the release is named by", path);
	buf_add(out, buf_str(&text));
	return buf_ok(out, e);
}

bool release_open(struct release *out, const struct store *s, struct digest id, struct err *e)
{
	cleanup(release_close) struct release r = {.id = id};
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);
	cleanup(free_ptr) char *link = release_path(id, "/tree");
	cleanup(free_ptr) char *path = path_form("%s/%s", s->path, link);

	if (!release_manifest(&text, s, id, e) || !manifest_read(&r.manifest, buf_str(&text), NULL, e))
		return err_in(e, "release");
	cleanup(free_ptr) char *real = realpath(path, NULL);
	if (!real)
		return err_sys(e, "release: %s", link);
	if (!fs_open_dir(&r.tree_fd, s->dir, real, e))
		return err_in(e, "release");
	r.tree = real;
	real = NULL;
	*out = r;
	r = (struct release){0};
	return true;
}

void release_close(struct release *r)
{
	if (r->tree)
		fd_close(&r->tree_fd);
	free_ptr(&r->tree);
	manifest_free(&r->manifest);
	r->id = (struct digest){0};
}

struct digest release_disk(const struct release *r)
{
	const char *layer[] = {r->tree};
	cleanup(fd_close) int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct pack_facts facts = {0};
	struct err e;

	if (nowhere < 0 || !r->tree || !pack_folders(&facts, nowhere, layer, 1, &e))
		return (struct digest){0};
	return facts.digest;
}

bool release_current(struct digest *out, const struct store *s, struct err *e)
{
	static const char before[] = "releases/";
	char target[512];

	if (!fs_readlink(target, s->dir, "current", e))
		return false;
	if (!str_starts(str_of(target), before) || !digest_read(out, str_of(target + strlen(before))))
		return err_set(e, ERR_SYNTAX, "current leads to %s, which is no release", target);
	return true;
}

bool release_swap(const struct store *s, struct digest id, struct err *e)
{
	cleanup(free_ptr) char *path = release_path(id, "");

	if (!release_has(s, id))
		return err_set(e, ERR_MISSING, "%s is not there, or its tree is not", path);
	return store_link(s, path, "current", e);
}

void release_text(char out[48], int64_t number, struct digest id)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, id);
	snprintf(out, 48, "%lld (%.12s)", (long long)number, hex);
}
