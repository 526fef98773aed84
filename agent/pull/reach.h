/* From an origin, which is words, to a source that can be read. */
#pragma once

#include "agent/store/store.h"
#include "manifests/origins.h"
#include "sources/source.h"

/* `index`: its place in the list, by which what it needs on the disk is named (pull/). `clock_unsure`: dates of certificates do
 * not count. Each call is a connection of its own. */
must_check bool reach_open(struct source **out, const struct origin *o, size_t index, const struct store *s,
	const char *plan, bool clock_unsure, struct err *e);
/* The program NAME that belongs to this one: beside it, or where the package has it; the caller frees. */
must_check bool reach_helper(char **out, const char *name, struct err *e);
/* The origin's certificate as a file that a helper can read; NULL: it names none. The caller frees. */
must_check bool reach_ca(char **out, const struct origin *o, const char *name, const struct store *s, struct err *e);
