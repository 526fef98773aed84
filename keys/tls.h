/* What we ask of a TLS library besides what libcurl offers. Its caller links libssl. */
#pragma once

/* Certificates are believed whatever their dates: for a Pi whose clock is not sure. Name, signature and issuer still
 * count. `ssl_ctx` is OpenSSL's SSL_CTX. */
void tls_ignore_dates(void *ssl_ctx);
