/* One step of a chain, without time. */
#include "keys/issuer.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

static void certificate_free(X509 **c)
{
	X509_free(*c);
}

static void store_free(X509_STORE **s)
{
	X509_STORE_free(*s);
}

static void context_free(X509_STORE_CTX **c)
{
	X509_STORE_CTX_free(*c);
}

bool issuer_check(struct str certificate, const char *host, const char *ca, struct err *e)
{
	const unsigned char *der = (const unsigned char *)certificate.data;
	cleanup(certificate_free) X509 *c = d2i_X509(NULL, &der, (long)certificate.len);
	cleanup(store_free) X509_STORE *store = mem_must(X509_STORE_new());
	cleanup(context_free) X509_STORE_CTX *context = mem_must(X509_STORE_CTX_new());

	if (!c)
		return err_set(e, ERR_HOSTKEY, "%s shows no certificate that can be read", host);
	if (X509_STORE_load_file(store, ca) != 1)
		return err_set(e, ERR_USAGE, "%s: no certificates in PEM", ca);
	if (X509_STORE_CTX_init(context, store, c, NULL) != 1)
		return err_set(e, ERR_INTERNAL, "libcrypto");
	X509_VERIFY_PARAM *how = X509_STORE_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_flags(how, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN);
	X509_VERIFY_PARAM_set_purpose(how, X509_PURPOSE_SSL_SERVER);
	bool named = X509_check_ip_asc(c, host, 0) == 1 || X509_check_host(c, host, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
	if (X509_verify_cert(context) != 1)
		return err_set(e, ERR_HOSTKEY, "%s: certificate: %s", host,
			X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
	return named || err_set(e, ERR_HOSTKEY, "the certificate that %s shows is not for that name", host);
}
