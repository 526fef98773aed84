/* The real programs on a host, and the power. */
#pragma once

#include "tests/fault/world.h"

enum { PROGRAM_KILLED = 128, PROGRAM_HUNG = 255 };

struct program_limit {
	int resource;
	uint64_t value;
};
/* Runs argv and all that it leaves behind, to the end of the last of them; its exit code, PROGRAM_KILLED + signal, or
 * PROGRAM_HUNG: something still ran after a minute, and was killed. `frames`: given on a socket as a controller would; data
 * NULL: none. `fault` is "NAME=VALUE" for its environment, or NULL. What it said is in the file w->said. */
int program_run(struct world *w, char *const argv[], struct str frames, const char *fault);
/* The same without waiting for what it leaves behind; program_wait does. */
int program_start(struct world *w, char *const argv[], struct str frames, const char *fault);
bool program_wait(void);
/* From now on, all that runs is noted in w->log and w->looks, which are empty now; or it is not any more. */
void program_record(struct world *w, bool on);
/* Of all programs since it was asked before; not while they are recorded. */
long program_operations(struct world *w);
/* Everything has another boot id from now on, and results/, which lies in memory, is empty. */
void program_reboot(struct world *w);
void program_said(struct buf *out, struct world *w);
