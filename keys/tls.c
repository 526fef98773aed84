/* What we ask of a TLS library. */
#include "keys/tls.h"

#include <openssl/ssl.h>

void tls_ignore_dates(void *ssl_ctx)
{
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl_ctx), X509_V_FLAG_NO_CHECK_TIME);
}
