/* What an apply said last. */
#include "agent/receive/said.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

int said_open(void)
{
	cleanup(fd_close) int fd = memfd_create("apply", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, SAID_MAX) != 0 || fcntl(fd, F_ADD_SEALS, SEALS) != 0)
		return -1;
	int out = fd;
	fd = -1;
	return out;
}

void said_clear(int fd)
{
	static const char nothing[SAID_MAX];

	if (fd >= 0)
		(void)!pwrite(fd, nothing, sizeof nothing, 0);
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
}

bool said_last(struct buf *out, int fd)
{
	static const char who[] = "fleet-agent apply: ";
	char text[SAID_MAX];
	ssize_t n = fd >= 0 ? pread(fd, text, sizeof text, 0) : 0;
	struct str said = str_trim(str_bytes(text, n > 0 ? strnlen(text, (size_t)n) : 0));

	const char *before = said.len ? memrchr(said.data, '\n', said.len) : NULL;
	if (before)
		said = str_bytes(before + 1, (size_t)(said.data + said.len - before - 1));
	if (str_starts(said, who))
		said = str_bytes(said.data + strlen(who), said.len - strlen(who));
	buf_add(out, said);
	return said.len > 0;
}
