/* The power goes off here, in tests. */
#include "base/fault.h"

#ifdef FLEET_FAULT
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/door.h"
#include "base/fs.h"

/* --- the count; no product carries this file's code, so it may have a variable of its own --- */

enum counted { OPERATIONS, READS, COUNTS };
typedef atomic_long counter;
static counter own_count[COUNTS], *shared;

static counter *count(enum counted what)
{
	const char *file = getenv("FLEET_FAULT_COUNT");

	if (!file)
		return &own_count[what];
	if (!shared) {
		cleanup(fd_close) int fd = open(file, O_RDWR | O_CLOEXEC);
		void *at = fd < 0 ? MAP_FAILED : mmap(NULL, COUNTS * sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (at == MAP_FAILED)
			abort();
		shared = at;
	}
	return &shared[what];
}

/* --- what becomes of an operation --- */

enum fate { PASS, DIE_BEFORE, DIE_AFTER, TORN, FAIL, SHORT, ROT };
struct op {
	long number;
	enum fate fate;
	const char *word, *rest;         /* rest: a reason, or the second path */
	char path[PATH_MAX], second[PATH_MAX];
	const char *bytes;
	long long at, length;
};

static const struct {
	const char *word;
	int number;
} errors[] = {
	{"ENOSPC", ENOSPC},
	{"EIO", EIO},
	{"EROFS", EROFS},
	{"EMFILE", EMFILE},
	{"EDQUOT", EDQUOT},
	{"ENOMEM", ENOMEM},
};

/* Dead is dead: what another process comes to later is not done either. */
static enum fate fate_of_death(const char *when, long number, long n)
{
	if (number != n)
		return number > n ? DIE_BEFORE : PASS;
	if (strcmp(when, ":after") == 0)
		return DIE_AFTER;
	return strcmp(when, ":torn") == 0 ? TORN : DIE_BEFORE;
}

static enum fate fate_of_error(const char *what, long number, long n)
{
	struct str word = str_of(what + (*what == ':'));
	bool more = str_ends(word, "+");

	word.len -= more;
	if (number < n || (number > n && !more))
		return PASS;
	for (size_t i = 0; i < COUNT_OF(errors); i++)
		if (str_is(word, errors[i].word)) {
			errno = errors[i].number;
			return FAIL;
		}
	return str_is(word, "rot") ? ROT : SHORT;
}

static void begin(struct op *o, const char *word)
{
	const char *at = getenv("FLEET_FAULT_AT"), *wrong = getenv("FLEET_FAULT_ERR");
	char *rest;

	o->word = word;
	if (!at && !wrong && !getenv("FLEET_FAULT_LOG"))
		return;
	o->number = atomic_fetch_add(count(OPERATIONS), 1) + 1;
	if (at) {
		long n = strtol(at, &rest, 10);
		o->fate = n > 0 ? fate_of_death(rest, o->number, n) : PASS;
	}
	if (wrong && o->fate == PASS) {
		long n = strtol(wrong, &rest, 10);
		o->fate = fate_of_error(rest, o->number, n);
	}
	if (o->fate == DIE_BEFORE)
		_exit(FAULT_STATUS);
}

static int open_log(const char *variable)
{
	const char *log = getenv(variable);

	return log ? open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;
}

static void note(const struct op *o)
{
	cleanup(fd_close) int fd = open_log("FLEET_FAULT_LOG");
	cleanup(free_ptr) char *line = path_form("%ld\t%s\t%lld\t%lld\t%s\t%s\n", o->number, o->word, o->at, o->length,
		o->path[0] ? o->path : "-", o->rest ? o->rest : "-");
	const struct iovec all[] = {{line, strlen(line)}, {(void *)(uintptr_t)o->bytes, o->bytes ? (size_t)o->length : 0}};

	if (fd >= 0 && writev(fd, all, 2) < 0)
		abort();
}

/* Said of what was done; `result` goes through. */
static int end(const struct op *o, int result)
{
	int number = errno;

	if (result >= 0)
		note(o);
	if (o->fate == DIE_AFTER || o->fate == TORN)
		_exit(FAULT_STATUS);
	errno = number;
	return result;
}

/* --- where it happens: by the names that the kernel knows --- */

static void path_of_fd(char out[PATH_MAX], int fd)
{
	char link[32];

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, out, PATH_MAX - 1);
	out[n < 0 ? 0 : n] = 0;
}

static void path_of(char out[PATH_MAX], int dir, const char *path)
{
	cleanup(free_ptr) char *folder = str_dup(str_of(path));
	char *slash = strrchr(folder, '/');
	const char *name = slash ? path + (slash - folder) + 1 : path;
	char at[PATH_MAX];

	if (slash)
		slash[slash == folder] = 0;
	cleanup(fd_close) int fd = openat(dir, slash ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	path_of_fd(at, fd);
	snprintf(out, PATH_MAX, "%.2000s/%.2000s", at, name);
}

/* A new file, or one that is there: then nothing changes. */
static bool is_there(int dir, const char *path)
{
	struct stat st;

	return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Bytes for a line or a pipe are no change of a disk. */
static bool is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* --- the door --- */

int door_open(int dir, const char *path, int flags, mode_t mode)
{
	struct op o = {.length = mode};

	if (!(flags & O_CREAT) || is_there(dir, path))
		return openat(dir, path, flags, mode);
	begin(&o, "create");
	if (o.fate == FAIL)
		return -1;
	path_of(o.path, dir, path);
	return end(&o, openat(dir, path, flags, mode));
}

int door_openat2(int dir, const char *path, const void *how, size_t size)
{
	const struct open_how *h = how;
	struct op o = {.length = (long long)h->mode};

	if (!(h->flags & O_CREAT) || is_there(dir, path))
		return (int)syscall(SYS_openat2, dir, path, how, size);
	begin(&o, "create");
	if (o.fate == FAIL)
		return -1;
	path_of(o.path, dir, path);
	return end(&o, (int)syscall(SYS_openat2, dir, path, how, size));
}

/* The byte in the middle is another one. */
static void *rotten(const void *bytes, size_t n)
{
	char *copy = str_dup(str_bytes(bytes, n));

	copy[n / 2] ^= 1;
	return copy;
}

static ssize_t put(int fd, const void *bytes, size_t n, off_t at, bool append)
{
	cleanup(free_ptr) void *other = NULL;
	struct op o = {0};

	if (!is_file(fd))
		return append ? write(fd, bytes, n) : pwrite(fd, bytes, n, at);
	begin(&o, "write");
	if (o.fate == FAIL)
		return -1;
	if (o.fate == TORN || o.fate == SHORT)
		n = (n + 1) / 2;
	if (o.fate == ROT)
		bytes = other = rotten(bytes, n);
	o.bytes = bytes;
	path_of_fd(o.path, fd);
	if (append)
		at = fcntl(fd, F_GETFL) & O_APPEND ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
	ssize_t done = append ? write(fd, bytes, n) : pwrite(fd, bytes, n, at);
	o.at = at;
	o.length = MAX(done, 0);
	return end(&o, done < 0 ? -1 : 0) < 0 ? -1 : done;
}

ssize_t door_write(int fd, const void *bytes, size_t count)
{
	return put(fd, bytes, count, 0, true);
}

ssize_t door_pwrite(int fd, const void *bytes, size_t count, off_t at)
{
	return put(fd, bytes, count, at, false);
}

static bool on_fd(struct op *o, const char *word, int fd)
{
	begin(o, word);
	path_of_fd(o->path, fd);
	return o->fate != FAIL;
}

int door_truncate(int fd, off_t length)
{
	struct op o = {.at = length};

	return on_fd(&o, "truncate", fd) ? end(&o, ftruncate(fd, length)) : -1;
}

int door_reserve(int fd, off_t length)
{
	struct op o = {.at = length};

	if (!on_fd(&o, "reserve", fd))
		return errno;
	int number = posix_fallocate(fd, 0, length);
	(void)end(&o, number ? -1 : 0);
	return number;
}

int door_chmod(int fd, mode_t mode)
{
	struct op o = {.at = mode};

	return on_fd(&o, "chmod", fd) ? end(&o, fchmod(fd, mode)) : -1;
}

/* Said in the record as "removed: guard". */
int door_sync(int fd, const char *why, const char *name)
{
	struct op o = {.rest = o.second};

	snprintf(o.second, sizeof o.second, "%s%s%s", why, name ? ": " : "", name ? name : "");
	return on_fd(&o, "sync", fd) ? end(&o, fsync(fd)) : -1;
}

int door_syncfs(int fd, const char *why)
{
	struct op o = {.rest = why};

	return on_fd(&o, "syncfs", fd) ? end(&o, syncfs(fd)) : -1;
}

static bool on_name(struct op *o, const char *word, int dir, const char *path)
{
	begin(o, word);
	path_of(o->path, dir, path);
	return o->fate != FAIL;
}

int door_rename(int from, const char *name, int to, const char *as)
{
	struct op o = {0};

	o.rest = o.second;
	if (!on_name(&o, "rename", from, name))
		return -1;
	path_of(o.second, to, as);
	return end(&o, renameat(from, name, to, as));
}

int door_chmodat(int dir, const char *name, mode_t mode)
{
	struct op o = {.at = mode};

	return on_name(&o, "chmod", dir, name) ? end(&o, fchmodat(dir, name, mode, AT_SYMLINK_NOFOLLOW)) : -1;
}

/* What is not there cannot be taken away: no change. */
int door_unlink(int dir, const char *path, int flags)
{
	struct op o = {0};

	if (!is_there(dir, path))
		return unlinkat(dir, path, flags);
	return on_name(&o, flags & AT_REMOVEDIR ? "rmdir" : "unlink", dir, path) ? end(&o, unlinkat(dir, path, flags)) : -1;
}

int door_mkdir(int dir, const char *path, mode_t mode)
{
	struct op o = {.length = mode};

	if (is_there(dir, path))
		return mkdirat(dir, path, mode);
	return on_name(&o, "mkdir", dir, path) ? end(&o, mkdirat(dir, path, mode)) : -1;
}

int door_symlink(const char *target, int dir, const char *path)
{
	struct op o = {.rest = target};

	return on_name(&o, "symlink", dir, path) ? end(&o, symlinkat(target, dir, path)) : -1;
}

/* --- looking in --- */

/* It changes nothing, so nobody dies of it; what it is at is noted before, for it may lead nowhere. */
static bool may_look(const char *word, const char *path)
{
	const char *wrong = getenv("FLEET_FAULT_READ");
	cleanup(fd_close) int fd = open_log("FLEET_FAULT_READS");
	char *rest = NULL;

	if (!wrong && fd < 0)
		return true;
	long number = atomic_fetch_add(count(READS), 1) + 1, n = wrong ? strtol(wrong, &rest, 10) : 0;
	cleanup(free_ptr) char *line = path_form("%ld\t%s\t%s\n", number, word, path);
	if (fd >= 0 && write(fd, line, strlen(line)) < 0)
		abort();
	return !wrong || fate_of_error(rest, number, n) != FAIL;
}

int door_look(int dir, const char *path, int flags)
{
	char where[PATH_MAX];

	path_of(where, dir, path);
	return may_look("open", where) ? openat(dir, path, flags) : -1;
}

ssize_t door_read(int fd, void *to, size_t most)
{
	char where[PATH_MAX];

	path_of_fd(where, fd);
	return may_look("read", where) ? read(fd, to, most) : -1;
}

ssize_t door_readlink(int dir, const char *path, char *to, size_t most)
{
	char where[PATH_MAX];

	path_of(where, dir, path);
	return may_look("readlink", where) ? readlinkat(dir, path, to, most) : -1;
}

struct dirent *door_readdir(DIR *dir)
{
	char where[PATH_MAX];

	path_of_fd(where, dirfd(dir));
	if (!may_look("list", where))
		return NULL;
	errno = 0; /* which tells the end from a failure */
	return readdir(dir);
}

/* --- beside the door --- */

void fault_point(const char *what, const char *where)
{
	struct op o = {0};

	begin(&o, what);
	snprintf(o.path, sizeof o.path, "%.*s", (int)strcspn(where, "\t\n"), where);
	(void)end(&o, 0);
}

const char *fault_boot_id(const char *usual)
{
	const char *file = getenv("FLEET_FAULT_BOOT");

	return file ? file : usual;
}
#endif
