/* A repository behind a web server, read through a helper program: fleet-fetch-https parses what the server says, in a
 * sandbox; here nothing but its bounded answers is seen. One helper serves many asks, so connections are used again. */
#pragma once

#include "sources/source.h"

enum { FETCH_CONNECT_MS = 30 * 1000, FETCH_IDLE_MS = 30 * 1000, FETCH_TOTAL_MS = 3600 * 1000 };

struct fetch {
	const char *helper;           /* path of fleet-fetch-https */
	const char *at[SOURCE_PARTS]; /* addresses, used untouched, with a '/' behind; NULL: there is no such part */
	const char *ca; /* a file of certificates, and no others are believed; NULL: those of the system */
	const char *const
		*also;     /* "https://cdn.example": where redirects may lead besides the server asked; NULL-ended */
	const char *session; /* a file of this source's own, where its TLS session is kept between two runs; NULL: none is */
	bool clock_unsure; /* dates of certificates do not count; names and signatures always do */
	int64_t connect_ms, idle_ms; /* longest without a connection, without a byte; 0: as above */
	int64_t total_ms;            /* of one ask, all in all; 0: as above */
};
/* Everything is copied. The helper starts with the first ask, and again after one that it did not survive. Proxies are
 * those of the environment, as curl reads it. */
must_check bool source_fetch(struct source **out, const struct fetch *f, struct err *e);

/* ADDRESS/NAME; in the name what cannot stand in an address at all is percent-encoded, '%' and all else stays. */
void fetch_url(struct buf *out, const char *address, const char *name);
