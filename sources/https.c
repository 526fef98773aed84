/* One file from a web server, by libcurl: asked for, waited for, and followed where it may be. What the server may do
 * to us is bounded: here the time to connect, without a byte, and in all; in https_reply.c the bytes. */
#include "sources/https.h"

#include <stdio.h>

#include "base/clock.h"
#include "sources/https_request.h"

enum { HOPS_MAX = 5, URL_MAX = 8 * KIB };

/* --- asking --- */

static void headers_free(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

static bool add_header(struct curl_slist **list, const char *name, const char *value, size_t size, struct err *e)
{
	if (!value)
		return true;
	if (!parcel_mark_ok(value, size))
		return err_set(e, ERR_USAGE, "%s: not a header", name);
	cleanup(buf_free) struct buf line = {0};
	buf_form(&line, "%s: %s", name, value);
	*list = mem_must(curl_slist_append(*list, buf_str(&line).data));
	return true;
}

static void set_address(struct request *r, const char *url)
{
	CURL *c = r->h->easy;
	char range[32];

	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "fleet/" FLEET_VERSION);
	if (r->ask->squeezed && r->ask->from == 0) /* a part of what is compressed is no part of the file */
		curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "gzip");
	if (r->ask->from > 0) {
		snprintf(range, sizeof range, "%lld-", (long long)r->ask->from);
		curl_easy_setopt(c, CURLOPT_RANGE, range);
	}
}

static CURLcode on_tls(CURL *easy, void *ssl_ctx, void *ctx)
{
	struct request *r = ctx;

	(void)easy;
	if (r->ask->clock_unsure)
		tls_ignore_dates(ssl_ctx);
	https_session_on(r, ssl_ctx);
	return CURLE_OK;
}

static void set_tls(struct request *r)
{
	CURL *c = r->h->easy;

	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, on_tls);
	curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, r);
	curl_easy_setopt(c, CURLOPT_SSL_SESSIONID_CACHE, 0L); /* ours outlives us, and says until when */
	if (!r->ask->ca)
		return;
	curl_easy_setopt(c, CURLOPT_CAINFO, r->ask->ca);
	curl_easy_setopt(c, CURLOPT_CAPATH, NULL); /* else the system's folder would count beside it */
}

static void set_limits(struct request *r)
{
	CURL *c = r->h->easy;

	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)r->ask->connect_ms);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, (long)PARCEL_MAX);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, https_on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, https_on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, r->said);
}

/* --- bringing --- */

static size_t give(char *to, size_t size, size_t n, void *ctx)
{
	struct str *rest = ctx;
	size_t count = MIN(size * n, rest->len);

	memcpy(to, rest->data, count);
	*rest = str_bytes(rest->data + count, rest->len - count);
	return count;
}

static void set_method(struct request *r)
{
	CURL *c = r->h->easy;

	if (!r->ask->method)
		return;
	if (r->ask->login) {
		curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(c, CURLOPT_USERPWD, r->ask->login);
	}
	if (strcmp(r->ask->method, PARCEL_MKCOL) == 0) {
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, "MKCOL");
		return;
	}
	r->upload = r->ask->upload;
	curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(c, CURLOPT_READDATA, &r->upload);
	curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->upload.len);
}

/* --- waiting --- */

/* What nobody else counts: the server's silence, and the whole. */
static bool in_time(struct request *r, int64_t end_ms)
{
	int64_t now = clock_boot_ms();
	curl_off_t sent_us = 0;

	curl_easy_getinfo(r->h->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
	if (!r->sent && sent_us > 0) {
		r->sent = true;
		r->moved_ms = now;
	}
	if (now >= end_ms)
		return err_set(&r->why, ERR_TIMEOUT, "not done after %lld ms", (long long)r->ask->total_ms);
	if (r->sent && now - r->moved_ms >= r->ask->idle_ms)
		return err_set(&r->why, ERR_TIMEOUT, "the server said nothing for %lld ms", (long long)r->ask->idle_ms);
	return true;
}

static int pause_ms(const struct request *r, int64_t end_ms)
{
	int64_t now = clock_boot_ms(), next = end_ms;

	if (r->sent)
		next = MIN(next, r->moved_ms + r->ask->idle_ms);
	return (int)MAX(1, MIN(next - now, 1000));
}

/* False: we stopped it, r->why says why. */
static bool perform(struct request *r, int64_t end_ms, CURLcode *done)
{
	int running = 1, left;

	for (;;) {
		if (curl_multi_perform(r->h->multi, &running) != CURLM_OK)
			return err_set(&r->why, ERR_INTERNAL, "libcurl");
		CURLMsg *message = curl_multi_info_read(r->h->multi, &left);
		if (message) {
			*done = message->data.result;
			return true;
		}
		if (!in_time(r, end_ms))
			return false;
		curl_multi_poll(r->h->multi, NULL, 0, pause_ms(r, end_ms), NULL);
	}
}

static const struct {
	CURLcode curl;
	enum err_code code;
} codes[] = {
	{CURLE_OPERATION_TIMEDOUT, ERR_TIMEOUT},
	{CURLE_PEER_FAILED_VERIFICATION, ERR_HOSTKEY},
	{CURLE_SSL_CACERT_BADFILE, ERR_USAGE},
	{CURLE_URL_MALFORMAT, ERR_USAGE},
	{CURLE_UNSUPPORTED_PROTOCOL, ERR_PROTOCOL}, /* HTTP/0.9 too */
	{CURLE_WEIRD_SERVER_REPLY, ERR_PROTOCOL},
	{CURLE_BAD_CONTENT_ENCODING, ERR_PROTOCOL},
	{CURLE_OUT_OF_MEMORY, ERR_LIMIT},
	{CURLE_FILESIZE_EXCEEDED, ERR_LIMIT},
};

static bool curl_failed(struct request *r, CURLcode failed)
{
	enum err_code code = ERR_UNREACHABLE;

	for (size_t i = 0; i < COUNT_OF(codes); i++)
		if (codes[i].curl == failed)
			code = codes[i].code;
	if (failed == CURLE_OUT_OF_MEMORY) /* which is what libcurl says of a header line above its own limit */
		return err_set(&r->why, code, "a header that is too long, or no memory");
	return err_set(&r->why, code, "%s", r->said[0] ? r->said : curl_easy_strerror(failed));
}

/* The rest of a file is wanted only if it is still that file, else all of it (RFC 9110, 13.1.5: a weak mark cannot say so). */
static bool add_conditions(struct curl_slist **list, const struct request *r, struct err *e)
{
	enum { ETAG_SIZE = sizeof((struct source_mark *)0)->etag, MODIFIED_SIZE = sizeof((struct source_mark *)0)->modified };
	const char *etag = r->ask->etag;

	if (r->ask->from > 0)
		return !etag || etag[0] != '"' || add_header(list, "If-Range", etag, ETAG_SIZE, e);
	return add_header(list, "If-None-Match", etag, ETAG_SIZE, e) &&
	       add_header(list, "If-Modified-Since", r->ask->modified, MODIFIED_SIZE, e);
}

/* Not curl_easy_reset: libcurl 7.88 keeps there where the last header of the answer before was, which is freed, and goes on from it
 * when the next answer begins with a folded one (mended in 8.0). Connections are the multi's, and stay. */
static void begin_anew(struct https *h)
{
	curl_easy_cleanup(h->easy);
	h->easy = mem_must(curl_easy_init());
}

/* One request to its end. An error's page that is too long to be dropped does not change what the status said. */
static bool run(struct request *r, const char *url, int64_t end_ms)
{
	cleanup(headers_free) struct curl_slist *headers = NULL;
	CURLcode done = CURLE_OK;

	if (!add_conditions(&headers, r, &r->why))
		return false;
	begin_anew(r->h);
	set_address(r, url);
	set_tls(r);
	set_limits(r);
	set_method(r);
	curl_easy_setopt(r->h->easy, CURLOPT_HTTPHEADER, headers);
	if (curl_multi_add_handle(r->h->multi, r->h->easy) != CURLM_OK)
		return err_set(&r->why, ERR_INTERNAL, "libcurl");
	bool ended = perform(r, end_ms, &done);
	if (ended && done == CURLE_OK && !r->begun)
		(void)!https_begin(r);
	curl_multi_remove_handle(r->h->multi, r->h->easy);
	if (!ended || r->why.code != ERR_NONE)
		return false;
	bool cut_by_us = done == CURLE_WRITE_ERROR && r->begun && r->what != GIVE;
	return done == CURLE_OK || cut_by_us || curl_failed(r, done);
}

static bool follow(struct buf *url, const struct request *r, struct err *e)
{
	char *to = NULL;

	curl_easy_getinfo(r->h->easy, CURLINFO_REDIRECT_URL, &to);
	if (!to)
		return err_set(e, ERR_PROTOCOL, "the server redirects to nowhere");
	if (!https_may_lead_to(r->ask, to))
		return err_set(e, ERR_REFUSED, "the server redirects to another server, which is not allowed: %s", to);
	buf_clear(url);
	buf_text(url, to);
	return buf_ok(url, e);
}

/* --- the answer --- */

bool https_answer(struct https *h, const struct parcel_ask *ask, int fd, struct err *e)
{
	cleanup(buf_free) struct buf url = BUF_MAX(URL_MAX);
	int64_t end_ms = clock_boot_ms() + ask->total_ms;

	buf_text(&url, ask->url);
	for (int hop = 0; hop <= HOPS_MAX; hop++) {
		struct request r = {.h = h, .ask = ask, .fd = fd, .first = hop == 0};
		bool ran = run(&r, buf_str(&url).data, end_ms);
		struct err why = r.why;
		if (!https_session_end(&r) || !ran || (r.what != REDIRECT && !https_end(&r))) {
			*e = ran ? r.why : why;
			return false;
		}
		if (r.what != REDIRECT)
			return true;
		if (!follow(&url, &r, e))
			return false;
	}
	return err_set(e, ERR_PROTOCOL, "the server redirects more than %d times", HOPS_MAX);
}

bool https_new(struct https **out, struct err *e)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(e, ERR_INTERNAL, "libcurl cannot be made ready");
	struct https *h = mem_new(1, sizeof *h);
	h->multi = mem_must(curl_multi_init());
	h->easy = mem_must(curl_easy_init());
	*out = h;
	return true;
}

void https_free(struct https **h)
{
	if (!*h)
		return;
	curl_easy_cleanup((*h)->easy);
	curl_multi_cleanup((*h)->multi);
	curl_global_cleanup();
	buf_free(&(*h)->tls.newest);
	buf_free(&(*h)->offer);
	ticket_free(&(*h)->ticket);
	free_ptr(h);
}
