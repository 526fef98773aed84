/* A key pair as OpenSSL holds it, in a file of ours or behind a provider: what both do alike. Inside of keys/ only. */
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>

#include "keys/public.h"

struct pair {
	EVP_PKEY *key;
	OSSL_LIB_CTX *library; /* NULL: the default one */
	const char *props;     /* whose code signs ("?provider=tpm2"); NULL: OpenSSL's own */
};
must_check bool pair_public(struct public_key *out, const struct pair *p, struct err *e);
/* Raw bytes. ERR_INTERNAL with OpenSSL's words. */
must_check bool pair_sign(struct buf *signature, const struct pair *p, struct str message, struct err *e);
/* "WHAT: what OpenSSL, or the provider below it, complained of". Empties OpenSSL's queue. */
bool pair_failed(struct err *e, const char *what);

/* One cleanup for each thing of OpenSSL's that is held: TYPE_close(TYPE **). */
#define PAIR_CLOSED_BY(type, how)                       \
	static inline void type##_close(type **thing)   \
	{                                               \
		how(*thing);                            \
		*thing = NULL;                          \
	}
PAIR_CLOSED_BY(EVP_MD_CTX, EVP_MD_CTX_free)
PAIR_CLOSED_BY(EVP_PKEY, EVP_PKEY_free)
PAIR_CLOSED_BY(BIO, BIO_free_all)
