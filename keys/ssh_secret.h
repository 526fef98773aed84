/* Private keys as OpenSSH keeps them, for those who log in by git: Ed25519, without a passphrase (OpenSSH's PROTOCOL.key).
 * PKCS#8, which secret.h writes, libssh2 does not take for this kind of key. */
#pragma once

#include "base/buf.h"

/* A new key at that path, 0600, whole or not at all; what was there is replaced. `comment`: whose it is. */
must_check bool ssh_secret_make(const char *path, const char *comment, struct err *e);
/* Its public half, "TYPE BASE64", which stands in front of the private one unencrypted; of any kind of key in OpenSSH's form. */
must_check bool ssh_secret_public(struct buf *out, const char *path, struct err *e);
