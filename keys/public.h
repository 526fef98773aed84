/* Public keys as TUF writes them (TUF 4.2): keytype, scheme, value. An unknown type is no error; it never verifies. */
#pragma once

#include "base/doc.h"
#include "keys/digest.h"

enum key_type { KEY_UNKNOWN, KEY_ED25519, KEY_P256, KEY_RSA };

struct public_key {
	enum key_type type;
	char *keytype, *scheme, *value; /* owned; value: 64 hex digits, or PEM */
	struct digest same;             /* of the key itself (its SubjectPublicKeyInfo), whatever its keyid: to count distinct keys */
};

/* From {"keytype":..,"scheme":..,"keyval":{"public":..}}. Fails only if these are absent or no text; of an unknown type keyval
 * may be any object. */
must_check bool public_read(struct public_key *out, const doc *d, struct err *e);
/* From the value alone (64 hex digits, or PEM), with the words that we write for the type. ERR_SYNTAX when it is no such key. */
must_check bool public_of(struct public_key *out, enum key_type type, struct str value, struct err *e);
doc *public_doc(const struct public_key *k);
/* SHA-256 over the canonical form, as we write keyids; what we read may carry any. */
void public_keyid(char out[DIGEST_HEX + 1], const struct public_key *k);
must_check bool public_ed25519(struct public_key *out, const uint8_t raw[32], struct err *e); /* small-order points refused */
must_check bool public_p256(struct public_key *out, const uint8_t point[65], struct err *e); /* uncompressed (SEC 1, 2.3.3) */
/* When a key is added: type known, no small order, RSA 2048 bit and up; else ERR_UNSAFE. */
must_check bool public_check_strength(const struct public_key *k, struct err *e);
/* signature: raw bytes (RFC 8032), DER (P-256), PSS (RSA). A weak or unknown key never verifies. */
bool public_verify(const struct public_key *k, struct str message, struct str signature);
void public_free(struct public_key *k);
