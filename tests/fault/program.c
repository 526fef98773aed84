/* The real programs on a host. */
#include "tests/fault/program.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/fault.h"

enum { PATIENCE_S = 60, CHUNK = 16 * KIB };

/* --- the child --- */

static void to_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(126);
}

static void become(struct world *w, char *const argv[], int socket, const char *fault)
{
	int null = open("/dev/null", O_RDONLY);

	to_file(w->said);
	if (dup2(socket >= 0 ? socket : null, 0) < 0 || (socket >= 0 && dup2(socket, 1) < 0))
		_exit(126);
	close_range(3, ~0u, 0);
	if (w->limit && setrlimit((__rlimit_resource_t)w->limit->resource, &(struct rlimit){w->limit->value, w->limit->value}) != 0)
		_exit(126);
	signal(SIGPIPE, SIG_DFL);
	setenv("FLEET_FAULT_BOOT", w->boot, 1);
	setenv("FLEET_FAULT_COUNT", w->count, 1);
	if (w->record) {
		setenv("FLEET_FAULT_LOG", w->log, 1);
		setenv("FLEET_FAULT_READS", w->looks, 1);
	}
	if (w->packaged && argv[0] == w->packaged)
		setenv("FLEET_LAUNCHER", w->agent, 1); /* what boot starts is the unit of apply, which goes by /usr/bin */
	if (w->packaged) {
		setenv("FLEET_LAUNCH_PACKAGED", w->packaged, 1);
		setenv("FLEET_LAUNCH_STATE", w->t.at.state, 1);
	}
	if (fault)
		putenv((char *)(uintptr_t)fault);
	execv(argv[0], argv);
	_exit(127);
}

/* --- who is left --- */

static void on_alarm(int number)
{
	(void)number;
}

/* Our own children alone: what they leave behind becomes ours (PR_SET_CHILD_SUBREAPER). */
static void kill_children(void)
{
	cleanup(buf_free) struct buf text = {0};
	cleanup(free_ptr) char *path = path_form("/proc/self/task/%d/children", getpid());
	struct err e;

	if (!fs_read(&text, AT_FDCWD, path, &e))
		return;
	for (struct str rest = buf_str(&text); rest.len;) {
		uint64_t pid;
		if (str_number(&pid, str_cut(rest, ' ', &rest), INT32_MAX))
			kill((pid_t)pid, SIGKILL);
	}
}

static void set_patience(unsigned seconds)
{
	const struct sigaction act = {.sa_handler = on_alarm};

	sigaction(SIGALRM, &act, NULL);
	alarm(seconds);
}

bool program_wait(void)
{
	bool hung = false;

	set_patience(PATIENCE_S);
	for (;;) {
		pid_t pid = waitpid(-1, NULL, 0);
		if (pid > 0)
			continue;
		if (errno == ECHILD)
			break;
		hung = true;
		kill_children();
		alarm(1);
	}
	alarm(0);
	return !hung;
}

/* --- the controller --- */

/* Until the other side is done: what is in `frames` goes out, what comes is not looked at. */
static void feed(int fd, struct str frames)
{
	char chunk[CHUNK];
	struct err e;

	signal(SIGPIPE, SIG_IGN);
	(void)!fs_put(fd, frames, &e);
	while (read(fd, chunk, sizeof chunk) > 0)
		;
}

/* Those from now on are added to those so far. */
static void begin_count(struct world *w)
{
	cleanup(fd_close) int fd = open(w->count, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	static const int64_t zero[2]; /* operations, and reads */
	int64_t so_far = 0;

	if (w->record)
		return;
	assert_true(pread(fd, &so_far, sizeof so_far, 0) >= 0);
	w->done += (long)so_far;
	assert_int_equal(pwrite(fd, zero, sizeof zero, 0), sizeof zero);
}

void program_record(struct world *w, bool on)
{
	w->record = false;
	begin_count(w);
	w->record = on;
	if (on)
		must(fs_write(AT_FDCWD, w->log, STR(""), 0600, e) && fs_write(AT_FDCWD, w->looks, STR(""), 0600, e));
}

long program_operations(struct world *w)
{
	begin_count(w);
	long done = w->done;
	w->done = 0;
	return done;
}

static int start(struct world *w, char *const argv[], struct str frames, const char *fault)
{
	int pair[2] = {-1, -1}, status;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (frames.data)
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pid_t pid = fork();
	if (pid == 0)
		become(w, argv, pair[1], fault);
	assert_true(pid > 0);
	fd_close(&pair[1]);
	set_patience(PATIENCE_S);
	if (frames.data)
		feed(pair[0], frames);
	fd_close(&pair[0]);
	bool hung = false;
	while (waitpid(pid, &status, 0) < 0) {
		hung = true;
		kill(pid, SIGKILL);
	}
	alarm(0);
	if (hung)
		return PROGRAM_HUNG;
	return WIFEXITED(status) ? WEXITSTATUS(status) : PROGRAM_KILLED + WTERMSIG(status);
}

/* Also for those who only wait, and would come to no operation. */
static void power_off(void)
{
	do
		kill_children();
	while (waitpid(-1, NULL, 0) > 0 || errno != ECHILD);
}

int program_start(struct world *w, char *const argv[], struct str frames, const char *fault)
{
	cleanup(free_ptr) char *strike = NULL;

	if (w->strike < 0)
		return FAULT_STATUS;
	begin_count(w);
	if (!fault)
		fault = "FLEET_FAULT_AT=0"; /* counts, and no more */
	if (w->strike)
		fault = strike = path_form("FLEET_FAULT_AT=%ld:before", MAX(w->strike - w->done, 1));
	int code = start(w, argv, frames, fault);
	if (w->strike && code == FAULT_STATUS) {
		w->strike = -1;
		power_off();
	}
	return code;
}

int program_run(struct world *w, char *const argv[], struct str frames, const char *fault)
{
	int code = program_start(w, argv, frames, fault);

	if (code == FAULT_STATUS)
		power_off();
	return program_wait() ? code : PROGRAM_HUNG;
}

void program_reboot(struct world *w)
{
	cleanup(free_ptr) char *id = path_form("00000000-0000-4000-8000-%012d\n", ++w->boots);

	must(fs_write(AT_FDCWD, w->boot, str_of(id), 0600, e));
	if (fs_exists(AT_FDCWD, w->t.at.results))
		must(fs_remove_tree(AT_FDCWD, w->t.at.results, e) && fs_mkdir(AT_FDCWD, w->t.at.results, 0755, e));
}

void program_said(struct buf *out, struct world *w)
{
	struct err e;

	out->max = MIB;
	if (!fs_read(out, AT_FDCWD, w->said, &e))
		buf_text(out, e.text);
}
