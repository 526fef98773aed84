/* Addresses in one spelling. */
#include "manifests/address.h"

#include <ctype.h>

#include "base/hex.h"

enum { ADDRESS_MAX = 8 * KIB };

static const struct scheme {
	const char *begins, *port;
} schemes[] = {
	{"https://", "443"},
	{"http://", "80"},
	{"ssh://", "22"},
	{"file://", NULL},
};

static const struct scheme *scheme_of(const char *address)
{
	for (size_t i = 0; i < COUNT_OF(schemes); i++)
		if (str_starts(str_of(address), schemes[i].begins))
			return &schemes[i];
	return NULL;
}

static struct str without(struct str s, const char *end)
{
	return str_ends(s, end) ? str_bytes(s.data, s.len - strlen(end)) : s;
}

/* Without user and default port, in small letters. */
static void add_server(struct buf *out, struct str server, const char *port)
{
	const char *at = server.len ? memrchr(server.data, '@', server.len) : NULL;
	struct str rest;

	if (at)
		server = str_bytes(at + 1, server.len - (size_t)(at + 1 - server.data));
	rest = without(server, port);
	if (rest.len < server.len && str_ends(rest, ":"))
		server = rest;
	server = without(without(server, ":"), ".");
	for (size_t i = 0; i < server.len; i++)
		buf_byte(out, (char)tolower((unsigned char)server.data[i]));
}

static void add_decoded(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char digits[2] = {0};
		uint8_t byte;
		for (size_t k = 0; k < 2 && s.len - i > 2; k++)
			digits[k] = (char)tolower((unsigned char)s.data[i + 1 + k]);
		bool coded = s.data[i] == '%' && hex_read(&byte, 1, str_bytes(digits, sizeof digits));
		buf_byte(out, coded ? (char)byte : s.data[i]);
		i += coded ? 2 : 0;
	}
}

static void cut(struct buf *out, size_t len)
{
	if (len < out->len) {
		out->len = len;
		out->data[len] = 0;
	}
}

static void climb(struct buf *out, size_t least)
{
	size_t len = out->len;

	while (len > least && out->data[len - 1] != '/')
		len--;
	cut(out, len > least ? len - 1 : least);
}

/* Behind the server, which ends at `out`; parts that are empty or dotted lead nowhere else. */
static void add_path(struct buf *out, struct str path)
{
	cleanup(buf_free) struct buf plain = BUF_MAX(ADDRESS_MAX);
	size_t server = out->len;

	add_decoded(&plain, path);
	for (struct str rest = buf_str(&plain); rest.len;) {
		struct str part = str_cut(rest, '/', &rest);
		if (str_is(part, ".."))
			climb(out, server);
		else if (part.len && !str_is(part, "."))
			buf_form(out, "/" STR_FMT, STR_ARG(part));
	}
}

void address_plain(struct buf *out, const char *address)
{
	const struct scheme *scheme = scheme_of(address);
	struct str rest = str_of(address), path = rest;

	buf_clear(out);
	if (scheme) {
		rest = str_bytes(rest.data + strlen(scheme->begins), rest.len - strlen(scheme->begins));
		struct str server = str_cut(rest, '/', &path);
		if (scheme->port)
			add_server(out, server, scheme->port);
	}
	add_path(out, path);
	if (scheme && scheme->port)
		cut(out, without(buf_str(out), ".git").len);
}

bool address_meet_plain(struct str a, struct str b)
{
	size_t n = MIN(a.len, b.len);

	return n && memcmp(a.data, b.data, n) == 0 && (a.len == b.len || (a.len > n ? a : b).data[n] == '/');
}

bool address_meet(const char *a, const char *b)
{
	cleanup(buf_free) struct buf l = BUF_MAX(ADDRESS_MAX), r = BUF_MAX(ADDRESS_MAX);

	address_plain(&l, a);
	address_plain(&r, b);
	return address_meet_plain(buf_str(&l), buf_str(&r));
}
