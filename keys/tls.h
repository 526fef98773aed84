/* What we ask of a TLS library besides what libcurl offers. Its caller links libssl. */
#pragma once

#include "base/buf.h"

/* Certificates are believed whatever their dates: for a Pi whose clock is not sure. Name, signature and issuer still
 * count. `ssl_ctx` is OpenSSL's SSL_CTX. */
void tls_ignore_dates(void *ssl_ctx);

/* A session that goes on over another connection, where no certificate is sent again (RFC 8446, 2.2; RFC 5077). Sessions are
 * DER here, and hold the server's certificate. */
enum { TLS_SESSION_MAX = 6 * KIB };
struct tls_session {
	struct str offer; /* borrowed: what was kept; empty, or nothing that can be read: none is offered */
	/* What came of it, on the newest of this SSL_CTX's connections: */
	bool offered;
	bool agreed;       /* the handshake has ended well, */
	bool resumed;      /* by the session that was offered */
	int64_t until_s;   /* of a handshake in full: when the first of the certificates that were verified runs out */
	struct buf newest; /* the newest that the server gave; owned */
};
/* Watches all connections of `ssl_ctx`, as long as it lives. Its own cache is left alone: libcurl's must be off. */
void tls_session_watch(void *ssl_ctx, struct tls_session *s);
