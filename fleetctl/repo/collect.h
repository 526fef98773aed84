/* The signatures of a request, brought home: what this fleet's folder would sign now must be what was asked, and is then signed
 * with what came. */
#pragma once

#include "fleetctl/repo/request.h"

/* `s`: computed now, with job.asked = r->sign. Its bodies become those of the request, dates and all, with their signatures.
 * ERR_REFUSED: plans, keys.yaml or the repository changed since; the sentence says which role and field. */
must_check bool collect_take(struct sign *s, const struct request *r, struct err *e);
/* "plan-D, snapshot": the roles that `s` changes and the request does not ask for. */
void collect_beside(struct buf *out, const struct sign *s, const struct sign *asked);
