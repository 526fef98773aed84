/* Where a repository can be read from: a folder, a web server. One file at a time, bounded in bytes and in time without
 * progress. What comes from here is believed by nobody: length and digest are the caller's to check. */
#pragma once

#include "base/buf.h"

/* The parts of a repository; each has its own address. */
enum source_part { SOURCE_METADATA, SOURCE_TARGETS, SOURCE_BUNDLES, SOURCE_PATCHES, SOURCE_PARTS };
extern const char *const source_part_words[SOURCE_PARTS]; /* "metadata" ..., as the folders are named */

/* How a file looked when it was read, in its source's own words; empty: unknown. Printable ASCII. */
struct source_mark {
	char etag[200], modified[40];
};

struct source_ask {
	enum source_part part;
	const char *name;                /* below the part's address, as it stands in an address: "3.root.json" */
	uint64_t max;                    /* bytes of the whole file; one more is ERR_LIMIT, while receiving */
	const struct source_mark *known; /* NULL, or: if it still looks so, SOURCE_UNCHANGED is enough */
	uint64_t from; /* bytes of it that are held: a source that can sends the rest; only for files. With `known`: the rest
			* only if it still looks so, else all of it */
};

enum source_say {
	SOURCE_BYTES,
	SOURCE_ABSENT,    /* no such file (HTTP: 404, 403, 410); no error, and never asked twice */
	SOURCE_UNCHANGED, /* it still looks as `known` */
};
struct source_answer {
	enum source_say say;
	struct source_mark mark; /* of BYTES */
	uint64_t from;           /* of BYTES: where they begin, ask.from or 0 */
	uint64_t length;         /* of BYTES: the whole file, what was held included */
};

struct source;
/* SOURCE_BYTES replaces what `to` holds; else, and on failure, it is as it was. */
must_check bool source_get(
	struct source_answer *out, struct source *s, const struct source_ask *ask, struct buf *to, struct err *e);
/* Into an open file, its bytes before ask.from being those that are held: written from answer.from on, cut at its
 * length. On failure it keeps what has arrived, so that a later ask can go on behind it. */
must_check bool source_get_file(
	struct source_answer *out, struct source *s, const struct source_ask *ask, int fd, struct err *e);
void source_free(struct source **s);
