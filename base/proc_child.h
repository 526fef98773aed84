/* Inside proc.h: the child between fork and exec. */
#pragma once

#include <sys/types.h>

#include "base/core.h"

struct proc_child {
	const char *path;
	char *const *argv, *const *env;
	int cwd, in, out;
	int said; /* where a child that cannot become the program says why */
	pid_t parent;
};
struct proc_excuse {
	int step, number; /* an errno */
};

/* Async-signal-safe; all signals are blocked on entry. */
_Noreturn void proc_become(const struct proc_child *c);
const char *proc_step_word(int step); /* of an excuse: "cannot go to its folder" */
