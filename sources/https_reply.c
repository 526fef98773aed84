/* What comes back from a server: its status, its headers, its bytes; and how it is passed on. */
#include "sources/https_request.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"

enum {
	HEADERS_MAX = 64 * KIB,
	DROPPED_MAX = 16 * KIB, /* of an error's page: read, so that the connection can be used again */
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

bool https_send(struct request *r, enum parcel_kind kind, struct str body)
{
	cleanup(buf_free) struct buf frame = {0};

	parcel_write(&frame, kind, body);
	return send_frame(r, &frame);
}

static bool send_start(struct request *r, enum source_say say, char *etag, char *modified)
{
	cleanup(buf_free) struct buf frame = {0};
	struct parcel_start words = {(int)say, (int64_t)r->at, etag, modified};

	parcel_write_words(&frame, PARCEL_START, &words, parcel_start_shape);
	return send_frame(r, &frame);
}

static bool send_piece(struct request *r, struct str bytes)
{
	while (bytes.len) {
		struct str piece = str_bytes(bytes.data, MIN(bytes.len, (size_t)PARCEL_MAX));
		if (!https_send(r, PARCEL_PIECE, piece))
			return false;
		bytes = str_bytes(bytes.data + piece.len, bytes.len - piece.len);
	}
	return true;
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
	bool conditional = !r->ask->from && (r->ask->etag || r->ask->modified);

	if (r->ask->method) /* 405: the folder is there already */
		return (status >= 200 && status < 300) || (status == 405 && strcmp(r->ask->method, PARCEL_MKCOL) == 0) ? ABSENT
																 : REFUSE;
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

	if (status == 206 &&
		(!content_range(r, &first, &whole, &nowhere) || nowhere || first != (uint64_t)r->ask->from))
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
bool https_begin(struct request *r)
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
	/* its folder is not there: RFC 4918, 9.7.1; nginx says 500 */
	if (r->ask->method && (status == 404 || status == 409 || status == 500))
		return err_set(&r->why, ERR_MISSING, "the server answered with status %ld", status);
	return err_set(&r->why, status >= 500 || status == 429 ? ERR_UNREACHABLE : ERR_PROTOCOL,
		"the server answered with status %ld", status);
}

/* --- what libcurl calls --- */

static void moved(struct request *r)
{
	r->moved_ms = clock_boot_ms();
}

size_t https_on_header(char *data, size_t size, size_t n, void *ctx)
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
	if (!r->begun && !https_begin(r))
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

size_t https_on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct request *r = ctx;

	bool ok = take(r, str_bytes(data, size * n));
	moved(r);
	return ok ? size * n : CURL_WRITEFUNC_ERROR;
}

bool https_end(struct request *r)
{
	static const enum source_say say[] = {
		[ABSENT] = SOURCE_ABSENT, [UNCHANGED] = SOURCE_UNCHANGED, [HAVE_ALL] = SOURCE_BYTES};

	if (r->what != GIVE && !send_start(r, say[r->what], NULL, NULL))
		return false;
	return https_send(r, PARCEL_END, STR(""));
}
