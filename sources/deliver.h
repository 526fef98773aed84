/* Files brought to a web server: PUT (RFC 9110, 9.3.4), as WebDAV servers and many others take it; the folder they go into is
 * made where the server wants it made first (MKCOL, RFC 4918). By the helper that fetches, in its sandbox. */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct delivery {
	const char *helper; /* path of fleet-fetch-https */
	const char *at;     /* address, with or without a '/' behind */
	const char *ca;     /* a file of certificates, and no others are believed; NULL: those of the system */
	const char *login;  /* "USER:PASSWORD"; NULL: none is asked for */
	bool clock_unsure;  /* dates of certificates do not count */
};
enum { DELIVER_BYTES_MAX = 128 * KIB };

struct deliver;
must_check bool deliver_open(struct deliver **out, const struct delivery *d, struct err *e);
/* AT/NAME is these bytes from now on, as the server says. */
must_check bool deliver_put(struct deliver *d, const char *name, struct str bytes, struct err *e);
void deliver_close(struct deliver **d);
