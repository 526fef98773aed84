/* Files brought to a web server. */
#include "sources/deliver.h"

#include <stdlib.h>

#include "sources/fetch.h"
#include "sources/helper.h"

enum { TOTAL_MS = 5 * 60 * 1000, URL_MAX = 8 * KIB };

struct deliver {
	struct helper helper;
	char *at, *ca, *login;
	bool clock_unsure;
};

/* What is uploaded goes before the ask, in pieces. */
static void add_pieces(struct buf *frames, struct str bytes)
{
	while (bytes.len) {
		size_t n = MIN(bytes.len, (size_t)PARCEL_MAX);
		parcel_write(frames, PARCEL_PIECE, str_bytes(bytes.data, n));
		bytes = str_bytes(bytes.data + n, bytes.len - n);
	}
}

static bool ask(struct deliver *d, const char *method, struct str url, struct str bytes, struct err *e)
{
	cleanup(buf_free) struct buf frames = {0};
	cleanup(buf_free) struct buf none = BUF_MAX(1);
	cleanup(free_ptr) char *address = str_dup(url);
	struct source_ask asked = {.name = address};
	struct source_to to = {.text = &none, .fd = -1};
	struct reply r = {.ask = &asked, .to = &to};
	struct parcel_ask words = {
		.url = address,
		.method = (char *)method,
		.ca = d->ca,
		.login = d->login,
		.connect_ms = FETCH_CONNECT_MS,
		.idle_ms = FETCH_IDLE_MS,
		.total_ms = TOTAL_MS,
		.clock_unsure = d->clock_unsure,
	};

	add_pieces(&frames, bytes);
	parcel_write_words(&frames, PARCEL_ASK, &words, parcel_ask_shape);
	return buf_ok(&frames, e) && helper_ask(&d->helper, buf_str(&frames), &r,
					     FETCH_CONNECT_MS + FETCH_IDLE_MS + HELPER_GRACE_MS, TOTAL_MS, e);
}

static bool make_folder(struct deliver *d, struct str url, struct err *e)
{
	const char *slash = memrchr(url.data, '/', url.len);

	return ask(d, PARCEL_MKCOL, str_bytes(url.data, (size_t)(slash - url.data) + 1), STR(""), e);
}

bool deliver_put(struct deliver *d, const char *name, struct str bytes, struct err *e)
{
	cleanup(buf_free) struct buf url = BUF_MAX(URL_MAX);

	fetch_url(&url, d->at, name);
	if (!buf_ok(&url, e))
		return false;
	if (bytes.len > DELIVER_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "%s: more than %d bytes", name, DELIVER_BYTES_MAX);
	if (ask(d, PARCEL_PUT, buf_str(&url), bytes, e))
		return true;
	return (e->code == ERR_MISSING && make_folder(d, buf_str(&url), e) &&
		       ask(d, PARCEL_PUT, buf_str(&url), bytes, e)) ||
	       err_in(e, "%s", d->at);
}

bool deliver_open(struct deliver **out, const struct delivery *with, struct err *e)
{
	cleanup(deliver_close) struct deliver *d = mem_new(1, sizeof *d);

	d->helper.talk.fd = -1;
	if (!helper_init(&d->helper, with->helper, e))
		return false;
	d->at = str_dup(str_of(with->at));
	d->login = with->login ? str_dup(str_of(with->login)) : NULL;
	d->ca = with->ca ? str_dup(str_of(with->ca)) : NULL;
	d->clock_unsure = with->clock_unsure;
	*out = d;
	d = NULL;
	return true;
}

void deliver_close(struct deliver **d)
{
	if (!*d)
		return;
	helper_free(&(*d)->helper);
	free_ptr(&(*d)->at);
	free_ptr(&(*d)->ca);
	free_ptr(&(*d)->login);
	free_ptr(d);
}
