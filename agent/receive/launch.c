/* Starting apply. */
#include "agent/receive/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/handover.h"

enum { LAUNCH_FILES = 2, LAUNCH_WAIT_MS = 10 * 1000 };

static bool no_streams(int said)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	return null >= 0 && dup2(null, 0) == 0 && dup2(null, 1) == 1 && dup2(said >= 0 ? said : null, 2) == 2;
}

static void become_apply(char *const *argv, int lock, int said)
{
	const char *by = getenv("FLEET_LAUNCHER");

	if (setsid() < 0 || fork() != 0)
		_exit(0);
	if (no_streams(said) && fcntl(lock, F_SETFD, 0) == 0)
		execv(by ? by : "/proc/self/exe", argv);
	_exit(127);
}

static bool launch_child(const struct config *c, const struct store *s, int lock, int said, struct err *e)
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

/* To the unit, which is nobody's child. The lock goes along: nobody can step between. */
static bool launch_unit(const struct config *c, int lock, int said, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/apply.sock", c->run);
	cleanup(fd_close) int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	cleanup(fd_close) int socket = -1;
	const int file[LAUNCH_FILES] = {lock, said >= 0 ? said : null};

	return handover_connect(&socket, path, e) && handover_send(socket, STR("apply"), file, COUNT_OF(file), e);
}

bool launch_apply(const struct config *c, const struct store *s, int lock, int said, struct err *e)
{
	struct err none;

	return (c->run && launch_unit(c, lock, said, &none)) || launch_child(c, s, lock, said, e);
}

bool launch_taken(int *lock, int socket, struct err *e)
{
	cleanup(buf_free) struct buf words = {0};
	int file[LAUNCH_FILES];

	if (!handover_take(socket, &words, file, COUNT_OF(file), LAUNCH_WAIT_MS, e))
		return false;
	bool hears = dup2(file[1], STDERR_FILENO) == STDERR_FILENO;
	fd_close(&file[1]);
	*lock = file[0];
	return hears || err_sys(e, "stderr");
}
