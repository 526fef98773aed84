/* The record of a run: what passed the door, in its order. base/fault.h says how it is written. */
#pragma once

#include "base/buf.h"

#define OPERATIONS(X)                                                                          \
	X(CREATE, "create") X(WRITE, "write") X(TRUNCATE, "truncate") X(RESERVE, "reserve")    \
	X(CHMOD, "chmod") X(SYNC, "sync") X(SYNCFS, "syncfs") X(RENAME, "rename")              \
	X(UNLINK, "unlink") X(RMDIR, "rmdir") X(MKDIR, "mkdir") X(SYMLINK, "symlink")
enum operation_kind {
#define X(name, word) OP_##name,
	OPERATIONS(X)
#undef X
	OP_KINDS
};

struct operation {
	long number;
	enum operation_kind kind;
	int64_t at;       /* offset, length or mode */
	int64_t length;   /* of bytes; of CREATE and MKDIR: the mode */
	char *path, *rest; /* below the root, "" is the root itself, NULL: elsewhere; rest: second path, target or reason */
	struct str bytes; /* borrowed from the text */
};
struct tape {
	struct operation *op;
	size_t count;
};
/* What was looked at, by number. */
struct look {
	long number;
	char *word, *path; /* below the root; elsewhere: as it is */
};
struct looks {
	struct look *look;
	size_t count;
};
must_check bool looks_read(struct looks *out, struct str text, const char *root, struct err *e);
void looks_free(struct looks *l);

/* In the order of their numbers. ERR_SYNTAX names the line. */
must_check bool tape_read(struct tape *out, struct str text, const char *root, struct err *e);
void tape_free(struct tape *r);
/* "rename state/.current.new current": operation `number`, for people. */
void tape_text(char out[300], const struct tape *t, long number);
bool tape_is_write(const struct tape *t, long number);
bool tape_is_on_disk(const struct tape *t, long number); /* in etc/ or state/ */
bool tape_is_fetched(const struct tape *t, long number); /* in staging/ or trees/ of it */
