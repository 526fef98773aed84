/* openat2 and its strictest answers. */
#include "bundles/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <unistd.h>

#include "base/door.h"
#include "base/name.h"

int beneath_try(int dir, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	int fd;

	/* EAGAIN: somebody renamed a folder on the way, and the kernel could not be sure */
	for (int tries = 0; (fd = door_openat2(dir, path, &how, sizeof how)) < 0; tries++)
		if (errno != EINTR && (errno != EAGAIN || tries == 100))
			return -1;
	return fd;
}

bool beneath_open(int *out, int dir, const char *path, int flags, mode_t mode, struct err *e)
{
	int fd = beneath_try(dir, path, flags, mode);

	if (fd < 0 && errno == ENOSYS)
		return err_set(
			e, ERR_IO, "this kernel has no openat2 (Linux 5.6), without which nothing is opened here");
	if (fd < 0)
		return err_sys(e, "%s", path);
	*out = fd;
	return true;
}

bool beneath_parent(int *out, const char **name, int dir, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_LEN_MAX + 1] = ".";

	if (slash) {
		size_t len = (size_t)(slash - path);
		if (len > PATH_LEN_MAX)
			return err_set(e, ERR_LIMIT, "%s: longer than %d bytes", path, PATH_LEN_MAX);
		memcpy(parent, path, len);
		parent[len] = 0;
	}
	if (!beneath_open(out, dir, parent, O_PATH | O_DIRECTORY, 0, e))
		return false;
	*name = slash ? slash + 1 : path;
	return true;
}
