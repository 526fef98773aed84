/* Inside source.h: what each kind of source is to the others. */
#pragma once

#include "sources/source.h"

/* Where the bytes of an answer go. */
struct source_to {
	struct buf *text; /* or, NULL: */
	int fd;
	uint64_t at; /* how many of the file are there; set by source_begin */
	bool lost;   /* it is our own disk that did not take them */
};

struct source_kind {
	bool (*get)(struct source_answer *out, struct source *s, const struct source_ask *ask, struct source_to *to,
		struct err *e);
	void (*end)(struct source *s); /* frees it */
};
struct source {
	const struct source_kind *kind;
};

/* An answer's bytes, in order: source_put after source_begin, at most `most` in all; then source_done. */
must_check bool source_begin(struct source_to *to, uint64_t from, struct err *e);
must_check bool source_put(struct source_to *to, struct str bytes, uint64_t most, struct err *e);
must_check bool source_done(struct source_to *to, struct err *e);
