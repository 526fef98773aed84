/* Where `publish` puts the repository: an entry of fleet.yaml's `publish`. */
#pragma once

#include "base/shape.h"

enum place_kind { PLACE_GIT, PLACE_FOLDER };
extern const char *const place_words[]; /* "git" "folder" */

struct fleet_place {
	char *name;
	int kind;
	char *url, *branch, *ca;  /* git; branch NULL: main */
	char *identity;           /* git over ssh: private key file; NULL: ssh-agent */
	struct list host_keys;    /* git over ssh: char *, "ssh-ed25519 AAAA..." */
	int64_t history;          /* git: commits that the branch leads back to */
	char *path;               /* folder: absolute after reading */
	int64_t grace_ms;         /* what nothing names any more stays so long */
	int64_t releases;         /* of each plan, so many of the newest have their bundles there; 0: all that are permitted */
	int64_t patches;          /* from so many bundles back */
};
extern const struct shape_field place_shape[];
/* What the shape cannot say: which fields go with which kind. */
must_check bool place_check(const struct fleet_place *p, struct err *e);
