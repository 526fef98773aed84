#include "fleetctl/repo/request.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/name.h"
#include "fleetctl/repo/request_state.h"
#include "fleetctl/repo/sign_state.h"
#include "fleetctl/repo/unsaid.h"

static const char request_type[] = "fleet-request", answer_type[] = "fleet-answer";
enum { FORMAT = 1, SIGNATURES_MAX = 4096 };

/* --- made --- */

static doc *held_of(const struct sign *s, const char *role)
{
	const struct role *r = s->trust ? trust_role(s->trust, role) : NULL;

	return r ? doc_ref(r->whole) : NULL;
}

static void add_manifest(doc *manifests, const struct sign_role *r)
{
	doc *pair = doc_object(), *d = NULL;

	if (r->manifest_before.len && doc_read(&d, buf_str(&r->manifest_before), NULL))
		doc_set(pair, "before", d);
	d = NULL;
	if (doc_read(&d, buf_str(&r->manifest), NULL))
		doc_set(pair, "new", d);
	doc_set(manifests, r->name, pair);
}

static void add_asked(doc *whole, const struct sign *s, const struct sign_role *r)
{
	doc *held = held_of(s, r->name);

	doc_set(doc_get(whole, "asked"), r->name, role_seal(doc_ref(r->body)));
	if (held)
		doc_set(doc_get(whole, "held"), r->name, held);
	if (r->manifest.len)
		add_manifest(doc_get(whole, "manifests"), r);
	request_add_documents(doc_get(whole, "documents"), s, r);
}

/* Whoever signs must be able to see who signs. */
static void add_tops(doc *whole, const struct sign *s)
{
	for (size_t i = SIGN_ROOT; i <= SIGN_TARGETS; i++) {
		const struct sign_role *r = &s->role[i];
		doc *held = held_of(s, r->name);
		if (r->body)
			add_asked(whole, s, r);
		if (held)
			doc_set(doc_get(whole, "held"), r->name, held);
	}
}

bool request_compose(struct buf *out, const struct sign *s, const struct signers *here, const char *fleet,
	const char *const *plan, size_t plans, int64_t made, struct err *e)
{
	cleanup(doc_free) doc *whole = doc_object();
	doc *names = doc_list();

	doc_set_text(whole, "_type", request_type);
	doc_set_int(whole, "format", FORMAT);
	doc_set_text(whole, "fleet", fleet);
	doc_set_int(whole, "made", made);
	for (size_t i = 0; i < plans; i++)
		doc_add_str(names, str_of(plan[i]));
	doc_set(whole, "plans", names);
	doc_set(whole, "held", doc_object());
	doc_set(whole, "asked", doc_object());
	doc_set(whole, "manifests", doc_object());
	doc_set(whole, "documents", doc_object());
	for (size_t i = 0; i < s->roles; i++)
		if (s->role[i].body && !sign_possible(s, &s->role[i], here, NULL))
			add_asked(whole, s, &s->role[i]);
	if (doc_count(doc_get(whole, "asked")) == 0)
		return err_set(e, ERR_USAGE, "the keys here are enough to sign all of it: `fleetctl sign`");
	add_tops(whole, s);
	doc_pretty(out, whole);
	return buf_ok(out, e) || err_in(e, "request");
}

/* --- read --- */

static bool head_is(doc *d, const char *type, struct err *e)
{
	int64_t format = 0;

	if (doc_kind(d) != DOC_OBJECT || !str_is(doc_str(doc_get(d, "_type")), type))
		return err_set(e, ERR_SYNTAX, "it is no %s", type);
	if (!doc_int(doc_get(d, "format"), &format) || format != FORMAT)
		return err_set(e, ERR_SYNTAX, "it is of another format than this fleetctl reads (%d)", FORMAT);
	return true;
}

bool request_is(struct str bytes)
{
	cleanup(doc_free) doc *d = NULL;

	return bytes.len <= REQUEST_MAX && doc_read(&d, bytes, NULL) &&
	       str_is(doc_str(doc_get(d, "_type")), request_type);
}

bool request_fields(doc *d, const char *const *names, struct err *e)
{
	for (void *i = doc_first(d); i; i = doc_next(d, i)) {
		size_t at = 0;
		while (names[at] && strcmp(names[at], doc_key(i)) != 0)
			at++;
		if (!names[at])
			return err_set(e, ERR_SYNTAX, "%.64s: no such field", doc_key(i));
	}
	return true;
}

static bool read_plans(struct request *r, const doc *list, struct err *e)
{
	if (doc_kind(list) != DOC_LIST)
		return err_set(e, ERR_SYNTAX, "plans: expected a list");
	r->plan = mem_new(doc_count(list) + 1, sizeof *r->plan);
	for (size_t i = 0; i < doc_count(list); i++) {
		struct str name = doc_str(doc_at(list, i));
		if (!name_check_plan(name.data ? name : str_of(""), e))
			return err_in(e, "plans");
		r->plan[r->plans++] = str_dup(name);
	}
	return true;
}

static bool read_head(struct request *r, struct err *e)
{
	static const char *const names[] = {
		"_type", "format", "fleet", "made", "plans", "documents", "held", "asked", "manifests", NULL};
	struct str fleet = doc_str(doc_get(r->whole, "fleet"));

	if (!head_is(r->whole, request_type, e) || !request_fields(r->whole, names, e) ||
		!read_plans(r, doc_get(r->whole, "plans"), e))
		return false;
	if (!name_check(fleet.data ? fleet : str_of(""), e))
		return err_in(e, "fleet");
	r->fleet = str_dup(fleet);
	if (!doc_int(doc_get(r->whole, "made"), &r->made) || r->made < 0)
		return err_set(e, ERR_SYNTAX, "made: expected seconds since 1970");
	for (size_t i = 6; names[i]; i++)
		if (doc_kind(doc_get(r->whole, names[i])) != DOC_OBJECT)
			return err_set(e, ERR_SYNTAX, "%s: expected an object", names[i]);
	return doc_count(doc_get(r->whole, "asked")) > 0 || err_set(e, ERR_SYNTAX, "asked: it asks nothing");
}

/* Those that the file has already must be of these bytes; what counts for nothing is left behind. */
static bool take_signatures(struct request *r, struct sign_role *role, struct err *e)
{
	doc *asked = doc_get(r->whole, "asked"), *list = doc_get(doc_get(asked, role->name), "signatures");
	bool counts;

	role->whole = role_seal(doc_ref(role->body));
	for (size_t i = 0; i < doc_count(list); i++) {
		struct str keyid = doc_str(doc_get(doc_at(list, i), "keyid")),
			   sig = doc_str(doc_get(doc_at(list, i), "sig"));
		if (!sign_accept(&counts, role, r->sign, keyid, sig, e))
			return false;
	}
	doc_set(asked, role->name, doc_ref(role->whole));
	return true;
}

static bool read_asked(struct request *r, struct err *e)
{
	r->ends = INT64_MAX;
	for (size_t i = 0; i < r->sign->roles; i++) {
		struct sign_role *role = &r->sign->role[i];
		int64_t ends;
		if (!role->body)
			continue;
		if (!take_signatures(r, role, e))
			return false;
		if (clock_read(&ends, doc_str(doc_get(role->body, "expires"))))
			r->ends = MIN(r->ends, ends);
	}
	r->id = sign_identity(r->sign);
	return true;
}

bool request_read(struct request *out, struct str bytes, struct err *e)
{
	cleanup(request_free) struct request r = {0};

	if (bytes.len > REQUEST_MAX)
		return err_set(e, ERR_LIMIT, "request: more than %d MiB", REQUEST_MAX / MIB);
	if (!doc_read(&r.whole, bytes, e) || !read_head(&r, e) || !request_parts(&r, e))
		return err_in(e, "request");
	*out = r;
	r = (struct request){0};
	out->sign->root_before = out->root.version ? &out->root : NULL;
	if (read_asked(out, e))
		return true;
	request_free(out);
	return err_in(e, "request");
}

void request_write(struct buf *out, const struct request *r)
{
	doc_pretty(out, r->whole);
}

void request_free(struct request *r)
{
	free_ptr(&r->fleet);
	for (size_t i = 0; i < r->plans; i++)
		free_ptr(&r->plan[i]);
	free_ptr(&r->plan);
	sign_free(&r->sign);
	role_free(&r->root);
	ring_free(&r->top);
	ring_free(&r->delegated);
	buf_free(&r->said);
	doc_free(&r->whole);
	*r = (struct request){0};
}

/* --- told --- */

void request_words(struct buf *out, const struct request *r)
{
	sign_words(out, r->sign);
	buf_add(out, buf_str(&r->said));
	for (size_t i = 0; i < r->sign->roles; i++) {
		const struct sign_role *role = &r->sign->role[i];
		cleanup(buf_free) struct buf rest = {0};
		if (!role->body)
			continue;
		unsaid_words(&rest, role->kind, role->name, role->before, role->body);
		if (rest.len)
			buf_form(out, "%s, besides:\n" STR_FMT, role->name, STR_ARG(buf_str(&rest)));
	}
}

static bool held_is_of(
	const struct request *r, struct trust *t, const struct repository *at, const char *role, struct err *e)
{
	doc *held = doc_get(doc_get(doc_get(r->whole, "held"), role), "signed");
	struct err why = {0};

	if (held && !trust_role(t, role) && !repository_load(at, t, role, &why))
		return err_set(e, why.code, "%s", why.text);
	const struct role *ours = trust_role(t, role);
	if (!held || (ours && doc_equal(ours->body, held)))
		return true;
	return err_set(e, ERR_REFUSED,
		"the request starts from another %s than this fleet's repository has (%llu): git pull here, or ask for "
		"a new request",
		role, (unsigned long long)(ours ? ours->version : 0));
}

bool request_is_of(const struct request *r, const char *fleet_dir, struct err *e)
{
	static const struct trust_time never = {0, true};
	cleanup(repository_free) struct repository at = {0};
	cleanup(trust_free) struct trust *t = NULL;
	doc *held = doc_get(r->whole, "held");

	if (!repository_open(&at, fleet_dir, e))
		return e->code == ERR_MISSING && doc_count(held) == 0;
	if (!repository_trust(&t, &at, never, 0, e))
		return false;
	if (doc_count(held) == 0)
		return err_set(
			e, ERR_REFUSED, "the request is for a first signing, but this fleet's repository is signed");
	for (void *i = doc_first(held); i; i = doc_next(held, i))
		if (!held_is_of(r, t, &at, doc_key(i), e))
			return false;
	return true;
}

/* --- the answer --- */

void answer_write(struct buf *out, const struct request *r)
{
	cleanup(doc_free) doc *whole = doc_object();
	char id[DIGEST_HEX + 1];

	digest_hex(id, r->id);
	doc_set_text(whole, "_type", answer_type);
	doc_set_int(whole, "format", FORMAT);
	doc_set_text(whole, "fleet", r->fleet);
	doc_set_text(whole, "request", id);
	doc_set(whole, "signatures", doc_ref(r->sign->made));
	doc_pretty(out, whole);
}

static struct sign_role *role_of(const struct request *r, struct str name)
{
	for (size_t i = 0; name.data && i < r->sign->roles; i++)
		if (r->sign->role[i].body && str_is(name, r->sign->role[i].name))
			return &r->sign->role[i];
	return NULL;
}

static bool add_one(struct request *r, struct buf *notes, doc *line, struct err *e)
{
	static const char *const names[] = {"role", "name", "keyid", "sig", NULL};
	struct str keyid = doc_str(doc_get(line, "keyid")), sig = doc_str(doc_get(line, "sig")),
		   name = doc_str(doc_get(line, "name"));
	struct sign_role *role = role_of(r, doc_str(doc_get(line, "role")));
	bool counts = false;

	if (doc_kind(line) != DOC_OBJECT || !keyid.data || !sig.data || !name.data)
		return err_set(e, ERR_SYNTAX, "signatures: expected role, name, keyid and sig");
	if (!request_fields(line, names, e) || !name_check(name, e) || !name_check(keyid, e))
		return err_in(e, "signatures");
	if (role && !sign_accept(&counts, role, r->sign, keyid, sig, e))
		return false;
	if (!counts)
		buf_form(notes, "the key %.12s (it says: %.40s) does not count for %s\n", keyid.data, name.data,
			role ? role->name : "that role");
	return true;
}

bool answer_add(struct request *r, struct buf *notes, struct str bytes, struct err *e)
{
	static const char *const names[] = {"_type", "format", "fleet", "request", "signatures", NULL};
	cleanup(doc_free) doc *whole = NULL;
	struct digest id;

	if (bytes.len > ANSWER_MAX)
		return err_set(e, ERR_LIMIT, "more than %d MiB", ANSWER_MAX / MIB);
	if (!doc_read(&whole, bytes, e) || !head_is(whole, answer_type, e) || !request_fields(whole, names, e))
		return false;
	if (!digest_read(&id, doc_str(doc_get(whole, "request"))) || !digest_eq(id, r->id))
		return err_set(e, ERR_FOREIGN, "it answers another request than this one");
	doc *list = doc_get(whole, "signatures");
	if (doc_kind(list) != DOC_LIST || doc_count(list) == 0 || doc_count(list) > SIGNATURES_MAX)
		return err_set(e, ERR_SYNTAX, "signatures: expected a list of 1 to %d", SIGNATURES_MAX);
	for (size_t i = 0; i < doc_count(list); i++)
		if (!add_one(r, notes, doc_at(list, i), e))
			return false;
	return true;
}
