/* Inside request.h: what a request holds and asks, read strictly into a struct sign, and who must sign it. */
#pragma once

#include "fleetctl/repo/request.h"

/* request_parts.c: fills sign, root and the rings from r->whole, whose head was read. */
must_check bool request_parts(struct request *r, struct err *e);
