/* For programs under qemu's user emulation, which does not know openat2: the same strictness by hand, a component at a time. For
 * tests of another architecture alone; on a Pi it is the kernel that refuses. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NAME_SIZE = 256 };

static int refuse(int error)
{
	errno = error;
	return -1;
}

/* Each folder on the way is a real one below the last; links and climbing are refused as the kernel does. */
static int walk(int dir, const char *path, const struct open_how *how)
{
	int at = dir, fd = -1;

	if (path[0] == '/')
		return refuse(EXDEV);
	for (;;) {
		char name[NAME_SIZE];
		size_t len = strcspn(path, "/");
		const char *rest = path + len + strspn(path + len, "/");
		if (len >= sizeof name)
			fd = refuse(ENAMETOOLONG);
		else {
			memcpy(name, path, len);
			name[len] = 0;
			if (strcmp(name, "..") == 0)
				fd = refuse(EXDEV);
			else if (*rest)
				fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			else
				fd = openat(at, name, (int)how->flags | O_NOFOLLOW, (mode_t)how->mode);
		}
		int error = errno;
		if (at != dir)
			close(at);
		if (fd < 0)
			return refuse(error == ENOTDIR && *rest ? ELOOP : error);
		if (!*rest)
			return fd;
		at = fd;
		path = rest;
	}
}

__attribute__((visibility("default"))) long syscall(long number, ...)
{
	static long (*real)(long, ...);
	long a[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_openat2)
		return walk((int)a[0], (const char *)a[1], (const struct open_how *)a[2]);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
