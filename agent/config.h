/* Who this Pi is: agent.json and the root of trust beside it, in a folder that only root writes; of each a second copy, NAME.2, as the
 * enrolment wrote it, which serves where the first cannot be read as what it is. */
#pragma once

#include "keys/digest.h"
#include "manifests/origins.h"

#define CONFIG_FILE    "agent.json"
#define CONFIG_ANCHOR  "root.json"
#define CONFIG_DIR     "/etc/fleet-agent"
#define CONFIG_STATE   "/var/lib/fleet-agent"
#define CONFIG_RUN     "/run/fleet-agent"
#define CONFIG_RESULTS "/run/fleet-probe"
#define CONFIG_SERVE   "/usr/bin/fleet-agent serve" /* the launcher */
enum { CONFIG_FORMAT = 1, CONFIG_TRIALS_PER_DAY = 24 };

struct config {
	int64_t format;
	char *id, *plan;
	char *state;            /* the state folder */
	char *results;          /* where probes write */
	char *site;             /* NULL: not stated */
	int64_t trials_per_day; /* that may be begun from outside: quota.h */
	char *run;              /* folder of the units' sockets (apply.sock, script.sock); NULL: no units, all is one user */
	char *serve;            /* the forced command of an SSH key begins with it */
	bool allow_volatile;    /* a state folder that a restart may empty was allowed */
	bool has_sources;
	struct origins sources; /* until fleet/sources.json is here: access_sources */
	struct digest baseline; /* the release that is right without a signature, number 0 */
	char *dir;              /* where this was read; not in the file, */
	char *damaged;          /* nor why the copy was read in its place; NULL: it was not */
};
/* Zero is empty; config_free. `state` overrides the file's state folder, NULL does not. */
must_check bool config_load(struct config *out, const char *dir, const char *state, struct err *e);
/* agent.json, read-only. */
must_check bool config_save(const struct config *c, struct err *e);
/* The bytes of root.json, or of its copy: the anchor of all trust. */
must_check bool config_anchor(struct buf *out, const struct config *c, bool copy, struct err *e);
must_check bool config_anchor_save(const struct config *c, struct str root, struct err *e);
void config_free(struct config *c);
