/* Starting apply. */
#include "agent/receive/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool no_streams(int said)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	return null >= 0 && dup2(null, 0) == 0 && dup2(null, 1) == 1 && dup2(said >= 0 ? said : null, 2) == 2;
}

static void become_apply(char *const *argv, int lock, int said)
{
	if (setsid() < 0 || fork() != 0)
		_exit(0);
	if (no_streams(said) && fcntl(lock, F_SETFD, 0) == 0)
		execv("/proc/self/exe", argv);
	_exit(127);
}

bool launch_apply(const struct config *c, const struct store *s, int lock, int said, struct err *e)
{
	cleanup(free_ptr) char *fd = path_form("%d", lock);
	char *argv[] = {"fleet-agent", "apply", "--config-dir", c->dir, "--state-dir", s->path, "--lock-fd", fd, NULL};
	pid_t pid = fork();

	if (pid < 0)
		return err_sys(e, "start apply");
	if (pid == 0)
		become_apply(argv, lock, said);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return true;
}
