#include "fleetctl/repo/keyset_edit.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/name.h"
#include "fleetctl/repo/duty.h"

/* Text and meaning of the file are changed each on its own way; only when both agree is it written. */
struct edit {
	char *path;
	struct buf text, new;
	struct keyset before;
	doc *wanted; /* as keyset_doc */
};

static void edit_free(struct edit *d)
{
	free_ptr(&d->path);
	buf_free(&d->text);
	buf_free(&d->new);
	keyset_free(&d->before);
	doc_free(&d->wanted);
}

static bool begin(struct edit *d, const char *fleet_dir, struct err *e)
{
	*d = (struct edit){.path = path_form("%s/" KEYSET_FILE, fleet_dir),
		.text = BUF_MAX(KEYSET_MAX),
		.new = BUF_MAX(KEYSET_MAX)};
	if (!keyset_read(&d->before, fleet_dir, e) || !fs_read(&d->text, AT_FDCWD, d->path, e))
		return false;
	d->wanted = keyset_doc(&d->before);
	return true;
}

/* --- its lines --- */

/* The key that one line holds, "- {name: ann, ...}"; NULL: none, or not one whole. The caller frees. */
static char *name_in(struct str line)
{
	cleanup(buf_free) struct buf text = {0};
	cleanup(keyset_free) struct keyset one = {0};

	if (!str_starts(str_trim(line), "- {"))
		return NULL;
	buf_form(&text, "keys:\n" STR_FMT "\n", STR_ARG(line));
	if (!keyset_of(&one, buf_str(&text), NULL) || one.keys.count != 1)
		return NULL;
	return str_dup(str_of(keyset_at(&one, 0)->name));
}

/* What a line becomes: `out` gets it with its end, or nothing. False: as it was. */
typedef bool line_edit(void *ctx, struct buf *out, struct str line);

static void each_line(struct edit *d, line_edit *change, void *ctx)
{
	for (struct str line, rest = buf_str(&d->text); rest.len;) {
		line = str_cut(rest, '\n', &rest);
		if (!change(ctx, &d->new, line))
			buf_form(&d->new, STR_FMT "\n", STR_ARG(line));
	}
}

struct key_change {
	const char *name;
	const char *new_name; /* NULL: it stays */
	struct str key;       /* empty: it stays */
	char *const *role;    /* NULL: they stay */
	size_t roles;
	bool gone;
};

/* "  " before, " # of ann's safe" behind: what is not the key stays. */
static bool change_key(void *ctx, struct buf *out, struct str line)
{
	const struct key_change *c = ctx;
	cleanup(free_ptr) char *name = name_in(line);
	struct str after, entry = str_cut(line, '}', &after), list, behind;

	if (!name || strcmp(name, c->name) != 0)
		return false;
	if (c->gone)
		return true;
	struct str front = str_cut(entry, '[', &list);
	list = str_cut(list, ']', &behind);
	struct str before = str_cut(front, '{', &front);
	buf_form(out, STR_FMT "{name: %s, roles: [", STR_ARG(before), c->new_name ? c->new_name : c->name);
	for (size_t i = 0; i < c->roles; i++)
		buf_form(out, "%s%s", i ? ", " : "", c->role[i]);
	buf_form(out, "], key: '" STR_FMT "'}" STR_FMT "\n", STR_ARG(c->key), STR_ARG(after));
	return true;
}

struct threshold_change {
	const char *role;
	int64_t n;
	bool done;
};

/* Where the number of `role` stands in "threshold: {root: 1, ...}"; data NULL: nowhere. */
static struct str number_of(struct str line, const char *role)
{
	size_t len = strlen(role);

	for (size_t i = 1; i + len < line.len; i++) {
		size_t at = i + len;
		if (memcmp(line.data + i, role, len) != 0 || line.data[at] != ':' ||
			(line.data[i - 1] != ' ' && line.data[i - 1] != '{'))
			continue;
		for (at++; at < line.len && line.data[at] == ' '; at++)
			;
		size_t start = at;
		for (; at < line.len && isdigit((unsigned char)line.data[at]); at++)
			;
		return str_bytes(line.data + start, at - start);
	}
	return (struct str){0};
}

static bool change_threshold(void *ctx, struct buf *out, struct str line)
{
	struct threshold_change *c = ctx;
	struct str rest, front = str_cut(line, '}', &rest), number;

	if (!str_starts(line, "threshold: {") || c->done || front.len == line.len)
		return false;
	number = number_of(front, c->role);
	c->done = true;
	if (number.data) {
		size_t at = (size_t)(number.data - line.data);
		buf_add(out, str_bytes(line.data, at));
		buf_form(out, "%lld", (long long)c->n);
		buf_add(out, str_bytes(line.data + at + number.len, line.len - at - number.len));
		buf_byte(out, '\n');
	} else {
		buf_form(out, STR_FMT "%s%s: %lld}" STR_FMT "\n", STR_ARG(front), str_ends(front, "{") ? "" : ", ",
			c->role, (long long)c->n, STR_ARG(rest));
	}
	return true;
}

/* --- what it must mean then --- */

static doc *wanted_key(const struct edit *d, size_t i)
{
	return doc_at(doc_get(d->wanted, "keys"), i);
}

static void want_without(struct edit *d, size_t gone)
{
	doc *list = doc_list(), *old = doc_get(d->wanted, "keys");

	for (size_t i = 0; i < doc_count(old); i++)
		if (i != gone)
			doc_add(list, doc_ref(doc_at(old, i)));
	doc_set(d->wanted, "keys", list);
}

static void want_roles(struct edit *d, size_t at, const struct key_change *c)
{
	doc *list = doc_list();

	for (size_t i = 0; i < c->roles; i++)
		doc_add_str(list, str_of(c->role[i]));
	doc_set(wanted_key(d, at), "roles", list);
}

/* --- may it be so? --- */

static bool nobody(const char *role, const char *why, struct err *e)
{
	return err_set(e, ERR_REFUSED,
		"nobody could sign for %s then: %s. First give it a key (`fleetctl key add`), put another in the place "
		"of the one that goes (`fleetctl key replace`), or lower the threshold (`fleetctl key threshold %s N`)",
		role, why, role);
}

static bool role_still(const struct keyset *before, const struct keyset *after, const char *role, struct err *e)
{
	struct keyset_role a = {0}, b = {0};
	struct err why = {0};

	if (!keyset_signers(&a, before, role, NULL) || keyset_signers(&b, after, role, &why))
		return true;
	return nobody(role, why.text, e);
}

static bool roles_still(const struct keyset *before, const struct keyset *after, struct err *e)
{
	static const char *const all[] = {KEYSET_PLANS, KEYSET_ROLLOUTS, "fleet", "agent"};

	for (size_t i = 0; i < ROLE_KINDS; i++)
		if (!role_still(before, after, role_words[i], e))
			return false;
	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (!role_still(before, after, all[i], e))
			return false;
	for (size_t i = 0; i < before->keys.count; i++) {
		const struct list *roles = &keyset_at(before, i)->roles;
		for (size_t j = 0; j < roles->count; j++)
			if (!role_still(before, after, ((char **)roles->items)[j], e))
				return false;
	}
	return true;
}

/* `by_hand`: what to write where the file is not as we write it. */
static bool finish(struct edit *d, const char *by_hand, struct err *e)
{
	cleanup(keyset_free) struct keyset after = {0};
	struct err why = {0};

	if (!buf_ok(&d->new, e))
		return false;
	bool read = keyset_of(&after, buf_str(&d->new), &why);
	cleanup(doc_free) doc *is = read ? keyset_doc(&after) : NULL;
	if (!is || !doc_equal(is, d->wanted))
		return err_set(e, ERR_SYNTAX,
			"%s is not written as `fleetctl key` writes it, a key a line; change it by hand: %s%s%s",
			d->path, by_hand, read ? "" : ". ", why.text);
	return roles_still(&d->before, &after, e) && fs_write(AT_FDCWD, d->path, buf_str(&d->new), 0644, e);
}

/* --- the changes --- */

static bool find(size_t *out, const struct edit *d, const char *name, struct err *e)
{
	cleanup(buf_free) struct buf names = {0};

	for (size_t i = 0; i < d->before.keys.count; i++) {
		buf_form(&names, "%s%s", i ? ", " : "", keyset_at(&d->before, i)->name);
		if (strcmp(keyset_at(&d->before, i)->name, name) == 0) {
			*out = i;
			return true;
		}
	}
	return err_set(
		e, ERR_MISSING, "%s has no key of the name %s: it has %s", KEYSET_FILE, name, buf_str(&names).data);
}

static bool finish_key(struct edit *d, struct key_change *c, size_t at, const char *by_hand, struct err *e)
{
	if (!c->gone)
		want_roles(d, at, c);
	each_line(d, change_key, c);
	return finish(d, by_hand, e);
}

bool keyset_grant(const char *fleet_dir, const char *name, const char *role, struct err *e)
{
	cleanup(edit_free) struct edit d = {0};
	size_t at = 0;

	if (!keyset_check_role(role, e) || !begin(&d, fleet_dir, e) || !find(&at, &d, name, e))
		return false;
	const struct keyset_key *key = keyset_at(&d.before, at);
	cleanup(free_ptr) const char **roles = mem_new(key->roles.count + 1, sizeof *roles);
	for (size_t i = 0; i < key->roles.count; i++) {
		roles[i] = ((char **)key->roles.items)[i];
		if (strcmp(roles[i], role) == 0)
			return err_set(e, ERR_EXISTS, "%s: %s has the role %s already", KEYSET_FILE, name, role);
	}
	roles[key->roles.count] = role;
	struct key_change c = {
		.name = name, .key = str_of(key->text), .role = (char *const *)roles, .roles = key->roles.count + 1};
	return finish_key(&d, &c, at, "add the role to its list", e);
}

static bool lacks_role(const struct keyset_key *key, const char *role)
{
	for (size_t i = 0; i < key->roles.count; i++)
		if (strcmp(((char **)key->roles.items)[i], role) == 0)
			return false;
	return true;
}

bool keyset_revoke(const char *fleet_dir, const char *name, const char *role, struct err *e)
{
	cleanup(edit_free) struct edit d = {0};
	size_t at = 0;

	if (!begin(&d, fleet_dir, e) || !find(&at, &d, name, e))
		return false;
	const struct keyset_key *key = keyset_at(&d.before, at);
	if (role && lacks_role(key, role))
		return err_set(e, ERR_MISSING, "%s: %s has not the role %s", KEYSET_FILE, name, role);
	cleanup(free_ptr) char **left = mem_new(key->roles.count + 1, sizeof *left);
	struct key_change c = {.name = name, .key = str_of(key->text), .role = left};
	for (size_t i = 0; i < key->roles.count; i++)
		if (role && strcmp(((char **)key->roles.items)[i], role) != 0)
			left[c.roles++] = ((char **)key->roles.items)[i];
	c.gone = c.roles == 0;
	if (c.gone)
		want_without(&d, at);
	return finish_key(&d, &c, at, "take out the key, or the role of its list", e);
}

bool keyset_replace(
	const char *fleet_dir, const char *old, const char *name, const struct public_key *key, struct err *e)
{
	cleanup(edit_free) struct edit d = {0};
	cleanup(buf_free) struct buf text = {0};
	size_t at = 0;

	if (!name_check(str_of(name), e) || !public_check_strength(key, e))
		return err_in(e, "key %s", name);
	if (!begin(&d, fleet_dir, e) || !find(&at, &d, old, e) || !keyset_check_new(&d.before, name, key, e))
		return false;
	keyset_key_text(&text, key);
	const struct keyset_key *was = keyset_at(&d.before, at);
	struct key_change c = {old, name, buf_str(&text), was->roles.items, was->roles.count, false};
	doc_set_text(wanted_key(&d, at), "name", name);
	doc_set_str(wanted_key(&d, at), "key", buf_str(&text));
	return finish_key(&d, &c, at, "write the new name and key in the place of the old", e);
}

/* As many keys as must sign have to be there first: the threshold of a role without keys is a slip. */
static bool enough_keys(const struct keyset *k, const char *role, int64_t threshold, struct err *e)
{
	struct keyset_role has = {0};
	struct err why = {0};

	if (!keyset_signers(&has, k, role, &why) && has.signers.count == 0)
		return nobody(role, why.text, e);
	if ((int64_t)has.signers.count >= threshold)
		return true;
	err_set(&why, ERR_USAGE, "%s: %s needs %lld signatures, but only %zu %s it", KEYSET_FILE, role, (long long)threshold,
		has.signers.count, has.signers.count == 1 ? "key has" : "keys have");
	return nobody(role, why.text, e);
}

bool keyset_set_threshold(const char *fleet_dir, const char *role, int64_t threshold, struct err *e)
{
	cleanup(edit_free) struct edit d = {0};
	struct threshold_change c = {role, threshold, false};
	char number[24];

	if (!keyset_check_role(role, e) || !begin(&d, fleet_dir, e) || !enough_keys(&d.before, role, threshold, e))
		return false;
	snprintf(number, sizeof number, "%lld", (long long)threshold);
	if (!doc_get(d.wanted, "threshold"))
		doc_set(d.wanted, "threshold", doc_object());
	if (str_is(doc_str(doc_get(doc_get(d.wanted, "threshold"), role)), number))
		return err_set(e, ERR_EXISTS, "%s: the threshold of %s is %s already", KEYSET_FILE, role, number);
	if (!doc_count(doc_get(d.wanted, "threshold")))
		buf_form(&d.new, "threshold: {%s: %s}\n", role, number);
	doc_set_text(doc_get(d.wanted, "threshold"), role, number);
	each_line(&d, change_threshold, &c);
	return finish(&d, "set the number in `threshold`", e);
}
