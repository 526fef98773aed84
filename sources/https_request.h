/* Inside https.h: one request, and what comes back on it. */
#pragma once

#include <curl/curl.h>

#include "sources/https.h"

struct https {
	CURLM *multi;
	CURL *easy;
};

/* What a status asks of us. */
enum what { GIVE, ABSENT, UNCHANGED, REDIRECT, HAVE_ALL, REFUSE };

/* One request; a redirect is another. */
struct request {
	struct https *h;
	const struct parcel_ask *ask;
	int fd;
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

/* May the server that was asked send us there? To itself, and to those that the ask names. */
bool https_may_lead_to(const struct parcel_ask *ask, const char *url);
