#include "fleetctl/repo/request_state.h"

#include <stdlib.h>

#include "base/fs.h"
#include "base/name.h"
#include "fleetctl/repo/duty.h"
#include "fleetctl/repo/sign_state.h"

enum { ROLES_MAX = 20000 };

static enum role_kind kind_of(const char *role)
{
	for (enum role_kind kind = ROLE_ROOT; kind < ROLE_KINDS; kind++)
		if (strcmp(role, role_words[kind]) == 0)
			return kind;
	return ROLE_TARGETS;
}

static bool is_top(const char *role)
{
	return strcmp(role, role_words[kind_of(role)]) == 0;
}

/* --- one document --- */

/* A name is printed: it must be one, and no line that looks like ours. */
static bool owners_are_names(doc *keys, struct err *e)
{
	for (void *i = doc_first(keys); i; i = doc_next(keys, i)) {
		const doc *owner = doc_get(doc_value(i), "x-fleet-name");
		if (owner && !name_check(doc_str(owner).data ? doc_str(owner) : str_of(""), e))
			return err_in(e, "key %.12s: x-fleet-name", doc_key(i));
	}
	return true;
}

bool request_role(struct role *out, const char *name, const doc *whole, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(TRUST_TARGETS_MAX);
	doc *body = doc_get(whole, "signed");

	if (!is_top(name) && duty_of(name) == DUTY_NONE)
		return err_set(e, ERR_UNSAFE, "%.64s: no such role", name);
	doc_line(&text, whole); /* not the canonical form: its newlines of PEM keys go out raw, and are no JSON */
	if (!buf_ok(&text, e) || !owners_are_names(doc_get(body, "keys"), e) ||
		!owners_are_names(doc_get(doc_get(body, "delegations"), "keys"), e) ||
		!role_read(out, kind_of(name), buf_str(&text), e))
		return err_in(e, "%s", name);
	if (is_top(name) || role_is_of(out, name))
		return true;
	role_free(out);
	return err_set(e, ERR_FOREIGN, "%s: it says that it is of another role", name);
}

/* Keyids are ours when they are new: people compare keys by them. One that is listed already may be called as it was.
 */
static bool keys_are_true(doc *keys, doc *before, struct err *e)
{
	for (void *i = doc_first(keys); i; i = doc_next(keys, i)) {
		cleanup(public_free) struct public_key key = {0};
		char id[DIGEST_HEX + 1];
		if (before && doc_get(before, doc_key(i)) && doc_equal(doc_get(before, doc_key(i)), doc_value(i)))
			continue;
		if (!public_read(&key, doc_value(i), e))
			return err_in(e, "key %.12s", doc_key(i));
		public_keyid(id, &key);
		if (strcmp(id, doc_key(i)) != 0)
			return err_set(e, ERR_SIGNATURE, "key %.12s: its digest is %.12s", doc_key(i), id);
		if (!public_check_strength(&key, e))
			return err_in(e, "key %.12s", doc_key(i));
	}
	return true;
}

/* What no words of ours could show is refused: roles that a root does not have, names that are none. */
static bool names_are_plain(const struct sign_role *r, struct err *e)
{
	doc *roles = doc_get(r->body, "roles"), *links = doc_get(doc_get(r->body, "delegations"), "roles");

	for (void *i = r->kind == ROLE_ROOT ? doc_first(roles) : NULL; i; i = doc_next(roles, i))
		if (!is_top(doc_key(i)))
			return err_set(e, ERR_UNSAFE, "roles: %.64s: a root has no such role", doc_key(i));
	for (size_t i = 0; i < doc_count(links); i++) {
		struct str name = doc_str(doc_get(doc_at(links, i), "name"));
		if (!name_check(name.data ? name : str_of(""), e))
			return err_in(e, "delegations");
	}
	return true;
}

/* --- all documents, as roles --- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct names {
	const char **name;
	size_t count;
};
static void names_free(struct names *n)
{
	free_ptr(&n->name);
}
static void add_name(struct names *to, const char *name)
{
	if (is_top(name))
		return;
	to->name = mem_grow(to->name, to->count + 1, sizeof *to->name);
	to->name[to->count++] = name;
}

static void names_of_links(struct names *to, const doc *body)
{
	const doc *links = doc_get(doc_get(body, "delegations"), "roles");

	for (size_t i = 0; i < doc_count(links); i++)
		if (doc_str(doc_get(doc_at(links, i), "name")).data)
			add_name(to, doc_str(doc_get(doc_at(links, i), "name")).data);
}

static doc *body_in(const struct request *r, const char *field, const char *role)
{
	return doc_get(doc_get(doc_get(r->whole, field), role), "signed");
}

/* Every role that is asked or delegated to, once, in the order of bytes: everybody gets the same digest. */
static bool add_roles(struct request *r, struct err *e)
{
	static const char *const fields[] = {"held", "asked"};
	cleanup(names_free) struct names n = {0};

	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		doc *all = doc_get(r->whole, fields[i]);
		for (void *at = doc_first(all); at; at = doc_next(all, at))
			add_name(&n, doc_key(at));
		names_of_links(&n, body_in(r, fields[i], "targets"));
	}
	if (n.count > ROLES_MAX)
		return err_set(e, ERR_LIMIT, "more than %d roles", ROLES_MAX);
	if (n.count)
		qsort(n.name, n.count, sizeof *n.name, by_name);
	sign_add_role(r->sign, "root", ROLE_ROOT);
	sign_add_role(r->sign, "targets", ROLE_TARGETS);
	sign_add_role(r->sign, "snapshot", ROLE_SNAPSHOT);
	sign_add_role(r->sign, "timestamp", ROLE_TIMESTAMP);
	for (size_t i = 0; i < n.count; i++)
		if (i == 0 || strcmp(n.name[i], n.name[i - 1]) != 0)
			sign_add_role(r->sign, n.name[i], ROLE_TARGETS);
	return true;
}

/* --- who signs --- */

/* The keys that the root, or the targets, as they will stand, name for a role. */
static bool find_signers(struct sign_role *role, doc *above, const struct ring *ring, struct err *e)
{
	doc *keys, *entry = sign_entry(&keys, above, role->name), *ids = doc_get(entry, "keyids");
	struct keyset_role *by = &role->by;
	int64_t threshold = 0;
	size_t count = 0;

	if (!doc_int(doc_get(entry, "threshold"), &threshold) || threshold < 1)
		return err_set(e, ERR_SYNTAX, "%s: the request does not say who signs it", role->name);
	for (size_t i = 0; i < doc_count(ids) && count < COUNT_OF(by->key); i++) {
		struct str id = doc_str(doc_at(ids, i));
		const struct public_key *key = id.data ? ring_find(ring, id) : NULL;
		char is[DIGEST_HEX + 1];
		if (!key)
			continue;
		public_keyid(is, key);
		if (!str_is(id, is))
			continue;
		by->key[count] = key;
		by->owner[count++] = doc_str(doc_get(doc_get(keys, id.data), "x-fleet-name")).data;
	}
	by->signers = (struct role_signers){by->key, by->owner, count, threshold};
	role->known = true;
	return true;
}

static bool find_all_signers(struct request *r, struct err *e)
{
	struct sign *s = r->sign;
	doc *root = sign_body(&s->role[SIGN_ROOT]), *targets = sign_body(&s->role[SIGN_TARGETS]);
	doc *delegations = doc_get(targets, "delegations"), *none = NULL;

	if (!root)
		return err_set(e, ERR_SYNTAX, "it has no root: nobody could tell whose signature counts");
	if (!ring_read(&r->top, doc_get(root, "keys"), e))
		return err_in(e, "root");
	if (delegations && !ring_read(&r->delegated, doc_get(delegations, "keys"), e))
		return err_in(e, "targets");
	for (size_t i = 0; i < s->roles; i++)
		if (s->role[i].body && !find_signers(&s->role[i],
					       i < SIGN_DELEGATED ? root
					       : delegations      ? targets
								  : none,
					       i < SIGN_DELEGATED ? &r->top : &r->delegated, e))
			return false;
	return true;
}

/* --- what is held --- */

static const struct ring_role *keys_of(
	const struct ring **ring, const struct role *root, const struct role *targets, const char *name)
{
	if (is_top(name)) {
		*ring = &root->ring;
		return &root->keys[kind_of(name)];
	}
	*ring = &targets->ring;
	for (size_t i = 0; i < targets->links; i++)
		if (strcmp(targets->link[i].name, name) == 0)
			return &targets->link[i].keys;
	return NULL;
}

/* What is said to be signed now must at least be signed, each by what the one above says, the root by itself. */
static bool hold(struct request *r, struct role *targets, const char *name, struct err *e)
{
	cleanup(role_free) struct role role = {0};
	const struct ring *ring;
	const struct ring_role *keys = keys_of(&ring, &r->root, targets, name);

	if (!request_role(&role, name, doc_get(doc_get(r->whole, "held"), name), e))
		return false;
	if (strcmp(name, "root") == 0) {
		ring = &role.ring;
		keys = &role.keys[ROLE_ROOT];
	}
	if (!keys || !role_signed_by(&role, ring, keys, e))
		return err_set(e, ERR_SIGNATURE, "what it says is the %s of now is not signed", name);
	for (size_t i = 0; i < r->sign->roles; i++)
		if (strcmp(r->sign->role[i].name, name) == 0) {
			r->sign->role[i].before = doc_ref(role.body);
			r->sign->role[i].old = role.version;
		}
	if (strcmp(name, "root") == 0 || strcmp(name, "targets") == 0) {
		*(strcmp(name, "root") == 0 ? &r->root : targets) = role;
		role = (struct role){0};
	}
	return true;
}

static bool hold_all(struct request *r, struct err *e)
{
	static const char *const first[] = {"root", "targets"};
	cleanup(role_free) struct role targets = {0};
	doc *held = doc_get(r->whole, "held");

	for (size_t i = 0; i < COUNT_OF(first); i++)
		if (doc_get(held, first[i]) && !hold(r, &targets, first[i], e))
			return err_in(e, "held");
	if (doc_count(held) && (!r->root.version || !targets.version))
		return err_set(e, ERR_SYNTAX, "held: expected root and targets");
	for (void *i = doc_first(held); i; i = doc_next(held, i))
		if (strcmp(doc_key(i), first[0]) != 0 && strcmp(doc_key(i), first[1]) != 0 &&
			!hold(r, &targets, doc_key(i), e))
			return err_in(e, "held");
	return true;
}

/* --- what is asked --- */

static bool take_manifest(struct sign_role *r, struct buf *out, const doc *text, const doc *body, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/manifest.json", r->name);
	cleanup(doc_free) doc *whole = role_seal(doc_ref((doc *)body));
	cleanup(role_free) struct role role = {0};
	struct role_file f;

	if (!request_role(&role, r->name, whole, e))
		return false;
	if (!role_target(&role, path, &f))
		return true;
	doc_canonical(out, text);
	return (buf_ok(out, e) && role_file_check(&f, buf_str(out), e)) ||
	       err_in(e, "%s: its manifest in the request", r->name);
}

/* A plan's new manifest must be there to be told of, the very bytes that the role names. */
static bool take_manifests(const struct request *r, struct sign_role *role, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/manifest.json", role->name);
	doc *pair = doc_get(doc_get(r->whole, "manifests"), role->name);
	doc *is = doc_get(doc_get(role->body, "targets"), path), *was = doc_get(doc_get(role->before, "targets"), path);

	if (is_top(role->name) || duty_of(role->name) != DUTY_PLAN || (is && was && doc_equal(is, was)) ||
		(!is && !was))
		return true;
	if (is && !doc_get(pair, "new"))
		return err_set(e, ERR_SYNTAX, "%s: its manifest is not in the request", role->name);
	if (was && doc_get(pair, "before") &&
		!take_manifest(role, &role->manifest_before, doc_get(pair, "before"), role->before, e))
		return false;
	return !is || take_manifest(role, &role->manifest, doc_get(pair, "new"), role->body, e);
}

static bool ask(struct request *r, struct sign_role *role, struct err *e)
{
	cleanup(role_free) struct role new = {0};

	if (!request_role(&new, role->name, doc_get(doc_get(r->whole, "asked"), role->name), e))
		return false;
	if (new.version != role->old + 1)
		return err_set(e, ERR_OLDER, "%s: version %llu does not follow %llu", role->name,
			(unsigned long long)new.version, (unsigned long long)role->old);
	role->version = new.version;
	role->body = doc_ref(new.body);
	if (!names_are_plain(role, e) ||
		!keys_are_true(doc_get(role->body, "keys"), doc_get(role->before, "keys"), e) ||
		!keys_are_true(doc_get(doc_get(role->body, "delegations"), "keys"),
			doc_get(doc_get(role->before, "delegations"), "keys"), e))
		return err_in(e, "%s", role->name);
	return take_manifests(r, role, e);
}

bool request_parts(struct request *r, struct err *e)
{
	r->sign = mem_new(1, sizeof *r->sign);
	if (!add_roles(r, e) || !hold_all(r, e))
		return false;
	for (size_t i = 0; i < r->sign->roles; i++)
		if (doc_get(doc_get(r->whole, "asked"), r->sign->role[i].name) && !ask(r, &r->sign->role[i], e))
			return err_in(e, "asked");
	return request_documents(r, e) && find_all_signers(r, e);
}
