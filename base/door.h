/* The door itself: who changes what a disk holds makes these calls, here and in the rooms that unpack and receive; fs.h looks in
 * by the last four. In the product they are the system's calls and nothing else. `why` of a sync says whose it is, `name` what in
 * that folder it is for (NULL: the file itself). */
#pragma once

#include <dirent.h>
#include <sys/types.h>

#ifdef FLEET_FAULT
int door_open(int dir, const char *path, int flags, mode_t mode);
int door_openat2(int dir, const char *path, const void *how, size_t size);
ssize_t door_write(int fd, const void *bytes, size_t count);
ssize_t door_pwrite(int fd, const void *bytes, size_t count, off_t at);
int door_truncate(int fd, off_t length);
int door_reserve(int fd, off_t length); /* an errno */
int door_chmod(int fd, mode_t mode);
int door_chmodat(int dir, const char *name, mode_t mode);
int door_sync(int fd, const char *why, const char *name);
int door_syncfs(int fd, const char *why);
int door_rename(int from, const char *name, int to, const char *as);
int door_unlink(int dir, const char *path, int flags);
int door_mkdir(int dir, const char *path, mode_t mode);
int door_symlink(const char *target, int dir, const char *path);
int door_look(int dir, const char *path, int flags); /* opens for reading */
ssize_t door_read(int fd, void *to, size_t most);
ssize_t door_readlink(int dir, const char *path, char *to, size_t most);
struct dirent *door_readdir(DIR *dir);
#else
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define door_open                            openat
#define door_openat2(dir, path, how, size)   (int)syscall(SYS_openat2, dir, path, how, size)
#define door_write                           write
#define door_pwrite                          pwrite
#define door_truncate                        ftruncate
#define door_reserve(fd, length)             posix_fallocate(fd, 0, length)
#define door_chmod                           fchmod
#define door_chmodat(dir, name, mode)        fchmodat(dir, name, mode, AT_SYMLINK_NOFOLLOW)
#define door_sync(fd, why, name)             ((void)(why), (void)(name), fsync(fd))
#define door_syncfs(fd, why)                 ((void)(why), syncfs(fd))
#define door_rename                          renameat
#define door_unlink                          unlinkat
#define door_mkdir                           mkdirat
#define door_symlink                         symlinkat
#define door_look                            openat
#define door_read                            read
#define door_readlink                        readlinkat
#define door_readdir                         readdir
#endif
