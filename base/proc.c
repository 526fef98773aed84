/* Running another program: its own process group, a deadline, bounded output, killed as a group. */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc_child.h"

#define USUAL_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
enum {
	CHUNK = 16 * KIB,
	A_STEP = 16 * CHUNK, /* then others get their turn */
	UNKNOWN = 255,       /* the status of one that somebody else has reaped */
};

struct proc {
	pid_t pid;
	int pidfd, out, both;      /* `both` polls the other two */
	int64_t start_ms, next_ms; /* when the next signal is due */
	bool timed_out, ended, cut;
	int status;
	size_t output_max;
	struct buf output;
};

static void proc_free(struct proc **p)
{
	if (!*p)
		return;
	fd_close(&(*p)->pidfd);
	fd_close(&(*p)->out);
	fd_close(&(*p)->both);
	buf_free(&(*p)->output);
	free_ptr(p);
}

/* --- starting --- */

static char *const usual_env[] = {"PATH=" USUAL_PATH, "LANG=C", "TZ=UTC", NULL};

static struct str path_of(char *const *env)
{
	for (; *env; env++)
		if (str_starts(str_of(*env), "PATH="))
			return str_of(*env + strlen("PATH="));
	return str_of(USUAL_PATH);
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Searched before the fork, where memory may be asked for. A relative folder in PATH would be anybody's folder. */
static char *find_program(const char *name, char *const *env)
{
	if (strchr(name, '/'))
		return str_dup(str_of(name));
	for (struct str rest = path_of(env); rest.len;) {
		struct str folder = str_cut(rest, ':', &rest);
		cleanup(free_ptr) char *path = path_form(STR_FMT "/%s", STR_ARG(folder), name);
		if (path[0] == '/' && folder.len && is_program(path))
			return str_dup(str_of(path));
	}
	return NULL;
}

static int open_input(struct str input)
{
	if (input.len == 0)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	cleanup(fd_close) int fd = memfd_create("input", MFD_CLOEXEC);
	struct err ignored;
	if (fd < 0 || !fs_put(fd, input, &ignored) || lseek(fd, 0, SEEK_SET) != 0)
		return -1;
	int taken = fd;
	fd = -1;
	return taken;
}

static bool make_pipe(int *read_end, int *write_end)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	*read_end = ends[0];
	*write_end = ends[1];
	return fcntl(*read_end, F_SETFL, O_NONBLOCK) == 0;
}

static bool spawn(struct proc *p, struct proc_child child, struct str input, struct err *e)
{
	cleanup(fd_close) int in = open_input(input), out = -1;

	if (in < 0 || !make_pipe(&p->out, &out))
		return err_sys(e, "%s: its input and output", child.argv[0]);
	child.in = in;
	child.out = child.err = out;
	return proc_fork(&p->pid, child, e);
}

static bool watch(struct proc *p)
{
	struct epoll_event event = {.events = EPOLLIN};

	p->pidfd = pidfd_open(p->pid, 0);
	p->both = epoll_create1(EPOLL_CLOEXEC);
	return p->pidfd >= 0 && p->both >= 0 && epoll_ctl(p->both, EPOLL_CTL_ADD, p->out, &event) == 0 &&
	       epoll_ctl(p->both, EPOLL_CTL_ADD, p->pidfd, &event) == 0;
}

static struct proc *proc_new(const struct proc_job *job)
{
	struct proc *p = mem_new(1, sizeof *p);

	p->pidfd = p->out = p->both = -1;
	p->start_ms = clock_boot_ms();
	p->next_ms = p->start_ms + MIN(job->timeout_ms, INT64_MAX - p->start_ms);
	p->output_max = MIN(job->output_max, SIZE_MAX / 8);
	p->output = BUF_MAX(2 * p->output_max + CHUNK);
	return p;
}

bool proc_start(struct proc **out, const struct proc_job *job, struct err *e)
{
	char *const *env = job->env ? job->env : usual_env;

	if (!job->argv || !job->argv[0] || job->timeout_ms <= 0)
		return err_set(e, ERR_INTERNAL, "a program needs a name and a time");
	cleanup(free_ptr) char *path = find_program(job->argv[0], env);
	if (!path)
		return err_set(e, ERR_MISSING, "%s: no such program in " STR_FMT, job->argv[0], STR_ARG(path_of(env)));
	cleanup(proc_free) struct proc *p = proc_new(job);
	if (!spawn(p, (struct proc_child){.path = path, .argv = job->argv, .env = env, .cwd = job->cwd}, job->input, e))
		return false;
	if (!watch(p)) {
		err_sys(e, "%s: watching it", job->argv[0]);
		proc_finish(&p, NULL);
		return false;
	}
	*out = p;
	p = NULL;
	return true;
}

/* --- running --- */

/* The leader is signalled by its own name too: it may have left its group. Both are ours until it is reaped. */
static void signal_all(const struct proc *p, int number)
{
	kill(-p->pid, number);
	if (number == SIGKILL)
		kill(p->pid, number);
}

static void keep(struct proc *p, struct str bytes)
{
	buf_add(&p->output, bytes);
	if (p->output.len <= 2 * p->output_max)
		return;
	p->cut = true;
	buf_drop(&p->output, p->output.len - p->output_max);
}

static void stop_reading(struct proc *p)
{
	if (p->both >= 0)
		epoll_ctl(p->both, EPOLL_CTL_DEL, p->out,
			NULL); /* closing is not enough while another fork holds a copy */
	fd_close(&p->out);
}

static void read_output(struct proc *p, size_t most)
{
	char bytes[CHUNK];

	while (p->out >= 0 && most) {
		ssize_t n = read(p->out, bytes, MIN(most, sizeof bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			stop_reading(p);
			return;
		}
		keep(p, str_bytes(bytes, (size_t)n));
		most -= (size_t)n;
	}
}

/* What is there, and no more: who escaped the group may hold the pipe and write for ever. */
static void read_rest(struct proc *p)
{
	int there = 0;

	if (p->out >= 0 && ioctl(p->out, FIONREAD, &there) == 0 && there > 0)
		read_output(p, (size_t)there);
	stop_reading(p);
	if (p->output.len > p->output_max) {
		p->cut = true;
		buf_drop(&p->output, p->output.len - p->output_max);
	}
}

/* The leader stays a zombie until its group was killed: as long as it is one, nobody else can have its number. */
static bool take_end(struct proc *p, int flags)
{
	siginfo_t info = {.si_pid = 0};
	int got;

	do
		got = waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOWAIT | flags);
	while (got != 0 && errno == EINTR);
	if (got == 0 && info.si_pid == 0)
		return false;
	p->ended = true;
	p->status = got != 0 ? UNKNOWN : info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	if (got == 0) {
		signal_all(p, SIGKILL);
		proc_reap(p->pid);
	}
	read_rest(p);
	return true;
}

static void signal_due(struct proc *p, int64_t now_ms)
{
	signal_all(p, p->timed_out ? SIGKILL : SIGTERM);
	p->timed_out = true;
	p->next_ms = now_ms + PROC_GRACE_MS;
}

bool proc_step(struct proc *p)
{
	if (p->ended)
		return true;
	read_output(p, A_STEP);
	if (take_end(p, WNOHANG))
		return true;
	int64_t now_ms = clock_boot_ms();
	if (now_ms >= p->next_ms)
		signal_due(p, now_ms);
	return false;
}

int proc_fd(const struct proc *p)
{
	return p->both;
}

int64_t proc_left_ms(const struct proc *p)
{
	return p->ended ? 0 : MAX(0, p->next_ms - clock_boot_ms());
}

void proc_finish(struct proc **p, struct proc_end *out)
{
	struct proc *it = *p;

	if (!it)
		return;
	if (!it->ended) {
		signal_all(it, SIGKILL);
		take_end(it, 0);
	}
	if (out) {
		*out = (struct proc_end){
			it->timed_out, it->status, it->cut, clock_boot_ms() - it->start_ms, it->output};
		it->output = (struct buf){0};
	}
	proc_free(p);
}

bool proc_run(struct proc_end *out, const struct proc_job *job, struct err *e)
{
	struct proc *p = NULL;

	if (!proc_start(&p, job, e))
		return false;
	while (!proc_step(p)) {
		struct pollfd fd = {.fd = p->both, .events = POLLIN};
		poll(&fd, 1, (int)MIN(proc_left_ms(p), INT32_MAX));
	}
	proc_finish(&p, out);
	return true;
}
