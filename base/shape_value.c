/* Reading single values: texts, numbers and words. */
#include "base/hex.h"
#include "base/name.h"
#include "base/span.h"
#include "base/spot.h"

enum { TEXT_MAX = 1024 };

size_t shape_limit(const struct shape_field *f, size_t usual)
{
	return f->max > 0 ? (size_t)f->max : usual;
}

/* --- texts --- */

static bool is_control(struct str s)
{
	unsigned char c = (unsigned char)s.data[0];

	return c < 0x20 || c == 0x7f || (c == 0xc2 && s.len > 1 && (unsigned char)s.data[1] < 0xa0);
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (is_control(str_bytes(s.data + i, s.len - i)))
			return true;
	return false;
}

/* The C1 controls are two bytes of UTF-8: both go, or what stays is no UTF-8. */
static void clean(char *text, size_t len, bool lines)
{
	for (size_t i = 0; i < len; i++) {
		if (!is_control(str_bytes(text + i, len - i)) || (lines && text[i] == '\n'))
			continue;
		if ((unsigned char)text[i] == 0xc2)
			text[i++] = '?';
		text[i] = '?';
	}
}

bool shape_read_text(void *to, const struct shape_field *f, const struct spot *at)
{
	struct str text = doc_str(at->node);

	if (doc_kind(at->node) != DOC_TEXT)
		return spot_expected(at, "text");
	if (text.len > shape_limit(f, TEXT_MAX))
		return spot_fail(at, ERR_LIMIT, "longer than %zu bytes", shape_limit(f, TEXT_MAX));
	if (!f->clean && has_control(text))
		return spot_fail(at, ERR_UNSAFE, "control characters are not allowed here");
	char *copy = str_dup(text);
	if (f->clean)
		clean(copy, text.len, f->lines);
	*(char **)to = copy;
	return true;
}

bool shape_read_checked(void *to, const struct shape_field *f, const struct spot *at)
{
	static bool (*const checks[])(struct str, struct err *) = {
		[SHAPE_NAME] = name_check,
		[SHAPE_PLAN] = name_check_plan,
		[SHAPE_PATH] = name_check_path,
	};

	if (doc_kind(at->node) != DOC_TEXT)
		return spot_expected(at, "text");
	if (!checks[f->kind](doc_str(at->node), at->e))
		return spot_blame(at);
	return shape_read_text(to, f, at);
}

bool shape_read_hex(void *to, const struct shape_field *f, const struct spot *at)
{
	cleanup(free_ptr) void *bytes = mem_new(f->bytes, 1);

	if (doc_kind(at->node) != DOC_TEXT || !hex_read(bytes, f->bytes, doc_str(at->node)))
		return spot_expected(at, "%zu hexadecimal digits in lower case", 2 * f->bytes);
	memcpy(to, bytes, f->bytes);
	return true;
}

/* --- numbers --- */

int64_t shape_most(const struct shape_field *f)
{
	return f->max >= f->min && (f->max || f->min) ? f->max : INT64_MAX;
}

bool shape_in_bounds(const struct shape_field *f, int64_t n)
{
	return n >= f->min && n <= shape_most(f);
}

static bool plain_int(int64_t *out, struct str text)
{
	bool negative = str_starts(text, "-");
	uint64_t n;

	if (!str_number(&n, str_bytes(text.data + negative, text.len - negative), INT64_MAX) || (negative && n == 0))
		return false;
	*out = negative ? -(int64_t)n : (int64_t)n;
	return true;
}

static const struct {
	bool (*plain)(int64_t *out, struct str text);
	const char *plain_what, *what;
} numbers[] = {
	[SHAPE_INT] = {plain_int, "a whole number", "a whole number"},
	[SHAPE_MS] = {span_read, "a length of time like 10s, 2m or 6h", "milliseconds as a whole number"},
	[SHAPE_BYTES] = {shape_bytes_of, "a number of bytes like 500kB, 20MB or 1MiB", "bytes as a whole number"},
};

static bool number_of(int64_t *out, const struct shape_field *f, const struct spot *at)
{
	if (!at->from->plain)
		return doc_int(at->node, out) || spot_expected(at, "%s", numbers[f->kind].what);
	if (doc_kind(at->node) == DOC_TEXT && numbers[f->kind].plain(out, doc_str(at->node)))
		return true;
	return spot_expected(at, "%s", numbers[f->kind].plain_what);
}

static bool out_of_bounds(const struct shape_field *f, const struct spot *at)
{
	enum shape_kind shown = at->from->plain ? f->kind : SHAPE_INT;
	char low[32], high[32];

	shape_exact(low, shown, f->min);
	shape_exact(high, shown, shape_most(f));
	if (shape_most(f) == INT64_MAX)
		return spot_expected(at, "at least %s", low);
	return f->min == f->max ? spot_expected(at, "%s", low) : spot_expected(at, "%s to %s", low, high);
}

bool shape_read_number(void *to, const struct shape_field *f, const struct spot *at)
{
	int64_t n;

	if (!number_of(&n, f, at))
		return false;
	if (!shape_in_bounds(f, n))
		return out_of_bounds(f, at);
	*(int64_t *)to = n;
	return true;
}

static bool two_digits(int64_t *out, const char *text, int64_t below)
{
	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return false;
	*out = 10 * (text[0] - '0') + text[1] - '0';
	return *out < below;
}

bool shape_read_clock(void *to, const struct shape_field *f, const struct spot *at)
{
	struct str text = doc_str(at->node);
	int64_t hours, minutes;

	(void)f;
	if (doc_kind(at->node) != DOC_TEXT || text.len != 5 || text.data[2] != ':' ||
		!two_digits(&hours, text.data, 24) || !two_digits(&minutes, text.data + 3, 60))
		return spot_expected(at, "a time of day like '02:00'");
	*(int64_t *)to = 60 * hours + minutes;
	return true;
}

bool shape_read_bool(void *to, const struct shape_field *f, const struct spot *at)
{
	struct str text = doc_str(at->node);

	(void)f;
	if (at->from->plain ? !str_is(text, "true") && !str_is(text, "false") : doc_kind(at->node) != DOC_BOOL)
		return spot_expected(at, "true or false");
	*(bool *)to = at->from->plain ? str_is(text, "true") : doc_true(at->node);
	return true;
}

/* --- words --- */

bool shape_word_index(size_t *out, struct str word, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		if (str_is(word, words[i])) {
			*out = i;
			return true;
		}
	return false;
}

bool shape_read_word(void *to, const struct shape_field *f, const struct spot *at)
{
	size_t i;

	if (doc_kind(at->node) != DOC_TEXT)
		return spot_expected(at, "one word");
	if (!shape_word_index(&i, doc_str(at->node), f->words))
		return spot_no_word(at, doc_str(at->node), f->words);
	*(int *)to = (int)i;
	return true;
}

/* A word may hold a '-' itself: every one is tried as the one between two words. */
static bool word_range(size_t *first, size_t *last, struct str text, const char *const *words)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '-' && shape_word_index(first, str_bytes(text.data, i), words) &&
			shape_word_index(last, str_bytes(text.data + i + 1, text.len - i - 1), words))
			return *first <= *last;
	return false;
}

static bool add_words(unsigned *bits, const struct shape_field *f, const struct spot *at)
{
	struct str text = doc_str(at->node);
	size_t first, last;

	if (doc_kind(at->node) != DOC_TEXT)
		return spot_expected(at, "one word");
	if (shape_word_index(&first, text, f->words))
		last = first;
	else if (!at->from->plain || !word_range(&first, &last, text, f->words))
		return spot_no_word(at, text, f->words);
	for (size_t i = first; i <= last; i++) {
		if (*bits & 1u << i)
			return spot_fail(at, ERR_SYNTAX, "\"%s\" is there already", f->words[i]);
		*bits |= 1u << i;
	}
	return true;
}

bool shape_read_words(void *to, const struct shape_field *f, const struct spot *at)
{
	unsigned bits = 0;
	bool one = at->from->plain && doc_kind(at->node) == DOC_TEXT;

	if (!one && doc_kind(at->node) != DOC_LIST)
		return spot_expected(at, "a list of words");
	if (one && !add_words(&bits, f, at))
		return false;
	for (size_t i = 0; !one && i < doc_count(at->node); i++) {
		struct spot word = spot_element(at, i, doc_at(at->node, i));
		if (!add_words(&bits, f, &word))
			return false;
	}
	*(unsigned *)to = bits;
	return true;
}
