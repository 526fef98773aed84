/* Inside request.h: what a request holds and asks, read strictly into a struct sign, and who must sign it. */
#pragma once

#include "fleetctl/repo/request.h"

struct sign_role;

/* request_parts.c: fills sign, root and the rings from r->whole, whose head was read. */
must_check bool request_parts(struct request *r, struct err *e);
/* One of its documents, signed or not: of that role, and with no name in it that could not be printed. */
must_check bool request_role(struct role *out, const char *name, const doc *whole, struct err *e);
/* request.c: ERR_SYNTAX names a field that is not among `names`, which NULL ends. */
must_check bool request_fields(doc *d, const char *const *names, struct err *e);
/* request_documents.c. Into `all`, {PATH: {"before", "new"}}: the bytes of what `r`, of `s`, signs and signed before. */
void request_add_documents(doc *all, const struct sign *s, const struct sign_role *r);
/* What is asked was read: checks the bytes against the bodies, and fills r->said. ERR_DIGEST: they are others. */
must_check bool request_documents(struct request *r, struct err *e);
