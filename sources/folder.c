/* A repository in a folder; no name and no link in it leads out. */
#include "sources/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "sources/kind.h"

enum { CHUNK = 64 * KIB };

struct folder {
	struct source source;
	int dir;
};

/* O_NONBLOCK, because opening a FIFO would wait for its writer before we could see what it is. */
static int open_beneath(int dir, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
}

static bool open_failed(bool *absent, struct err *e)
{
	*absent = errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG;
	if (*absent)
		return true;
	if (errno == EXDEV || errno == ELOOP)
		return err_set(e, ERR_UNSAFE, "it leads out of its folder");
	return err_sys(e, "open");
}

static void mark_of(struct source_mark *out, const struct stat *st)
{
	snprintf(out->etag, sizeof out->etag, "%llx-%llx-%llx.%09ld", (unsigned long long)st->st_ino,
		(unsigned long long)st->st_size, (unsigned long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}

static bool copy(struct source_to *to, int fd, uint64_t from, uint64_t most, struct err *e)
{
	char bytes[CHUNK];

	if (!source_begin(to, from, e))
		return false;
	for (;;) {
		ssize_t n = pread(fd, bytes, sizeof bytes, (off_t)to->at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (n == 0)
			return source_done(to, e);
		if (!source_put(to, str_bytes(bytes, (size_t)n), most, e))
			return false;
	}
}

static bool folder_get(
	struct source_answer *out, struct source *s, const struct source_ask *ask, struct source_to *to, struct err *e)
{
	struct folder *f = (struct folder *)s;
	cleanup(free_ptr) char *path = path_form("%s/%s", source_part_words[ask->part], ask->name);
	struct stat st;
	bool absent = false;

	if (ask->name[0] == '/')
		return err_set(e, ERR_UNSAFE, "it leads out of its folder");
	cleanup(fd_close) int fd = open_beneath(f->dir, path);
	if (fd < 0 && !open_failed(&absent, e))
		return false;
	if (absent) {
		out->say = SOURCE_ABSENT;
		return true;
	}
	if (fstat(fd, &st) != 0)
		return err_sys(e, "look");
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_UNSAFE, "not a file");
	mark_of(&out->mark, &st);
	bool same = ask->known && strcmp(ask->known->etag, out->mark.etag) == 0;
	if (same && ask->from == 0) {
		out->say = SOURCE_UNCHANGED;
		return true;
	}
	if ((uint64_t)st.st_size > ask->max)
		return err_set(e, ERR_LIMIT, "longer than %llu bytes", (unsigned long long)ask->max);
	/* what is held is more than there is, or looked otherwise: it was another file's */
	out->from = ask->from <= (uint64_t)st.st_size && (same || !ask->known) ? ask->from : 0;
	if (!copy(to, fd, out->from, ask->max, e))
		return false;
	out->length = to->at;
	return true;
}

static void folder_end(struct source *s)
{
	struct folder *f = (struct folder *)s;

	fd_close(&f->dir);
	free_ptr(&f);
}

bool source_folder(struct source **out, const char *dir, struct err *e)
{
	static const struct source_kind kind = {folder_get, folder_end};
	int at = -1;

	if (!fs_open_dir(&at, AT_FDCWD, dir, e)) {
		e->code = e->code == ERR_IO ? ERR_UNREACHABLE : e->code;
		return err_in(e, "repository");
	}
	struct folder *f = mem_new(1, sizeof *f);
	*f = (struct folder){{&kind}, at};
	*out = &f->source;
	return true;
}
