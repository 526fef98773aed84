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

/* " + ann + bob": the keys of `entry` that `other` has not. */
static void say_keys(struct buf *out, char sign, const doc *entry, const doc *keys, const doc *other)
{
	const doc *ids = doc_get(entry, "keyids");

	for (size_t i = 0; i < doc_count(ids); i++) {
		struct str id = doc_str(doc_at(ids, i));
		if (has_key(other, id))
			continue;
		buf_form(out, " %c ", sign);
		say_key(out, keys, id);
	}
}

static int64_t threshold_of(const doc *entry)
{
	int64_t n = 0;

	return doc_int(doc_get(entry, "threshold"), &n) ? n : 0;
}

static void say_signers(struct buf *out, const char *role, const doc *before, const doc *after)
{
	doc *old_keys, *new_keys, *old = sign_entry(&old_keys, before, role), *new = sign_entry(&new_keys, after, role);
	cleanup(buf_free) struct buf line = {0};

	say_keys(&line, '+', new, new_keys, old);
	say_keys(&line, '-', old, old_keys, new);
	if (!old && new)
		buf_form(&line, ", threshold %lld", (long long)threshold_of(new));
	else if (threshold_of(old) != threshold_of(new))
		buf_form(&line, "%s threshold %lld -> %lld", line.len ? "," : "", (long long)threshold_of(old),
			(long long)threshold_of(new));
	if (line.len)
		buf_form(out, "  keys of %s:%s\n", role, buf_str(&line).data);
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
	if (r->old)
		buf_form(out, " (was %llu%s)", (unsigned long long)r->old, r->due ? ", renewed" : "");
	else
		buf_text(out, " (new)");
	buf_form(out, ", until %s\n", doc_str(doc_get(r->body, "expires")).data);
	if (r->kind == ROLE_ROOT)
		for (size_t i = SIGN_ROOT; i < SIGN_PLANS; i++)
			say_signers(out, s->role[i].name, r->before, r->body);
	if (r == &s->role[SIGN_TARGETS])
		for (size_t i = SIGN_PLANS; i < s->roles; i++)
			say_signers(out, s->role[i].name, r->before, r->body);
	say_manifest(out, r);
}

void sign_words(struct buf *out, const struct sign *s)
{
	static const size_t before[] = {SIGN_ROOT, SIGN_TARGETS}, after[] = {SIGN_SNAPSHOT, SIGN_TIMESTAMP};

	for (size_t i = 0; i < COUNT_OF(before); i++)
		if (s->role[before[i]].body)
			say_role(out, s, &s->role[before[i]]);
	for (size_t i = SIGN_PLANS; i < s->roles; i++)
		if (s->role[i].body)
			say_role(out, s, &s->role[i]);
	for (size_t i = 0; i < COUNT_OF(after); i++)
		if (s->role[after[i]].body)
			say_role(out, s, &s->role[after[i]]);
	if (sign_nothing(s))
		buf_text(out, "nothing to sign: the repository says what plans/ and keys.yaml say\n");
	buf_add(out, buf_str(&s->notes));
}

void sign_digest(char out[SIGN_DIGEST_SIZE], const struct sign *s)
{
	struct hasher h;
	char hex[DIGEST_HEX + 1];

	hasher_start(&h);
	for (size_t i = 0; i < s->roles; i++) {
		cleanup(buf_free) struct buf text = {0};
		if (!s->role[i].body)
			continue;
		doc_canonical(&text, s->role[i].body);
		buf_form(&text, "\n%s\n", s->role[i].name);
		hasher_add(&h, buf_str(&text));
	}
	digest_hex(hex, hasher_end(&h));
	hasher_free(&h);
	snprintf(out, SIGN_DIGEST_SIZE, "%.4s-%.4s-%.4s-%.4s", hex, hex + 4, hex + 8, hex + 12);
}
