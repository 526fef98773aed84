/* What apply is doing, for whoever follows. */
#include "agent/apply/progress.h"

#include <unistd.h>

enum { PROGRESS_MAX = 1 * MIB, CHUNK = 16 * KIB };

bool progress_begin(const struct store *s, struct err *e)
{
	cleanup(fd_close) int fd = -1;

	return fs_create(&fd, s->dir, "progress", 0644, e);
}

bool progress_open(int *out, const struct store *s, struct err *e)
{
	return fs_append(out, s->dir, "progress", 0644, e);
}

/* Bounded: a trial of a day must not fill the card. */
void progress_say(int fd, const struct state *say)
{
	cleanup(doc_free) doc *d = shape_write(say, state_shape);
	cleanup(buf_free) struct buf line = BUF_MAX(4 * KIB);
	struct stat st;
	struct err e;

	doc_line(&line, d);
	buf_byte(&line, '\n');
	if (fd >= 0 && !line.failed && fstat(fd, &st) == 0 && st.st_size < PROGRESS_MAX)
		(void)!fs_put(fd, buf_str(&line), &e);
}

void progress_read(struct buf *out, const struct store *s, uint64_t *offset)
{
	cleanup(fd_close) int fd = -1;
	char chunk[CHUNK];
	struct err e;

	if (!fs_open_read(&fd, s->dir, "progress", &e))
		return;
	ssize_t n = pread(fd, chunk, sizeof chunk, (off_t)*offset);
	const char *end = n > 0 ? memrchr(chunk, '\n', (size_t)n) : NULL;
	if (!end)
		return;
	size_t whole = (size_t)(end - chunk) + 1;
	buf_add(out, str_bytes(chunk, whole));
	*offset += whole;
}
