/* Options of a command, read from argv by a table. */
#include "base/opts.h"

#include "base/span.h"

/* --- the nearest word --- */

enum { NEAR_LEN_MAX = 64, NEAR_EDITS_MAX = 2, FAR = 2 * NEAR_EDITS_MAX + 1 };

/* Insert, delete, replace, or swap two neighbours (optimal string alignment). Neither is longer than NEAR_LEN_MAX. */
static size_t edits(struct str a, struct str b)
{
	size_t rows[3][NEAR_LEN_MAX + 1];

	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
		now[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			now[j] = last[j - 1] + (a.data[i - 1] != b.data[j - 1]);
			now[j] = MIN(now[j], MIN(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1])
				now[j] = MIN(now[j], before[j - 2] + 1);
		}
	}
	return rows[a.len % 3][b.len];
}

/* 0 is the word itself; its beginning comes before one mistake, one mistake before two. As many mistakes as letters are
 * no likeness. */
static size_t distance(struct str typed, struct str word)
{
	if (typed.len == 0 || typed.len > NEAR_LEN_MAX || word.len > NEAR_LEN_MAX)
		return FAR;
	size_t wrong = edits(typed, word);
	if (wrong && word.len > typed.len && str_eq(typed, str_bytes(word.data, typed.len)))
		return 1;
	return wrong <= NEAR_EDITS_MAX && wrong < MIN(typed.len, word.len) ? 2 * wrong : FAR;
}

const char *opts_nearest(struct str typed, const char *const *words)
{
	const char *best = NULL;
	size_t least = FAR;

	for (; words && *words; words++) {
		size_t d = distance(typed, str_of(*words));
		if (d < least) {
			least = d;
			best = *words;
		}
	}
	return best;
}

/* --- values --- */

static void words_add(struct opt_words *w, struct str word)
{
	w->word = mem_grow(w->word, w->count + 1, sizeof *w->word);
	w->word[w->count++] = word;
}

void opt_words_free(struct opt_words *w)
{
	free_ptr(&w->word);
	w->count = 0;
}

static int64_t most(const struct opt *o)
{
	return o->max ? o->max : INT64_MAX;
}

static bool value_flag(const struct opt *o, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	*(bool *)o->to = true;
	return true;
}

static bool value_text(const struct opt *o, const char *value, struct err *e)
{
	(void)e;
	*(const char **)o->to = value;
	return true;
}

static bool value_count(const struct opt *o, const char *value, struct err *e)
{
	bool minus = value[0] == '-';
	uint64_t n;

	if (!str_number(&n, str_of(value + minus), INT64_MAX))
		return err_set(e, ERR_USAGE, "'%s' is not a whole number", value);
	int64_t number = minus ? -(int64_t)n : (int64_t)n;
	if (number < o->min || number > most(o))
		return err_set(
			e, ERR_USAGE, "%s is not between %lld and %lld", value, (long long)o->min, (long long)most(o));
	*(int64_t *)o->to = number;
	return true;
}

static bool value_ms(const struct opt *o, const char *value, struct err *e)
{
	int64_t ms;

	if (!span_read(&ms, str_of(value)))
		return err_set(e, ERR_USAGE, "'%s' is not a length of time like 500ms, 10s, 2m, 6h or 7d", value);
	if (ms < o->min || ms > most(o))
		return err_set(e, ERR_USAGE, "%s is not between %lldms and %lldms", value, (long long)o->min,
			(long long)most(o));
	*(int64_t *)o->to = ms;
	return true;
}

static bool value_words(const struct opt *o, const char *value, struct err *e)
{
	struct str rest = str_of(value);
	bool last;

	do {
		last = !memchr(rest.data, ',', rest.len);
		struct str word = str_cut(rest, ',', &rest);
		if (word.len == 0)
			return err_set(e, ERR_USAGE, "'%s' has an empty word", value);
		words_add(o->to, word);
	} while (!last);
	return true;
}

static void list_words(struct buf *out, const char *const *words, const char *between)
{
	for (size_t i = 0; words[i]; i++)
		buf_form(out, "%s%s", i ? between : "", words[i]);
}

static bool value_word(const struct opt *o, const char *value, struct err *e)
{
	cleanup(buf_free) struct buf all = BUF_MAX(4 * KIB);

	for (int i = 0; o->words[i]; i++)
		if (strcmp(o->words[i], value) == 0) {
			*(int *)o->to = i;
			return true;
		}
	const char *near = opts_nearest(str_of(value), o->words);
	if (near)
		return err_set(e, ERR_USAGE, "'%s' is unknown; did you mean %s?", value, near);
	list_words(&all, o->words, ", ");
	return err_set(e, ERR_USAGE, "'%s' is none of " STR_FMT, value, STR_ARG(buf_str(&all)));
}

static bool value_rest(const struct opt *o, const char *value, struct err *e)
{
	(void)e;
	words_add(o->to, str_of(value));
	return true;
}

static const struct {
	bool (*read)(const struct opt *o, const char *value, struct err *e);
	bool argument, bare;
} kinds[] = {
	[OPT_FLAG] = {.read = value_flag, .bare = true},
	[OPT_TEXT] = {.read = value_text},
	[OPT_COUNT] = {.read = value_count},
	[OPT_MS] = {.read = value_ms},
	[OPT_WORDS] = {.read = value_words},
	[OPT_WORD] = {.read = value_word},
	[OPT_ARG] = {.read = value_text, .argument = true},
	[OPT_REST] = {.read = value_rest, .argument = true},
};

/* --- reading --- */

struct reading {
	const struct opt *table;
	size_t count;
	bool *seen;
	char **next, **end;
};

static bool take(struct reading *r, const struct opt *o, const char *value, struct err *e)
{
	r->seen[o - r->table] = true;
	if (kinds[o->kind].read(o, value, e))
		return true;
	return err_in(e, "%s%s", kinds[o->kind].argument ? "" : "--", o->name);
}

static bool take_next(struct reading *r, const struct opt *o, struct err *e)
{
	if (r->next == r->end)
		return err_set(e, ERR_USAGE, "--%s needs a value%s%s", o->name, o->value ? ": " : "",
			o->value ? o->value : "");
	return take(r, o, *r->next++, e);
}

static bool unknown_option(const struct reading *r, struct str name, struct err *e)
{
	cleanup(free_ptr) const char **names = mem_new(r->count + 1, sizeof *names);
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		if (!kinds[r->table[i].kind].argument)
			names[n++] = r->table[i].name;
	const char *near = opts_nearest(name, names);
	if (near)
		return err_set(e, ERR_USAGE, "unknown option --" STR_FMT "; did you mean --%s?", STR_ARG(name), near);
	return err_set(e, ERR_USAGE, "unknown option --" STR_FMT, STR_ARG(name));
}

static bool read_long(struct reading *r, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');
	struct str name = str_bytes(text, equals ? (size_t)(equals - text) : strlen(text));

	for (size_t i = 0; i < r->count; i++) {
		const struct opt *o = &r->table[i];
		if (kinds[o->kind].argument || !str_is(name, o->name))
			continue;
		if (kinds[o->kind].bare)
			return equals ? err_set(e, ERR_USAGE, "--%s takes no value", o->name) : take(r, o, NULL, e);
		return equals ? take(r, o, equals + 1, e) : take_next(r, o, e);
	}
	return unknown_option(r, name, e);
}

static const struct opt *find_letter(const struct reading *r, char letter)
{
	for (size_t i = 0; i < r->count; i++)
		if (!kinds[r->table[i].kind].argument && r->table[i].letter == letter)
			return &r->table[i];
	return NULL;
}

/* -v, -vq, -n 5, -n5 */
static bool read_letters(struct reading *r, const char *text, struct err *e)
{
	for (; *text; text++) {
		const struct opt *o = find_letter(r, *text);
		if (!o)
			return err_set(e, ERR_USAGE, "unknown option -%c", *text);
		if (!kinds[o->kind].bare)
			return text[1] ? take(r, o, text + 1, e) : take_next(r, o, e);
		if (!take(r, o, NULL, e))
			return false;
	}
	return true;
}

static bool read_argument(struct reading *r, const char *text, struct err *e)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct opt *o = &r->table[i];
		if (o->kind == OPT_REST || (o->kind == OPT_ARG && !r->seen[i]))
			return take(r, o, text, e);
	}
	return err_set(e, ERR_USAGE, "one argument too many: '%s'", text);
}

static bool read_all(struct reading *r, struct err *e)
{
	bool options = true;

	while (r->next < r->end) {
		const char *text = *r->next++;
		bool done;
		if (!options || text[0] != '-' || text[1] == 0)
			done = read_argument(r, text, e);
		else if (text[1] != '-')
			done = read_letters(r, text + 1, e);
		else if (text[2] != 0)
			done = read_long(r, text + 2, e);
		else
			done = !(options = false);
		if (!done)
			return false;
	}
	return true;
}

static size_t rows_of(const struct opt *table)
{
	size_t n = 0;

	while (table[n].kind != OPT_END)
		n++;
	return n;
}

bool opts_read(const struct opt *table, int argc, char **argv, struct err *e)
{
	size_t count = rows_of(table);
	cleanup(free_ptr) bool *seen = mem_new(count, sizeof *seen);
	struct reading r = {table, count, seen, argv + MIN(argc, 1), argv + argc};

	if (!read_all(&r, e))
		return false;
	for (size_t i = 0; i < count; i++)
		if (table[i].required && !seen[i])
			return err_set(e, ERR_USAGE, "%s%s is missing", kinds[table[i].kind].argument ? "" : "--",
				table[i].name);
	return true;
}

/* --- help --- */

static void left_side(struct buf *out, const struct opt *o)
{
	buf_clear(out);
	if (kinds[o->kind].argument) {
		buf_form(out, "  %s%s", o->name, o->kind == OPT_REST ? "..." : "");
		return;
	}
	if (o->letter)
		buf_form(out, "  -%c, --%s", o->letter, o->name);
	else
		buf_form(out, "      --%s", o->name);
	if (kinds[o->kind].bare)
		return;
	buf_byte(out, ' ');
	if (o->value || o->kind != OPT_WORD)
		buf_text(out, o->value ? o->value : "VALUE");
	else
		list_words(out, o->words, "|");
}

static void help_rows(struct buf *out, const struct opt *table, bool arguments, int width)
{
	cleanup(buf_free) struct buf left = {0};

	for (const struct opt *o = table; o->kind != OPT_END; o++) {
		if (kinds[o->kind].argument != arguments)
			continue;
		left_side(&left, o);
		buf_form(out, "%-*s  %s%s\n", width, buf_str(&left).data, o->help ? o->help : "",
			o->required && !arguments ? " (required)" : "");
	}
}

void opts_help(struct buf *out, const struct opt *table)
{
	cleanup(buf_free) struct buf left = {0};
	size_t width = 0;

	for (const struct opt *o = table; o->kind != OPT_END; o++) {
		left_side(&left, o);
		width = MAX(width, left.len);
	}
	help_rows(out, table, true, (int)width);
	help_rows(out, table, false, (int)width);
}
