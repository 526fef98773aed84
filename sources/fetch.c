/* Our end of the helper: ask, wait no longer than was agreed, believe nothing. */
#include "sources/fetch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc_talk.h"
#include "sources/parcel.h"

enum {
	CHUNK = 64 * KIB,
	HOPS_MAX = 6,        /* an ask and its redirects: each may take its time to connect and to begin */
	GRACE_MS = 5 * 1000, /* the helper gives up first, and says why */
};

struct web {
	struct source source;
	char *helper, *at[SOURCE_PARTS], *ca;
	struct list also;
	bool clock_unsure;
	int64_t connect_ms, idle_ms, total_ms;
	struct proc_talk talk;
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

/* --- the helper --- */

static bool send_all(int fd, struct str bytes)
{
	while (bytes.len) {
		ssize_t n = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return false;
		n = MAX(n, 0);
		bytes = str_bytes(bytes.data + n, bytes.len - (size_t)n);
	}
	return true;
}

static bool helper_ended(struct err *e)
{
	return err_set(e, ERR_UNREACHABLE, "the helper that fetches has ended: it met a limit, or a server's trap");
}

static bool send_ask(struct web *w, const struct source_ask *ask, struct err *e)
{
	cleanup(buf_free) struct buf url = BUF_MAX(8 * KIB);
	cleanup(buf_free) struct buf frame = {0};

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
		.also = w->also,
		.max = (int64_t)ask->max,
		.from = (int64_t)ask->from,
		.connect_ms = w->connect_ms,
		.idle_ms = w->idle_ms,
		.total_ms = w->total_ms,
		.clock_unsure = w->clock_unsure,
	};
	parcel_write_words(&frame, PARCEL_ASK, &words, parcel_ask_shape);
	return buf_ok(&frame, e) && (send_all(w->talk.fd, buf_str(&frame)) || helper_ended(e));
}

/* Until a deadline on CLOCK_BOOTTIME. */
static bool wait_readable(int fd, int64_t until_ms, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (;;) {
		int64_t left = until_ms - clock_boot_ms();
		if (left <= 0)
			return err_set(e, ERR_TIMEOUT, "the helper did not answer in time");
		int n = poll(&p, 1, (int)MIN(left, INT32_MAX));
		if (n < 0 && errno != EINTR)
			return err_sys(e, "helper");
		if (n > 0)
			return true;
	}
}

static bool receive(struct parcel_reader *reader, int fd, struct err *e)
{
	char bytes[CHUNK];
	ssize_t n;

	do
		n = read(fd, bytes, sizeof bytes);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return helper_ended(e);
	parcel_feed(reader, str_bytes(bytes, (size_t)n));
	return true;
}

/* What has arrived, as far as it goes. */
static enum reply_say take_all(struct reply *r, struct parcel_reader *reader, struct err *e)
{
	for (;;) {
		struct parcel p;
		enum parcel_say say = parcel_next(reader, &p, e);
		if (say != PARCEL_HERE)
			return say == PARCEL_MORE ? REPLY_MORE : REPLY_BROKEN;
		enum reply_say taken = reply_take(r, &p, e);
		if (taken != REPLY_MORE)
			return taken;
	}
}

static enum reply_say converse(struct web *w, struct reply *r, struct err *e)
{
	cleanup(parcel_reader_free) struct parcel_reader reader = {0};
	int64_t now = clock_boot_ms(), end = now + w->total_ms + GRACE_MS;
	int64_t patience = HOPS_MAX * (w->connect_ms + w->idle_ms) + GRACE_MS;

	for (;;) {
		if (!wait_readable(w->talk.fd, MIN(end, clock_boot_ms() + patience), e) ||
			!receive(&reader, w->talk.fd, e))
			return REPLY_BROKEN;
		enum reply_say say = take_all(r, &reader, e);
		if (say != REPLY_MORE)
			return say;
	}
}

static bool start(struct web *w, struct err *e)
{
	char *const argv[] = {w->helper, NULL};

	return w->talk.pid > 0 || proc_talk(&w->talk, argv, e);
}

static bool web_get(
	struct source_answer *out, struct source *s, const struct source_ask *ask, struct source_to *to, struct err *e)
{
	struct web *w = (struct web *)s;
	struct reply r = {.ask = ask, .to = to};

	if (!start(w, e))
		return false;
	if (!send_ask(w, ask, e)) {
		proc_talk_end(&w->talk);
		return false;
	}
	enum reply_say say = converse(w, &r, e);
	if (say == REPLY_BROKEN)
		proc_talk_end(&w->talk);
	if (say != REPLY_DONE)
		return false;
	*out = r.answer;
	return true;
}

/* --- its life --- */

static void web_end(struct source *s)
{
	struct web *w = (struct web *)s;

	proc_talk_end(&w->talk);
	for (size_t i = 0; i < SOURCE_PARTS; i++)
		free(w->at[i]);
	for (size_t i = 0; i < w->also.count; i++)
		free(((char **)w->also.items)[i]);
	free(w->also.items);
	free(w->helper);
	free(w->ca);
	free(w);
}

static char *copy(const char *text)
{
	return text ? str_dup(str_of(text)) : NULL;
}

bool source_fetch(struct source **out, const struct fetch *f, struct err *e)
{
	static const struct source_kind kind = {web_get, web_end};

	if (access(f->helper, X_OK) != 0)
		return err_sys(e, "%s", f->helper);
	struct web *w = mem_new(1, sizeof *w);
	w->source.kind = &kind;
	w->helper = copy(f->helper);
	w->ca = copy(f->ca);
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
	w->talk.fd = -1;
	*out = &w->source;
	return true;
}
