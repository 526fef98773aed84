/* The agents' documents as they lie in the repository: role `agent` signs one for each platform. Not verified here, as little as
 * the rest of what repository.h finds by name. */
#pragma once

#include "fleetctl/repo/repository.h"
#include "manifests/program.h"

struct programs {
	struct program *at;
	size_t count;
};
/* Those in force, by platform; none: nothing was signed yet. */
must_check bool programs_signed(struct programs *out, const struct repository *r, struct err *e);
/* Every one that was ever signed and still lies there, newest first. */
void programs_held(struct programs *out, const struct repository *r);
void programs_free(struct programs *p);

const struct program *programs_of(const struct programs *p, const char *platform); /* the first; NULL: none */
const struct program *programs_with(const struct programs *p, struct digest bundle); /* NULL: none */
/* To each bundle that is signed, from those signed for its platform before: as far as it can be done, so that no host waits for it. */
void programs_make_patches(const struct repository *r);
