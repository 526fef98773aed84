/* Where a downloaded target lies. */
#include "tests/tuf/place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"

#define UNFINISHED ".unfinished+" /* the encoding never writes a plus */

/* --- names --- */

static bool is_plain(struct str part)
{
	if (part.len == 0 || part.len > NAME_MAX || str_is(part, UNFINISHED))
		return false;
	for (size_t i = 0; i < part.len; i++)
		if ((unsigned char)part.data[i] < ' ' || part.data[i] == 0x7f)
			return false;
	return true;
}

static bool climbs(struct str part)
{
	return str_is(part, ".") || str_is(part, "..");
}

bool place_path(char **out, const char *target, struct err *e)
{
	bool plain = target[0] && !str_ends(str_of(target), "/");
	char file[512];

	for (struct str rest = str_of(target), part; rest.len;) {
		part = str_cut(rest, '/', &rest);
		if (climbs(part))
			return err_set(e, ERR_UNSAFE, "%s: a target's name must not climb", target);
		plain = plain && is_plain(part);
	}
	if (plain) {
		*out = str_dup(str_of(target));
		return true;
	}
	if (!target[0] || strlen(target) * 3 + strlen(".json") > NAME_MAX)
		return err_set(e, ERR_UNSAFE, "%s: no file can be named so", target);
	trust_role_file(file, target, 0); /* encodes as roles are */
	file[strlen(file) - strlen(".json")] = 0;
	*out = str_dup(str_of(file));
	return true;
}

static int open_beneath(int dir, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
}

/* Each folder on the way is there, and is no link. */
static bool make_way(int tdir, const char *path, struct err *e)
{
	cleanup(free_ptr) char *way = str_dup(str_of(path));

	for (char *slash = way; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		if (mkdirat(tdir, way, 0755) != 0 && errno != EEXIST)
			return err_sys(e, "make folder %s", way);
		cleanup(fd_close) int fd = open_beneath(tdir, way, O_PATH | O_DIRECTORY);
		if (fd < 0)
			return err_sys(e, "folder %s", way);
		*slash = '/';
	}
	return true;
}

/* --- bytes --- */

/* Mapped, not read: a target may be longer than memory. */
static bool check(int fd, const struct trust_target *want, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_sys(e, "look");
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != want->length)
		return err_set(e, ERR_DIGEST, "%llu bytes, and %llu are signed", (unsigned long long)st.st_size,
			(unsigned long long)want->length);
	if (st.st_size == 0)
		return trust_target_check(want, STR(""), e);
	void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return err_sys(e, "map");
	bool ok = trust_target_check(want, str_bytes(bytes, (size_t)st.st_size), e);
	munmap(bytes, (size_t)st.st_size);
	return ok;
}

bool place_has(int tdir, const char *path, const struct trust_target *want)
{
	cleanup(fd_close) int fd = open_beneath(tdir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	return fd >= 0 && check(fd, want, NULL);
}

bool place_begin(int *fd, int tdir, struct err *e)
{
	cleanup(fd_close) int made = -1;

	place_drop(tdir);
	made = openat(tdir, UNFINISHED, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (made < 0)
		return err_sys(e, "make a file");
	*fd = made;
	made = -1;
	return true;
}

bool place_take(int tdir, int fd, const char *path, const struct trust_target *want, struct err *e)
{
	return check(fd, want, e) && make_way(tdir, path, e) && fs_rename(tdir, UNFINISHED, path, e);
}

void place_drop(int tdir)
{
	unlinkat(tdir, UNFINISHED, 0);
}
