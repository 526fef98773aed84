/* The child between fork and exec: after a fork only what a signal handler may do is safe, so nothing here allocates.
 */
#include "base/proc_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"

static bool own_group(struct proc_child *c)
{
	(void)c;
	return setpgid(0, 0) == 0;
}

/* The parent may have died before we asked to hear of it. */
static bool die_with_parent(struct proc_child *c)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return false;
	if (getppid() != c->parent)
		_exit(128 + SIGKILL);
	return true;
}

static bool no_core(struct proc_child *c)
{
	(void)c;
	return setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0;
}

static bool go_to_folder(struct proc_child *c)
{
	return c->cwd < 0 || fchdir(c->cwd) == 0;
}

static bool lift(int *fd)
{
	*fd = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return *fd >= 0;
}

/* Lifted first: one of ours may be 0, 1 or 2 when the parent runs without them. */
static bool take_files(struct proc_child *c)
{
	return lift(&c->in) && lift(&c->out) && lift(&c->err) && lift(&c->said) && dup2(c->in, STDIN_FILENO) >= 0 &&
	       dup2(c->out, STDOUT_FILENO) >= 0 && dup2(c->err, STDERR_FILENO) >= 0 &&
	       close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) == 0;
}

static bool plain_signals(struct proc_child *c)
{
	const struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t none;

	(void)c;
	for (int i = 1; i < NSIG; i++)
		sigaction(i, &usual, NULL); /* two cannot be set, and the C library keeps two for itself */
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

static bool run(struct proc_child *c)
{
	execve(c->path, c->argv, c->env);
	return false;
}

static const struct {
	const char *word;
	bool (*take)(struct proc_child *c);
} steps[] = {
	{"cannot have its own group", own_group},
	{"cannot be bound to its parent", die_with_parent},
	{"cannot limit its core file", no_core},
	{"cannot go to its folder", go_to_folder},
	{"cannot take its input and output", take_files},
	{"cannot reset its signals", plain_signals},
	{"cannot be run", run},
};

static const char *step_word(int step)
{
	return step >= 0 && (size_t)step < COUNT_OF(steps) ? steps[step].word : "cannot be run";
}

struct excuse {
	int step, number; /* an errno */
};

/* Async-signal-safe; all signals are blocked on entry. */
_Noreturn static void become(struct proc_child c)
{
	struct excuse excuse = {0, 0};

	while (steps[excuse.step].take(&c))
		excuse.step++;
	excuse.number = errno;
	ssize_t n = write(c.said, &excuse, sizeof excuse);
	_exit(n == sizeof excuse ? 127 : 126);
}

void proc_reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static pid_t fork_child(const struct proc_child *child)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0)
		become(*child);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* The pipe closes when the program runs; what comes before that is why it does not. */
static bool is_running(pid_t pid, int said, const char *name, struct err *e)
{
	struct excuse excuse;
	ssize_t n;

	do
		n = read(said, &excuse, sizeof excuse);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return true;
	proc_reap(pid);
	if (n != sizeof excuse)
		return err_set(e, ERR_INTERNAL, "%s: it ended before it ran", name);
	errno = excuse.number;
	return err_sys(e, "%s: %s", name, step_word(excuse.step));
}

bool proc_fork(pid_t *out, struct proc_child child, struct err *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_sys(e, "%s: a pipe", child.argv[0]);
	cleanup(fd_close) int listen = ends[0], said = ends[1];
	child.said = said;
	child.parent = getpid();
	pid_t pid = fork_child(&child);
	if (pid < 0)
		return err_sys(e, "%s: a new process", child.argv[0]);
	fd_close(&said);
	if (!is_running(pid, listen, child.argv[0], e))
		return false;
	*out = pid;
	return true;
}
