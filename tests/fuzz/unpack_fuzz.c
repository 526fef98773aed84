/* Any bytes as a bundle: refused, or unpacked to what compares equal, in the folder and nowhere else.
 * The first thing libFuzzer needs is a seed: any bundle of tests/unit/bundles. */
#include "bundles/unpack.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A tar is mostly sums and zeros, which a fuzzer cannot guess: sums are mended, so that what is tried is what they
 * guard. */
static void mend(unsigned char *tar, size_t size)
{
	for (size_t at = 0; at + 512 <= size; at += 512) {
		unsigned char *h = tar + at;
		unsigned sum = 0;
		if (memcmp(h + 257, "ustar", 5) != 0)
			continue;
		memset(h + 148, ' ', 8);
		for (int i = 0; i < 512; i++)
			sum += h[i];
		h[154] = 0;
		for (int i = 153; i >= 148; i--, sum /= 8)
			h[i] = (unsigned char)('0' + sum % 8);
	}
}

static int bundle_of(const uint8_t *data, size_t size)
{
	size_t whole = (size + 511) / 512 * 512;
	unsigned char *tar = mem_new(whole + 1024, 1);
	int fd = memfd_create("tar", MFD_CLOEXEC);

	memcpy(tar, data, size);
	mend(tar, whole);
	if (fd < 0 || write(fd, tar, whole + 1024) != (ssize_t)(whole + 1024))
		abort();
	free(tar);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char room[] = "/dev/shm/unpack_fuzz.XXXXXX";
	cleanup(fd_close) int fd = -1, outer = -1, dir = -1;
	cleanup(fs_names_free) struct fs_names names = {0};
	struct unpack_facts facts;
	size_t differences = 0;
	struct err e = {0};

	if (size > MIB)
		return 0;
	fd = bundle_of(data, size);
	if (!unpack_check(&facts, fd, &e) || facts.entries > 200)
		return 0;
	if (!mkdtemp(room) || !fs_open_dir(&outer, AT_FDCWD, room, &e) || mkdirat(outer, "tree", 0755) != 0 ||
		!fs_open_dir(&dir, outer, "tree", &e))
		abort();
	/* what the check lets through is unpacked, and nothing stands beside the tree */
	if (!unpack_tree(fd, dir, &e) || !unpack_compare(&differences, fd, dir, NULL, NULL, &e) || differences != 0 ||
		!fs_names(&names, outer, ".", &e) || names.count != 1) {
		fprintf(stderr, "%zu differences, %s\n", differences, e.text);
		abort();
	}
	if (!fs_remove_tree(AT_FDCWD, room, &e))
		abort();
	return 0;
}
