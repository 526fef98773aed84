/* What we and a helper that fetches say to each other: frames of u32 length (big endian), u8 kind, body. One ASK at a
 * time; its answer is START, PIECE..., END, or FAILED at any place. The helper has parsed what strangers sent and may
 * be theirs: all that it says is bounded and checked here. No I/O. */
#pragma once

#include "base/shape.h"
#include "sources/kind.h"

enum { PARCEL_HEAD = 5, PARCEL_MAX = 64 * KIB };

/*      kind      number  body */
#define PARCEL_KINDS(X)                                                                                                \
	X(ASK, 1)    /* JSON, struct parcel_ask; of git: struct git_ask */                                             \
	X(START, 2)  /* JSON, struct parcel_start */                                                                   \
	X(PIECE, 3)  /* bytes of the file; after a START that says `bytes`, or before an ASK that puts */                                   \
	X(END, 4)    /* empty */                                                                                       \
	X(FAILED, 5) /* JSON, struct parcel_failed */                                                                  \
	X(SESSION, 6) /* text for the next ask's `session`, empty: keep none any more; at any place, if the ask has `sessions` */

enum parcel_kind {
#define X(name, number) PARCEL_##name = number,
	PARCEL_KINDS(X)
#undef X
};

#define PARCEL_PUT   "put"
#define PARCEL_MKCOL "mkcol"
struct parcel_ask {
	char *login;       /* "USER:PASSWORD" (RFC 7617), for where things are put; NULL: none */
	char *method;      /* NULL: get; PARCEL_PUT: what the pieces before this ask are goes there; PARCEL_MKCOL: a folder */
	struct str upload; /* of put; not in the words, and borrowed */
	char *url, *etag, *modified, *ca;
	char *session;     /* of TLS, as it was last said to be kept; NULL: none is */
	struct list also; /* char *: origins where a redirect may lead */
	int64_t max, from, connect_ms, idle_ms, total_ms;
	bool clock_unsure;
	bool sessions;     /* who asks keeps them */
	bool squeezed;     /* it may come compressed; its bytes are counted and given as they are in full */
};
struct parcel_start {
	int say; /* enum source_say */
	int64_t from;
	char *etag, *modified;
};
struct parcel_failed {
	char *code, *text;
};
extern const struct shape_field parcel_ask_shape[], parcel_start_shape[], parcel_failed_shape[];
must_check bool parcel_read(void *out, const struct shape_field *shape, struct str body, struct err *e);

/* A body above PARCEL_MAX marks the buffer failed. */
void parcel_write(struct buf *out, enum parcel_kind kind, struct str body);
void parcel_write_words(struct buf *out, enum parcel_kind kind, const void *words, const struct shape_field *shape);

struct parcel {
	enum parcel_kind kind;
	struct str body; /* borrowed until the next parcel_feed */
};
/* Holds at most one frame and what was fed last. */
struct parcel_reader {
	struct buf in;
	size_t used;
};
void parcel_feed(struct parcel_reader *r, struct str arrived);
enum parcel_say { PARCEL_MORE, PARCEL_HERE, PARCEL_BROKEN };
enum parcel_say parcel_next(struct parcel_reader *r, struct parcel *out, struct err *e);
void parcel_reader_free(struct parcel_reader *r);

/* The answer to one ask, parcel by parcel. */
struct reply {
	const struct source_ask *ask;
	struct source_to *to;
	struct buf *session;         /* NULL: none is kept; else what to keep from now on goes there */
	bool kept;                   /* something went there */
	struct source_answer answer; /* whole when REPLY_DONE */
	bool started;
};
enum reply_say {
	REPLY_MORE,
	REPLY_DONE,
	REPLY_FAILED, /* the helper said why, and can be asked again */
	REPLY_BROKEN, /* it said what it must not, or its bytes cannot be kept: end it */
};
enum reply_say reply_take(struct reply *r, const struct parcel *p, struct err *e);
/* Printable ASCII without spaces at its ends, and short enough to be kept. */
bool parcel_mark_ok(const char *text, size_t size);
