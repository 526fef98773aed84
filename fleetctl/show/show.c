#include "fleetctl/show/show.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

const char *const show_color_words[] = { "auto", "always", "never", NULL };
enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
enum { BELOW = 4 }; /* columns */

static bool is_set(const char *name)
{
	const char *value = getenv(name);
	return value && *value;
}

static bool dumb(void)
{
	const char *term = getenv("TERM");
	return !term || !*term || strcmp(term, "dumb") == 0;
}

struct show show_make(const char *command, bool json, int color)
{
	struct show s = { .command = command, .json = json };
	struct winsize size = { 0 };
	s.color = color == COLOR_ALWAYS || is_set("CLICOLOR_FORCE") ||
		(color == COLOR_AUTO && isatty(STDOUT_FILENO) && !is_set("NO_COLOR") && !dumb());
	if (color == COLOR_NEVER)
		s.color = false;
	s.live = !json && isatty(STDERR_FILENO) && !dumb();
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		s.width = size.ws_col;
	return s;
}

doc *show_doc(const struct show *s)
{
	doc *d = doc_object();
	doc_set_int(d, "schema", SHOW_SCHEMA);
	doc_set_text(d, "command", s->command);
	return d;
}

void show_json(doc *d)
{
	cleanup(buf_free) struct buf b = BUF_MAX(256 * MIB);
	doc_line(&b, d);
	if (b.data)
		puts(b.data);
	doc_free(&d);
}

void show_note(const struct show *s, const char *form, ...)
{
	va_list args;
	if (s->json)
		return;
	va_start(args, form);
	vfprintf(stderr, form, args);
	va_end(args);
	fputc('\n', stderr);
}

int show_worse(int a, int b)
{
	static const int order[] = { 1, 7, 6, 8, 9, 3, 5, 4 };
	for (size_t i = 0; i < COUNT_OF(order); i++)
		if (order[i] == a || order[i] == b)
			return order[i];
	return a ? a : b;
}

void show_waits(const struct show *s, const char *what, size_t done, size_t of)
{
	if (!s->live)
		return;
	fputs("\r\033[K", stderr);
	if (done < of)
		fprintf(stderr, "%s: %zu of %zu", what, done, of);
}

const char *paint_on(bool color, enum paint p)
{
	static const char *const code[] = { "", "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m" };
	return color ? code[p] : "";
}

const char *paint_off(bool color)
{
	return color ? "\033[0m" : "";
}

void show_age(char out[32], int64_t unix_s, int64_t now)
{
	int64_t s = now - unix_s;
	if (unix_s == 0)
		snprintf(out, 32, "never");
	else if (s < 0)
		snprintf(out, 32, "in the future");
	else if (s < 120)
		snprintf(out, 32, "%d s ago", (int)s);
	else if (s < 7200)
		snprintf(out, 32, "%d min ago", (int)(s / 60));
	else if (s < 172800)
		snprintf(out, 32, "%d h ago", (int)(s / 3600));
	else
		snprintf(out, 32, "%d days ago", (int)(s / 86400));
}

void table_cell(struct table *t, enum paint p, const char *form, ...)
{
	char text[4096];
	va_list args;
	va_start(args, form);
	vsnprintf(text, sizeof text, form, args);
	va_end(args);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?'; /* it may come from a host */
	t->cell = mem_grow(t->cell, t->cells + 1, sizeof *t->cell);
	t->paint = mem_grow(t->paint, t->cells + 1, sizeof *t->paint);
	t->paint[t->cells] = p;
	t->cell[t->cells++] = str_dup(str_of(text));
}

/* Characters, not bytes: names are ASCII, but texts need not be. */
static size_t width_of(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* How many bytes of `text` fill a line of `most` characters, cut at a word where there is one. */
static size_t line_of(const char *text, size_t most)
{
	size_t at = 0, word = 0;
	for (size_t n = 0; text[at] && n < most; n++) {
		do
			at++;
		while (((unsigned char)text[at] & 0xc0) == 0x80);
		if (text[at] == ' ')
			word = at;
	}
	return text[at] && word ? word : at;
}

/* A text that finds no room in its row stands below it. */
static void print_below(const char *text, size_t width)
{
	size_t most = width > 2 * BELOW ? width - BELOW : BELOW;
	while (*text) {
		size_t n = line_of(text, most);
		printf("\n%*s%.*s", BELOW, "", (int)n, text);
		text += n;
		while (*text == ' ')
			text++;
	}
}

static void print_cell(const struct table *t, size_t i, size_t width, size_t used)
{
	const char *text = t->cell[i];
	size_t wide = width_of(text);
	bool last = i % t->columns == t->columns - 1;
	fputs(paint_on(t->show->color, t->paint[i]), stdout);
	if (last && t->show->width && used + wide > (size_t)t->show->width)
		print_below(text, (size_t)t->show->width);
	else
		fputs(text, stdout);
	if (t->paint[i] != PLAIN)
		fputs(paint_off(t->show->color), stdout);
	if (!last)
		printf("%*s", (int)(width - wide + 2), "");
}

void table_print(struct table *t)
{
	size_t width[32] = { 0 };
	bool terminal = isatty(STDOUT_FILENO);
	const struct show *show = t->show;
	struct show unlimited = *show;
	if (!terminal) {
		unlimited.width = 0;
		t->show = &unlimited;
	}
	for (size_t i = 0; i < t->cells; i++)
		width[i % t->columns] = MAX(width[i % t->columns], width_of(t->cell[i]));
	for (size_t i = 0, used = 0; i < t->cells; i++) {
		size_t column = i % t->columns;
		used = column ? used : 0;
		print_cell(t, i, width[column], used);
		used += width[column] + 2;
		if (column == t->columns - 1)
			putchar('\n');
		free(t->cell[i]);
	}
	free_ptr(&t->cell);
	free_ptr(&t->paint);
	t->cells = 0;
	t->show = show;
}
