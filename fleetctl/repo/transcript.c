#include "fleetctl/repo/transcript.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/version.h"
#include "keys/digest.h"

enum { LINE_MAX_BYTES = 64 * KIB };

static void digest_text(char out[DIGEST_HEX + 1], struct str line)
{
	digest_hex(out, digest_of(line));
}

static void brief_of(char out[TRANSCRIPT_END_SIZE], const char *hex)
{
	snprintf(out, TRANSCRIPT_END_SIZE, "%.4s-%.4s-%.4s-%.4s", hex, hex + 4, hex + 8, hex + 12);
}

/* --- one line more --- */

static void who(char out[320])
{
	const struct passwd *me = getpwuid(geteuid());
	char host[256] = "";

	gethostname(host, sizeof host - 1);
	snprintf(out, 320, "%.60s@%s", me ? me->pw_name : "?", host);
}

static void set_what(doc *line, struct str what)
{
	cleanup(buf_free) struct buf text = {0};

	if (what.len <= TRANSCRIPT_WHAT_MAX) {
		doc_set_str(line, "what", what);
		return;
	}
	buf_add(&text, str_bytes(what.data, TRANSCRIPT_WHAT_MAX));
	buf_form(&text, "\n... %zu bytes more", what.len - TRANSCRIPT_WHAT_MAX);
	doc_set_str(line, "what", buf_str(&text));
}

/* What stands before: how many lines, and the digest of the last. One that a power cut left without its end is a line.
 */
struct tail {
	size_t lines;
	struct str last;
	bool cut;
};
static struct tail tail_of(struct str text)
{
	struct tail t = {.cut = text.len && text.data[text.len - 1] != '\n'};

	for (struct str line, rest = text; rest.len; t.last = line, t.lines++)
		line = str_cut(rest, '\n', &rest);
	return t;
}

static void compose(struct buf *out, const struct tail *t, const struct transcript_step *step)
{
	cleanup(doc_free) doc *line = doc_object();
	char before[DIGEST_HEX + 1] = "", date[24], me[320], program[32];

	if (t->lines)
		digest_text(before, t->last);
	clock_text(date, clock_now().unix_s);
	who(me);
	doc_set_int(line, "line", (int64_t)t->lines + 1);
	doc_set_text(line, "before", before);
	doc_set_text(line, "time", date);
	doc_set_text(line, "who", me);
	snprintf(program, sizeof program, "fleetctl %s", fleet_version);
	doc_set_text(line, "program", program);
	doc_set_text(line, "step", step->step);
	set_what(line, step->what);
	if (step->digest)
		doc_set_text(line, "digest", step->digest);
	if (step->keys)
		doc_set(line, "keys", doc_ref(step->keys));
	if (t->cut)
		buf_byte(out, '\n');
	doc_line(out, line);
	buf_byte(out, '\n');
}

/* The file itself is the lock: two who append at once chain one behind the other. */
static bool add(const char *path, const struct transcript_step *step, struct err *e)
{
	cleanup(fd_close) int fd = -1, lock = -1;
	cleanup(buf_free) struct buf text = BUF_MAX(TRANSCRIPT_MAX), line = BUF_MAX(2 * LINE_MAX_BYTES);
	cleanup(free_ptr) char *folder = str_dup(str_of(path));
	char *slash = strrchr(folder, '/');
	bool taken = false, new = !fs_exists(AT_FDCWD, path);

	if (slash)
		*slash = 0;
	if (!fs_append(&fd, AT_FDCWD, path, 0644, e) || !fs_lock(&lock, &taken, AT_FDCWD, path, true, e) ||
		!fs_read(&text, AT_FDCWD, path, e))
		return false;
	struct tail t = tail_of(buf_str(&text));
	compose(&line, &t, step);
	return buf_ok(&line, e) && fs_put(fd, buf_str(&line), e) && fs_sync_fd(fd, e) &&
	       (!new || fs_sync_dir(AT_FDCWD, slash ? folder : "", e));
}

bool transcript_add(const char *path, const struct transcript_step *step, struct err *e)
{
	return add(path, step, e) || err_in(e, "transcript");
}

/* --- read again --- */

/* The fault of a line, NULL: it is as it was written. */
static const char *fault_of(const doc *line, size_t number, const char *before)
{
	int64_t n = 0;

	if (!line)
		return "is no line of ours; was the power cut while it was written?";
	if (!doc_int(doc_get(line, "line"), &n) || n != (int64_t)number)
		return "has another number: a line was taken out or put in";
	if (!str_is(doc_str(doc_get(line, "before")), before))
		return "does not follow the line before: one of both was changed";
	return NULL;
}

static void read_line(struct transcript *t, struct str text, size_t number, const char *before)
{
	doc *line = NULL;
	bool good = text.len <= LINE_MAX_BYTES && doc_read(&line, text, NULL) && doc_kind(line) == DOC_OBJECT;
	const char *fault = fault_of(good ? line : NULL, number, before);

	if (!good) {
		doc_free(&line);
		line = doc_object();
		doc_set_int(line, "line", (int64_t)number);
	}
	if (fault) {
		doc_set_text(line, "fault", fault);
		t->faults++;
	}
	doc_add(t->steps, line);
}

bool transcript_read(struct transcript *out, const char *path, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(TRANSCRIPT_MAX);
	char before[DIGEST_HEX + 1] = "";
	size_t number = 0;

	if (!fs_read(&text, AT_FDCWD, path, e))
		return err_in(e, "transcript");
	*out = (struct transcript){.steps = doc_list()};
	for (struct str line, rest = buf_str(&text); rest.len;) {
		line = str_cut(rest, '\n', &rest);
		read_line(out, line, ++number, before);
		digest_text(before, line);
	}
	if (number)
		brief_of(out->end, before);
	return true;
}

/* Each line but the last is named by the one behind it. */
bool transcript_had(const struct transcript *t, const char *end, struct err *e)
{
	char brief[TRANSCRIPT_END_SIZE];

	for (size_t i = 1; i < doc_count(t->steps); i++) {
		struct str before = doc_str(doc_get(doc_at(t->steps, i), "before"));
		if (before.len == DIGEST_HEX && (brief_of(brief, before.data), strcmp(brief, end) == 0))
			return true;
	}
	return strcmp(t->end, end) == 0 ||
	       err_set(e, ERR_DIGEST, "transcript: it has no line %s: lines were cut off its end", end);
}

void transcript_free(struct transcript *t)
{
	doc_free(&t->steps);
	*t = (struct transcript){0};
}
