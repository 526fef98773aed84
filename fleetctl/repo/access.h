/* access.yaml and sources.yaml, as operators write them, become the documents of role `fleet`. */
#pragma once

#include "fleetctl/fleet/fleet.h"
#include "fleetctl/repo/repository.h"
#include "fleetctl/repo/sign.h"
#include "manifests/access.h"
#include "manifests/origins.h"

#define ACCESS_FILE  "access.yaml"
#define SOURCES_FILE "sources.yaml"

struct access_files {
	struct sign_document document[2]; /* of the files that are there */
	size_t documents;
	struct buf access, sources; /* their bytes */
	struct buf words;           /* what changes, a line each; empty: nothing */
};
/* Numbered as the document signed before when nothing changed, else with the next number. A file that is not there leaves what
 * was signed. The first mistake is told with file, line, field and remedy. */
must_check bool access_compile(struct access_files *out, const struct fleet *f, struct err *e);
void access_files_free(struct access_files *a);

/* What a signed document says now that it did not say before, in the words of access_compile. `before` NULL: there was none, or it
 * is not known. ERR_MISSING: no words are known for that path. */
must_check bool access_words(struct buf *out, const char *path, struct str before, struct str now, struct err *e);

/* A document of role `fleet` as the newest metadata names it. ERR_MISSING: nobody signs for it. */
must_check bool access_signed(struct buf *out, const struct repository *r, const char *path, struct err *e);
