/* fleet-guard: settles what is overdue on this Pi when nobody else did: an agent that cannot start, a trial whose apply
 * never came back. It reads one fixed record, moves one link, and knows nothing else. Run at boot and by a timer. */
#include <fcntl.h>
#include <stdio.h>

#include "agent/guard/record.h"
#include "agent/store/store.h"

#define STATE "/var/lib/fleet-agent"

static const char *const said[GUARD_TRIALS] = {
	[GUARD_RELEASE] = "the trial of a release was never settled: current leads back to the one before",
	[GUARD_AGENT] = "the new agent was never proven: the one before is linked again",
};

/* An apply that works on the trial has the lock, and its own deadlines. */
static bool settle(struct guard_record *r, int state, struct err *e)
{
	cleanup(fd_close) int lock = -1;
	bool free = false;

	for (enum guard_what i = 0; i < GUARD_TRIALS; i++) {
		if (!guard_overdue(r, i))
			continue;
		if (lock < 0 && (!fs_lock(&lock, &free, state, STORE_LOCK, false, e)))
			return false;
		if (!free)
			return true;
		if (!guard_go_back(r, i, state, e))
			return false;
		fprintf(stderr, "fleet-guard: %s\n", said[i]);
	}
	return true;
}

/* What is left is written down again while something is on trial, for the boot after; a Pi where all is well is not written to. */
static bool look(int state, struct err *e)
{
	cleanup(fd_close) int turn = -1;
	struct guard_record r, was;
	struct err why = {0};

	if (!guard_read(&was, state, &why))
		return why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text);
	if (!guard_turn(&r, &turn, state, e))
		return false;
	bool open = *r.trial[GUARD_RELEASE].back || *r.trial[GUARD_AGENT].back;
	return (!open || guard_write(&r, state, e)) && settle(&r, state, e);
}

int main(int argc, char **argv)
{
	const char *path = argc == 2 ? argv[1] : STATE;
	cleanup(fd_close) int state = -1;
	struct err e;

	if (argc > 2 || path[0] == '-') {
		fputs("usage: fleet-guard [STATE-DIR]\n\nGo back where a trial on this host is overdue.\n", stderr);
		return 2;
	}
	if (fs_open_dir(&state, AT_FDCWD, path, &e) && look(state, &e))
		return 0;
	fprintf(stderr, "fleet-guard: %s\n", e.text);
	return 1;
}
