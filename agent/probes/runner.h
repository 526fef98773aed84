/* The one process of this Pi that stays: runs the probes of the current release on schedule and notes how each run
 * went. Without probes it sleeps until `current` moves.
 *
 *   runner_open
 *   while (runner_step(r, e) && !runner_wait(r, stop))
 *       ;
 *   runner_close */
#pragma once

#include "agent/probes/record.h"
#include "agent/run.h"

/* One line for people, without its end: what became of a probe, when that is not what it was before. */
typedef void runner_say(void *ctx, const char *line);

struct runner;
/* ERR_BUSY: another one runs here; ERR_REFUSED: see runner_user. `config` is borrowed. */
must_check bool runner_open(
	struct runner **out, const struct config *config, runner_say *say, void *ctx, struct err *e);
/* Never waits: notes what has ended, takes the release that is current now, starts what is due. A release that becomes
 * current ends all runs of the one before; names it has no more lose their results. False: no way on. */
must_check bool runner_step(struct runner *r, struct err *e);
/* Until there is something to do, or another agent was linked; true: `stop` is readable (-1: nobody stops). */
bool runner_wait(struct runner *r, int stop);
/* Kills what runs, with its children. */
void runner_close(struct runner **r);

/* Did that run do what a probe must? ERR_TIMEOUT or ERR_FAILED has the last line of what it said. */
must_check bool runner_judge(const struct proc_end *end, bool wrote, struct err *e);
/* Of what a script said, for people; borrowed. */
struct str runner_last_line(struct str said);
/* Scripts never run as root where the results (an open folder) belong to somebody else: ERR_REFUSED. */
must_check bool runner_user(int results, struct err *e);
