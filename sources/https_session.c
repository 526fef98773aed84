/* A TLS session that outlives us: whoever asks keeps it, and gives it back with an ask. */
#include "sources/https_request.h"

#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>

#include "base/fs.h"
#include "base/hex.h"

enum { AUTHORITIES_MAX = 4 * MIB };

/* --- whose --- */

/* A proxy that is itself asked over TLS has a session of its own, and libcurl does not say which of the two it makes. */
static bool proxy_has_tls(void)
{
	static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
	bool has = false;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *at = getenv(names[i]);
		has |= at && strncasecmp(at, "https:", strlen("https:")) == 0;
	}
	return has;
}

/* By what its file holds now: under another authority nothing goes on. */
static bool authorities_of(struct buf *out, const struct request *r)
{
	struct err none;
	char *path = r->ask->ca;

	return (path || (curl_easy_getinfo(r->h->easy, CURLINFO_CAINFO, &path) == CURLE_OK && path)) &&
	       fs_read(out, AT_FDCWD, path, &none);
}

static bool whose_is(struct digest *out, const struct request *r)
{
	cleanup(buf_free) struct buf origin = {0}, authorities = BUF_MAX(AUTHORITIES_MAX);

	if (proxy_has_tls() || !https_origin(&origin, r->ask->url) || !authorities_of(&authorities, r))
		return false;
	*out = ticket_whose(buf_str(&origin), buf_str(&authorities));
	return true;
}

/* --- given --- */

/* Into h->offer, if it may be gone on with. */
static void take(struct https *h, const struct parcel_ask *ask)
{
	char boot[40];

	ticket_free(&h->ticket);
	buf_clear(&h->offer);
	if (!ticket_read(&h->ticket, str_of(ask->session)))
		return;
	clock_boot_id(boot);
	size_t n = strlen(h->ticket.session) / 2;
	void *der = ticket_holds(&h->ticket, h->whose, !ask->clock_unsure, clock_now(), boot) ? buf_space(&h->offer, n) : NULL;
	if (der && hex_read(der, n, str_of(h->ticket.session)))
		buf_used(&h->offer, n);
}

void https_session_on(struct request *r, void *ssl_ctx)
{
	struct https *h = r->h;

	if (!r->ask->sessions || !r->first || !whose_is(&h->whose, r))
		return;
	take(h, r->ask);
	h->believed = false;
	h->tls.offer = buf_str(&h->offer);
	tls_session_watch(ssl_ctx, &h->tls);
}

/* --- taken back --- */

static void begun_now(struct ticket *t, struct digest whose, bool sure, int64_t until_s)
{
	struct moment now = clock_now();
	char boot[40];

	clock_boot_id(boot);
	ticket_free(t);
	*t = (struct ticket){.whose = whose,
		.boot = str_dup(str_of(boot)),
		.at_ms = now.boot_ms,
		.at_s = MAX(now.unix_s, 0),
		.sure = sure,
		.until_s = until_s};
}

static void describe(struct buf *out, struct https *h, bool sure)
{
	struct str der = buf_str(&h->tls.newest);

	if (!h->tls.resumed)
		begun_now(&h->ticket, h->whose, sure, h->tls.until_s);
	free_ptr(&h->ticket.session);
	h->ticket.session = mem_new(2 * der.len + 1, 1);
	hex_write(h->ticket.session, der.data, der.len);
	ticket_write(out, &h->ticket);
}

bool https_session_end(struct request *r)
{
	struct tls_session *s = &r->h->tls;
	cleanup(buf_free) struct buf text = BUF_MAX(TICKET_TEXT_MAX);
	curl_off_t agreed_us = 0;

	curl_easy_getinfo(r->h->easy, CURLINFO_APPCONNECT_TIME_T, &agreed_us); /* of a new connection, else 0 */
	r->h->believed |= s->agreed && agreed_us > 0;
	bool kept = r->h->believed && s->newest.len, useless = s->offered && !(s->resumed && r->h->believed);
	if (kept)
		describe(&text, r->h, !r->ask->clock_unsure);
	s->offered = false;
	buf_clear(&s->newest);
	if (text.failed)
		buf_clear(&text);
	return (!kept && !useless) || https_send(r, PARCEL_SESSION, buf_str(&text));
}
