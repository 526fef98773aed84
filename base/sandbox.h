/* Less power for this process and all its threads, for good: before a library of others parses what strangers sent. */
#pragma once

#include "base/err.h"

struct sandbox {
	uint64_t memory;  /* bytes of address space; 0: no limit. None under sanitizers, which reserve terabytes */
	uint64_t written; /* bytes that a file may grow to */
	unsigned files;   /* open at once */
	bool writes;      /* also files are opened for writing, made, renamed and removed, as its user may */
};
/* No new privileges, no core file, and the system calls of a program that reads files and talks over unix and inet
 * sockets: no exec, no new process, no ptrace, no change of a file's name, mode or owner, no file opened for writing (but see `writes`).
 * Without a filter where the kernel has none, and under sanitizers, whose reports need more. */
must_check bool sandbox_enter(const struct sandbox *s, struct err *e);
/* From now on at most so much more CPU; then SIGXCPU. May be called again, also inside. */
void sandbox_cpu(int64_t seconds);
