/* How a probe ran last: RESULTS/PROBE.run beside RESULTS/PROBE.prom. The runner writes it, the check `alive` reads it.
 * Results live in memory and end with the boot: nothing here is synced. */
#pragma once

#include "base/fs.h"
#include "base/shape.h"
#include "keys/digest.h"

enum { RECORD_MAX = 4 * KIB };

struct record {
	struct digest release;        /* whose script it was */
	char *boot;                   /* boot id, for the next two */
	int64_t started_ms, ended_ms; /* CLOCK_BOOTTIME */
	int64_t status;               /* exit code, 128 + signal; RECORD_NOT_STARTED */
	bool timed_out;               /* killed at its deadline */
	bool wrote;                   /* PROBE.prom was replaced by this run */
};
enum { RECORD_NOT_STARTED = 127 };

/* `results` is the open folder. Whole or not at all; canonical JSON. */
must_check bool record_write(int results, const char *probe, const struct record *r, struct err *e);
/* ERR_MISSING: it never ran. *out is owned: record_free. */
must_check bool record_read(struct record *out, int results, const char *probe, struct err *e);
void record_free(struct record *r);
/* What that run lacks to count as alive: of this release, in this boot, begun at `since_ms` or later, not killed, and
 * it wrote. NULL: nothing. Its exit code does not matter: a network that is down is a measurement. */
const char *record_lacks(const struct record *r, struct digest release, const char *boot, int64_t since_ms);

/* Names with a record, sorted, without ".run": fs_names_free. */
must_check bool record_names(struct fs_names *out, int results, struct err *e);
/* Its record and its result; absent is fine. */
void record_forget(int results, const char *probe);
/* What a killed run left of a result it was writing: ".PROBE.prom.XXXXXX". Not while the probe runs. */
void record_tidy(int results, const char *probe);

/* Which file the result is: taken before a run and after it. */
struct record_mark {
	bool there;
	dev_t device;
	ino_t inode;
	struct timespec changed;
};
struct record_mark record_mark(int results, const char *probe);
bool record_replaced(const struct record_mark *before, const struct record_mark *after);
