/* agents.yaml: the agents that hosts may run, one for each platform, as `fleetctl agent add` noted them. Signed, they are the
 * documents of role `agent`; their bundles lie in the repository beside those of the plans.
 *
 *   agents:
 *     - {platform: debian12-gnu-arm64, version: 0.2.0, length: 1638400, sha256: HEX} */
#pragma once

#include "fleetctl/fleet/fleet.h"
#include "fleetctl/repo/programs.h"
#include "fleetctl/repo/sign.h"

#define AGENTS_FILE "agents.yaml"
enum { AGENTS_MAX = 16, AGENTS_FILE_MAX = 64 * KIB };

/* None: there is no file. The first mistake is told with file, line, field and remedy. */
must_check bool agents_read(struct programs *out, const struct fleet *f, struct err *e);
/* Written anew, with this one in the place of its platform's. */
must_check bool agents_put(const struct fleet *f, const struct program *p, struct err *e);

struct agent_files {
	struct sign_document document[AGENTS_MAX];
	size_t documents;
	char *path[AGENTS_MAX];
	struct buf bytes[AGENTS_MAX];
	struct buf words; /* what changes, a line each; empty: nothing */
};
/* What agents.yaml says, to be signed. ERR_OLDER: a version below the one that is signed, which no host would take; ERR_REFUSED: the
 * signed version with another bundle. A platform that is not in the file stays as it was signed. */
must_check bool agents_compile(struct agent_files *out, const struct fleet *f, struct err *e);
void agent_files_free(struct agent_files *a);

/* What a signed document says now that it did not say before, in the words of agents_compile. `before` NULL: there was none, or it
 * is not known. ERR_MISSING: that path is no agent's. */
must_check bool agents_words(struct buf *out, const char *path, struct str before, struct str now, struct err *e);
