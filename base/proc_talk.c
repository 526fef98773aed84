/* A helper program behind a socket. */
#include "base/proc_talk.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc_child.h"

bool proc_talk(struct proc_talk *out, char *const *argv, struct err *e)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return err_sys(e, "%s: a socket", argv[0]);
	cleanup(fd_close) int ours = ends[0], theirs = ends[1];
	struct proc_child child = {
		.path = argv[0],
		.argv = argv,
		.env = environ,
		.cwd = -1,
		.in = theirs,
		.out = theirs,
		.err = STDERR_FILENO,
	};
	if (!proc_fork(&pid, child, e))
		return false;
	*out = (struct proc_talk){pid, ours};
	ours = -1;
	return true;
}

void proc_talk_end(struct proc_talk *t)
{
	if (t->pid <= 0)
		return;
	kill(-t->pid, SIGKILL);
	kill(t->pid, SIGKILL);
	proc_reap(t->pid);
	fd_close(&t->fd);
	*t = (struct proc_talk){.fd = -1};
}
