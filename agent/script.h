/* A script of a release run by another user: apply asks, the unit fleet-agent-script runs it as fleet-probe. The socket is the
 * conversation: one line of what to run, one line of how it ended; closing it before that kills the script. */
#pragma once

#include "agent/run.h"
#include "agent/store/store.h"

/* True when it was started and has ended, however it ended. Where the configuration names the units' sockets, by the unit:
 * ERR_UNREACHABLE when there is none. Else here, as the user that we are. */
must_check bool script_run(struct proc_end *out, const struct run *run, struct err *e);
/* The unit's side: one script of a release that is in the store, asked for on `socket`. */
must_check bool script_serve(int socket, const struct config *c, const struct store *s, struct err *e);
