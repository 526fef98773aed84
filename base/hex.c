/* Lower-case hexadecimal: one spelling for one value. */
#include "base/hex.h"

static const char digits[] = "0123456789abcdef";

void hex_write(char *out, const void *bytes, size_t n)
{
	const unsigned char *in = bytes;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
	out[2 * n] = 0;
}

static int value_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_read(void *out, size_t n, struct str text)
{
	unsigned char *to = out;

	if (text.len % 2 || text.len / 2 != n)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (value_of(text.data[i]) < 0)
			return false;
	for (size_t i = 0; i < n; i++)
		to[i] = (unsigned char)(value_of(text.data[2 * i]) << 4 | value_of(text.data[2 * i + 1]));
	return true;
}
