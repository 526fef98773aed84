/* Files. The one door to durable change: whatever must survive a power cut is made here, in this order: written, synced,
 * renamed, folder synced. Paths are relative to `dir`, an open folder (AT_FDCWD works); every open is close-on-exec and none
 * follows a link in the last component. */
#pragma once

#include <dirent.h>
#include <sys/stat.h>

#include "base/buf.h"

void fd_close(int *fd);      /* cleanup; leaves -1 */
void dir_close(DIR **dir);
/* A path for people and for old interfaces: formatted, ends the program when memory ends; the caller frees. */
char *path_form(const char *form, ...) printf_like(1, 2);

must_check bool fs_open_dir(int *out, int dir, const char *path, struct err *e);
must_check bool fs_open_read(int *out, int dir, const char *path, struct err *e);
must_check bool fs_read(struct buf *out, int dir, const char *path, struct err *e); /* out's max is the limit */
must_check bool fs_read_fd(struct buf *out, int fd, struct err *e);                 /* to the end */
bool fs_exists(int dir, const char *path); /* a link counts, wherever it leads */
must_check bool fs_size(uint64_t *out, int dir, const char *path, struct err *e);
must_check bool fs_readlink(char out[512], int dir, const char *path, struct err *e);
/* Names in a folder, sorted by bytes, without '.' and '..'; owned by `out`: fs_names_free. */
struct fs_names {
	char **name;
	size_t count;
};
must_check bool fs_names(struct fs_names *out, int dir, const char *path, struct err *e);
void fs_names_free(struct fs_names *n);

/* --- durable --- */
/* Whole or not at all, also when two write at once; `mode` is exact, here and in fs_mkdir and fs_create, whatever the umask. */
must_check bool fs_write(int dir, const char *path, struct str bytes, mode_t mode, struct err *e);
must_check bool fs_mkdir(int dir, const char *path, mode_t mode, struct err *e); /* with parents; there already is fine */
must_check bool fs_link(int dir, const char *target, const char *path, struct err *e); /* symbolic, replaces atomically */
/* A file is synced before, both folders after. A folder that changes its parent must be writable (rename(2), EACCES):
 * take away its write bits afterwards. */
must_check bool fs_rename(int dir, const char *from, const char *to, struct err *e);
must_check bool fs_remove(int dir, const char *path, struct err *e); /* file or link; absent is fine; folder synced */
/* Absent is fine; never follows links; read-only folders are no obstacle. Under its own name the tree is whole or absent:
 * it is renamed to ".NAME.gone" before it is emptied. */
must_check bool fs_remove_tree(int dir, const char *path, struct err *e);
/* Removes what a killed run left in this folder: ".*.new" and ".*.gone", but not what an fs_write is at. Only for folders of ours
 * where nobody else links or removes; fs_write, fs_link and fs_remove_tree reclaim their own names without it. */
must_check bool fs_sweep(int dir, const char *path, struct err *e);
must_check bool fs_sync_fd(int fd, struct err *e);
must_check bool fs_sync_dir(int dir, const char *path, struct err *e); /* "" is dir itself */
must_check bool fs_syncfs(int fd, struct err *e); /* all of that file system */

/* --- not durable until synced --- */
must_check bool fs_create(int *out, int dir, const char *path, mode_t mode, struct err *e); /* new and empty; replaces */
must_check bool fs_append(int *out, int dir, const char *path, mode_t mode, struct err *e); /* at its end; made when absent */
must_check bool fs_put(int fd, struct str bytes, struct err *e); /* all of it */

must_check bool fs_reserve(int fd, uint64_t bytes, struct err *e); /* so much room is the file's, filled or not; keeps what is there */

/* "tmpfs", "ramfs" or "overlay" when what is written there may be gone after a restart; NULL: it lasts, as far as one can see. */
const char *fs_volatile(int dir);
must_check bool fs_space(uint64_t *free_bytes, int dir, struct err *e); /* for an unprivileged writer */
/* An exclusive flock on a file that is made when absent; *taken false when another holds it. Closing the fd lets go. */
must_check bool fs_lock(int *out, bool *taken, int dir, const char *path, bool wait, struct err *e);
