/* What this Pi must not forget. */
#include "agent/store/ledger.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/store/release.h"
#include "base/version.h"
#include "wire/message.h"

enum { FORMAT = 1, LEDGER_MAX = 1 * MIB, MARKS_MAX = 64, WHO_MAX = 256 };

static const char *const copies[] = {"state", "state.2"};

const char *const step_words[] = {
#define X(name, word) word,
	STEPS(X)
#undef X
		NULL,
};

/* --- what it looks like --- */

#define FAR (INT64_MAX / 2) /* numbers can still be added to, times to each other */

static const struct shape_field mark_shape[] = {
	{"release", SHAPE_HEX, offsetof(struct mark, release), .bytes = 32, .required = true},
	{0},
};

static const struct shape_field quota_shape[] = {
	{"taken", SHAPE_INT, .at = offsetof(struct quota, taken), .max = FAR},
	{"since_ms", SHAPE_INT, .at = offsetof(struct quota, since_ms), .max = FAR},
	{"boot", SHAPE_TEXT, .at = offsetof(struct quota, boot)},
	{0},
};

#define AT(field) offsetof(struct attempt, field)
static const struct shape_field attempt_shape[] = {
	{"release", SHAPE_HEX, .at = AT(release), .bytes = 32, .required = true},
	{"from", SHAPE_HEX, .at = AT(from), .bytes = 32, .required = true},
	{"undo", SHAPE_BOOL, .at = AT(undo)},
	{"access", SHAPE_BOOL, .at = AT(access), .omit_zero = true},
	{"self", SHAPE_BOOL, .at = AT(self), .omit_zero = true},
	{"payload", SHAPE_WORD, .at = AT(payload), .words = payload_words},
	{"payload_sha256", SHAPE_HEX, .at = AT(payload_sha256), .bytes = 32},
	{"payload_length", SHAPE_INT, .at = AT(payload_length), .max = FAR},
	{"base", SHAPE_HEX, .at = AT(base), .bytes = 32},
	{"who", SHAPE_TEXT, .at = AT(who), .max = WHO_MAX, .clean = true},
	{"tries", SHAPE_INT, .at = AT(tries), .max = FAR},
	{"boots_left", SHAPE_INT, .at = AT(boots_left), .max = FAR},
	{"boot", SHAPE_TEXT, .at = AT(boot)},
	{"began_ms", SHAPE_INT, .at = AT(began_ms), .max = FAR},
	{"swapped_ms", SHAPE_INT, .at = AT(swapped_ms), .max = FAR},
	{"deadline_ms", SHAPE_INT, .at = AT(deadline_ms), .max = FAR},
	{"left_ms", SHAPE_INT, .at = AT(left_ms), .max = FAR},
	{"worked", SHAPE_BOOL, .at = AT(worked)},
	{"nonce", SHAPE_TEXT, .at = AT(nonce)},
	{"receipt", SHAPE_OBJECT, .at = AT(receipt), .of = receipt_shape, .required = true},
	{0},
};
#undef AT

#define AT(field) offsetof(struct ledger, field)
static const struct shape_field ledger_shape[] = {
	{"format", SHAPE_INT, .at = AT(format), .required = true, .min = FORMAT, .max = FORMAT},
	{"sequence", SHAPE_INT, .at = AT(sequence), .required = true, .max = FAR},
	{"step", SHAPE_WORD, .at = AT(step), .required = true, .words = step_words},
	{"attempt", SHAPE_OBJECT, .at = AT(attempt), .of = attempt_shape, .has = AT(has_attempt)},
	{"previous", SHAPE_HEX, .at = AT(previous), .bytes = 32, .has = AT(has_previous)},
	{"since", SHAPE_INT, .at = AT(since), .max = FAR},
	{"receipt", SHAPE_INT, .at = AT(receipt), .max = FAR},
	{"receipt_sha256", SHAPE_HEX, .at = AT(receipt_digest), .bytes = 32, .omit_zero = true},
	{"quota", SHAPE_OBJECT, .at = AT(quota), .of = quota_shape, .has = AT(has_quota)},
	{"guilty", SHAPE_LIST, .at = AT(guilty), .of = mark_shape, .size = sizeof(struct mark), .max = MARKS_MAX},
	{"held", SHAPE_LIST, .at = AT(held), .of = mark_shape, .size = sizeof(struct mark), .max = MARKS_MAX},
	{0},
};
#undef AT

/* --- a copy: the digest of the rest as a line, then the rest --- */

static bool copy_read(struct ledger *out, const struct store *s, const char *name, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(LEDGER_MAX);
	cleanup(doc_free) doc *d = NULL;
	struct shape_from from = {.file = name, .open = true};
	struct digest sum;
	struct str rest;

	if (!fs_read(&text, s->dir, name, e))
		return false;
	struct str line = str_cut(buf_str(&text), '\n', &rest);
	if (!digest_read(&sum, line) || !digest_eq(sum, digest_of(rest)))
		return err_set(e, ERR_DIGEST, "%s: the checksum is wrong", name);
	return doc_read(&d, rest, e) && shape_read(out, ledger_shape, d, &from, e);
}

bool ledger_load(struct ledger *out, const struct store *s, struct err *e)
{
	struct ledger copy[COUNT_OF(copies)] = {0};
	struct err why[COUNT_OF(copies)] = {0};
	int best = -1;

	for (int i = 0; i < (int)COUNT_OF(copies); i++)
		if (copy_read(&copy[i], s, copies[i], &why[i]) && (best < 0 || copy[i].sequence > copy[best].sequence))
			best = i;
	if (best >= 0) {
		*out = copy[best];
		copy[best] = (struct ledger){0};
	}
	for (size_t i = 0; i < COUNT_OF(copies); i++)
		ledger_free(&copy[i]);
	if (best >= 0)
		return true;
	/* what the kernel refuses now it may give later: that is not lost */
	if (why[0].code == ERR_IO || why[1].code == ERR_IO)
		return err_set(e, ERR_IO, "the state cannot be read (%s; %s): what runs goes on", why[0].text, why[1].text);
	return err_set(e, ERR_MISSING,
		"the state is lost (%s; %s): what runs goes on, nothing new is tried until `fleet-agent doctor`, or a boot, makes it "
		"anew of what was left",
		why[0].text, why[1].text);
}

const char *ledger_damaged(const struct store *s)
{
	for (size_t i = 0; i < COUNT_OF(copies); i++) {
		cleanup(ledger_free) struct ledger copy = {0};
		struct err e;
		if (!copy_read(&copy, s, copies[i], &e))
			return copies[i];
	}
	return NULL;
}

bool ledger_save(struct ledger *l, const struct store *s, struct err *e)
{
	cleanup(buf_free) struct buf body = BUF_MAX(LEDGER_MAX);
	cleanup(buf_free) struct buf text = BUF_MAX(LEDGER_MAX + 100);
	char hex[DIGEST_HEX + 1];

	l->format = FORMAT;
	l->sequence++;
	cleanup(doc_free) doc *d = shape_write(l, ledger_shape);
	doc_line(&body, d);
	buf_byte(&body, '\n');
	digest_hex(hex, digest_of(buf_str(&body)));
	buf_form(&text, "%s\n", hex);
	buf_add(&text, buf_str(&body));
	if (!buf_ok(&body, e) || !buf_ok(&text, e))
		return err_in(e, "state");
	for (size_t i = 0; i < COUNT_OF(copies); i++)
		if (!store_write(s, copies[i], buf_str(&text), 0644, e))
			return err_in(e, "state");
	store_ballast(s);
	return true;
}

void ledger_free(struct ledger *l)
{
	shape_free(l, ledger_shape);
}

void ledger_end_attempt(struct ledger *l)
{
	shape_free(&l->attempt, attempt_shape);
	l->has_attempt = false;
}

/* --- marks --- */

bool marks_has(const struct list *marks, struct digest release)
{
	const struct mark *m = marks->items;

	for (size_t i = 0; i < marks->count; i++)
		if (digest_eq(m[i].release, release))
			return true;
	return false;
}

bool marks_drop(struct list *marks, struct digest release)
{
	struct mark *m = marks->items;
	size_t kept = 0;

	for (size_t i = 0; i < marks->count; i++)
		if (!digest_eq(m[i].release, release))
			m[kept++] = m[i];
	bool dropped = kept < marks->count;
	marks->count = kept;
	return dropped;
}

void marks_add(struct list *marks, struct digest release)
{
	marks_drop(marks, release);
	struct mark *m = marks->items = mem_grow(marks->items, marks->count + 1, sizeof *m);
	if (marks->count == MARKS_MAX)
		memmove(m, m + 1, --marks->count * sizeof *m);
	m[marks->count++] = (struct mark){release};
}

/* --- the attempt --- */

void attempt_text(char out[48], const struct attempt *a)
{
	char version[VERSION_SIZE], hex[DIGEST_HEX + 1];

	if (!a->self) {
		release_text(out, a->receipt.release_number, a->release);
		return;
	}
	version_text(version, a->receipt.release_number);
	digest_hex(hex, a->release);
	snprintf(out, 48, "%s (%.12s)", version, hex);
}

/* --- deadlines that outlive a boot --- */

static bool same_boot(const struct attempt *a)
{
	char boot[40];

	clock_boot_id(boot);
	return a->boot && str_is(str_of(a->boot), boot);
}

static void set_boot(struct attempt *a)
{
	char boot[40];

	clock_boot_id(boot);
	free(a->boot);
	a->boot = str_dup(str_of(boot));
}

void attempt_deadline(struct attempt *a, int64_t ms)
{
	if (!same_boot(a))
		set_boot(a);
	a->left_ms = ms;
	a->deadline_ms = clock_boot_ms() + ms;
}

int64_t attempt_left_ms(const struct attempt *a)
{
	return same_boot(a) ? MAX(a->deadline_ms - clock_boot_ms(), 0) : a->left_ms;
}

void attempt_wake(struct attempt *a)
{
	if (same_boot(a))
		return;
	int64_t left = a->left_ms;
	set_boot(a);
	a->began_ms = a->swapped_ms = 0;
	a->boots_left = MAX(a->boots_left - 1, 0);
	attempt_deadline(a, left);
}
