/* SHA-512 of others' metadata. */
#include "keys/sha512.h"

#include <openssl/evp.h>

bool sha512_is(const uint8_t wanted[SHA512_LEN], struct str bytes)
{
	uint8_t got[SHA512_LEN];
	size_t len = 0;

	return EVP_Q_digest(NULL, "SHA512", NULL, bytes.data, bytes.len, got, &len) == 1 && len == sizeof got &&
	       memcmp(got, wanted, sizeof got) == 0;
}
