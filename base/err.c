/* Errors: one code, one sentence that any terminal can show. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"

enum { TEXT_SIZE = sizeof(((struct err *)0)->text), TEXT_MAX = TEXT_SIZE - 1 };

static const char *const words[] = {
#define X(code, word) [ERR_##code] = word,
	ERR_CODES(X)
#undef X
};

/* The C1 controls of UTF-8 (U+0080 to U+009F) drive some terminals as well as the C0 do. */
static bool is_control(const char *c, size_t len)
{
	unsigned char first = (unsigned char)c[0];

	return first < 0x20 || first == 0x7f || (len == 2 && first == 0xc2 && (unsigned char)c[1] < 0xa0);
}

/* `cut` when the end of the text is lost already. */
static void say(struct err *e, struct str text, bool cut)
{
	static const char more[] = "...";

	while (text.len && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
		text.len--;
	cut = cut || text.len > TEXT_MAX;
	size_t limit = cut ? TEXT_MAX - strlen(more) : TEXT_MAX, len = 0;
	while (text.len) {
		size_t n = str_utf8(text);
		bool bad = n == 0 || is_control(text.data, n);
		n = MAX(n, 1);
		if (len + n > limit)
			break;
		if (bad)
			memset(e->text + len, '?', n);
		else
			memcpy(e->text + len, text.data, n);
		len += n;
		text = str_bytes(text.data + n, text.len - n);
	}
	strcpy(e->text + len, cut ? more : "");
}

/* Formats on the side, so that arguments may point into the error itself. */
static bool form_text(char out[TEXT_SIZE], const char *form, va_list args)
{
	int n = vsnprintf(out, TEXT_SIZE, form, args);

	if (n < 0)
		out[0] = 0;
	return n > TEXT_MAX;
}

bool err_set(struct err *e, enum err_code code, const char *form, ...)
{
	char text[TEXT_SIZE];
	va_list args;

	va_start(args, form);
	bool cut = form_text(text, form, args);
	va_end(args);
	if (e) {
		e->code = code;
		say(e, str_of(text), cut);
	}
	return false;
}

/* An error without a code is our mistake, and must not pass for success on the way up. */
bool err_in(struct err *e, const char *form, ...)
{
	char where[TEXT_SIZE], whole[2 * TEXT_SIZE + 2];
	va_list args;

	va_start(args, form);
	bool cut = form_text(where, form, args);
	va_end(args);
	if (!e)
		return false;
	if (e->code == ERR_NONE)
		e->code = ERR_INTERNAL;
	snprintf(whole, sizeof whole, "%s%s%s", where, e->text[0] ? ": " : "", e->text);
	say(e, str_of(whole), cut);
	return false;
}

static enum err_code code_of_errno(int number)
{
	switch (number) {
	case ENOSPC:
	case EDQUOT:
		return ERR_SPACE;
	case ENOENT:
		return ERR_MISSING;
	case EEXIST:
		return ERR_EXISTS;
	default:
		return ERR_IO;
	}
}

bool err_sys(struct err *e, const char *form, ...)
{
	int number = errno;
	char text[TEXT_SIZE], why[128];
	va_list args;

	va_start(args, form);
	form_text(text, form, args);
	va_end(args);
	err_set(e, code_of_errno(number), "%s", strerror_r(number, why, sizeof why));
	return err_in(e, "%s", text);
}

const char *err_word(enum err_code code)
{
	return (size_t)code < COUNT_OF(words) ? words[code] : words[ERR_INTERNAL];
}

bool err_code_of(enum err_code *out, const char *word)
{
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (word && strcmp(words[i], word) == 0) {
			*out = (enum err_code)i;
			return true;
		}
	return false;
}
