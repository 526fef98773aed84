/* Private keys that stay behind a provider of OpenSSL's: in a TPM, on a token, in a file of another's format. */
#pragma once

#include "keys/public.h"

struct provider_key; /* OpenSSL's */

/* Where the key is: a provider's name ("tpm2"; "default" is OpenSSL's own, for `file:`), and the URI that it opens. */
struct provider_place {
	const char *provider, *uri;
};
/* The PIN or passphrase, when the provider asks for one; `pin` is wiped afterwards. */
typedef bool provider_ask(void *ctx, struct buf *pin, struct err *e);

/* ERR_UNSAFE for a URI that holds a PIN: what stands in one is read by others. Also when it is no URI, or too long. */
must_check bool provider_place_check(struct provider_place at, struct err *e);
/* ERR_MISSING names the package that has the provider, or the URI where nothing is; ERR_UNREACHABLE: its device does not answer;
 * ERR_PASSPHRASE: nobody could be asked (`ask` NULL), or it was wrong where that shows now. Ed25519, P-256, RSA of 2048 bit and up. */
must_check bool provider_open(struct provider_key **out, struct provider_place at, provider_ask *ask, void *ctx, struct err *e);
must_check bool provider_public(struct public_key *out, const struct provider_key *k, struct err *e);
/* Raw bytes. ERR_REFUSED with the provider's words; a TPM or a token says only here that the PIN was wrong, and counts it. */
must_check bool provider_sign(struct buf *signature, const struct provider_key *k, struct str message, struct err *e);
void provider_free(struct provider_key **k);
