/* Where receipts of hosts that pull come home: `receipts` of fleet.yaml. A folder, as a WebDAV server fills it, is written as its
 * path alone, too. */
#pragma once

#include "base/shape.h"

enum home_kind { HOME_NONE, HOME_FOLDER, HOME_GIT };

struct home_place {
	int kind;              /* enum home_kind; NONE: fleet.yaml names no place */
	char *path;            /* folder: HOST/N.json are in it; absolute after fleet_open */
	char *url, *branch;    /* git; branch NULL: receipts */
	char *identity;        /* git over ssh: private key file; NULL: ssh-agent */
	struct list host_keys; /* git over ssh: char *, "ssh-ed25519 AAAA..." */
};
/* `d` NULL: nothing is said. ERR_SYNTAX with the line. *out must be zero. */
must_check bool home_place_read(struct home_place *out, const doc *d, const struct shape_from *from, struct err *e);
void home_place_free(struct home_place *h);
