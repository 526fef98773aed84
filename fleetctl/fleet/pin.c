/* A host's receipt key into hosts.yaml. The text is edited in the ways that people write it, and what comes of it is read
 * back: it must be the same document but for that one value. */
#include "fleetctl/fleet/pin.h"

#include <stdio.h>

#include "base/fs.h"
#include "manifests/yaml.h"

enum { HOSTS_FILE_MAX = 64 * MIB };
#define FIELD "receipt_key:"

/* Where the host's entry stands in the text: from its line to the next one's. */
struct entry {
	size_t from, to;
	size_t index;
};

static size_t line_start(struct str text, int line)
{
	size_t at = 0;
	for (int n = 1; n < line && at < text.len; n++) {
		const char *newline = memchr(text.data + at, '\n', text.len - at);
		at = newline ? (size_t)(newline - text.data) + 1 : text.len;
	}
	return at;
}

static bool find_entry(struct entry *out, const struct yaml *y, struct str text, const char *id)
{
	for (size_t i = 0; i < doc_count(y->root); i++) {
		const doc *host = doc_at(y->root, i), *next = doc_at(y->root, i + 1);
		if (!str_is(doc_str(doc_get(host, "id")), id))
			continue;
		*out = (struct entry){ line_start(text, yaml_line(y, host)), next ? line_start(text, yaml_line(y, next)) : text.len, i };
		return true;
	}
	return false;
}

static size_t find(struct str text, const struct entry *in, const char *what)
{
	const char *at = memmem(text.data + in->from, in->to - in->from, what, strlen(what));
	return at ? (size_t)(at - text.data) : 0;
}

static void splice(struct buf *out, struct str text, size_t from, size_t to, const char *with)
{
	buf_add(out, str_bytes(text.data, from));
	buf_text(out, with);
	buf_add(out, str_bytes(text.data + to, text.len - to));
}

/* --- the ways; each only tries: what is wrong does not read back --- */

typedef bool edit(struct buf *out, struct str text, const struct entry *in, const char *key);

static bool replace(struct buf *out, struct str text, const struct entry *in, const char *key)
{
	cleanup(free_ptr) char *value = path_form(" '%s'", key);
	size_t from = find(text, in, FIELD), to;
	if (!from)
		return false;
	from += strlen(FIELD);
	for (to = from; to < in->to && (text.data[to] == ' ' || text.data[to] == '\'' || text.data[to] == '"'); to++)
		;
	while (to < in->to && !memchr(" ,}'\"\n", text.data[to], 6))
		to++;
	if (to < in->to && (text.data[to] == '\'' || text.data[to] == '"'))
		to++;
	splice(out, text, from, to, value);
	return true;
}

static bool into_braces(struct buf *out, struct str text, const struct entry *in, const char *key)
{
	cleanup(free_ptr) char *field = path_form(", " FIELD " '%s'", key);
	const char *brace = memrchr(text.data + in->from, '}', in->to - in->from);
	if (!brace)
		return false;
	splice(out, text, (size_t)(brace - text.data), (size_t)(brace - text.data), field);
	return true;
}

static bool under_id(struct buf *out, struct str text, const struct entry *in, const char *key)
{
	size_t at = find(text, in, "id:");
	const char *newline = at ? memchr(text.data + at, '\n', in->to - at) : NULL;
	size_t line = at;
	if (!newline)
		return false;
	while (line > 0 && text.data[line - 1] != '\n')
		line--;
	size_t after = (size_t)(newline - text.data) + 1;
	cleanup(free_ptr) char *field = path_form("%*s" FIELD " '%s'\n", (int)(at - line), "", key);
	splice(out, text, after, after, field);
	return true;
}

static edit *const edits[] = { replace, into_braces, under_id };

/* --- */

static bool reads_back(struct str text, const doc *meant)
{
	cleanup(yaml_free) struct yaml y = { 0 };
	struct err ignored;
	return yaml_read(&y, text, "hosts.yaml", &ignored) && doc_equal(y.root, meant);
}

bool pin_text(struct buf *out, struct str hosts, const char *id, const char *receipt_key, struct err *e)
{
	cleanup(yaml_free) struct yaml y = { 0 };
	struct entry in;
	if (!yaml_read(&y, hosts, "hosts.yaml", e))
		return false;
	if (!find_entry(&in, &y, hosts, id))
		return err_set(e, ERR_MISSING, "no host \"%s\" in hosts.yaml", id);
	yaml_set(&y, doc_at(y.root, in.index), "receipt_key", doc_of_str(str_of(receipt_key)));
	for (size_t i = 0; i < COUNT_OF(edits); i++) {
		buf_clear(out);
		if (edits[i](out, hosts, &in, receipt_key) && !out->failed && reads_back(buf_str(out), y.root))
			return true;
	}
	return err_set(e, ERR_SYNTAX, "hosts.yaml: the entry of %s is written in a way that is left to a person: add to it receipt_key: '%s'", id, receipt_key);
}

bool fleet_pin(const struct fleet *f, const char *id, const char *receipt_key, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(HOSTS_FILE_MAX);
	cleanup(buf_free) struct buf after = BUF_MAX(HOSTS_FILE_MAX);
	return fs_read(&text, f->at, "hosts.yaml", e) && pin_text(&after, buf_str(&text), id, receipt_key, e) &&
		fs_write(f->at, "hosts.yaml", buf_str(&after), 0644, e);
}
