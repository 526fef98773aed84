/* Making this Pi a host: its configuration, its root of trust, and a harmless release to begin with. */
#pragma once

#include "agent/config.h"

struct enrolment {
	const char *id, *plan, *site; /* site may be NULL */
	const char *root;             /* file with the root metadata */
	const char *config_dir, *state_dir, *results; /* NULL: the usual */
	bool force;                   /* begin anew as the same host */
	bool allow_volatile;          /* a state folder that a restart may empty is right: a test, a container */
};
/* The last thing written is agent.json: before that, the host is not enrolled. ERR_EXISTS when it is already, unless `force`;
 * ERR_FOREIGN when that would make it another host; ERR_REFUSED when the state would not outlive a restart. */
must_check bool enrol_host(const struct enrolment *want, struct err *e);
