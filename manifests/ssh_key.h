/* Public keys of SSH as people paste them: "ssh-ed25519 AAAA... ann@laptop". */
#pragma once

#include "base/err.h"
#include "base/str.h"

enum { SSH_KEY_MAX = 1024 };

/* The key alone, "TYPE BASE64"; the comment behind it is left out. ERR_SYNTAX: not such a line (options in front of the type
 * are none); ERR_UNSAFE: a kind of key that we do not take (DSA, certificates, RSA below 2048 bit). The caller frees. */
must_check bool ssh_key_read(char **out, struct str line, struct err *e);
/* Is it exactly what ssh_key_read gives? */
must_check bool ssh_key_check(struct str key, struct err *e);
