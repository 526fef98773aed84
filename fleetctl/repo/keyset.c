/* keys.yaml, read, asked, and made longer. */
#include "fleetctl/repo/keyset.h"

#include <fcntl.h>

#include "base/fs.h"
#include "base/name.h"
#include "fleetctl/repo/duty.h"
#include "manifests/yaml.h"

enum { KEYS_MAX = 256, ROLES_MAX = 64, KEY_TEXT_MAX = 2048, PEM_COLUMNS = 64, SIGNERS_MAX = 64 };

static const struct shape_field key_shape[] = {
	{"name", SHAPE_NAME, offsetof(struct keyset_key, name), .required = true},
	{"roles", SHAPE_LIST, offsetof(struct keyset_key, roles), .item = SHAPE_NAME, .max = ROLES_MAX,
		.required = true},
	{"key", SHAPE_TEXT, offsetof(struct keyset_key, text), .max = KEY_TEXT_MAX, .required = true},
	{0},
};
static const struct shape_field keyset_shape[] = {
	{"threshold", SHAPE_MAP, offsetof(struct keyset, threshold), .max = ROLES_MAX},
	{"keys", SHAPE_LIST, offsetof(struct keyset, keys), .of = key_shape, .size = sizeof(struct keyset_key),
		.key = "name", .max = KEYS_MAX, .required = true},
	{0},
};

/* --- a key as one line --- */

static const struct {
	const char *word;
	enum key_type type;
} kinds[] = {{"ed25519", KEY_ED25519}, {"p256", KEY_P256}, {"rsa", KEY_RSA}};

static const char pem_begin[] = "-----BEGIN PUBLIC KEY-----\n", pem_end[] = "-----END PUBLIC KEY-----\n";

void keyset_key_text(struct buf *out, const struct public_key *key)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (kinds[i].type == key->type)
			buf_form(out, "%s ", kinds[i].word);
	for (struct str line, rest = str_of(key->value); rest.len;) {
		line = str_cut(rest, '\n', &rest);
		if (!str_starts(line, "-----"))
			buf_add(out, line);
	}
}

static void pem(struct buf *out, struct str base64)
{
	buf_text(out, pem_begin);
	for (size_t at = 0; at < base64.len; at += PEM_COLUMNS) {
		buf_add(out, str_bytes(base64.data + at, MIN((size_t)PEM_COLUMNS, base64.len - at)));
		buf_byte(out, '\n');
	}
	buf_text(out, pem_end);
}

bool keyset_key_read(struct public_key *out, struct str text, struct err *e)
{
	struct str value, word = str_cut(text, ' ', &value);
	struct public_key key = {0};

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		cleanup(buf_free) struct buf whole = {0};
		if (!str_is(word, kinds[i].word))
			continue;
		if (kinds[i].type == KEY_ED25519)
			buf_add(&whole, value);
		else
			pem(&whole, value);
		if (!public_of(&key, kinds[i].type, buf_str(&whole), e))
			return false;
		if (!public_check_strength(&key, e)) {
			public_free(&key);
			return false;
		}
		*out = key;
		return true;
	}
	return err_set(e, ERR_SYNTAX, "expected 'ed25519 HEX', 'p256 BASE64' or 'rsa BASE64'");
}

/* --- the file --- */

static bool read_threshold(int64_t *out, const struct shape_pair *p)
{
	uint64_t n;

	if (!str_number(&n, str_of(p->value), SIGNERS_MAX) || n == 0)
		return false;
	*out = (int64_t)n;
	return true;
}

static bool check(struct keyset *k, struct err *e)
{
	for (size_t i = 0; i < k->keys.count; i++) {
		struct keyset_key *key = (struct keyset_key *)k->keys.items + i;
		if (!keyset_key_read(&key->key, str_of(key->text), e))
			return err_in(e, "%s: keys: %s", KEYSET_FILE, key->name);
		for (size_t j = 0; j < i; j++)
			if (digest_eq(keyset_at(k, j)->key.same, key->key.same))
				return err_set(e, ERR_SYNTAX, "%s: keys: %s and %s are the same key", KEYSET_FILE,
					keyset_at(k, j)->name, key->name);
	}
	for (size_t i = 0; i < k->threshold.count; i++) {
		const struct shape_pair *p = (const struct shape_pair *)k->threshold.items + i;
		int64_t n;
		if (!read_threshold(&n, p))
			return err_set(e, ERR_SYNTAX, "%s: threshold: %s: expected a number from 1 to %d, found %s",
				KEYSET_FILE, p->key, SIGNERS_MAX, p->value);
	}
	return true;
}

bool keyset_of(struct keyset *out, struct str text, struct err *e)
{
	cleanup(yaml_free) struct yaml y = {0};
	cleanup(keyset_free) struct keyset k = {0};

	if (!yaml_read(&y, text, KEYSET_FILE, e))
		return false;
	struct shape_from from = yaml_from(&y);
	if (!shape_read(&k, keyset_shape, y.root, &from, e) || !check(&k, e))
		return false;
	*out = k;
	k = (struct keyset){0};
	return true;
}

bool keyset_read(struct keyset *out, const char *fleet_dir, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/" KEYSET_FILE, fleet_dir);
	cleanup(buf_free) struct buf text = BUF_MAX(KEYSET_MAX);
	cleanup(free_ptr) char *root = path_form("%s/repository/metadata/1.root.json", fleet_dir);
	const char *why = fs_exists(AT_FDCWD, root) ? "the repository is signed, but " KEYSET_FILE
						      " is gone: git has it"
						    : "no keys yet (fleetctl key new makes one)";

	if (!fs_read(&text, AT_FDCWD, path, e))
		return err_in(e, "%s", why);
	return keyset_of(out, buf_str(&text), e);
}

doc *keyset_doc(const struct keyset *k)
{
	return shape_write(k, keyset_shape);
}

void keyset_free(struct keyset *k)
{
	for (size_t i = 0; i < k->keys.count; i++)
		public_free(&((struct keyset_key *)k->keys.items + i)->key);
	shape_free(k, keyset_shape);
}

/* --- who signs --- */

static bool is_top(const char *role)
{
	for (size_t i = 0; i < ROLE_KINDS; i++)
		if (strcmp(role, role_words[i]) == 0)
			return true;
	return false;
}

static bool has_role(const struct keyset_key *key, const char *role)
{
	for (size_t i = 0; i < key->roles.count; i++)
		if (strcmp(((char **)key->roles.items)[i], role) == 0)
			return true;
	return false;
}

static bool anyone(const struct keyset *k, const char *role)
{
	for (size_t i = 0; i < k->keys.count; i++)
		if (has_role(keyset_at(k, i), role))
			return true;
	return false;
}

/* A plan with keys of its own is signed by them alone, and so is its rollout. */
static const char *listed_as(const struct keyset *k, const char *role)
{
	const char *word = duty_word(duty_of(role));

	return is_top(role) || !word || anyone(k, role) ? role : word;
}

bool keyset_has(const struct keyset *k, const char *role)
{
	return anyone(k, listed_as(k, role));
}

/* 0: keys.yaml does not say. */
static int64_t threshold_stated(const struct keyset *k, const char *word)
{
	int64_t n;

	for (size_t i = 0; i < k->threshold.count; i++) {
		const struct shape_pair *p = (const struct shape_pair *)k->threshold.items + i;
		if (strcmp(p->key, word) == 0 && read_threshold(&n, p))
			return n;
	}
	return 0;
}

static int64_t threshold_of(const struct keyset *k, const char *role, const char *as)
{
	const char *const names[] = {role, as};

	for (size_t j = 0; j < COUNT_OF(names); j++) {
		int64_t n = threshold_stated(k, names[j]);
		if (n)
			return n;
	}
	return 1;
}

/* An agent is code on every Pi: whoever may sign it could sign a root there. */
static bool agent_like_root(const struct keyset *k, int64_t *threshold, struct err *e)
{
	int64_t root = threshold_of(k, role_words[ROLE_ROOT], role_words[ROLE_ROOT]);

	if (!threshold_stated(k, "agent"))
		*threshold = root;
	return *threshold >= root ||
	       err_set(e, ERR_USAGE, "%s: threshold: agent is %lld, but root is %lld: what runs on every host needs as many",
		       KEYSET_FILE, (long long)*threshold, (long long)root);
}

bool keyset_signers(struct keyset_role *out, const struct keyset *k, const char *role, struct err *e)
{
	const char *as = listed_as(k, role);
	size_t count = 0;

	for (size_t i = 0; i < k->keys.count && count < SIGNERS_MAX; i++) {
		const struct keyset_key *key = keyset_at(k, i);
		if (!has_role(key, as))
			continue;
		out->key[count] = &key->key;
		out->owner[count++] = key->name;
	}
	out->signers = (struct role_signers){out->key, out->owner, count, threshold_of(k, role, as)};
	if (duty_of(role) == DUTY_AGENT && !agent_like_root(k, &out->signers.threshold, e))
		return false;
	if (count == 0)
		return err_set(
			e, ERR_USAGE, "%s: no key has the role %s (fleetctl key new makes one)", KEYSET_FILE, as);
	return (int64_t)count >= out->signers.threshold ||
	       err_set(e, ERR_USAGE, "%s: %s needs %lld signatures, but only %zu %s it", KEYSET_FILE, role,
		       (long long)out->signers.threshold, count, count == 1 ? "key has" : "keys have");
}

/* --- one key more --- */

static const char header[] =
	"# Who may sign what. Public keys only: the private halves stay with their owners, outside of this folder.\n"
	"# roles: root, targets, snapshot, timestamp, plans (every plan without a key of its own) or a plan's name,\n"
	"# rollouts (every plan's rollout) or rollout-PLAN, fleet (who may do what, and sources), agent (agents' updates).\n"
	"# `fleetctl key new` adds a line; `fleetctl sign` makes the signed root follow this file, and says what "
	"changes.\n"
	"threshold: {root: 1, targets: 1, snapshot: 1, timestamp: 1, plans: 1}\n"
	"keys:\n";

bool keyset_check_new(const struct keyset *k, const char *name, const struct public_key *key, struct err *e)
{
	for (size_t i = 0; i < k->keys.count; i++) {
		if (strcmp(keyset_at(k, i)->name, name) == 0)
			return err_set(e, ERR_EXISTS, "%s has a key of the name %s", KEYSET_FILE, name);
		if (digest_eq(keyset_at(k, i)->key.same, key->same))
			return err_set(
				e, ERR_EXISTS, "%s has that key under the name %s", KEYSET_FILE, keyset_at(k, i)->name);
	}
	return true;
}

static void add_line(
	struct buf *text, const char *name, const char *const *role, size_t roles, const struct public_key *key)
{
	if (text->len == 0)
		buf_text(text, header);
	if (text->data && text->data[text->len - 1] != '\n')
		buf_byte(text, '\n');
	buf_form(text, "  - {name: %s, roles: [", name);
	for (size_t i = 0; i < roles; i++)
		buf_form(text, "%s%s", i ? ", " : "", role[i]);
	buf_text(text, "], key: '");
	keyset_key_text(text, key);
	buf_text(text, "'}\n");
}

bool keyset_check_role(const char *role, struct err *e)
{
	return is_top(role) || duty_of(role) != DUTY_NONE || name_check_plan(str_of(role), e) || err_in(e, "role");
}

bool keyset_add(const char *fleet_dir, const char *name, const char *const *role, size_t roles,
	const struct public_key *key, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/" KEYSET_FILE, fleet_dir);
	cleanup(buf_free) struct buf text = BUF_MAX(KEYSET_MAX);
	cleanup(keyset_free) struct keyset before = {0};
	cleanup(keyset_free) struct keyset after = {0};

	for (size_t i = 0; i < roles; i++)
		if (!keyset_check_role(role[i], e))
			return false;
	if (roles == 0)
		return err_set(e, ERR_USAGE,
			"a key needs a role: root, targets, snapshot, timestamp, plans, rollouts, fleet, agent, or a "
			"plan's name");
	if (!name_check(str_of(name), e) || !public_check_strength(key, e))
		return err_in(e, "key %s", name);
	if (fs_exists(AT_FDCWD, path) &&
		(!fs_read(&text, AT_FDCWD, path, e) || !keyset_of(&before, buf_str(&text), e) ||
			!keyset_check_new(&before, name, key, e)))
		return false;
	add_line(&text, name, role, roles, key);
	/* A file that was written another way may not take a line at its end. */
	if (!buf_ok(&text, e) || !keyset_of(&after, buf_str(&text), NULL) ||
		after.keys.count != before.keys.count + 1) {
		cleanup(buf_free) struct buf line = {0};
		buf_byte(&line, '\n');
		add_line(&line, name, role, roles, key);
		return err_set(e, ERR_SYNTAX, "%s does not end with its list of keys; add this to it by hand:%s", path,
			buf_str(&line).data);
	}
	return fs_write(AT_FDCWD, path, buf_str(&text), 0644, e);
}
