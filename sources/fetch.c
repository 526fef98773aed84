/* Our end of the helper: ask, wait no longer than was agreed, believe nothing. */
#include "sources/fetch.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/fs.h"
#include "sources/helper.h"
#include "sources/ticket.h"

enum { HOPS_MAX = 6 }; /* an ask and its redirects: each may take its time to connect and to begin */

struct web {
	struct source source;
	struct helper helper;
	char *at[SOURCE_PARTS], *ca;
	char *session_at; /* a file; NULL: no session is kept */
	struct buf session;
	struct list also;
	bool clock_unsure;
	int64_t connect_ms, idle_ms, total_ms;
};

/* --- addresses --- */

static bool is_impossible(unsigned char c)
{
	return c <= ' ' || c >= 0x7f || c == '#'; /* what stands behind # is never sent */
}

void fetch_url(struct buf *out, const char *address, const char *name)
{
	buf_text(out, address);
	if (!str_ends(str_of(address), "/"))
		buf_byte(out, '/');
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;
		if (is_impossible(c))
			buf_form(out, "%%%02X", c);
		else
			buf_byte(out, *name);
	}
}

/* --- the session --- */

/* What is no text of ours to look at is none. */
static void session_load(struct web *w)
{
	struct err none;

	w->session.max = TICKET_TEXT_MAX;
	bool read = w->session_at && fs_read(&w->session, AT_FDCWD, w->session_at, &none);
	for (size_t i = 0; i < w->session.len; i++)
		read = read && w->session.data[i] >= ' ' && w->session.data[i] <= '~';
	if (!read)
		buf_clear(&w->session);
}

/* That it cannot be kept stops nobody. What the helper did not survive is not tried with it again. */
static void session_keep(struct web *w, const struct reply *r)
{
	struct err none;
	bool lost = w->session.len && w->helper.talk.pid <= 0;

	if (!w->session_at || (!r->kept && !lost))
		return;
	if (lost)
		buf_clear(&w->session);
	if (w->session.len)
		(void)!fs_write(AT_FDCWD, w->session_at, buf_str(&w->session), 0600, &none);
	else
		(void)!fs_remove(AT_FDCWD, w->session_at, &none);
}

/* --- asking --- */

static bool write_ask(struct buf *frame, const struct web *w, const struct source_ask *ask, bool document, struct err *e)
{
	cleanup(buf_free) struct buf url = BUF_MAX(8 * KIB);

	if (!w->at[ask->part])
		return err_set(e, ERR_USAGE, "no address of %s is known", source_part_words[ask->part]);
	fetch_url(&url, w->at[ask->part], ask->name);
	if (!buf_ok(&url, e))
		return false;
	struct parcel_ask words = {
		.url = url.data,
		.etag = ask->known && ask->known->etag[0] ? (char *)ask->known->etag : NULL,
		.modified = ask->known && ask->known->modified[0] ? (char *)ask->known->modified : NULL,
		.ca = w->ca,
		.sessions = w->session_at != NULL,
		.session = w->session.len ? w->session.data : NULL,
		.also = w->also,
		.max = (int64_t)ask->max,
		.from = (int64_t)ask->from,
		.connect_ms = w->connect_ms,
		.idle_ms = w->idle_ms,
		.total_ms = w->total_ms,
		.clock_unsure = w->clock_unsure,
		.squeezed = document, /* bundles and patches are squeezed better than that */
	};
	parcel_write_words(frame, PARCEL_ASK, &words, parcel_ask_shape);
	return buf_ok(frame, e);
}

static bool web_get(
	struct source_answer *out, struct source *s, const struct source_ask *ask, struct source_to *to, struct err *e)
{
	struct web *w = (struct web *)s;
	struct reply r = {.ask = ask, .to = to, .session = w->session_at ? &w->session : NULL};
	cleanup(buf_free) struct buf frame = {0};
	int64_t patience_ms = HOPS_MAX * (w->connect_ms + w->idle_ms) + HELPER_GRACE_MS;

	if (!write_ask(&frame, w, ask, to->text != NULL, e))
		return false;
	bool ok = helper_ask(&w->helper, buf_str(&frame), &r, patience_ms, w->total_ms, e);
	session_keep(w, &r);
	if (ok)
		*out = r.answer;
	return ok;
}

/* --- its life --- */

static void web_end(struct source *s)
{
	struct web *w = (struct web *)s;

	helper_free(&w->helper);
	for (size_t i = 0; i < SOURCE_PARTS; i++)
		free(w->at[i]);
	for (size_t i = 0; i < w->also.count; i++)
		free(((char **)w->also.items)[i]);
	free(w->also.items);
	free(w->ca);
	free(w->session_at);
	buf_free(&w->session);
	free(w);
}

static char *copy(const char *text)
{
	return text ? str_dup(str_of(text)) : NULL;
}

bool source_fetch(struct source **out, const struct fetch *f, struct err *e)
{
	static const struct source_kind kind = {web_get, web_end};
	struct helper helper;

	if (!helper_init(&helper, f->helper, e))
		return false;
	struct web *w = mem_new(1, sizeof *w);
	w->source.kind = &kind;
	w->helper = helper;
	w->ca = copy(f->ca);
	w->session_at = copy(f->session);
	session_load(w);
	for (size_t i = 0; i < SOURCE_PARTS; i++)
		w->at[i] = copy(f->at[i]);
	for (size_t i = 0; f->also && f->also[i]; i++) {
		w->also.items = mem_grow(w->also.items, i + 1, sizeof(char *));
		((char **)w->also.items)[w->also.count++] = copy(f->also[i]);
	}
	w->clock_unsure = f->clock_unsure;
	w->connect_ms = f->connect_ms ? f->connect_ms : FETCH_CONNECT_MS;
	w->idle_ms = f->idle_ms ? f->idle_ms : FETCH_IDLE_MS;
	w->total_ms = f->total_ms ? f->total_ms : FETCH_TOTAL_MS;
	*out = &w->source;
	return true;
}
