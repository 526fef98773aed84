/* Running another program: clean environment, its own process group, a deadline, bounded output, killed as a group.
 *
 * It starts with default signals, stdin, stdout and stderr and no other file, no core file, and is killed when the thread
 * that started it ends. What leaves the group (setsid) is not killed, and not waited for. */
#pragma once

#include "base/buf.h"

struct proc_job {
	char *const *argv;   /* argv[0] is a path with a '/', else found in PATH of env */
	char *const *env;    /* NULL: an empty environment but PATH, LANG=C, TZ=UTC */
	int cwd;             /* an open folder, or -1 for ours */
	struct str input;    /* given on stdin; empty: the null device */
	int64_t timeout_ms;  /* more than 0; counted on CLOCK_BOOTTIME; SIGTERM to the group, SIGKILL PROC_GRACE_MS later */
	size_t output_max;   /* of stdout and stderr together; the rest is read and dropped, the last bytes are kept */
};
enum { PROC_GRACE_MS = 500 };

struct proc_end {
	bool timed_out;
	int status;      /* exit code, or 128 + signal; 255 when somebody else reaped it */
	bool cut;        /* output was longer than output_max */
	int64_t took_ms;
	struct buf output; /* stdout and stderr as they came, owned: buf_free */
};
/* True when it was started and has ended, however it ended. False only when it could not be started. */
must_check bool proc_run(struct proc_end *out, const struct proc_job *job, struct err *e);

/* The same in steps, for those who run several: start, then poll `fd` (readable when there is output or it ended, or the
 * deadline passed: give proc_left_ms to poll), and call proc_step until it says true. */
struct proc;
must_check bool proc_start(struct proc **out, const struct proc_job *job, struct err *e);
int proc_fd(const struct proc *p);
int64_t proc_left_ms(const struct proc *p);   /* until the deadline or the kill, never negative */
bool proc_step(struct proc *p);               /* true: ended, and everything in its group was killed */
void proc_finish(struct proc **p, struct proc_end *out); /* out may be NULL; kills what still runs */
