/* Reading a file piece by piece. */
#include "bundles/piece.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

bool piece_read(size_t *got, void *to, size_t n, int fd, uint64_t at, struct err *e)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pread(fd, (char *)to + done, n - done, (off_t)(at + done));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, "read");
		if (r == 0)
			break;
		done += (size_t)r;
	}
	*got = done;
	return true;
}

bool piece_size(uint64_t *out, int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_sys(e, "stat");
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_UNSAFE, "not a regular file");
	*out = (uint64_t)st.st_size;
	return true;
}
