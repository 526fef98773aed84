/* One file from a web server, by libcurl. What the server may do to us is bounded here: bytes of headers, of what we drop and
 * of the file; time to connect, without a byte, and in all; redirects. */
#include "sources/https.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "keys/tls.h"

enum {
	HEADERS_MAX = 64 * KIB,
	DROPPED_MAX = 16 * KIB, /* of an error's page: read, so that the connection can be used again */
	HOPS_MAX = 5,
	URL_MAX = 8 * KIB,
};

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
	bool begun;              /* the headers are all there, and START was said where there is something to give */
	bool sent;               /* the request is on its way, the server's turn begins */
	int64_t moved_ms;        /* when something last came */
	uint64_t at;             /* of the file */
	size_t headers, dropped;
	struct err why;          /* our own reason to stop */
	char said[CURL_ERROR_SIZE];
};

/* --- to whoever asked --- */

static bool send_frame(struct request *r, const struct buf *frame)
{
	struct str rest = buf_str(frame);

	if (!buf_ok(frame, &r->why))
		return false;
	while (rest.len) {
		ssize_t n = send(r->fd, rest.data, rest.len, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return err_sys(&r->why, "answer");
		n = MAX(n, 0);
		rest = str_bytes(rest.data + n, rest.len - (size_t)n);
	}
	return true;
}

static bool send_start(struct request *r, enum source_say say, char *etag, char *modified)
{
	cleanup(buf_free) struct buf frame = {0};
	struct parcel_start words = {say, (int64_t)r->at, etag, modified};

	parcel_write_words(&frame, PARCEL_START, &words, parcel_start_shape);
	return send_frame(r, &frame);
}

static bool send_piece(struct request *r, struct str bytes)
{
	while (bytes.len) {
		cleanup(buf_free) struct buf frame = {0};
		struct str piece = str_bytes(bytes.data, MIN(bytes.len, (size_t)PARCEL_MAX));
		parcel_write(&frame, PARCEL_PIECE, piece);
		if (!send_frame(r, &frame))
			return false;
		bytes = str_bytes(bytes.data + piece.len, bytes.len - piece.len);
	}
	return true;
}

static bool send_end(struct request *r)
{
	cleanup(buf_free) struct buf frame = {0};

	parcel_write(&frame, PARCEL_END, STR(""));
	return send_frame(r, &frame);
}

/* --- the headers --- */

static char *header(const struct request *r, const char *name)
{
	struct curl_header *found;

	if (curl_easy_header(r->h->easy, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK)
		return NULL;
	return found->value;
}

static char *mark(const struct request *r, const char *name, size_t size)
{
	char *value = header(r, name);

	return value && parcel_mark_ok(value, size) ? value : NULL;
}

/* "bytes 100-199/200": where it begins, and the whole length; 0: not said. RFC 9110, 14.4. "bytes *" begins nowhere. */
static bool content_range(const struct request *r, uint64_t *first, uint64_t *whole, bool *nowhere)
{
	const char *value = header(r, "Content-Range");
	struct str rest, range, last;

	if (!value || !str_starts(str_of(value), "bytes "))
		return false;
	range = str_cut(str_of(value + strlen("bytes ")), '/', &rest);
	*whole = 0;
	if (!str_is(rest, "*") && !str_number(whole, rest, INT64_MAX))
		return false;
	*nowhere = str_is(range, "*");
	return *nowhere || str_number(first, str_cut(range, '-', &last), INT64_MAX);
}

static enum what what_of(const struct request *r, long status)
{
	bool conditional = r->ask->etag || r->ask->modified;

	switch (status) {
	case 200:
		return GIVE;
	case 206:
		return r->ask->from ? GIVE : REFUSE;
	case 301:
	case 302:
	case 303:
	case 307:
	case 308:
		return REDIRECT;
	case 304:
		return conditional ? UNCHANGED : REFUSE;
	case 403:
	case 404:
	case 410:
		return ABSENT;
	case 416:
		return r->ask->from ? HAVE_ALL : REFUSE;
	default:
		return REFUSE;
	}
}

static bool too_long(struct request *r)
{
	return err_set(&r->why, ERR_LIMIT, "longer than %lld bytes", (long long)r->ask->max);
}

static bool begin_giving(struct request *r, long status)
{
	uint64_t first, whole = 0;
	bool nowhere;
	curl_off_t length = -1;

	if (status == 206 && (!content_range(r, &first, &whole, &nowhere) || nowhere || first != (uint64_t)r->ask->from))
		return err_set(&r->why, ERR_PROTOCOL, "the server sends another part than was asked for");
	r->at = status == 206 ? (uint64_t)r->ask->from : 0;
	curl_easy_getinfo(r->h->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (whole > (uint64_t)r->ask->max || (length > 0 && (uint64_t)length > (uint64_t)r->ask->max - r->at))
		return too_long(r);
	return send_start(r, SOURCE_BYTES, mark(r, "ETag", sizeof((struct source_mark *)0)->etag),
		mark(r, "Last-Modified", sizeof((struct source_mark *)0)->modified));
}

/* RFC 9110, 15.5.17: what is held is all there is, or more than there is. */
static bool check_all_held(struct request *r)
{
	uint64_t first, whole;
	bool nowhere;

	if (!content_range(r, &first, &whole, &nowhere) || !nowhere || whole != (uint64_t)r->ask->from)
		return err_set(&r->why, ERR_PROTOCOL, "the server has less of it than is held");
	r->at = whole;
	return true;
}

/* Once, when the headers are all there. */
static bool begin(struct request *r)
{
	long status = 0;

	r->begun = true;
	curl_easy_getinfo(r->h->easy, CURLINFO_RESPONSE_CODE, &status);
	r->what = what_of(r, status);
	if (r->what == GIVE)
		return begin_giving(r, status);
	if (r->what == HAVE_ALL)
		return check_all_held(r);
	if (r->what != REFUSE)
		return true;
	return err_set(&r->why, status >= 500 || status == 429 ? ERR_UNREACHABLE : ERR_PROTOCOL,
		"the server answered with status %ld", status);
}

/* --- what libcurl calls --- */

static void moved(struct request *r)
{
	r->moved_ms = clock_boot_ms();
}

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
	struct request *r = ctx;

	(void)data;
	moved(r);
	r->headers += size * n;
	if (r->headers <= HEADERS_MAX)
		return size * n;
	err_set(&r->why, ERR_LIMIT, "more than %d bytes of headers", HEADERS_MAX);
	return 0;
}

static bool take(struct request *r, struct str bytes)
{
	if (!r->begun && !begin(r))
		return false;
	if (r->what != GIVE) {
		r->dropped += bytes.len;
		return r->dropped <= DROPPED_MAX;
	}
	if (bytes.len > (uint64_t)r->ask->max - r->at)
		return too_long(r);
	r->at += bytes.len;
	return send_piece(r, bytes);
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct request *r = ctx;

	bool ok = take(r, str_bytes(data, size * n));
	moved(r);
	return ok ? size * n : CURL_WRITEFUNC_ERROR;
}

static CURLcode on_tls(CURL *easy, void *ssl_ctx, void *ctx)
{
	const struct request *r = ctx;

	(void)easy;
	if (r->ask->clock_unsure)
		tls_ignore_dates(ssl_ctx);
	return CURLE_OK;
}

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
	if (r->ask->from > 0) {
		snprintf(range, sizeof range, "%lld-", (long long)r->ask->from);
		curl_easy_setopt(c, CURLOPT_RANGE, range);
	}
}

static void set_tls(struct request *r)
{
	CURL *c = r->h->easy;

	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, on_tls);
	curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, r);
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
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, r->said);
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
	return err_set(&r->why, code, "%s", r->said[0] ? r->said : curl_easy_strerror(failed));
}

/* One request to its end. An error's page that is too long to be dropped does not change what the status said. */
static bool run(struct request *r, const char *url, int64_t end_ms)
{
	cleanup(headers_free) struct curl_slist *headers = NULL;
	CURLcode done = CURLE_OK;

	if (!add_header(&headers, "If-None-Match", r->ask->etag, sizeof((struct source_mark *)0)->etag, &r->why) ||
		!add_header(&headers, "If-Modified-Since", r->ask->modified, sizeof((struct source_mark *)0)->modified, &r->why))
		return false;
	curl_easy_reset(r->h->easy);
	set_address(r, url);
	set_tls(r);
	set_limits(r);
	curl_easy_setopt(r->h->easy, CURLOPT_HTTPHEADER, headers);
	if (curl_multi_add_handle(r->h->multi, r->h->easy) != CURLM_OK)
		return err_set(&r->why, ERR_INTERNAL, "libcurl");
	bool ended = perform(r, end_ms, &done);
	if (ended && done == CURLE_OK && !r->begun)
		(void)begin(r);
	curl_multi_remove_handle(r->h->multi, r->h->easy);
	if (!ended || r->why.code != ERR_NONE)
		return false;
	bool cut_by_us = done == CURLE_WRITE_ERROR && r->begun && r->what != GIVE;
	return done == CURLE_OK || cut_by_us || curl_failed(r, done);
}

/* --- redirects --- */

static void url_free(CURLU **u)
{
	curl_url_cleanup(*u);
}

static void text_free(char **text)
{
	curl_free(*text);
}

/* "https://host:443": what must be the same, for it to be the same server. */
static bool origin_of(struct buf *out, const char *url)
{
	cleanup(url_free) CURLU *u = mem_must(curl_url());
	cleanup(text_free) char *scheme = NULL, *host = NULL, *port = NULL;

	if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK || curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
		curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
		curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return false;
	buf_form(out, "%s://%s:%s", scheme, host, port);
	return buf_ok(out, NULL);
}

static bool same_origin(struct str a, const char *url)
{
	cleanup(buf_free) struct buf b = BUF_MAX(URL_MAX);

	return origin_of(&b, url) && str_eq(a, buf_str(&b));
}

static bool may_lead_to(const struct parcel_ask *ask, const char *url)
{
	cleanup(buf_free) struct buf origin = BUF_MAX(URL_MAX);

	if (!origin_of(&origin, url))
		return false;
	bool may = same_origin(buf_str(&origin), ask->url);
	for (size_t i = 0; !may && i < ask->also.count; i++)
		may = same_origin(buf_str(&origin), ((char **)ask->also.items)[i]);
	return may;
}

static bool follow(struct buf *url, const struct request *r, struct err *e)
{
	char *to = NULL;

	curl_easy_getinfo(r->h->easy, CURLINFO_REDIRECT_URL, &to);
	if (!to)
		return err_set(e, ERR_PROTOCOL, "the server redirects to nowhere");
	if (!may_lead_to(r->ask, to))
		return err_set(e, ERR_REFUSED, "the server redirects to another server, which is not allowed: %s", to);
	buf_clear(url);
	buf_text(url, to);
	return buf_ok(url, e);
}

/* --- the answer --- */

static bool finish(struct request *r)
{
	static const enum source_say say[] = {[ABSENT] = SOURCE_ABSENT, [UNCHANGED] = SOURCE_UNCHANGED, [HAVE_ALL] = SOURCE_BYTES};

	if (r->what != GIVE && !send_start(r, say[r->what], NULL, NULL))
		return false;
	return send_end(r);
}

bool https_answer(struct https *h, const struct parcel_ask *ask, int fd, struct err *e)
{
	cleanup(buf_free) struct buf url = BUF_MAX(URL_MAX);
	int64_t end_ms = clock_boot_ms() + ask->total_ms;

	buf_text(&url, ask->url);
	for (int hop = 0; hop <= HOPS_MAX; hop++) {
		struct request r = {.h = h, .ask = ask, .fd = fd};
		if (!run(&r, buf_str(&url).data, end_ms) || (r.what != REDIRECT && !finish(&r))) {
			*e = r.why;
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
	free_ptr(h);
}
