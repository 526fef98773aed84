/* Making this Pi a host: its configuration, its root of trust, and a harmless release to begin with. */
#pragma once

#include "agent/config.h"
#include "agent/store/store.h"

struct enrolment {
	const char *id, *plan, *site; /* site may be NULL */
	const char *root;             /* file with the root metadata */
	const char *config_dir, *state_dir, *results, *run; /* NULL: the usual */
	const char *keys;             /* file of the SSH keys that may come in until an access list is signed; NULL: none */
	const char *serve;            /* their forced command; NULL: the usual */
	const char *sources;          /* file like fleet/sources.json: where to fetch from until one is signed; NULL: nowhere */
	const char *metadata;         /* copy of the repository's metadata/: nothing older is believed ever after; NULL: none */
	bool force;                   /* begin anew as the same host: its keys and the chain of its receipts go on */
	bool new_key;                 /* but for those */
	bool allow_volatile;          /* a state folder that a restart may empty is right: a test, a container */
};
/* The last thing written is agent.json: before that, the host is not enrolled. ERR_EXISTS when it is already, unless `force`;
 * ERR_FOREIGN when that would make it another host; ERR_REFUSED when the state would not outlive a restart. */
must_check bool enrol_host(const struct enrolment *want, struct err *e);
/* The baseline alone, as a release of the store; for one plan it is always the same bytes. c->baseline is then its id. */
must_check bool enrol_baseline(struct config *c, const struct store *s, struct err *e);
