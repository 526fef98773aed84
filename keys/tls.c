/* What we ask of a TLS library. */
#include "keys/tls.h"

#include <time.h>

#include <openssl/ssl.h>

void tls_ignore_dates(void *ssl_ctx)
{
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl_ctx), X509_V_FLAG_NO_CHECK_TIME);
}

/* --- sessions --- */

static struct tls_session *watcher(const SSL *ssl)
{
	return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

static int64_t runs_out_s(const X509 *certificate)
{
	struct tm t = {0};

	return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &t) == 1 ? (int64_t)timegm(&t) : 0;
}

static int64_t chain_runs_out_s(const SSL *ssl)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	int64_t first = INT64_MAX;

	for (int i = 0; i < sk_X509_num(chain); i++)
		first = MIN(first, runs_out_s(sk_X509_value(chain, i)));
	return first == INT64_MAX ? 0 : first;
}

static void offer(SSL *ssl, struct tls_session *s)
{
	const unsigned char *at = (const unsigned char *)s->offer.data;
	SSL_SESSION *session = s->offer.len ? d2i_SSL_SESSION(NULL, &at, (long)s->offer.len) : NULL;

	s->agreed = s->resumed = false;
	s->offered = session && SSL_set_session(ssl, session) == 1;
	SSL_SESSION_free(session);
}

/* The one place that sees the connection before its first message, where another made it. */
static void on_step(const SSL *ssl, int where, int unused)
{
	struct tls_session *s = watcher(ssl);

	(void)unused;
	if (where & SSL_CB_HANDSHAKE_START && !SSL_get_session(ssl))
		offer((SSL *)ssl, s);
	if (!(where & SSL_CB_HANDSHAKE_DONE) || s->agreed)
		return;
	s->agreed = true;
	s->resumed = SSL_session_reused(ssl);
	if (!s->resumed)
		s->until_s = chain_runs_out_s(ssl);
}

static int on_new(SSL *ssl, SSL_SESSION *session)
{
	struct tls_session *s = watcher(ssl);
	unsigned char der[TLS_SESSION_MAX], *end = der;
	int n = SSL_SESSION_is_resumable(session) ? i2d_SSL_SESSION(session, NULL) : 0;

	if (n <= 0 || n > TLS_SESSION_MAX)
		return 0;
	i2d_SSL_SESSION(session, &end);
	buf_clear(&s->newest);
	buf_add(&s->newest, str_bytes((const char *)der, (size_t)n));
	return 0; /* it stays the library's */
}

void tls_session_watch(void *ssl_ctx, struct tls_session *s)
{
	s->offered = s->agreed = s->resumed = false;
	s->until_s = 0;
	buf_clear(&s->newest);
	SSL_CTX_set_app_data(ssl_ctx, s);
	SSL_CTX_set_info_callback(ssl_ctx, on_step);
	SSL_CTX_clear_options(ssl_ctx, SSL_OP_NO_TICKET); /* libcurl's, for TLS 1.2 */
	SSL_CTX_set_session_cache_mode(ssl_ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ssl_ctx, on_new);
}
