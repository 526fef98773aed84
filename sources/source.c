/* What all sources share: the names that are asked for, and where the bytes go. */
#include "sources/source.h"

#include <errno.h>

#include "base/door.h"
#include "sources/kind.h"

const char *const source_part_words[SOURCE_PARTS] = {"metadata", "targets", "bundles", "patches"};

/* A name that climbs would be another's file, in a folder as on a server that resolves it. */
static bool stays_below(const char *name)
{
	struct str rest = str_of(name);

	while (rest.len) {
		struct str part = str_cut(rest, '/', &rest);
		if (str_is(part, ".") || str_is(part, ".."))
			return false;
	}
	return name[0];
}

static bool get(
	struct source_answer *out, struct source *s, const struct source_ask *ask, struct source_to *to, struct err *e)
{
	struct source_answer answer = {0};

	if (!stays_below(ask->name))
		return err_set(e, ERR_UNSAFE, "%s: not a name below %s", ask->name, source_part_words[ask->part]);
	if (ask->max > INT64_MAX || ask->from > ask->max)
		return err_set(e, ERR_LIMIT, "%s: more is held than it may have", ask->name);
	if (!s->kind->get(&answer, s, ask, to, e)) {
		if (e->code == ERR_IO && !to->lost) /* its disk, not ours: another source may have a better one */
			e->code = ERR_UNREACHABLE;
		return err_in(e, "%s", ask->name);
	}
	*out = answer;
	return true;
}

bool source_get(
	struct source_answer *out, struct source *s, const struct source_ask *ask, struct buf *to, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(MAX(ask->max, 1));
	struct source_to here = {.text = &text, .fd = -1};
	struct source_ask whole = *ask;

	whole.from = 0;
	if (!get(out, s, &whole, &here, e))
		return false;
	if (out->say != SOURCE_BYTES)
		return true;
	text.max = to->max;
	buf_free(to);
	*to = text;
	text = (struct buf){0};
	return true;
}

bool source_get_file(struct source_answer *out, struct source *s, const struct source_ask *ask, int fd, struct err *e)
{
	struct source_to here = {.fd = fd};

	return get(out, s, ask, &here, e);
}

void source_free(struct source **s)
{
	if (*s)
		(*s)->kind->end(*s);
	*s = NULL;
}

/* --- where the bytes go --- */

bool source_begin(struct source_to *to, uint64_t from, struct err *e)
{
	to->at = from;
	if (to->text)
		return from == 0 || err_set(e, ERR_PROTOCOL, "it does not begin at its beginning");
	return true;
}

static bool put_at(int fd, struct str bytes, uint64_t at)
{
	while (bytes.len) {
		ssize_t n = door_pwrite(fd, bytes.data, bytes.len, (off_t)at);
		if (n < 0 && errno != EINTR)
			return false;
		n = MAX(n, 0);
		at += (uint64_t)n;
		bytes = str_bytes(bytes.data + n, bytes.len - (size_t)n);
	}
	return true;
}

bool source_put(struct source_to *to, struct str bytes, uint64_t most, struct err *e)
{
	if (to->at > most || bytes.len > most - to->at)
		return err_set(e, ERR_LIMIT, "longer than %llu bytes", (unsigned long long)most);
	if (to->text)
		buf_add(to->text, bytes);
	else if (!put_at(to->fd, bytes, to->at)) {
		to->lost = true;
		return err_sys(e, "write");
	}
	to->at += bytes.len;
	return !to->text || buf_ok(to->text, e);
}

bool source_done(struct source_to *to, struct err *e)
{
	if (to->text || door_truncate(to->fd, (off_t)to->at) == 0)
		return true;
	to->lost = true;
	return err_sys(e, "its length");
}
