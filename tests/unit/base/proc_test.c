/* Programs: clean, bounded, and gone with everything they started. */
#include "base/proc.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"

enum { PATIENCE_MS = 60000, AT_ONCE_MS = 1, PLENTY = 64 * KIB };

/* Scripts run in a folder of the test's; "ready" is a FIFO there, by which a script says that it has come so far. */
struct room {
	char path[32];
	int dir;
};

static int room_open(void **state)
{
	struct room *r = mem_new(1, sizeof *r);
	struct err e = {0};

	strcpy(r->path, "/tmp/proc_test.XXXXXX");
	*state = r;
	return mkdtemp(r->path) && fs_open_dir(&r->dir, AT_FDCWD, r->path, &e) && mkfifoat(r->dir, "ready", 0600) == 0
		       ? 0
		       : -1;
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

static void end_free(struct proc_end *end)
{
	buf_free(&end->output);
}

static char **script(const char *text)
{
	static char *argv[] = {"/bin/sh", "-c", NULL, NULL};

	argv[2] = (char *)text;
	return argv;
}

static void run(struct proc_end *end, const struct room *r, const char *text)
{
	const struct proc_job job = {
		.argv = script(text), .cwd = r->dir, .timeout_ms = PATIENCE_MS, .output_max = PLENTY};
	struct err e = {0};

	if (!proc_run(end, &job, &e))
		fail_msg("%s", e.text);
}

static struct proc *start(const struct room *r, const char *text, int64_t timeout_ms)
{
	const struct proc_job job = {
		.argv = script(text), .cwd = r->dir, .timeout_ms = timeout_ms, .output_max = PLENTY};
	struct proc *p = NULL;
	struct err e = {0};

	if (!proc_start(&p, &job, &e))
		fail_msg("%s", e.text);
	return p;
}

/* Waits for the script to write its numbers into "ready". Nothing is killed meanwhile: nobody steps. */
static size_t wait_ready(const struct room *r, pid_t *pids, size_t count)
{
	cleanup(fd_close) int fd = openat(r->dir, "ready", O_RDONLY | O_CLOEXEC);
	cleanup(buf_free) struct buf text = {0};
	struct err e = {0};
	size_t n = 0;

	assert_true(fs_read_fd(&text, fd, &e));
	for (char *at = text.data; n < count && *at; at++) {
		pids[n++] = (pid_t)strtol(at, &at, 10);
		assert_true(*at == '\n' || *at == ' ');
	}
	return n;
}

static void step_to_the_end(struct proc *p)
{
	while (!proc_step(p)) {
		struct pollfd fd = {.fd = proc_fd(p), .events = POLLIN};
		poll(&fd, 1, (int)proc_left_ms(p));
	}
}

/* A dead one whom nobody reaps counts as gone. Killing takes the kernel a moment; this waits, and never ends for the
 * living. */
static void assert_gone(pid_t pid)
{
	cleanup(fd_close) int fd = pidfd_open(pid, 0);
	struct pollfd gone = {.fd = fd, .events = POLLIN};

	assert_true(pid > 1);
	if (fd >= 0)
		assert_int_equal(poll(&gone, 1, -1), 1);
}

static void assert_output(const struct proc_end *end, const char *expected)
{
	assert_string_equal(end->output.data ? end->output.data : "", expected);
}

/* --- how it ended --- */

static void output_and_exit_code_come_back(void **state)
{
	cleanup(end_free) struct proc_end end = {0};

	run(&end, *state, "echo out; echo err >&2; exit 3");
	assert_output(&end, "out\nerr\n");
	assert_int_equal(end.status, 3);
	assert_false(end.timed_out || end.cut);
}

static void a_signal_is_128_and_its_number(void **state)
{
	cleanup(end_free) struct proc_end end = {0};

	run(&end, *state, "kill -SEGV $$");
	assert_int_equal(end.status, 128 + SIGSEGV);
	assert_false(end.timed_out);
}

static void a_missing_program_is_not_started(void **state)
{
	const struct room *r = *state;
	static const struct {
		char *name;
		enum err_code code;
	} rows[] = {{"no-such-program", ERR_MISSING}, {"/no/such/program", ERR_MISSING}, {"./no-such", ERR_MISSING},
		{"/etc/passwd", ERR_IO}, {"/etc", ERR_IO}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *argv[] = {rows[i].name, NULL};
		const struct proc_job job = {.argv = argv, .cwd = r->dir, .timeout_ms = PATIENCE_MS};
		struct proc_end end = {.status = 42};
		struct err e = {0};
		assert_false(proc_run(&end, &job, &e));
		assert_int_equal(e.code, rows[i].code);
		assert_true(str_starts(str_of(e.text), rows[i].name));
		assert_int_equal(end.status, 42);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void a_script_that_is_no_program_says_so(void **state)
{
	const struct room *r = *state;
	char *argv[] = {"./plain", NULL};
	const struct proc_job job = {.argv = argv, .cwd = r->dir, .timeout_ms = PATIENCE_MS};
	struct proc_end end = {0};
	struct err e = {0};

	assert_true(fs_write(r->dir, "plain", STR("no interpreter is named here\n"), 0755, &e));
	assert_false(proc_run(&end, &job, &e));
	assert_string_equal(e.text, "./plain: cannot be run: Exec format error");
}

static void a_folder_that_is_none_is_refused(void **state)
{
	(void)state;
	cleanup(fd_close) int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const struct proc_job job = {.argv = script("exit"), .cwd = file, .timeout_ms = PATIENCE_MS};
	struct proc_end end = {0};
	struct err e = {0};

	assert_false(proc_run(&end, &job, &e));
	assert_string_equal(e.text, "/bin/sh: cannot go to its folder: Not a directory");
}

static void a_program_without_a_time_is_our_mistake(void **state)
{
	(void)state;
	const struct proc_job job = {.argv = script("exit"), .cwd = -1};
	struct proc *p = NULL;
	struct err e = {0};

	assert_false(proc_start(&p, &job, &e));
	assert_int_equal(e.code, ERR_INTERNAL);
	assert_null(p);
}

/* --- what it starts with --- */

static void the_environment_is_clean(void **state)
{
	const struct room *r = *state;
	char *argv[] = {"env", NULL};
	const struct proc_job job = {.argv = argv, .cwd = r->dir, .timeout_ms = PATIENCE_MS, .output_max = PLENTY};
	cleanup(end_free) struct proc_end end = {0};
	struct err e = {0};

	setenv("SECRET", "x", 1);
	setenv("LD_PRELOAD_X", "x", 1);
	assert_true(proc_run(&end, &job, &e));
	assert_output(&end, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nLANG=C\nTZ=UTC\n");
}

static void a_program_is_found_in_the_path_it_is_given(void **state)
{
	const struct room *r = *state;
	cleanup(free_ptr) char *path = path_form("PATH=relative::%s", r->path);
	char *argv[] = {"hello", "you", NULL}, *env[] = {"A=1", path, NULL};
	struct proc_job job = {
		.argv = argv, .env = env, .cwd = r->dir, .timeout_ms = PATIENCE_MS, .output_max = PLENTY};
	cleanup(end_free) struct proc_end end = {0};
	struct err e = {0};

	assert_true(fs_write(r->dir, "hello", STR("#!/bin/sh\necho \"$A $1\"\n"), 0755, &e));
	assert_true(proc_run(&end, &job, &e));
	assert_output(&end, "1 you\n");
	env[1] = "PATH=.";
	assert_false(proc_start(&(struct proc *){0}, &job, &e));
	assert_int_equal(e.code, ERR_MISSING);
	assert_string_equal(e.text, "hello: no such program in .");
}

static void signals_are_as_if_nobody_had_touched_them(void **state)
{
	cleanup(end_free) struct proc_end end = {0};
	sigset_t some, before;

	sigemptyset(&some);
	sigaddset(&some, SIGTERM);
	sigprocmask(SIG_BLOCK, &some, &before);
	signal(SIGPIPE, SIG_IGN);
	run(&end, *state, "exec grep -E 'Sig(Blk|Ign):' /proc/self/status");
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	assert_output(&end, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

static void no_other_file_is_open_and_no_core_is_written(void **state)
{
	cleanup(end_free) struct proc_end end = {0};

	assert_int_equal(dup2(STDERR_FILENO, 50), 50);
	run(&end, *state, "test -e /proc/self/fd/50 && echo leaked; ulimit -c; cat");
	close(50);
	assert_output(&end, "0\n");
}

static void it_leads_a_group_of_its_own(void **state)
{
	cleanup(end_free) struct proc_end end = {0};

	run(&end, *state, "read -r pid name state parent group rest < /proc/$$/stat; test $group = $$ && echo own");
	assert_output(&end, "own\n");
}

static void input_is_given_whole(void **state)
{
	const struct room *r = *state;
	cleanup(buf_free) struct buf input = {0};
	cleanup(end_free) struct proc_end end = {0};
	struct err e = {0};

	for (int i = 0; i < 100000; i++)
		buf_form(&input, "%d\n", i);
	const struct proc_job job = {.argv = script("tail -n 1; echo more >&2"),
		.cwd = r->dir,
		.input = buf_str(&input),
		.timeout_ms = PATIENCE_MS,
		.output_max = PLENTY};
	assert_true(proc_run(&end, &job, &e));
	assert_output(&end, "99999\nmore\n");
}

/* In a process of its own, which loses 0, 1 and 2: the pipes get these numbers. */
static void a_parent_without_files_can_run_one(void **state)
{
	const struct room *r = *state;
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		const struct proc_job job = {.argv = script("cat; echo out; echo err >&2"),
			.cwd = r->dir,
			.input = STR("in "),
			.timeout_ms = PATIENCE_MS,
			.output_max = PLENTY};
		struct proc_end end = {0};
		struct err e = {0};
		for (int fd = 0; fd < 3; fd++)
			close(fd);
		_exit(proc_run(&end, &job, &e) && str_is(buf_str(&end.output), "in out\nerr\n") ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* --- how much it may say --- */

static void of_ten_megabytes_the_last_bytes_are_kept(void **state)
{
	const struct room *r = *state;
	const struct proc_job job = {.argv = script("head -c 10000000 /dev/zero | tr '\\0' x; echo END"),
		.cwd = r->dir,
		.timeout_ms = PATIENCE_MS,
		.output_max = 1000};
	cleanup(end_free) struct proc_end end = {0};
	struct err e = {0};

	assert_true(proc_run(&end, &job, &e));
	assert_true(end.cut);
	assert_int_equal(end.output.len, 1000);
	assert_true(str_ends(buf_str(&end.output), "xxxEND\n"));
	assert_true(end.output.room < 100000);
	assert_int_equal(end.status, 0);
}

static void output_that_just_fits_is_not_cut(void **state)
{
	const struct room *r = *state;
	struct proc_job job = {
		.argv = script("printf 12345"), .cwd = r->dir, .timeout_ms = PATIENCE_MS, .output_max = 5};
	struct err e = {0};

	for (size_t max = 0; max <= 5; max++) {
		cleanup(end_free) struct proc_end end = {0};
		job.output_max = max;
		assert_true(proc_run(&end, &job, &e));
		assert_int_equal(end.output.len, max);
		assert_true(end.cut == (max < 5));
		assert_true(str_ends(STR("12345"), end.output.data ? end.output.data : ""));
	}
}

static void it_may_close_its_output_and_live_on(void **state)
{
	const struct room *r = *state;
	cleanup(end_free) struct proc_end end = {0};
	pid_t pid;

	struct proc *p = start(r, "echo last; exec >&- 2>&-; echo $$ > ready; exit 4", PATIENCE_MS);
	assert_int_equal(wait_ready(r, &pid, 1), 1);
	step_to_the_end(p);
	proc_finish(&p, &end);
	assert_output(&end, "last\n");
	assert_int_equal(end.status, 4);
}

/* --- how it is ended --- */

static void a_hanging_program_is_killed_with_its_children(void **state)
{
	const struct room *r = *state;
	cleanup(end_free) struct proc_end end = {0};
	pid_t pids[3];

	struct proc *p = start(r, "sleep 1000 & a=$!; sleep 1000 & echo $a $! $$ > ready; wait", AT_ONCE_MS);
	assert_int_equal(wait_ready(r, pids, 3), 3);
	step_to_the_end(p);
	proc_finish(&p, &end);
	assert_null(p);
	assert_true(end.timed_out);
	assert_int_equal(end.status, 128 + SIGTERM);
	for (size_t i = 0; i < 3; i++)
		assert_gone(pids[i]);
}

static void a_program_may_say_goodbye_at_its_deadline(void **state)
{
	const struct room *r = *state;
	cleanup(end_free) struct proc_end end = {0};
	pid_t pid;

	struct proc *p = start(r, "trap 'echo bye; exit 7' TERM; echo $$ > ready; while :; do :; done", AT_ONCE_MS);
	wait_ready(r, &pid, 1);
	step_to_the_end(p);
	proc_finish(&p, &end);
	assert_true(end.timed_out);
	assert_int_equal(end.status, 7);
	assert_output(&end, "bye\n");
}

static void who_ignores_the_polite_signal_is_killed(void **state)
{
	const struct room *r = *state;
	cleanup(end_free) struct proc_end end = {0};
	pid_t pids[2];

	struct proc *p = start(r, "trap '' TERM; sleep 1000 & echo $$ $! > ready; wait; exec sleep 1000", AT_ONCE_MS);
	assert_int_equal(wait_ready(r, pids, 2), 2);
	step_to_the_end(p);
	proc_finish(&p, &end);
	assert_true(end.timed_out);
	assert_int_equal(end.status, 128 + SIGKILL);
	assert_gone(pids[0]);
	assert_gone(pids[1]);
}

static void what_a_finished_program_left_running_is_killed(void **state)
{
	cleanup(end_free) struct proc_end end = {0};

	run(&end, *state, "sleep 1000 & echo $!");
	assert_int_equal(end.status, 0);
	assert_false(end.timed_out);
	assert_gone((pid_t)atol(end.output.data));
}

static void who_escaped_the_group_is_not_waited_for(void **state)
{
	cleanup(end_free) struct proc_end end = {0};

	run(&end, *state, "setsid sh -c 'echo $$; echo > ready; exec sleep 1000' & read -r x < ready; echo done");
	assert_int_equal(end.status, 0);
	assert_false(end.timed_out);
	pid_t escaped = (pid_t)atol(end.output.data);
	assert_int_equal(kill(escaped, SIGKILL), 0);
	assert_gone(escaped);
	assert_true(str_ends(buf_str(&end.output), "\ndone\n"));
}

static void who_escaped_and_writes_for_ever_is_not_listened_to(void **state)
{
	cleanup(end_free) struct proc_end end = {0};

	run(&end, *state, "setsid sh -c 'echo $$ > ready; exec yes' & read -r x < ready; echo $x > pid; exit 5");
	assert_int_equal(end.status, 5);
	assert_true(end.output.len <= PLENTY);
	cleanup(buf_free) struct buf pid = {0};
	struct err e = {0};
	assert_true(fs_read(&pid, ((const struct room *)*state)->dir, "pid", &e));
	assert_gone((pid_t)atol(pid.data)); /* its pipe was closed */
}

static void finishing_early_kills(void **state)
{
	const struct room *r = *state;
	pid_t pids[2];

	struct proc *p = start(r, "sleep 1000 & echo $$ $! > ready; wait", PATIENCE_MS);
	wait_ready(r, pids, 2);
	assert_false(proc_step(p));
	assert_true(proc_left_ms(p) > 0);
	proc_finish(&p, NULL);
	assert_null(p);
	proc_finish(&p, NULL);
	assert_gone(pids[0]);
	assert_gone(pids[1]);
}

static void it_dies_with_who_started_it(void **state)
{
	const struct room *r = *state;
	pid_t pid = 0, middle = fork();

	if (middle == 0) {
		start(r, "echo $$ > ready; exec sleep 1000", PATIENCE_MS);
		for (;;)
			pause();
	}
	wait_ready(r, &pid, 1);
	kill(middle, SIGKILL);
	waitpid(middle, NULL, 0);
	assert_gone(pid);
}

static void several_run_beside_each_other(void **state)
{
	enum { COUNT = 8 };
	struct proc *p[COUNT];
	struct pollfd fds[COUNT];
	size_t ended = 0;

	for (size_t i = 0; i < COUNT; i++) {
		cleanup(free_ptr) char *text = path_form("echo %zu; cat; exit %zu", i, i);
		p[i] = start(*state, text, PATIENCE_MS);
		fds[i] = (struct pollfd){.fd = proc_fd(p[i]), .events = POLLIN};
	}
	while (ended < COUNT) {
		assert_true(poll(fds, COUNT, PATIENCE_MS) > 0);
		for (size_t i = 0; i < COUNT; i++)
			if (fds[i].revents && proc_step(p[i])) {
				cleanup(end_free) struct proc_end end = {0};
				proc_finish(&p[i], &end);
				fds[i].fd = -1;
				ended++;
				assert_int_equal(end.status, i);
				assert_int_equal(atol(end.output.data), i);
			}
	}
}

#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, room_open, room_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_ROOM(output_and_exit_code_come_back),
		IN_ROOM(a_signal_is_128_and_its_number),
		IN_ROOM(a_missing_program_is_not_started),
		IN_ROOM(a_script_that_is_no_program_says_so),
		IN_ROOM(a_folder_that_is_none_is_refused),
		IN_ROOM(a_program_without_a_time_is_our_mistake),
		IN_ROOM(the_environment_is_clean),
		IN_ROOM(a_program_is_found_in_the_path_it_is_given),
		IN_ROOM(signals_are_as_if_nobody_had_touched_them),
		IN_ROOM(no_other_file_is_open_and_no_core_is_written),
		IN_ROOM(it_leads_a_group_of_its_own),
		IN_ROOM(input_is_given_whole),
		IN_ROOM(a_parent_without_files_can_run_one),
		IN_ROOM(of_ten_megabytes_the_last_bytes_are_kept),
		IN_ROOM(output_that_just_fits_is_not_cut),
		IN_ROOM(it_may_close_its_output_and_live_on),
		IN_ROOM(a_hanging_program_is_killed_with_its_children),
		IN_ROOM(a_program_may_say_goodbye_at_its_deadline),
		IN_ROOM(who_ignores_the_polite_signal_is_killed),
		IN_ROOM(what_a_finished_program_left_running_is_killed),
		IN_ROOM(who_escaped_the_group_is_not_waited_for),
		IN_ROOM(who_escaped_and_writes_for_ever_is_not_listened_to),
		IN_ROOM(finishing_early_kills),
		IN_ROOM(it_dies_with_who_started_it),
		IN_ROOM(several_run_beside_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
