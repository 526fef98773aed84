/* Where a passphrase comes from: a descriptor, or a person at the terminal. Never an argument, never the environment. */
#pragma once

#include "base/buf.h"

struct passphrase {
	int fd;            /* -1: ask at the terminal */
	struct buf text;   /* of the descriptor: read once, for all keys */
	bool read;
};
enum { PASSPHRASE_MAX = 1024 };

/* As signer_ask: ctx is a struct passphrase. */
bool passphrase_ask(void *ctx, struct buf *out, const char *key_name, struct err *e);
/* Any other secret of a person, asked for by `prompt`. */
must_check bool passphrase_other(struct passphrase *p, struct buf *out, const char *prompt, struct err *e);
/* For a new key: asked twice at the terminal. */
must_check bool passphrase_new(struct passphrase *p, struct buf *out, const char *what, struct err *e);
void passphrase_free(struct passphrase *p); /* wiped */
