/* Files: what is durable is whole or absent, and nothing is reached over a link. */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fault.h"

enum { NOBODY = 65534 };

struct room {
	char path[32];
	int dir;
};

static int room_open(void **state)
{
	struct room *r = mem_new(1, sizeof *r);
	struct err e = {0};

	strcpy(r->path, "/tmp/fs_test.XXXXXX");
	umask(077);
	*state = r;
	return mkdtemp(r->path) && fs_open_dir(&r->dir, AT_FDCWD, r->path, &e) ? 0 : -1;
}

static int room_close(void **state)
{
	struct room *r = *state;
	struct err e = {0};
	bool removed = fs_remove_tree(AT_FDCWD, r->path, &e);

	fd_close(&r->dir);
	free(r);
	return removed ? 0 : -1;
}

/* Root may write where the mode says no; the agent may not. */
static void become_nobody(const struct room *r)
{
	if (geteuid() == 0) {
		assert_int_equal(fchown(r->dir, NOBODY, NOBODY), 0);
		assert_int_equal(seteuid(NOBODY), 0);
	}
}

static void become_root(void)
{
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
}

static void write_text(const struct room *r, const char *path, const char *text)
{
	struct err e = {0};

	assert_true(fs_write(r->dir, path, str_of(text), 0644, &e));
}

static void make(const struct room *r, const char *path)
{
	struct err e = {0};

	assert_true(fs_mkdir(r->dir, path, 0755, &e));
}

static void assert_text(const struct room *r, const char *path, const char *text)
{
	cleanup(buf_free) struct buf got = {0};
	struct err e = {0};

	assert_true(fs_read(&got, r->dir, path, &e));
	assert_true(str_is(buf_str(&got), text));
}

/* "a b c": the names in a folder, to see what was left behind. */
static void assert_names(const struct room *r, const char *path, const char *expected)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	cleanup(buf_free) struct buf got = {0};
	struct err e = {0};

	assert_true(fs_names(&names, r->dir, path, &e));
	for (size_t i = 0; i < names.count; i++)
		buf_form(&got, "%s%s", i ? " " : "", names.name[i]);
	assert_string_equal(got.data ? got.data : "", expected);
}

static mode_t mode_of(const struct room *r, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(r->dir, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

/* --- reading --- */

static void a_file_is_read_as_it_was_written(void **state)
{
	const struct room *r = *state;
	cleanup(buf_free) struct buf got = BUF_MAX(5);
	struct err e = {0};
	uint64_t size = 0;

	assert_true(fs_write(r->dir, "f", str_bytes("a\0b\n\xff", 5), 0640, &e));
	assert_true(fs_read(&got, r->dir, "f", &e));
	assert_true(str_eq(buf_str(&got), str_bytes("a\0b\n\xff", 5)));
	assert_true(fs_size(&size, r->dir, "f", &e));
	assert_int_equal(size, 5);
	assert_int_equal(mode_of(r, "f"), 0640);
}

static void a_file_longer_than_allowed_is_refused_by_name(void **state)
{
	const struct room *r = *state;
	cleanup(buf_free) struct buf got = BUF_MAX(7);
	struct err e = {0};

	write_text(r, "plan", "12345");
	buf_text(&got, "old");
	assert_false(fs_read(&got, r->dir, "plan", &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_string_equal(e.text, "plan: more than 7 bytes");
	assert_true(str_is(buf_str(&got), "old"));
	assert_false(got.failed);
}

static void a_large_file_is_read_whole(void **state)
{
	const struct room *r = *state;
	cleanup(buf_free) struct buf text = {0}, got = {0};
	struct err e = {0};

	for (int i = 0; i < 100000; i++)
		buf_form(&text, "%d\n", i);
	assert_true(fs_write(r->dir, "big", buf_str(&text), 0644, &e));
	assert_true(fs_read(&got, r->dir, "big", &e));
	assert_true(str_eq(buf_str(&got), buf_str(&text)));
}

static void a_missing_file_is_missing(void **state)
{
	const struct room *r = *state;
	cleanup(buf_free) struct buf got = {0};
	struct err e = {0};
	int fd = 42;

	assert_false(fs_read(&got, r->dir, "no/such", &e));
	assert_int_equal(e.code, ERR_MISSING);
	assert_string_equal(e.text, "no/such: No such file or directory");
	assert_false(fs_open_read(&fd, r->dir, "none", &e));
	assert_int_equal(fd, 42);
	assert_false(fs_exists(r->dir, "none"));
}

static void a_link_is_not_read_through(void **state)
{
	const struct room *r = *state;
	cleanup(buf_free) struct buf got = {0};
	struct err e = {0};
	int fd = -1;

	write_text(r, "f", "secret");
	assert_true(fs_link(r->dir, "f", "l", &e));
	assert_false(fs_read(&got, r->dir, "l", &e));
	assert_int_equal(e.code, ERR_UNSAFE);
	assert_false(fs_append(&fd, r->dir, "l", 0644, &e));
	assert_int_equal(e.code, ERR_UNSAFE);
	assert_false(fs_open_dir(&fd, r->dir, "l", &e));
	assert_true(fs_exists(r->dir, "l"));
	assert_int_equal(got.len, 0);
}

static void a_fifo_and_a_folder_are_not_files(void **state)
{
	const struct room *r = *state;
	struct err e = {0};
	int fd = -1;

	assert_int_equal(mkfifoat(r->dir, "fifo", 0600), 0);
	make(r, "folder");
	assert_false(fs_open_read(&fd, r->dir, "fifo", &e));
	assert_int_equal(e.code, ERR_UNSAFE);
	assert_false(fs_open_read(&fd, r->dir, "folder", &e));
	assert_int_equal(e.code, ERR_UNSAFE);
	assert_int_equal(fd, -1);
}

static void descriptors_are_close_on_exec(void **state)
{
	const struct room *r = *state;
	cleanup(fd_close) int a = -1;
	cleanup(fd_close) int b = -1;
	struct err e = {0};

	write_text(r, "f", "x");
	assert_true(fs_open_read(&a, r->dir, "f", &e));
	assert_true(fs_create(&b, r->dir, "g", 0644, &e));
	assert_int_equal(fcntl(a, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(b, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(r->dir, F_GETFD), FD_CLOEXEC);
}

static void names_are_sorted_by_bytes(void **state)
{
	const struct room *r = *state;

	assert_names(r, "", "");
	write_text(r, "b", "");
	write_text(r, "B", "");
	write_text(r, "a.yaml", "");
	make(r, "Z");
	assert_names(r, "", "B Z a.yaml b");
}

static void a_long_link_target_is_refused(void **state)
{
	const struct room *r = *state;
	char target[600] = {0}, out[512] = "untouched";
	struct err e = {0};

	memset(target, 'x', 511);
	assert_true(fs_link(r->dir, target, "fits", &e));
	assert_true(fs_readlink(out, r->dir, "fits", &e));
	assert_string_equal(out, target);
	memset(target, 'y', 512);
	assert_true(fs_link(r->dir, target, "long", &e));
	assert_false(fs_readlink(out, r->dir, "long", &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(out[0], 'x');
}

static void there_is_free_space(void **state)
{
	const struct room *r = *state;
	struct err e = {0};
	uint64_t bytes = 0;

	assert_true(fs_space(&bytes, r->dir, &e));
	assert_true(bytes > 0);
	assert_true(fs_space(&bytes, AT_FDCWD, &e));
}

/* --- durable change --- */

static void reserved_room_keeps_what_is_there(void **state)
{
	const struct room *r = *state;
	cleanup(fd_close) int fd = -1;
	struct stat st;
	struct err e = {0};

	assert_true(fs_create(&fd, r->dir, "room", 0600, &e) && fs_put(fd, STR("abc"), &e));
	assert_true(fs_reserve(fd, 64 * KIB, &e) && fs_reserve(fd, 4 * KIB, &e));
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 64 * KIB);
	assert_true(st.st_blocks * 512 >= 64 * KIB);
	assert_false(fs_reserve(-1, 1, &e));
	assert_int_equal(e.code, ERR_IO);
}

static void what_a_restart_may_empty_is_known(void **state)
{
	cleanup(fd_close) int proc = -1;
	cleanup(fd_close) int shm = -1;
	struct err e = {0};
	struct statfs st;

	(void)state;
	assert_true(fs_open_dir(&proc, AT_FDCWD, "/proc", &e));
	assert_null(fs_volatile(proc));
	if (!fs_open_dir(&shm, AT_FDCWD, "/dev/shm", &e) || fstatfs(shm, &st) != 0 || st.f_type != TMPFS_MAGIC)
		skip();
	assert_string_equal(fs_volatile(shm), "tmpfs");
}

static void writing_replaces_whole_and_leaves_nothing_beside(void **state)
{
	const struct room *r = *state;
	struct err e = {0};

	write_text(r, "state", "a longer first text");
	assert_true(fs_write(r->dir, "state", STR("second"), 0600, &e));
	assert_text(r, "state", "second");
	assert_int_equal(mode_of(r, "state"), 0600);
	assert_names(r, "", "state");
}

static void what_a_killed_writer_left_is_reclaimed(void **state)
{
	const struct room *r = *state;
	struct err e = {0};

	write_text(r, ".state.new", "half");
	write_text(r, "victim", "untouched");
	write_text(r, "state", "whole");
	assert_text(r, "state", "whole");
	assert_int_equal(symlinkat("victim", r->dir, ".state.new"), 0);
	write_text(r, "state", "again");
	assert_int_equal(symlinkat("victim", r->dir, ".current.new"), 0);
	assert_true(fs_link(r->dir, "state", "current", &e));
	assert_text(r, "victim", "untouched");
	assert_names(r, "", "current state victim");
}

static void a_failed_write_leaves_the_old_file(void **state)
{
	const struct room *r = *state;
	struct err e = {0};

	make(r, "folder/inside");
	assert_false(fs_write(r->dir, "folder", STR("x"), 0644, &e));
	assert_int_equal(e.code, ERR_IO);
	assert_names(r, "", "folder");
	make(r, ".state.new/in the way");
	assert_false(fs_write(r->dir, "state", STR("x"), 0644, &e));
	assert_string_equal(e.text, "write state: Is a directory");
	assert_false(fs_write(r->dir, "none/f", STR("x"), 0644, &e));
	assert_int_equal(e.code, ERR_MISSING);
	assert_string_equal(e.text, "write none/f: No such file or directory");
}

static void two_writers_of_one_file_leave_one_of_them_whole(void **state)
{
	const struct room *r = *state;
	enum { WRITERS = 4, ROUNDS = 50, LENGTH = 100000 };
	cleanup(buf_free) struct buf got = {0};
	struct err e = {0};

	for (int w = 0; w < WRITERS; w++) {
		if (fork() != 0)
			continue;
		char *text = mem_new(LENGTH, 1);
		memset(text, 'a' + w, LENGTH);
		for (int i = 0; i < ROUNDS; i++)
			if (!fs_write(r->dir, "shared", str_bytes(text, LENGTH), 0644, &e))
				_exit(1);
		_exit(0);
	}
	for (int w = 0, status; w < WRITERS; w++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_true(fs_read(&got, r->dir, "shared", &e));
	assert_int_equal(got.len, LENGTH);
	for (size_t i = 1; i < got.len; i++)
		assert_int_equal(got.data[i], got.data[0]);
	assert_names(r, "", "shared");
}

static void folders_are_made_with_their_parents_and_exact_modes(void **state)
{
	const struct room *r = *state;
	struct err e = {0};

	assert_true(fs_mkdir(r->dir, "a//b/c/", 0750, &e));
	assert_true(fs_mkdir(r->dir, "a/b/c", 0750, &e));
	assert_int_equal(mode_of(r, "a/b/c"), 0750);
	assert_int_equal(mode_of(r, "a"), 0750);
	write_text(r, "f", "");
	assert_false(fs_mkdir(r->dir, "f", 0755, &e));
	assert_false(fs_mkdir(r->dir, "f/g", 0755, &e));
}

static void a_link_where_a_folder_should_be_made_is_refused(void **state)
{
	const struct room *r = *state;
	struct err e = {0};

	make(r, "real");
	assert_true(fs_link(r->dir, "real", "l", &e));
	assert_false(fs_mkdir(r->dir, "l", 0755, &e));
	assert_true(fs_mkdir(r->dir, "l/below", 0755, &e));
	assert_true(fs_exists(r->dir, "real/below"));
}

static void a_link_is_swapped(void **state)
{
	const struct room *r = *state;
	char to[512];
	struct err e = {0};

	assert_true(fs_link(r->dir, "releases/1", "current", &e));
	assert_true(fs_link(r->dir, "releases/2", "current", &e));
	assert_true(fs_readlink(to, r->dir, "current", &e));
	assert_string_equal(to, "releases/2");
	assert_names(r, "", "current");
}

static void a_link_does_not_replace_a_folder(void **state)
{
	const struct room *r = *state;
	struct err e = {0};

	make(r, "current");
	assert_false(fs_link(r->dir, "x", "current", &e));
	assert_int_equal(mode_of(r, "current"), 0755);
	assert_names(r, "", "current");
}

static void files_and_folders_are_renamed_across_folders(void **state)
{
	const struct room *r = *state;
	struct err e = {0};

	make(r, "staging/tree");
	make(r, "trees");
	write_text(r, "staging/f", "x");
	assert_true(fs_rename(r->dir, "staging/f", "trees/g", &e));
	assert_true(fs_rename(r->dir, "staging/tree", "trees/t", &e));
	assert_names(r, "staging", "");
	assert_names(r, "trees", "g t");
	assert_false(fs_rename(r->dir, "staging/f", "trees/g", &e));
	assert_int_equal(e.code, ERR_MISSING);
	assert_text(r, "trees/g", "x");
}

static void removing_what_is_absent_is_fine(void **state)
{
	const struct room *r = *state;
	struct err e = {0};

	write_text(r, "f", "");
	assert_true(fs_remove(r->dir, "f", &e));
	assert_true(fs_remove(r->dir, "f", &e));
	assert_true(fs_remove(r->dir, "no/such/folder", &e));
	assert_true(fs_remove_tree(r->dir, "f", &e));
	assert_true(fs_remove_tree(r->dir, "no/such/tree", &e));
	make(r, "folder");
	assert_false(fs_remove(r->dir, "folder", &e));
	assert_names(r, "", "folder");
}

/* --- trees --- */

static void a_tree_with_read_only_folders_is_removed(void **state)
{
	const struct room *r = *state;
	struct err e = {0};

	become_nobody(r);
	make(r, "tree/a/b");
	write_text(r, "tree/a/b/f", "x");
	write_text(r, "tree/g", "x");
	assert_int_equal(fchmodat(r->dir, "tree/a/b", 0, 0), 0);
	assert_int_equal(fchmodat(r->dir, "tree/a", 0555, 0), 0);
	assert_int_equal(fchmodat(r->dir, "tree", 0555, 0), 0);
	bool removed = fs_remove_tree(r->dir, "tree", &e);
	become_root();
	assert_true(removed);
	assert_names(r, "", "");
}

static void what_a_tree_links_to_stays(void **state)
{
	const struct room *r = *state;
	struct err e = {0};

	make(r, "outside");
	make(r, "tree");
	write_text(r, "outside/f", "x");
	assert_true(fs_link(r->dir, "../outside", "tree/l", &e));
	assert_true(fs_link(r->dir, "outside", "top", &e));
	assert_true(fs_remove_tree(r->dir, "tree", &e));
	assert_true(fs_remove_tree(r->dir, "top", &e));
	assert_names(r, "", "outside");
	assert_text(r, "outside/f", "x");
}

static void a_tree_too_deep_is_refused_and_can_be_named(void **state)
{
	const struct room *r = *state;
	cleanup(buf_free) struct buf path = {0};
	struct err e = {0};

	for (int i = 0; i < 70; i++)
		buf_text(&path, i ? "/d" : "deep");
	make(r, path.data);
	assert_false(fs_remove_tree(r->dir, "deep", &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_non_null(strstr(e.text, "remove deep: "));
	assert_names(r, "", ".deep.gone");
	assert_true(fs_rename(r->dir, ".deep.gone/d/d/d/d/d/d/d/d/d/d", "rest", &e));
	assert_true(fs_sweep(r->dir, "", &e));
	assert_true(fs_remove_tree(r->dir, "rest", &e));
	assert_names(r, "", "");
}

static void a_sweep_takes_leftovers_and_nothing_else(void **state)
{
	const struct room *r = *state;
	struct err e = {0};

	make(r, "store/.tree.gone/a");
	write_text(r, "store/.state.new", "half");
	write_text(r, "store/.hidden", "x");
	write_text(r, "store/state.new", "x");
	assert_true(fs_sweep(r->dir, "store", &e));
	assert_names(r, "store", ".hidden state.new");
	assert_false(fs_sweep(r->dir, "none", &e));
	assert_int_equal(e.code, ERR_MISSING);
}

static void a_sweep_leaves_what_somebody_is_writing(void **state)
{
	const struct room *r = *state;
	cleanup(fd_close) int writer = -1;
	struct err e = {0};

	make(r, "store");
	write_text(r, "store/.state.new", "half");
	assert_true(fs_append(&writer, r->dir, "store/.state.new", 0600, &e));
	assert_int_equal(flock(writer, LOCK_EX), 0);
	assert_true(fs_sweep(r->dir, "store", &e));
	assert_names(r, "store", ".state.new");
	fd_close(&writer);
	assert_true(fs_sweep(r->dir, "store", &e));
	assert_names(r, "store", "");
}

/* --- not durable until synced --- */

static void a_created_file_is_new_and_an_appended_one_grows(void **state)
{
	const struct room *r = *state;
	cleanup(fd_close) int fd = -1;
	cleanup(fd_close) int more = -1;
	struct err e = {0};

	write_text(r, "f", "old");
	assert_int_equal(linkat(r->dir, "f", r->dir, "reader", 0), 0);
	assert_true(fs_create(&fd, r->dir, "f", 0640, &e));
	assert_true(fs_put(fd, STR("one "), &e));
	assert_true(fs_append(&more, r->dir, "f", 0600, &e));
	assert_true(fs_put(more, STR("two"), &e));
	assert_true(fs_sync_fd(more, &e) && fs_sync_dir(r->dir, "", &e) && fs_syncfs(r->dir, &e));
	assert_text(r, "f", "one two");
	assert_text(r, "reader", "old");
	assert_int_equal(mode_of(r, "f"), 0640);
	fd_close(&more);
	assert_true(fs_append(&more, r->dir, "log", 0604, &e));
	assert_int_equal(mode_of(r, "log"), 0604);
}

static void putting_into_a_full_device_is_a_matter_of_space(void **state)
{
	(void)state;
	cleanup(fd_close) int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct err e = {0};

	if (fd < 0)
		skip();
	assert_false(fs_put(fd, STR("x"), &e));
	assert_int_equal(e.code, ERR_SPACE);
}

static void a_lock_is_held_by_one(void **state)
{
	const struct room *r = *state;
	cleanup(fd_close) int first = -1;
	cleanup(fd_close) int second = -1;
	struct err e = {0};
	bool taken = false;

	assert_true(fs_lock(&first, &taken, r->dir, "lock", false, &e));
	assert_true(taken);
	assert_true(fs_lock(&second, &taken, r->dir, "lock", false, &e));
	assert_false(taken);
	assert_int_equal(second, -1);
	fd_close(&first);
	assert_true(fs_lock(&second, &taken, r->dir, "lock", false, &e));
	assert_true(taken);
}

static void a_lock_whose_file_was_removed_is_taken_on_the_new_file(void **state)
{
	const struct room *r = *state;
	cleanup(fd_close) int first = -1;
	cleanup(fd_close) int second = -1;
	cleanup(fd_close) int third = -1;
	struct err e = {0};
	bool taken = false;

	assert_true(fs_lock(&first, &taken, r->dir, "lock", true, &e));
	assert_true(fs_remove(r->dir, "lock", &e));
	assert_true(fs_lock(&second, &taken, r->dir, "lock", true, &e));
	assert_true(taken);
	assert_true(fs_lock(&third, &taken, r->dir, "lock", false, &e));
	assert_false(taken);
}

/* --- the power goes before every operation --- */

#ifdef FLEET_FAULT
/* Runs `change` in a child that ends before its n-th durable operation; false when it came through. */
static bool cut(const struct room *r, bool (*change)(const struct room *r), int n)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		char at[16];
		snprintf(at, sizeof at, "%d", n);
		setenv("FLEET_FAULT_AT", at, 1);
		_exit(change(r) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == FAULT_STATUS);
	return WEXITSTATUS(status) == FAULT_STATUS;
}

static bool write_second(const struct room *r)
{
	struct err e = {0};

	return fs_write(r->dir, "state", STR("second"), 0644, &e);
}

static bool remove_tree(const struct room *r)
{
	struct err e = {0};

	return fs_remove_tree(r->dir, "tree", &e);
}

static void a_write_cut_anywhere_leaves_the_old_or_the_new(void **state)
{
	const struct room *r = *state;
	int n = 1;

	for (;; n++) {
		write_text(r, "state", "first");
		if (!cut(r, write_second, n))
			break;
		assert_text(r, "state", n <= 5 ? "first" : "second");
	}
	assert_int_equal(n, 7);
	assert_text(r, "state", "second");
	assert_names(r, "", "state");
}

static void a_removal_cut_anywhere_leaves_the_tree_whole_or_gone(void **state)
{
	const struct room *r = *state;
	struct err e = {0};
	bool more = true;

	for (int n = 1; more; n++) {
		make(r, "tree/a");
		write_text(r, "tree/a/f", "x");
		write_text(r, "tree/g", "x");
		more = cut(r, remove_tree, n);
		if (fs_exists(r->dir, "tree")) {
			assert_text(r, "tree/a/f", "x");
			assert_text(r, "tree/g", "x");
		}
		assert_true(fs_sweep(r->dir, "", &e));
	}
	assert_names(r, "", "");
}

/* In a child, for the count is the process's. */
static bool in_child(const struct room *r, const char *name, const char *value, bool (*change)(const struct room *r))
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		setenv(name, value, 1);
		_exit(change(r) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 0;
}

static bool write_and_link(const struct room *r)
{
	struct err e = {0};

	return write_second(r) && fs_link(r->dir, "state", "l", &e);
}

/* "word name": of each line of the log, in which bytes that were written stand behind theirs. */
static void words_of_log(struct buf *out, struct str log)
{
	while (log.len) {
		struct str line = str_cut(log, '\n', &log), field[6];
		uint64_t length;
		for (size_t i = 0; i < COUNT_OF(field); i++)
			field[i] = str_cut(line, '\t', &line);
		assert_true(str_number(&length, field[3], INT64_MAX));
		const char *name = memrchr(field[4].data, '/', field[4].len);
		struct str last = name ? str_bytes(name + 1, (size_t)(field[4].data + field[4].len - name - 1)) : field[4];
		buf_form(out, STR_FMT " " STR_FMT "\n", STR_ARG(field[1]), STR_ARG(last));
		if (str_is(field[1], "write"))
			log = str_bytes(log.data + length, log.len - (size_t)length);
	}
}

static void operations_come_in_their_durable_order(void **state)
{
	const struct room *r = *state;
	cleanup(free_ptr) char *log = path_form("%s/log", r->path), *name = str_dup(str_of(strrchr(r->path, '/') + 1));
	cleanup(free_ptr) char *want = path_form("create .state.new\nwrite .state.new\nchmod .state.new\nsync .state.new\n"
						 "rename .state.new\nsync %s\nsymlink .l.new\nrename .l.new\nsync %s\n",
		name, name);
	cleanup(buf_free) struct buf text = {0};
	cleanup(buf_free) struct buf words = {0};
	struct err e = {0};

	assert_true(in_child(r, "FLEET_FAULT_LOG", log, write_and_link));
	assert_true(fs_read(&text, r->dir, "log", &e));
	words_of_log(&words, buf_str(&text));
	assert_string_equal(buf_str(&words).data, want);
}

static void a_write_that_fails_anywhere_leaves_the_old_or_the_new_and_nothing_beside(void **state)
{
	static const char *const words[] = {"ENOSPC", "EIO", "EROFS", "EMFILE", "EDQUOT"};
	const struct room *r = *state;

	for (size_t i = 0; i < COUNT_OF(words); i++)
		for (int n = 1; n <= 6; n++) {
			cleanup(free_ptr) char *at = path_form("%d:%s", n, words[i]);
			write_text(r, "state", "first");
			assert_false(in_child(r, "FLEET_FAULT_ERR", at, write_second));
			assert_text(r, "state", n <= 5 ? "first" : "second");
			assert_names(r, "", "state");
		}
}

static void a_short_write_goes_on(void **state)
{
	const struct room *r = *state;

	assert_true(in_child(r, "FLEET_FAULT_ERR", "2:short", write_second));
	assert_text(r, "state", "second");
}
#endif

#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, room_open, room_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_ROOM(a_file_is_read_as_it_was_written),
		IN_ROOM(a_file_longer_than_allowed_is_refused_by_name),
		IN_ROOM(a_large_file_is_read_whole),
		IN_ROOM(a_missing_file_is_missing),
		IN_ROOM(a_link_is_not_read_through),
		IN_ROOM(a_fifo_and_a_folder_are_not_files),
		IN_ROOM(descriptors_are_close_on_exec),
		IN_ROOM(names_are_sorted_by_bytes),
		IN_ROOM(a_long_link_target_is_refused),
		IN_ROOM(there_is_free_space),
		IN_ROOM(reserved_room_keeps_what_is_there),
		IN_ROOM(what_a_restart_may_empty_is_known),
		IN_ROOM(writing_replaces_whole_and_leaves_nothing_beside),
		IN_ROOM(what_a_killed_writer_left_is_reclaimed),
		IN_ROOM(a_failed_write_leaves_the_old_file),
		IN_ROOM(two_writers_of_one_file_leave_one_of_them_whole),
		IN_ROOM(folders_are_made_with_their_parents_and_exact_modes),
		IN_ROOM(a_link_where_a_folder_should_be_made_is_refused),
		IN_ROOM(a_link_is_swapped),
		IN_ROOM(a_link_does_not_replace_a_folder),
		IN_ROOM(files_and_folders_are_renamed_across_folders),
		IN_ROOM(removing_what_is_absent_is_fine),
		IN_ROOM(a_tree_with_read_only_folders_is_removed),
		IN_ROOM(what_a_tree_links_to_stays),
		IN_ROOM(a_tree_too_deep_is_refused_and_can_be_named),
		IN_ROOM(a_sweep_takes_leftovers_and_nothing_else),
		IN_ROOM(a_sweep_leaves_what_somebody_is_writing),
		IN_ROOM(a_created_file_is_new_and_an_appended_one_grows),
		IN_ROOM(putting_into_a_full_device_is_a_matter_of_space),
		IN_ROOM(a_lock_is_held_by_one),
		IN_ROOM(a_lock_whose_file_was_removed_is_taken_on_the_new_file),
#ifdef FLEET_FAULT
		IN_ROOM(a_write_cut_anywhere_leaves_the_old_or_the_new),
		IN_ROOM(a_removal_cut_anywhere_leaves_the_tree_whole_or_gone),
		IN_ROOM(operations_come_in_their_durable_order),
		IN_ROOM(a_write_that_fails_anywhere_leaves_the_old_or_the_new_and_nothing_beside),
		IN_ROOM(a_short_write_goes_on),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
