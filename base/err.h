/* What went wrong: a code from a closed list, the same words on the wire and in the manual, and a sentence.
 *
 *   return err_set(e, ERR_SYNTAX, "line %d: expected a number", line);      always false
 *   return err_in(e, "sign manifest %s", name);                             adds where, on the way up; always false
 */
#pragma once

#include "base/core.h"

/*      code         word           what the caller can do about it */
#define ERR_CODES(X)                                                                          \
	X(NONE,        "none")        /* nothing went wrong */                                    \
	X(INTERNAL,    "internal")    /* our mistake: report it */                                \
	X(USAGE,       "usage")       /* the command line or a configuration is wrong */          \
	X(MISSING,     "missing")     /* a file, host, key or release is not there */             \
	X(EXISTS,      "exists")      /* it is there already and would be overwritten */          \
	X(IO,          "io")          /* the kernel said no; the sentence has its words */        \
	X(SPACE,       "space")       /* no room on the disk: not now, again when there is room */ \
	X(LIMIT,       "limit")       /* more bytes, entries or time than we allow */             \
	X(SYNTAX,      "syntax")      /* bytes that are not what they should be */                \
	X(UNSAFE,      "unsafe")      /* a name, path or file type that we never handle */        \
	X(SIGNATURE,   "signature")   /* unsigned, wrongly signed, or by too few */               \
	X(DIGEST,      "digest")      /* length or digest is not what was signed */               \
	X(OLDER,       "older")       /* a version or number went back */                         \
	X(EXPIRED,     "expired")     /* metadata past its date */                                \
	X(FOREIGN,     "foreign")     /* right, but for another plan, host or role */             \
	X(PASSPHRASE,  "passphrase")  /* wrong passphrase, or none given */                       \
	X(BUSY,        "busy")        /* somebody else is at it; the sentence says who */         \
	X(REFUSED,     "refused")     /* a guard said no: lease, budget, window, held, guilty */  \
	X(UNREACHABLE, "unreachable") /* no connection, or lost */                                \
	X(HOSTKEY,     "hostkey")     /* the host shows another key than the one pinned */        \
	X(TIMEOUT,     "timeout")     /* our own patience ended */                                \
	X(PROTOCOL,    "protocol")    /* the other side speaks otherwise */                       \
	X(FAILED,      "failed")      /* it was run, and it failed */                             \
	X(STOPPED,     "stopped")     /* interrupted by a person or a signal */

enum err_code {
#define X(code, word) ERR_##code,
	ERR_CODES(X)
#undef X
};

struct err {
	enum err_code code;
	char text[1000]; /* one sentence, no newline at the end; control bytes are shown as '?' */
};

bool err_set(struct err *e, enum err_code code, const char *form, ...) printf_like(3, 4);
bool err_in(struct err *e, const char *form, ...) printf_like(2, 3);
/* The kernel's words for errno behind ours; ENOSPC and EDQUOT become ERR_SPACE, ENOENT ERR_MISSING, EEXIST ERR_EXISTS,
 * all else ERR_IO. */
bool err_sys(struct err *e, const char *form, ...) printf_like(2, 3);

const char *err_word(enum err_code code);
bool err_code_of(enum err_code *out, const char *word);
