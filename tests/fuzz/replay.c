/* A fuzz target without a fuzzer: feeds it every file of the folders named, each in memory of exactly its length, whole
 * and cut off in the middle. What was once found lies in the corpus and stays found. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 4 * MIB };

static void feed(struct str bytes)
{
	uint8_t *copy = malloc(bytes.len ? bytes.len : 1); /* so that a read behind its end is seen */

	if (!copy)
		abort();
	if (bytes.len)
		memcpy(copy, bytes.data, bytes.len);
	(void)LLVMFuzzerTestOneInput(copy, bytes.len);
	free(copy);
}

static bool feed_file(int dir, const char *name, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(INPUT_MAX);

	if (!fs_read(&text, dir, name, e))
		return false;
	feed(buf_str(&text));
	feed(str_bytes(text.data, text.len / 2));
	return true;
}

static bool feed_folder(size_t *count, const char *path, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	cleanup(fd_close) int dir = -1;

	if (!fs_open_dir(&dir, AT_FDCWD, path, e) || !fs_names(&names, dir, ".", e))
		return false;
	for (size_t i = 0; i < names.count; i++)
		if (!feed_file(dir, names.name[i], e))
			return err_in(e, "%s", names.name[i]);
	*count += names.count;
	return true;
}

int main(int argc, char **argv)
{
	size_t count = 0;
	struct err e;

	feed(STR(""));
	for (int i = 1; i < argc; i++)
		if (!feed_folder(&count, argv[i], &e)) {
			fprintf(stderr, "replay: %s: %s\n", argv[i], e.text);
			return 1;
		}
	printf("%zu inputs\n", count);
	return count ? 0 : 1; /* an empty corpus proves nothing */
}
