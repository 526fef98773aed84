/* What a signature will change, in words, for the person whose key it is. */
#include <stdio.h>

#include "fleetctl/repo/sign_state.h"

/* The owner of a key as the document says it, else the front of its keyid. */
static void say_key(struct buf *out, const doc *keys, struct str id)
{
	struct str owner = doc_str(doc_get(doc_get(keys, id.data), "x-fleet-name"));

	if (owner.data)
		buf_add(out, owner);
	else
		buf_add(out, str_bytes(id.data, MIN(id.len, (size_t)12)));
}

static bool has_key(const doc *entry, struct str id)
{
	const doc *ids = doc_get(entry, "keyids");

	for (size_t i = 0; i < doc_count(ids); i++)
		if (str_eq(doc_str(doc_at(ids, i)), id))
			return true;
	return false;
}

/* "adds the keys of ann, bob; ": those of `entry` that `other` has not. */
static void say_keys(struct buf *out, const char *verb, const doc *entry, const doc *keys, const doc *other)
{
	const doc *ids = doc_get(entry, "keyids");
	cleanup(buf_free) struct buf owners = {0};
	size_t count = 0;

	for (size_t i = 0; i < doc_count(ids); i++) {
		struct str id = doc_str(doc_at(ids, i));
		if (has_key(other, id))
			continue;
		buf_text(&owners, count++ ? ", " : "");
		say_key(&owners, keys, id);
	}
	if (count)
		buf_form(out, "%s the key%s of %s; ", verb, count > 1 ? "s" : "", buf_str(&owners).data);
}

static int64_t threshold_of(const doc *entry)
{
	int64_t n = 0;

	return doc_int(doc_get(entry, "threshold"), &n) ? n : 0;
}

/* "  root: adds the key of ann; threshold 1 to 2" */
static void say_signers(struct buf *out, const char *role, const doc *before, const doc *after)
{
	doc *old_keys, *new_keys, *old = sign_entry(&old_keys, before, role), *new = sign_entry(&new_keys, after, role);
	cleanup(buf_free) struct buf line = {0};

	say_keys(&line, "adds", new, new_keys, old);
	say_keys(&line, "drops", old, old_keys, new);
	if (!old && new)
		buf_form(&line, "threshold %lld; ", (long long)threshold_of(new));
	else if (threshold_of(old) != threshold_of(new))
		buf_form(&line, "threshold %lld to %lld; ", (long long)threshold_of(old), (long long)threshold_of(new));
	if (line.len)
		buf_form(out, "  %s: %.*s\n", role, (int)(line.len - strlen("; ")), line.data);
}

static const char *document_changes(const struct sign_role *r, const struct sign_document *d)
{
	const doc *was = doc_get(doc_get(r->before, "targets"), d->path);
	const doc *is = doc_get(doc_get(r->body, "targets"), d->path);

	if (!was || !is)
		return is ? "is new" : was ? "is taken away" : NULL;
	return doc_equal(was, is) ? NULL : "changes";
}

static void say_documents(struct buf *out, const struct sign *s, const struct sign_role *r)
{
	for (size_t i = 0; i < s->documents; i++) {
		const struct sign_document *d = &s->document[i];
		const char *how = strcmp(d->role, r->name) == 0 ? document_changes(r, d) : NULL;
		if (how)
			buf_form(out, "  %s: %s %s\n", r->name, d->path, how);
	}
}

static void say_manifest(struct buf *out, const struct sign_role *r)
{
	cleanup(manifest_free) struct manifest before = {0};
	cleanup(manifest_free) struct manifest after = {0};
	cleanup(buf_free) struct buf lines = {0};
	bool had = r->manifest_before.len && manifest_read(&before, buf_str(&r->manifest_before), NULL, NULL);

	if (!r->manifest.len || !manifest_read(&after, buf_str(&r->manifest), NULL, NULL))
		return;
	if (had)
		buf_form(out, "  manifest %lld replaces %lld\n", (long long)after.number, (long long)before.number);
	else
		buf_form(out, "  manifest %lld\n", (long long)after.number);
	manifest_changes(&lines, had ? &before : NULL, &after);
	for (struct str line, rest = buf_str(&lines); rest.len;) {
		line = str_cut(rest, '\n', &rest);
		buf_form(out, "    " STR_FMT "\n", STR_ARG(line));
	}
}

static void say_role(struct buf *out, const struct sign *s, const struct sign_role *r)
{
	buf_form(out, "%s %llu", r->name, (unsigned long long)r->version);
	bool dated = r->due || (r->same_words && r->kind != ROLE_TARGETS); /* only the date is another */
	if (r->old)
		buf_form(out, " (was %llu%s)", (unsigned long long)r->old,
			dated           ? ", renewed"
			: r->same_words ? ", the same, signed anew"
					: "");
	else
		buf_text(out, " (new)");
	buf_form(out, ", until %s\n", doc_str(doc_get(r->body, "expires")).data);
	if (r->kind == ROLE_ROOT)
		for (size_t i = SIGN_ROOT; i < SIGN_DELEGATED; i++)
			say_signers(out, s->role[i].name, r->before, r->body);
	if (r == &s->role[SIGN_TARGETS])
		for (size_t i = SIGN_DELEGATED; i < s->roles; i++)
			say_signers(out, s->role[i].name, r->before, r->body);
	say_manifest(out, r);
	say_documents(out, s, r);
}

void sign_words(struct buf *out, const struct sign *s)
{
	static const size_t before[] = {SIGN_ROOT, SIGN_TARGETS}, after[] = {SIGN_SNAPSHOT, SIGN_TIMESTAMP};

	for (size_t i = 0; i < COUNT_OF(before); i++)
		if (s->role[before[i]].body)
			say_role(out, s, &s->role[before[i]]);
	for (size_t i = SIGN_DELEGATED; i < s->roles; i++)
		if (s->role[i].body)
			say_role(out, s, &s->role[i]);
	for (size_t i = 0; i < COUNT_OF(after); i++)
		if (s->role[after[i]].body)
			say_role(out, s, &s->role[after[i]]);
	if (sign_nothing(s))
		buf_text(out, "nothing to sign: the repository says what plans/ and keys.yaml say\n");
	buf_add(out, buf_str(&s->notes));
}

struct digest sign_identity(const struct sign *s)
{
	struct hasher h;

	hasher_start(&h);
	for (size_t i = 0; i < s->roles; i++) {
		cleanup(buf_free) struct buf text = {0};
		if (!s->role[i].body)
			continue;
		doc_canonical(&text, s->role[i].body);
		buf_form(&text, "\n%s\n", s->role[i].name);
		hasher_add(&h, buf_str(&text));
	}
	struct digest all = hasher_end(&h);
	hasher_free(&h);
	return all;
}

void sign_digest(char out[SIGN_DIGEST_SIZE], const struct sign *s)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, sign_identity(s));
	snprintf(out, SIGN_DIGEST_SIZE, "%.4s-%.4s-%.4s-%.4s", hex, hex + 4, hex + 8, hex + 12);
}
