/* What role `agent` signs for this platform now, pushed or pulled alike: verified, and ready to be tried by apply_begin_program.
 * The store's lock is held by the caller. */
#pragma once

#include "agent/take/access.h"
#include "manifests/program.h"

/* Its document, as signed, and read. ERR_MISSING: nobody signs one for this platform; ERR_SIGNATURE: another than role `agent`
 * does; ERR_OLDER: it is not newer than the agent that asks. `out` must be zero. */
must_check bool take_program(struct program *out, struct buf *document, struct trust *t, const struct take_documents *with,
	struct err *e);
