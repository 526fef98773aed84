/* Less power: each thing that a taken-over parser would want is tried in a child, from inside. */
#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name) static void name(void **state)

enum { NO = 0, YES = 1, BROKEN = 9 };

/* What `try` says from inside a sandbox; BROKEN when there is none here. */
static int inside(bool (*try)(void), const struct sandbox *box)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct err e = {0};
		bool in = sandbox_enter(box, &e);
		if (in && prctl(PR_GET_SECCOMP) == 0)
			_exit(BROKEN + 1); /* sanitized, or a kernel without */
		_exit(in ? (try() ? YES : NO) : BROKEN);
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static const struct sandbox box = {.files = 64};

static void assert_inside_of(const struct sandbox *which, bool (*try)(void), int wanted)
{
	int got = inside(try, which);

	if (got == BROKEN + 1)
		skip();
	assert_int_equal(got, wanted);
}

static void assert_inside(bool (*try)(void), int wanted)
{
	assert_inside_of(&box, try, wanted);
}

static bool has_no_exec(void)
{
	char *const argv[] = {"/bin/true", NULL};

	execve(argv[0], argv, NULL); /* if it ran, its end would not be YES */
	return errno == ENOSYS;
}
static bool forks(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0;
}
static bool traces(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}
static bool writes_a_file(void)
{
	return open("/tmp/sandbox_test.file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
}
static bool removes_a_file(void)
{
	return unlink("/tmp/sandbox_test.nothing") == 0 || errno != ENOSYS;
}
static bool kills(void)
{
	return kill(getppid(), 0) == 0;
}
static bool talks_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0) >= 0;
}
static bool talks_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) >= 0 || errno != ENOSYS;
}
static bool talks_inet(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 && socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}
static bool reads_a_file(void)
{
	char byte;
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, &byte, 1) == 1;
}
static void *nothing(void *ctx)
{
	return ctx;
}
static bool has_threads(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0;
}
static bool gains_privileges(void)
{
	return prctl(PR_SET_SECCOMP, 2, 0, 0, 0) == 0 || errno != ENOSYS;
}
static bool burns(void)
{
	sandbox_cpu(0);
	for (volatile unsigned on = 1; on;)
		;
	return true;
}

TEST(no_other_program_runs)
{
	(void)state;
	assert_inside(has_no_exec, YES);
	assert_inside(forks, NO);
}
TEST(nobody_is_traced_or_signalled)
{
	(void)state;
	assert_inside(traces, NO);
	assert_inside(kills, NO);
}
TEST(nothing_on_the_disk_changes)
{
	(void)state;
	assert_inside(writes_a_file, NO);
	assert_inside(removes_a_file, NO);
}
TEST(one_that_writes_files_has_no_more_power_than_that)
{
	static const struct sandbox writer = {.files = 64, .written = 1 * MIB, .writes = true};

	(void)state;
	assert_inside_of(&writer, writes_a_file, YES);
	assert_int_equal(unlink("/tmp/sandbox_test.file"), 0);
	assert_inside_of(&writer, removes_a_file, YES);
	assert_inside_of(&writer, has_no_exec, YES);
	assert_inside_of(&writer, forks, NO);
	assert_inside_of(&writer, traces, NO);
	assert_inside_of(&writer, kills, NO);
	assert_inside_of(&writer, talks_netlink, NO);
}
TEST(sockets_are_unix_or_inet)
{
	(void)state;
	assert_inside(talks_inet, YES);
	assert_inside(talks_netlink, NO);
	assert_inside(talks_packet, NO);
}
TEST(what_a_parser_needs_is_there)
{
	(void)state;
	assert_inside(reads_a_file, YES);
	assert_inside(has_threads, YES);
}
TEST(there_is_no_way_back)
{
	(void)state;
	assert_inside(gains_privileges, NO);
}
TEST(cpu_ends)
{
	(void)state;
	assert_inside(burns, 128 + SIGXCPU);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_other_program_runs),
		cmocka_unit_test(nobody_is_traced_or_signalled),
		cmocka_unit_test(nothing_on_the_disk_changes),
		cmocka_unit_test(one_that_writes_files_has_no_more_power_than_that),
		cmocka_unit_test(sockets_are_unix_or_inet),
		cmocka_unit_test(what_a_parser_needs_is_there),
		cmocka_unit_test(there_is_no_way_back),
		cmocka_unit_test(cpu_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
