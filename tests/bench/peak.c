/* What a command cost, with all that it left behind: runs it, waits for every descendant, and appends to FILE.
 *
 *   peak FILE COMMAND [ARG...]
 *
 * FILE gets a line a process, in the order in which they ended: {"who":"command","peak_kib":N} for the command itself,
 * "who":"left" for each that outlived its parent and so became ours (a session of its own does not help it); then one
 * {"who":"all","cpu_us":N,"wall_us":N}. A peak is the kernel's VmHWM of the process and of the children it waited for;
 * cpu is user and system of all. Exits as the command did. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "peak: %s: %s\n", what, strerror(errno));
	exit(125);
}

static int64_t us(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static pid_t start(char **argv)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	execvp(argv[0], argv);
	fprintf(stderr, "peak: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Waits until no descendant is left; the command's own status. */
static int wait_all(pid_t command, FILE *out)
{
	int status, result = 0;
	struct rusage use;
	pid_t pid;

	while ((pid = wait4(-1, &status, 0, &use)) > 0 || errno == EINTR) {
		if (pid < 0)
			continue;
		fprintf(out, "{\"who\":\"%s\",\"peak_kib\":%ld}\n", pid == command ? "command" : "left", use.ru_maxrss);
		if (pid == command)
			result = status;
	}
	return result;
}

int main(int argc, char **argv)
{
	struct rusage use;

	if (argc < 3) {
		fprintf(stderr, "usage: peak FILE COMMAND [ARG...]\n");
		return 2;
	}
	FILE *out = fopen(argv[1], "ae");
	if (!out)
		die(argv[1]);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		die("subreaper");
	int64_t began_us = now_us();
	pid_t command = start(argv + 2);
	/* the command's streams are its own: who waits for their end must not wait for us */
	fclose(stdin);
	fclose(stdout);
	int status = wait_all(command, out);
	getrusage(RUSAGE_CHILDREN, &use);
	fprintf(out, "{\"who\":\"all\",\"cpu_us\":%lld,\"wall_us\":%lld}\n",
		(long long)(us(use.ru_utime) + us(use.ru_stime)), (long long)(now_us() - began_us));
	if (fclose(out) != 0)
		die(argv[1]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
