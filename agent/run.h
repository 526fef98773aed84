/* One script of a release, run as all of them are: hooks, checks, probes. A clean environment (below), its own process group,
 * a deadline, the release's real tree as cwd and in argv, an empty scratch folder as HOME and TMPDIR that goes with it.
 *
 *   PATH LANG=C TZ=UTC HOME TMPDIR
 *   FLEET_ID FLEET_PLAN       the host and its plan
 *   FLEET_RELEASE             the release's id; FLEET_RELEASE_DIR its tree, the real path
 *   FLEET_OUT                 where results go
 *   FLEET_PROBE               the name of the hook, check or probe
 *   FLEET_TIMEOUT_MS          after which it is killed */
#pragma once

#include "agent/config.h"
#include "agent/store/release.h"
#include "base/proc.h"

enum { RUN_OUTPUT_MAX = 2 * KIB - 64 }; /* the end of what it said; fits a receipt */

struct run {
	const struct config *config;
	const struct release *release;
	const char *script;      /* its path in the bundle */
	const struct list *args; /* char *; NULL: none */
	const char *name;
	bool aside;              /* FLEET_OUT is a copy of the results: a check looks at them and overwrites none */
	int64_t timeout_ms;
};
/* Ready for proc_run or proc_start; owns what the job points to, and the scratch folder. */
struct run_job {
	struct proc_job job;
	char **argv, **env;
	char *scratch;
};
must_check bool run_prepare(struct run_job *out, const struct run *run, struct err *e);
void run_job_free(struct run_job *job);

/* Until it has ended, or `stop` is readable or closed: then it is killed, and ERR_STOPPED. */
must_check bool run_until(struct proc_end *out, const struct proc_job *job, int stop, struct err *e);
