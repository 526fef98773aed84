/* Who is at the other end: what sshd's forced command says of the key that came in. Never what the other side says itself. */
#pragma once

#include "keys/digest.h"
#include "manifests/access.h"

struct caller {
	const char *operator; /* borrowed; NULL: a key of the enrolment, which may all */
	unsigned may;
	bool has_access;
	struct digest access; /* the access list that let the key in */
};
/* From the options of `serve`, each NULL when it was not given. ERR_USAGE: words that are none. */
must_check bool caller_read(struct caller *out, const char *operator, const char *may, const char *access, struct err *e);
/* May this caller give an order that needs one of these rights? ERR_REFUSED names who, and what is allowed. */
must_check bool caller_may(const struct caller *c, unsigned needs, const char *order, struct err *e);
/* "ann (bob@laptop)": the name that sshd proved, behind it the one that was claimed. Owned by the caller. */
char *caller_who(const struct caller *c, const char *claimed);
