/* A helper program that we talk with: one socket is its stdin and stdout, its stderr and environment are ours. It lives
 * in its own process group, and no longer than the thread that started it. */
#pragma once

#include <sys/types.h>

#include "base/err.h"

struct proc_talk {
	pid_t pid; /* 0: none runs */
	int fd;    /* a stream, close-on-exec */
};
/* argv[0] is a path with a '/'. */
must_check bool proc_talk(struct proc_talk *out, char *const *argv, struct err *e);
void proc_talk_end(struct proc_talk *t); /* kills it with its group, and waits for it; twice is legal */
