/* A hundred thousand random documents: written as JSON in every way that JSON allows, read and made canonical by ours, and
 * made canonical by the rules of OLPC (http://wiki.laptop.org/go/Canonical_JSON) straight from the tree, with no line of ours:
 * the bytes are the same. FLEET_SEED=N makes others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/doc.h"

enum {
	DOCUMENTS = 100000,
	NODES = 400,    /* of a document, at most */
	CHILDREN = 6,
	POINTS = 16000, /* of all its texts */
	DEPTH = 60,
	OUT = 400000,
};

enum kind { OBJECT, LIST, TEXT, INT, BOOLEAN, NOTHING, KINDS };
struct text {
	const uint32_t *point; /* Unicode, no surrogates, no NUL */
	size_t count;
};
struct node {
	enum kind kind;
	struct text key; /* its name in the object that holds it */
	struct text text;
	int64_t n;
	struct node *child[CHILDREN];
	size_t children;
};
struct tree {
	uint64_t seed;
	struct node node[NODES];
	uint32_t point[POINTS];
	size_t nodes, points;
};
struct out {
	char bytes[OUT];
	size_t len;
};

/* --- chance (splitmix64) --- */

static uint64_t chance(struct tree *t)
{
	uint64_t z = t->seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint32_t below(struct tree *t, uint32_t n)
{
	return (uint32_t)(chance(t) % n);
}

/* --- a tree --- */

static uint32_t a_point(struct tree *t)
{
	static const struct {
		uint32_t from, to;
	} ranges[] = {
		{0x61, 0x63}, {0x20, 0x7f}, {0x20, 0x7f}, {'"', '"'}, {'\\', '\\'}, {0x01, 0x1f}, {0x80, 0x7ff},
		{0x800, 0xd7ff}, {0xe000, 0xffff}, {0x10000, 0x10ffff},
	};
	uint32_t i = below(t, sizeof ranges / sizeof *ranges);

	return ranges[i].from + below(t, ranges[i].to - ranges[i].from + 1);
}

static struct text a_text(struct tree *t)
{
	size_t count = below(t, 50) == 0 ? below(t, 100) : below(t, 6);
	struct text x = {t->point + t->points, 0};

	for (; x.count < count && t->points < POINTS; x.count++)
		t->point[t->points++] = a_point(t);
	return x;
}

static int64_t a_number(struct tree *t)
{
	static const int64_t edges[] = {0, 1, -1, INT64_MAX, INT64_MIN, 9007199254740993, INT32_MIN};

	return below(t, 3) == 0 ? edges[below(t, sizeof edges / sizeof *edges)] : (int64_t)chance(t) >> below(t, 64);
}

static bool same_text(struct text a, struct text b)
{
	return a.count == b.count && memcmp(a.point, b.point, a.count * sizeof *a.point) == 0;
}

static bool is_taken(const struct node *object, struct text key)
{
	for (size_t i = 0; i < object->children; i++)
		if (same_text(object->child[i]->key, key))
			return true;
	return false;
}

static struct node *a_node(struct tree *t, int depth);

/* One document of many is narrow and deep. */
static void fill(struct tree *t, struct node *n, int depth)
{
	uint32_t wanted = depth > 6 ? 1 : below(t, CHILDREN + 1);

	while (n->children < wanted && t->nodes < NODES) {
		struct text key = a_text(t);
		if (n->kind == OBJECT && is_taken(n, key))
			break;
		struct node *child = a_node(t, depth + 1);
		child->key = key;
		n->child[n->children++] = child;
	}
}

static struct node *a_node(struct tree *t, int depth)
{
	struct node *n = &t->node[t->nodes++];
	bool branch = depth < DEPTH && (depth == 0 || (depth > 6 ? below(t, 20) != 0 : below(t, 3) == 0));

	*n = (struct node){.kind = branch ? (enum kind)below(t, TEXT) : (enum kind)(TEXT + below(t, KINDS - TEXT))};
	if (branch)
		fill(t, n, depth);
	else if (n->kind == TEXT)
		n->text = a_text(t);
	else
		n->n = a_number(t);
	return n;
}

/* --- bytes --- */

static void put(struct out *o, const char *s, size_t len)
{
	assert_true(o->len + len <= OUT);
	memcpy(o->bytes + o->len, s, len);
	o->len += len;
}

static void puts_to(struct out *o, const char *s)
{
	put(o, s, strlen(s));
}

static void put_utf8(struct out *o, uint32_t c)
{
	char b[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		b[i] = (char)(0x80 | (c & 0x3f));
	b[0] = (char)(n == 1 ? c : (0xf00u >> n & 0xf0) | c);
	put(o, b, n);
}

static void put_number(struct out *o, int64_t n)
{
	char digits[24];

	(void)snprintf(digits, sizeof digits, "%" PRId64, n);
	puts_to(o, digits);
}

static void put_escape(struct out *o, uint32_t unit, bool upper)
{
	char escape[8];

	(void)snprintf(escape, sizeof escape, upper ? "\\u%04X" : "\\u%04x", unit);
	puts_to(o, escape);
}

/* --- as JSON, in any way --- */

static void any_space(struct out *o, struct tree *t)
{
	for (uint32_t n = below(t, 4) == 0 ? below(t, 4) : 0; n; n--)
		put(o, &" \t\r\n"[below(t, 4)], 1);
}

static void any_point(struct out *o, struct tree *t, uint32_t c)
{
	static const char named[] = "\"\\/\b\f\n\r\t", names[] = "\"\\/bfnrt";
	const char *name = c < 0x80 ? memchr(named, (int)c, sizeof named - 1) : NULL;
	bool must = c < 0x20 || c == '"' || c == '\\', upper = below(t, 2);

	if (name && below(t, 2)) {
		put(o, "\\", 1);
		put(o, &names[name - named], 1);
	} else if (!must && below(t, 3)) {
		put_utf8(o, c);
	} else if (c >= 0x10000) {
		put_escape(o, 0xd800 + ((c - 0x10000) >> 10), upper);
		put_escape(o, 0xdc00 + ((c - 0x10000) & 0x3ff), upper);
	} else {
		put_escape(o, c, upper);
	}
}

static void any_text(struct out *o, struct tree *t, struct text x)
{
	puts_to(o, "\"");
	for (size_t i = 0; i < x.count; i++)
		any_point(o, t, x.point[i]);
	puts_to(o, "\"");
}

static void any_form(struct out *o, struct tree *t, const struct node *n)
{
	any_space(o, t);
	switch (n->kind) {
	case OBJECT:
	case LIST:
		puts_to(o, n->kind == OBJECT ? "{" : "[");
		for (size_t i = 0; i < n->children; i++) {
			puts_to(o, i ? "," : "");
			any_space(o, t);
			if (n->kind == OBJECT) {
				any_text(o, t, n->child[i]->key);
				any_space(o, t);
				puts_to(o, ":");
			}
			any_form(o, t, n->child[i]);
		}
		any_space(o, t);
		puts_to(o, n->kind == OBJECT ? "}" : "]");
		break;
	case TEXT:
		any_text(o, t, n->text);
		break;
	case INT:
		put_number(o, n->n);
		break;
	default:
		puts_to(o, n->kind == NOTHING ? "null" : n->n & 1 ? "true" : "false");
	}
	any_space(o, t);
}

/* --- the one form; and beside it what others have taken for it --- */

enum rule {
	OLPC,
	AS_THEY_COME,    /* keys in the order of the text */
	BY_UTF16,        /* as JavaScript and RFC 8785 sort */
	SHORTER_FIRST,   /* as CBOR sorted once */
	CONTROLS_HIDDEN, /* as JSON writes them */
	RULES
};

static int by_points(struct text a, struct text b)
{
	for (size_t i = 0; i < a.count && i < b.count; i++)
		if (a.point[i] != b.point[i])
			return a.point[i] < b.point[i] ? -1 : 1;
	return a.count < b.count ? -1 : a.count > b.count;
}

static int by_utf16(struct text a, struct text b)
{
	for (size_t i = 0; i < a.count && i < b.count; i++) {
		uint32_t x = a.point[i], y = b.point[i];
		if (x == y)
			continue;
		/* Above the first plane, the first unit is a surrogate, which is below U+E000. */
		if ((x >= 0x10000) != (y >= 0x10000))
			return (x >= 0x10000 ? 0xd800 : x) < (y >= 0x10000 ? 0xd800 : y) ? -1 : 1;
		return x < y ? -1 : 1;
	}
	return a.count < b.count ? -1 : a.count > b.count;
}

static int in_order(enum rule rule, struct text a, struct text b)
{
	if (rule == AS_THEY_COME)
		return -1;
	if (rule == SHORTER_FIRST && a.count != b.count)
		return a.count < b.count ? -1 : 1;
	return rule == BY_UTF16 ? by_utf16(a, b) : by_points(a, b);
}

static void one_text(struct out *o, enum rule rule, struct text x)
{
	puts_to(o, "\"");
	for (size_t i = 0; i < x.count; i++) {
		if (x.point[i] == '"' || x.point[i] == '\\')
			puts_to(o, "\\");
		if (rule == CONTROLS_HIDDEN && x.point[i] < 0x20)
			put_escape(o, x.point[i], false);
		else
			put_utf8(o, x.point[i]);
	}
	puts_to(o, "\"");
}

static void one_form(struct out *o, enum rule rule, const struct node *n);

static void one_branch(struct out *o, enum rule rule, const struct node *n)
{
	const struct node *sorted[CHILDREN];

	for (size_t i = 0; i < n->children; i++) {
		size_t at = i;
		for (; n->kind == OBJECT && at > 0 && in_order(rule, sorted[at - 1]->key, n->child[i]->key) > 0; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = n->child[i];
	}
	puts_to(o, n->kind == OBJECT ? "{" : "[");
	for (size_t i = 0; i < n->children; i++) {
		puts_to(o, i ? "," : "");
		if (n->kind == OBJECT) {
			one_text(o, rule, sorted[i]->key);
			puts_to(o, ":");
		}
		one_form(o, rule, sorted[i]);
	}
	puts_to(o, n->kind == OBJECT ? "}" : "]");
}

static void one_form(struct out *o, enum rule rule, const struct node *n)
{
	switch (n->kind) {
	case OBJECT:
	case LIST:
		one_branch(o, rule, n);
		break;
	case TEXT:
		one_text(o, rule, n->text);
		break;
	case INT:
		put_number(o, n->n);
		break;
	default:
		puts_to(o, n->kind == NOTHING ? "null" : n->n & 1 ? "true" : "false");
	}
}

/* --- */

static bool same_bytes(const struct out *o, const struct buf *b)
{
	return o->len == b->len && memcmp(o->bytes, b->data, o->len) == 0;
}

static void ours(struct buf *out, const struct out *json, uint64_t seed)
{
	cleanup(doc_free) doc *d = NULL;
	struct err e = {0};

	if (!doc_read(&d, str_bytes(json->bytes, json->len), &e))
		fail_msg("%s: seed %" PRIu64 ": %.*s", e.text, seed, (int)json->len, json->bytes);
	buf_clear(out);
	doc_canonical(out, d);
	assert_true(buf_ok(out, &e));
}

static void a_hundred_thousand_documents_have_one_form(void **state)
{
	(void)state;
	cleanup(free_ptr) struct tree *t = mem_new(1, sizeof *t);
	cleanup(free_ptr) struct out *json = mem_new(1, sizeof *json);
	cleanup(free_ptr) struct out *expected = mem_new(1, sizeof *expected);
	cleanup(buf_free) struct buf got = {0};
	const char *said = getenv("FLEET_SEED");
	uint64_t seed = said ? strtoull(said, NULL, 10) : 20260101;
	size_t noticed[RULES] = {0}, largest = 0;

	for (int i = 0; i < DOCUMENTS; i++) {
		t->seed = seed + (uint64_t)i * 1000003;
		t->nodes = t->points = json->len = 0;
		const struct node *top = a_node(t, 0);
		any_form(json, t, top);
		ours(&got, json, seed);
		for (enum rule rule = OLPC; rule < RULES; rule++) {
			expected->len = 0;
			one_form(expected, rule, top);
			noticed[rule] += !same_bytes(expected, &got);
		}
		if (noticed[OLPC])
			fail_msg("seed %" PRIu64 ", document %d: %.*s\nis: %s", seed, i, (int)json->len, json->bytes, got.data);
		largest = MAX(largest, t->nodes);
	}
	/* The documents are such that each mistake would have shown, many times. */
	for (enum rule rule = OLPC + 1; rule < RULES; rule++)
		assert_true(noticed[rule] > DOCUMENTS / 100);
	assert_true(largest > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hundred_thousand_documents_have_one_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
