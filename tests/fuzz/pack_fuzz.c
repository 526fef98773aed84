/* A pack that broke off, from any server: whatever it holds, what is called a blob is bounded, and it ends. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "sources/git_pack.h"

enum { MOST = 4 * KIB, BLOBS_MAX = 1000 };

static bool count(void *seen, struct str content)
{
	if (content.len > MOST)
		abort();
	return ++*(size_t *)seen < BLOBS_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(fd_close) int fd = memfd_create("pack", MFD_CLOEXEC);
	size_t seen = 0;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	if (git_pack_blobs(fd, MOST, count, &seen) > seen)
		abort();
	return 0;
}
