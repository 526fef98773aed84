/* Inside proc.h and proc_talk.h: the child between fork and exec. */
#pragma once

#include <sys/types.h>

#include "base/err.h"

struct proc_child {
	const char *path;
	char *const *argv, *const *env;
	int cwd, in, out, err; /* the last three become its stdin, stdout and stderr */
	int said;              /* where a child that cannot become the program says why */
	pid_t parent;
};
/* Returns when the child has become the program, or says why it did not. `said` and `parent` are filled in here. */
must_check bool proc_fork(pid_t *out, struct proc_child child, struct err *e);
void proc_reap(pid_t pid);
