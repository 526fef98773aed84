/* An agent for one platform: what role `agent` signs as agent/PLATFORM, canonical JSON, format 1. Its bundle holds the programs
 * `fleet-agent` and its helpers, and the file `version`; nothing else.
 *
 *   {"bundle":{"length":1638400,"sha256":HEX},"format":1,"platform":"debian12-gnu-arm64","version":"0.2.0"} */
#pragma once

#include "base/version.h"
#include "manifests/manifest.h"

enum { PROGRAM_FORMAT = 1, PROGRAM_FILE_MAX = 4 * KIB };
#define PROGRAM_ROLE    "agent"
#define PROGRAM_AGENT   "fleet-agent" /* in the bundle */
#define PROGRAM_VERSION "version"     /* beside it: the version and a newline */

struct program {
	int64_t format;
	char *platform; /* OS-ABI-ARCH, as the build says: FLEET_PLATFORM */
	char *version;
	int64_t number; /* version_read of it; not in the document */
	struct bundle_named bundle;
};
/* Exactly canonical bytes, else ERR_SYNTAX. ERR_FOREIGN: it is for another platform; NULL: any. `*out` must be zero. */
must_check bool program_read(struct program *out, struct str json, const char *platform, struct err *e);
void program_write(struct buf *out, const struct program *p);
void program_free(struct program *p);
char *program_path(const char *platform); /* "agent/PLATFORM"; the caller frees */
