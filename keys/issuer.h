/* A server's certificate, whose dates nobody can judge because the clock is not sure. */
#pragma once

#include "base/err.h"
#include "base/str.h"

/* Is the certificate (DER) for that host, and signed by one in the PEM file `ca` directly? Its dates do not count.
 * ERR_HOSTKEY when not; ERR_USAGE when `ca` cannot be read. */
must_check bool issuer_check(struct str certificate, const char *host, const char *ca, struct err *e);
