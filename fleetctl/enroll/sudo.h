/* How a user of a machine becomes root there: by being root, by sudo, or by sudo with the password that a person gave. */
#pragma once

#include "fleetctl/push/shell.h"

struct sudo {
	enum { SUDO_NOT_NEEDED, SUDO_FREE, SUDO_ASKS } way;
	struct buf password; /* where it asks */
};
/* As a person would type it; the caller frees. */
char *sudo_line(const struct sudo *how, const char *command);
/* As shell_run, and as root. Messages come in English, whatever is spoken there. */
must_check bool sudo_run(struct shell_end *out, struct shell *s, const struct sudo *how, const char *command, struct str input, int64_t silence_ms,
	struct err *e);
void sudo_free(struct sudo *how); /* wiped */
