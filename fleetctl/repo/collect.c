#include "fleetctl/repo/collect.h"

#include "fleetctl/repo/sign_state.h"
#include "fleetctl/repo/unsaid.h"

static struct sign_role *role_of(const struct sign *s, const char *name)
{
	for (size_t i = 0; i < s->roles; i++)
		if (strcmp(s->role[i].name, name) == 0)
			return &s->role[i];
	return NULL;
}

/* All but the dates must be as it was asked. */
static bool is_same(struct sign_role *now, const struct sign_role *asked, struct err *e)
{
	cleanup(buf_free) struct buf fields = BUF_MAX(500);

	if (!now || !now->body)
		return err_set(e, ERR_REFUSED,
			"%s %llu: nothing asks for it any more, or it is signed already: the request is superseded",
			asked->name, (unsigned long long)asked->version);
	if (now->version != asked->version)
		return err_set(e, ERR_REFUSED,
			"%s: the request makes version %llu, but the repository is at %llu: make a new request",
			asked->name, (unsigned long long)asked->version, (unsigned long long)now->old);
	unsaid_fields(&fields, asked->body, now->body);
	if (fields.len == 0 && !fields.failed)
		return true;
	struct str rest, first = str_trim(str_cut(buf_str(&fields), '\n', &rest));
	return err_set(e, ERR_REFUSED,
		"%s: what the folder says now is not what was asked: plans, scripts or keys.yaml changed since "
		"(" STR_FMT "%s); put them back, or make a new request",
		asked->name, STR_ARG(first), rest.len || fields.failed ? ", and more" : "");
}

bool collect_take(struct sign *s, const struct request *r, struct err *e)
{
	for (size_t i = 0; i < r->sign->roles; i++) {
		const struct sign_role *asked = &r->sign->role[i];
		if (asked->body && !is_same(role_of(s, asked->name), asked, e))
			return false;
	}
	for (size_t i = 0; i < r->sign->roles; i++) {
		const struct sign_role *asked = &r->sign->role[i];
		struct sign_role *now = role_of(s, asked->name);
		if (!asked->body)
			continue;
		doc_free(&now->body);
		doc_free(&now->whole);
		now->body = doc_ref(asked->body);
		now->whole = doc_ref(asked->whole);
	}
	return true;
}

void collect_beside(struct buf *out, const struct sign *s, const struct sign *asked)
{
	for (size_t i = 0; i < s->roles; i++) {
		const struct sign_role *r = role_of(asked, s->role[i].name);
		if (s->role[i].body && (!r || !r->body))
			buf_form(out, "%s%s", out->len ? ", " : "", s->role[i].name);
	}
}
