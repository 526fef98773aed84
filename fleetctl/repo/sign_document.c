/* Targets that are no releases: who may sign which, the body of their role, and where they are written. */
#include <stdlib.h>

#include "base/name.h"
#include "fleetctl/repo/sign_state.h"

static bool check(const struct sign *s, const struct sign_document *d, struct err *e)
{
	enum duty duty = duty_of(d->role);

	if (duty != DUTY_FLEET && duty != DUTY_AGENT && duty != DUTY_ROLLOUT)
		return err_set(e, ERR_USAGE, "%s: %s signs releases only: a document is of fleet, agent or rollout-PLAN",
			d->path, d->role);
	if (!name_check_path(str_of(d->path), e))
		return err_in(e, "%s", d->role);
	if (!duty_has(d->role, d->path)) {
		cleanup(free_ptr) char *door = duty_door(d->role);
		return err_set(e, ERR_UNSAFE, "%s cannot sign %s: its paths are like %s", d->role, d->path, door);
	}
	if (duty == DUTY_ROLLOUT && !sign_role_of(s, duty_plan(d->role)))
		return err_set(e, ERR_MISSING, "%s: there is no plan %s (fleetctl sign makes it)", d->role,
			duty_plan(d->role));
	for (size_t i = 0; i < s->documents; i++)
		if (strcmp(s->document[i].path, d->path) == 0)
			return err_set(e, ERR_USAGE, "%s is given twice", d->path);
	return true;
}

bool document_take(struct sign *s, const struct sign_document *d, struct err *e)
{
	if (!check(s, d, e))
		return false;
	s->document = mem_grow(s->document, s->documents + 1, sizeof *s->document);
	s->document[s->documents++] = (struct sign_document){
		.role = str_dup(str_of(d->role)),
		.path = str_dup(str_of(d->path)),
		.bytes = d->bytes,
	};
	return true;
}

void documents_free(struct sign *s)
{
	for (size_t i = 0; i < s->documents; i++) {
		free((char *)s->document[i].role);
		free((char *)s->document[i].path);
	}
	free_ptr(&s->document);
	s->documents = 0;
}

static const struct sign_document *find(const struct sign *s, const char *path)
{
	for (size_t i = 0; i < s->documents; i++)
		if (strcmp(s->document[i].path, path) == 0)
			return &s->document[i];
	return NULL;
}

bool document_any(const struct sign *s, const char *role)
{
	for (size_t i = 0; i < s->documents; i++)
		if (strcmp(s->document[i].role, role) == 0)
			return true;
	return false;
}

doc *document_body(const struct sign *s, const struct sign_role *r)
{
	doc *body = role_body(ROLE_TARGETS, 1, 0), *old = doc_get(r->before, "targets");

	doc_set_text(body, ROLE_OWNER_FIELD, r->name);
	for (void *i = doc_first(old); i; i = doc_next(old, i))
		if (!find(s, doc_key(i)))
			doc_set(doc_get(body, "targets"), doc_key(i), doc_ref(doc_value(i)));
	for (size_t i = 0; i < s->documents; i++)
		if (s->document[i].bytes.data && strcmp(s->document[i].role, r->name) == 0)
			role_set_target(body, s->document[i].path, s->document[i].bytes);
	return body;
}

bool documents_write(const struct sign *s, const struct repository *at, struct err *e)
{
	for (size_t i = 0; i < s->documents; i++)
		if (s->document[i].bytes.data && !repository_put_target(at, s->document[i].path, s->document[i].bytes, e))
			return false;
	return true;
}
