/* Inside https.h: one request, and what comes back on it. */
#pragma once

#include <curl/curl.h>

#include "keys/tls.h"
#include "sources/https.h"
#include "sources/ticket.h"

struct https {
	CURLM *multi;
	CURL *easy;
	/* of the newest connection to a server that was asked, not to one that it led to: */
	struct tls_session tls;
	bool believed;        /* by libcurl too, which looks at the name */
	struct buf offer;     /* what tls borrows */
	struct digest whose;
	struct ticket ticket; /* which was offered */
};

/* What a status asks of us. */
enum what { GIVE, ABSENT, UNCHANGED, REDIRECT, HAVE_ALL, REFUSE };

/* One request; a redirect is another. */
struct request {
	struct https *h;
	const struct parcel_ask *ask;
	int fd;
	bool first; /* of the server that was asked; no redirect led here */
	enum what what;
	bool begun;       /* the headers are all there, and START was said where there is something to give */
	bool sent;        /* the request is on its way, the server's turn begins */
	int64_t moved_ms; /* when something last came */
	uint64_t at;      /* of the file */
	size_t headers, dropped;
	struct str upload; /* what is still to be sent */
	struct err why; /* our own reason to stop */
	char said[CURL_ERROR_SIZE];
};

/* Called by libcurl, with the request. What comes is counted, told to whoever asked, and refused where r->why says so.
 */
size_t https_on_header(char *data, size_t size, size_t n, void *request);
size_t https_on_body(char *data, size_t size, size_t n, void *request);
/* Once, when the headers are all there: by the first byte of a body, or at the end of an answer without one. */
must_check bool https_begin(struct request *r);
/* The answer has ended well. */
must_check bool https_end(struct request *r);

must_check bool https_send(struct request *r, enum parcel_kind kind, struct str body); /* to whoever asked */

/* A connection is about to be made: go on with the session that the ask brings, if it may be, and watch for the next. */
void https_session_on(struct request *r, void *ssl_ctx);
/* Tells whoever asked what to keep from now on, if that has changed. Before the answer's end. */
must_check bool https_session_end(struct request *r);

/* "https://host:443": what must be the same, for it to be the same server. */
must_check bool https_origin(struct buf *out, const char *url);
/* May the server that was asked send us there? To itself, and to those that the ask names. */
bool https_may_lead_to(const struct parcel_ask *ask, const char *url);
