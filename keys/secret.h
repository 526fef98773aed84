/* Private keys: made, kept in a file (PKCS#8 PEM, scrypt), opened, used. */
#pragma once

#include "keys/public.h"

struct secret_key; /* OpenSSL's */

must_check bool secret_new(struct secret_key **out, struct err *e); /* Ed25519 */
/* Ed25519 from a 32-byte seed: for a host's receipt key and tests. */
must_check bool secret_of_seed(struct secret_key **out, const uint8_t seed[32], struct err *e);
/* An empty passphrase is refused unless `plain`; one that is given always encrypts. The file is 0600, whole or not at all;
 * an existing one is refused. Ed25519 only. */
must_check bool secret_save(const struct secret_key *k, const char *path, struct str passphrase, bool plain, struct err *e);
/* ERR_PASSPHRASE for a wrong one, ERR_UNSAFE for a link or a file that group or others can touch, ERR_DIGEST when line 1
 * names another key, or the public half in the file is another key's. PKCS#8 of other tools is read too, and Ed25519, P-256 and RSA sign. */
must_check bool secret_load(struct secret_key **out, const char *path, struct str passphrase, struct err *e);
/* The public half stands in front of the PEM block as a line, so listing needs no passphrase:
 * "# fleet public key: ed25519 HEX". The line is not proof; secret_load compares. */
must_check bool secret_peek(struct public_key *out, const char *path, struct err *e);
bool secret_is_plain(const char *path); /* not encrypted: no passphrase is needed */
must_check bool secret_public(struct public_key *out, const struct secret_key *k, struct err *e);
must_check bool secret_sign(struct buf *signature, const struct secret_key *k, struct str message, struct err *e); /* raw bytes */
void secret_free(struct secret_key **k);

/* No core dumps, not traceable: call before the first passphrase is read. */
void secret_guard_process(void);
void secret_wipe(struct buf *b); /* overwrite, then free */
