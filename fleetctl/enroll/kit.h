/* What a machine is given to become a host: the package of its architecture, the root of trust and the metadata of the day, the
 * keys that may come in, where to fetch from. */
#pragma once

#include "fleetctl/fleet/fleet.h"

enum { KIT_METADATA = 4 };
struct kit {
	char *package;            /* path of the .deb; NULL: none for that architecture */
	char *package_version;
	char *root_file;          /* "3.root.json" */
	struct buf deb, root, keys, sources; /* sources empty: none are signed */
	struct {
		char *file; /* as in repository/metadata/ */
		struct buf bytes;
	} metadata[KIT_METADATA];
	size_t metadatas;
	char **anchor; /* SHA-256 of each root that this fleet ever had */
	size_t anchors;
};
struct kit_wish {
	const char *plan, *arch;
	const char *packages;  /* folder; NULL: packages/ of the fleet, then the system's */
	const char *authorize; /* file of public SSH keys; NULL: the signed access list's, else that of fleet.yaml's identity */
	const char *identity;  /* NULL: fleet.yaml's */
};
/* The repository is verified from its first root before anything of it is given to anybody. */
must_check bool kit_pack(struct kit *out, const struct fleet *f, const struct kit_wish *wish, struct err *e);
void kit_free(struct kit *k);
bool kit_knows_anchor(const struct kit *k, const char *sha256); /* the root of a host of this fleet */
bool kit_is_newer(const char *a, const char *b); /* "0.10.2" than "0.9"; what is no number ends the comparison */
