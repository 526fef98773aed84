/* The bundles this Pi holds. */
#include "agent/store/bundle.h"

#include <stdlib.h>

static char *bundle_path(struct digest d)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, d);
	return path_form("bundles/%s.tar", hex);
}

bool bundle_has(const struct store *s, struct digest d)
{
	cleanup(free_ptr) char *path = bundle_path(d);

	return fs_exists(s->dir, path);
}

bool bundle_open(int *out, const struct store *s, struct digest d, struct err *e)
{
	cleanup(free_ptr) char *path = bundle_path(d);

	return fs_open_read(out, s->dir, path, e);
}

bool bundle_check(const struct store *s, struct digest d, uint64_t length, struct err *e)
{
	cleanup(fd_close) int fd = -1;
	struct digest is;
	uint64_t long_is;

	if (!bundle_open(&fd, s, d, e) || !digest_fd(&is, &long_is, fd, e))
		return err_in(e, "bundle");
	if (long_is != length)
		return err_set(e, ERR_DIGEST, "the bundle is %llu bytes long, the manifest says %llu",
			(unsigned long long)long_is, (unsigned long long)length);
	return digest_eq(is, d) || err_set(e, ERR_DIGEST, "the bundle on the disk is not what was signed");
}

bool bundle_keep(const struct store *s, struct digest d, const char *staged, struct err *e)
{
	cleanup(free_ptr) char *path = bundle_path(d);

	return fs_rename(s->dir, staged, path, e);
}

bool bundle_remove(const struct store *s, struct digest d, struct err *e)
{
	cleanup(free_ptr) char *path = bundle_path(d);

	return fs_remove(s->dir, path, e);
}

bool digest_names(struct digest **out, size_t *count, const struct store *s, const char *folder, const char *ending,
	struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	size_t n = 0;

	if (!fs_names(&names, s->dir, folder, e))
		return false;
	struct digest *d = mem_new(names.count + 1, sizeof *d);
	for (size_t i = 0; i < names.count; i++) {
		struct str name = str_of(names.name[i]);
		if (str_ends(name, ending) && digest_read(&d[n], str_bytes(name.data, name.len - strlen(ending))))
			n++;
	}
	*out = d;
	*count = n;
	return true;
}
