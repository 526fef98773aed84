/* The child between fork and exec: after a fork only what a signal handler may do is safe, so nothing here allocates.
 */
#include "base/proc_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

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
	return lift(&c->in) && lift(&c->out) && lift(&c->said) && dup2(c->in, STDIN_FILENO) >= 0 &&
	       dup2(c->out, STDOUT_FILENO) >= 0 && dup2(c->out, STDERR_FILENO) >= 0 &&
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

const char *proc_step_word(int step)
{
	return step >= 0 && (size_t)step < COUNT_OF(steps) ? steps[step].word : "cannot be run";
}

void proc_become(const struct proc_child *child)
{
	struct proc_child c = *child;
	struct proc_excuse excuse = {0, 0};

	while (steps[excuse.step].take(&c))
		excuse.step++;
	excuse.number = errno;
	ssize_t n = write(c.said, &excuse, sizeof excuse);
	_exit(n == sizeof excuse ? 127 : 126);
}
