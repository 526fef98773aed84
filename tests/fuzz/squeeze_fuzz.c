/* Any bytes as a frame, alone and as a patch and as a text: never more comes out than was signed. The first byte
 * chooses the length. */
#include "bundles/squeeze.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file_of(struct str bytes)
{
	int fd = memfd_create("squeeze", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes.data, bytes.len) != (ssize_t)bytes.len)
		abort();
	return fd;
}

/* The digest cannot match, unless nothing is signed. */
static void expand(struct str frame, int base, uint64_t length)
{
	cleanup(fd_close) int in = file_of(frame), out = file_of(STR(""));
	struct err e = {0};

	if (squeeze_expand(out, in, base, length, digest_of(STR("")), &e) && length != 0)
		abort();
	if ((uint64_t)lseek(out, 0, SEEK_END) > length)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct str prefix =
		STR("{\"_type\":\"targets\",\"expires\":\"2026-11-23T20:29:20Z\",\"version\":1}\n");
	cleanup(buf_free) struct buf text = {0}, again = {0}, back = {0};
	struct err e = {0};

	if (size < 1 || size > MIB)
		return 0;
	cleanup(fd_close) int base = file_of(prefix);
	struct str frame = str_bytes(data + 1, size - 1);
	size_t length = (size_t)data[0] * data[0] * 16;
	expand(frame, -1, length);
	expand(frame, base, length);
	if (squeeze_text_expand(&text, frame, prefix, length, &e) && text.len > length)
		abort();
	/* and what goes in comes back */
	if (!squeeze_text(&again, frame, prefix, &e) ||
		!squeeze_text_expand(&back, buf_str(&again), prefix, frame.len, &e) || !str_eq(buf_str(&back), frame))
		abort();
	return 0;
}
