/* What arrives before it may be believed. */
#include "agent/store/staging.h"

#include <stdlib.h>

#include "agent/store/bundle.h"
#include "base/door.h"
#include "manifests/manifest.h"

static char *staged(struct digest d, const char *ending)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, d);
	return path_form("staging/%s%s", hex, ending);
}

uint64_t staging_have(const struct store *s, struct digest payload)
{
	cleanup(free_ptr) char *path = staged(payload, ".part");
	uint64_t size = 0;
	struct err e;

	return fs_exists(s->dir, path) && fs_size(&size, s->dir, path, &e) ? size : 0;
}

bool staging_part(int *out, const struct store *s, struct digest payload, uint64_t at, struct err *e)
{
	cleanup(free_ptr) char *path = staged(payload, ".part");
	cleanup(fd_close) int fd = -1;
	uint64_t have = staging_have(s, payload);

	if (have < at)
		return err_set(e, ERR_PROTOCOL, "the payload goes on at byte %llu, but %llu are staged",
			(unsigned long long)at, (unsigned long long)have);
	if (!fs_append(&fd, s->dir, path, 0600, e))
		return false;
	if (have > at && door_truncate(fd, (off_t)at) != 0)
		return err_sys(e, "%s", path);
	*out = fd;
	fd = -1;
	return true;
}

bool staging_open(int *out, const struct store *s, struct digest payload, struct err *e)
{
	cleanup(free_ptr) char *path = staged(payload, ".part");

	return fs_open_read(out, s->dir, path, e);
}

bool staging_check(const struct store *s, struct digest payload, uint64_t length, struct err *e)
{
	cleanup(free_ptr) char *path = staged(payload, ".part");
	cleanup(fd_close) int fd = -1;
	struct digest is;
	uint64_t long_is;
	struct err drop;

	if (!fs_open_read(&fd, s->dir, path, e) || !digest_fd(&is, &long_is, fd, e))
		return err_in(e, "payload");
	if (long_is < length)
		return err_set(e, ERR_MISSING, "the payload is not whole: %llu of %llu bytes",
			(unsigned long long)long_is, (unsigned long long)length);
	if (long_is == length && digest_eq(is, payload))
		return true;
	(void)!fs_remove(s->dir, path, &drop);
	return err_set(e, ERR_DIGEST, "the payload's bytes are not what it is named by; it is dropped");
}

bool staging_drop(const struct store *s, struct digest payload, struct err *e)
{
	cleanup(free_ptr) char *path = staged(payload, ".part");

	return fs_remove(s->dir, path, e);
}

bool staging_manifest_save(const struct store *s, struct digest release, struct str bytes, struct err *e)
{
	cleanup(free_ptr) char *path = staged(release, ".json");

	return fs_write(s->dir, path, bytes, 0600, e);
}

bool staging_manifest(struct buf *out, const struct store *s, struct digest release, struct err *e)
{
	cleanup(free_ptr) char *path = staged(release, ".json");

	out->max = MANIFEST_MAX;
	return fs_read(out, s->dir, path, e);
}

static bool remove_any(const struct store *s, const char *path, struct err *e)
{
	cleanup(fd_close) int folder = -1;
	struct err none;

	return fs_open_dir(&folder, s->dir, path, &none) ? fs_remove_tree(s->dir, path, e) : fs_remove(s->dir, path, e);
}

bool staging_clear(const struct store *s, bool parts_too, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	bool all = true;

	if (!fs_names(&names, s->dir, "staging", e))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		if (!parts_too && str_ends(str_of(names.name[i]), ".part"))
			continue;
		cleanup(free_ptr) char *path = path_form("staging/%s", names.name[i]);
		all = remove_any(s, path, e) && all; /* one that stays keeps no other */
	}
	return all;
}

bool staging_bound(const struct store *s, struct digest but, struct err *e)
{
	cleanup(free_ptr) struct digest *part = NULL;
	size_t count, others = 0;

	if (!digest_names(&part, &count, s, "staging", ".part", e))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (digest_eq(part[i], but) || ++others < STAGING_PARTS_MAX)
			continue;
		cleanup(free_ptr) char *path = staged(part[i], ".part");
		if (!fs_remove(s->dir, path, e))
			return false;
	}
	return true;
}
