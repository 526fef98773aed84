/* The one fixed record that guard and the launcher read. */
#include "agent/guard/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>

#include "base/clock.h"

enum { FILE_MAX = 1024, LINE_FIELDS = 4, SUM_LINE = sizeof "crc 00000000\n" - 1 };

const char *const guard_links[GUARD_TRIALS] = {[GUARD_RELEASE] = "current", [GUARD_AGENT] = "agent/current"};
static const char *const words[GUARD_TRIALS] = {[GUARD_RELEASE] = "release", [GUARD_AGENT] = "agent"};

/* CRC-32 as zlib's: against a torn or rotten sector, not against people. */
static uint32_t crc32(struct str s)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < s.len; i++) {
		crc ^= (unsigned char)s.data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/* --- reading: line by line, each word in its place --- */

static bool take_line(struct str fields[LINE_FIELDS], struct str *rest, const char *word)
{
	struct str line = str_cut(*rest, '\n', rest);

	for (size_t i = 0; i < LINE_FIELDS; i++)
		fields[i] = str_cut(line, ' ', &line);
	return str_is(fields[0], word) && line.len == 0;
}

static bool take_text(char *out, size_t size, struct str s)
{
	if (s.len == 0 || s.len >= size || memchr(s.data, 0, s.len))
		return false;
	memcpy(out, s.data, s.len);
	out[s.len] = 0;
	return true;
}

static bool take_number(int64_t *out, struct str s)
{
	uint64_t n;

	if (!str_number(&n, s, INT64_MAX))
		return false;
	*out = (int64_t)n;
	return true;
}

/* A way back leads to a release or a tree in the state folder, and nowhere else; seen from where its link lies. */
static bool is_way(enum guard_what what, const char *back)
{
	static const char *const begins[GUARD_TRIALS] = {[GUARD_RELEASE] = "releases/", [GUARD_AGENT] = "../trees/"};

	if (what == GUARD_AGENT && strcmp(back, GUARD_PACKAGED) == 0)
		return true;
	if (!str_starts(str_of(back), begins[what]))
		return false;
	const char *name = back + strlen(begins[what]);
	return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

static bool take_trial(struct guard_trial *t, struct str *rest, enum guard_what what)
{
	struct str f[LINE_FIELDS];

	if (!take_line(f, rest, words[what]) || !take_number(&t->left_ms, f[1]) || !take_number(&t->starts, f[2]) ||
		!take_text(t->back, sizeof t->back, f[3]))
		return false;
	if (strcmp(t->back, "-") == 0)
		*t = (struct guard_trial){0};
	return !*t->back || is_way(what, t->back);
}

static bool take_all(struct guard_record *r, struct str text)
{
	struct str f[LINE_FIELDS], rest = text;

	if (!take_line(f, &rest, "fleet-guard") || !str_is(f[1], "1"))
		return false;
	if (!take_line(f, &rest, "boot") || !take_text(r->boot, sizeof r->boot, f[1]))
		return false;
	if (!take_line(f, &rest, "at") || !take_number(&r->at_ms, f[1]))
		return false;
	for (int i = 0; i < GUARD_TRIALS; i++)
		if (!take_trial(&r->trial[i], &rest, (enum guard_what)i))
			return false;
	return rest.len == 0;
}

bool guard_read(struct guard_record *out, int state, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(FILE_MAX);
	struct guard_record r = {0};
	char sum[32];

	if (!fs_read(&text, state, GUARD_FILE, e))
		return false;
	struct str s = buf_str(&text);
	size_t tail = SUM_LINE;
	if (s.len < tail)
		return err_set(e, ERR_SYNTAX, GUARD_FILE ": cut short");
	struct str body = str_bytes(s.data, s.len - tail);
	snprintf(sum, sizeof sum, "crc %08x\n", crc32(body));
	if (!str_ends(s, sum) || !take_all(&r, body))
		return err_set(e, ERR_SYNTAX, GUARD_FILE ": it is not whole");
	*out = r;
	return true;
}

/* --- writing --- */

bool guard_write(const struct guard_record *r, int state, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(FILE_MAX);

	buf_form(&text, "fleet-guard 1\nboot %s\nat %lld\n", r->boot, (long long)r->at_ms);
	for (int i = 0; i < GUARD_TRIALS; i++) {
		const struct guard_trial *t = &r->trial[i];
		buf_form(&text, "%s %lld %lld %s\n", words[i], (long long)t->left_ms, (long long)t->starts,
			*t->back ? t->back : "-");
	}
	buf_form(&text, "crc %08x\n", crc32(buf_str(&text)));
	return buf_ok(&text, e) && fs_write(state, GUARD_FILE, buf_str(&text), 0644, e);
}

/* --- time, and the way back --- */

void guard_wake(struct guard_record *r, const char *boot, int64_t boot_ms)
{
	bool same = strcmp(r->boot, boot) == 0;
	int64_t gone = same ? MAX(boot_ms - r->at_ms, 0) : 0;

	for (int i = 0; i < GUARD_TRIALS; i++)
		r->trial[i].left_ms = MAX(r->trial[i].left_ms - gone, 0);
	if (!same && *r->trial[GUARD_AGENT].back) {
		/* whoever was at work when the power went did not fail */
		r->trial[GUARD_AGENT].starts = GUARD_STARTS;
		r->trial[GUARD_AGENT].left_ms = MAX(r->trial[GUARD_AGENT].left_ms - GUARD_BOOT_MS, 0);
	}
	snprintf(r->boot, sizeof r->boot, "%s", boot);
	r->at_ms = boot_ms;
}

bool guard_overdue(const struct guard_record *r, enum guard_what what)
{
	const struct guard_trial *t = &r->trial[what];

	return *t->back && (t->left_ms == 0 || (what == GUARD_AGENT && t->starts == 0));
}

/* A link leads from its own folder. What is whole has a tree: a release by a link, an agent is one. */
static bool is_there(int state, enum guard_what what, const char *back)
{
	cleanup(free_ptr) char *path = path_form(what == GUARD_AGENT ? "agent/%s/." : "%s/tree/.", back);

	return fs_exists(state, path);
}

bool guard_go_back(struct guard_record *r, enum guard_what what, int state, struct err *e)
{
	struct guard_trial *t = &r->trial[what];
	bool gone = strcmp(t->back, GUARD_PACKAGED) == 0;

	if (!*t->back)
		return true;
	if (!gone && !is_there(state, what, t->back))
		return err_set(e, ERR_MISSING, "the way back of %s, %s, is not there: what is on trial stays", guard_links[what], t->back);
	if (!(gone ? fs_remove(state, guard_links[what], e) : fs_link(state, t->back, guard_links[what], e)))
		return false;
	*t = (struct guard_trial){0};
	return guard_write(r, state, e);
}

/* --- for who tries something --- */

bool guard_turn(struct guard_record *out, int *turn, int state, struct err *e)
{
	cleanup(fd_close) int fd = -1;
	struct err why;
	char boot[40];

	if (!fs_open_dir(&fd, state, ".", e))
		return false;
	if (flock(fd, LOCK_EX) != 0)
		return err_sys(e, GUARD_FILE);
	if (!guard_read(out, state, &why)) {
		if (why.code != ERR_MISSING && why.code != ERR_SYNTAX) /* it may be whole, and read the next time */
			return err_set(e, why.code, "%s", why.text);
		*out = (struct guard_record){0};
	}
	clock_boot_id(boot);
	guard_wake(out, boot, clock_boot_ms());
	*turn = fd;
	fd = -1;
	return true;
}

bool guard_begin(int state, enum guard_what what, const struct guard_trial *trial, struct err *e)
{
	cleanup(fd_close) int turn = -1;
	struct guard_record r;

	if (!guard_turn(&r, &turn, state, e))
		return false;
	r.trial[what] = *trial;
	return guard_write(&r, state, e);
}

bool guard_end(int state, enum guard_what what, struct err *e)
{
	cleanup(fd_close) int turn = -1;
	struct guard_record r;

	if (!guard_turn(&r, &turn, state, e))
		return false;
	if (!*r.trial[what].back)
		return true;
	r.trial[what] = (struct guard_trial){0};
	return guard_write(&r, state, e);
}

bool guard_came_through(int state, struct err *e)
{
	cleanup(fd_close) int turn = -1;
	struct guard_trial *t;
	struct guard_record r;

	if (!fs_exists(state, GUARD_FILE))
		return true;
	if (!guard_turn(&r, &turn, state, e))
		return false;
	t = &r.trial[GUARD_AGENT];
	if (!*t->back || t->starts >= GUARD_STARTS)
		return true;
	t->starts++;
	return guard_write(&r, state, e);
}
