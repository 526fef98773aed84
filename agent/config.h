/* Who this Pi is: agent.json and the root of trust beside it, in a folder that only root writes. */
#pragma once

#include "base/shape.h"
#include "keys/digest.h"

#define CONFIG_DIR     "/etc/fleet-agent"
#define CONFIG_STATE   "/var/lib/fleet-agent"
#define CONFIG_RESULTS "/run/fleet-probe"
enum { CONFIG_FORMAT = 1 };

struct config {
	int64_t format;
	char *id, *plan;
	char *state;            /* the state folder */
	char *results;          /* where probes write */
	char *site;             /* NULL: not stated */
	struct digest baseline; /* the release that is right without a signature, number 0 */
	char *dir;              /* where this was read; not in the file */
};
/* Zero is empty; config_free. `state` overrides the file's state folder, NULL does not. */
must_check bool config_load(struct config *out, const char *dir, const char *state, struct err *e);
/* agent.json, read-only. */
must_check bool config_save(const struct config *c, struct err *e);
/* The bytes of root.json: the anchor of all trust. */
must_check bool config_anchor(struct buf *out, const struct config *c, struct err *e);
must_check bool config_anchor_save(const struct config *c, struct str root, struct err *e);
void config_free(struct config *c);
