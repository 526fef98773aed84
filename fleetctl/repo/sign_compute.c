/* What is signed, held against what should be. */
#include "base/name.h"
#include "fleetctl/repo/sign_state.h"

/* --- what is there --- */

static bool is_first(bool *out, struct sign *s, struct err *e)
{
	struct err why = {0};
	uint64_t root = 0;

	if (!repository_open(&s->at, s->fleet_dir, &why)) {
		*out = true;
		return why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text);
	}
	if (!repository_version(&root, &s->at, "root", e))
		return false;
	*out = root == 0;
	return true;
}

/* Nothing is expired here: what has run out is what must be signed anew. A root that was written when the power went,
 * before its timestamp, is made once more. */
static bool load(struct sign *s, struct err *e)
{
	static const struct trust_time never = {0, true};
	struct err why = {0};
	uint64_t newest = 0;
	bool first = false;

	if (!is_first(&first, s, e))
		return false;
	if (first)
		return !s->online || err_set(e, ERR_MISSING, "no repository yet (fleetctl sign makes it)");
	if (repository_trust(&s->trust, &s->at, never, 0, e))
		return true;
	if (!repository_version(&newest, &s->at, "root", &why) || newest < 2 ||
		!repository_trust(&s->trust, &s->at, never, newest - 1, &why))
		return false;
	buf_form(&s->notes, "root %llu was not finished, and is made again\n", (unsigned long long)newest);
	return true;
}

/* --- the roles --- */

struct sign_role *sign_add_role(struct sign *s, const char *name, enum role_kind kind)
{
	s->role = mem_grow(s->role, s->roles + 1, sizeof *s->role);
	s->role[s->roles] = (struct sign_role){
		.name = str_dup(str_of(name)),
		.kind = kind,
		.duty = duty_of(name),
		.manifest = BUF_MAX(MANIFEST_MAX),
		.manifest_before = BUF_MAX(MANIFEST_MAX),
	};
	return &s->role[s->roles++];
}

struct sign_role *sign_role_of(const struct sign *s, const char *delegated)
{
	for (size_t i = SIGN_DELEGATED; i < s->roles; i++)
		if (strcmp(s->role[i].name, delegated) == 0)
			return &s->role[i];
	return NULL;
}

static bool check_name(const struct sign *s, const char *plan, struct err *e)
{
	static const enum duty all[] = {DUTY_PLAN, DUTY_ROLLOUT};

	if (!name_check_plan(str_of(plan), e))
		return false;
	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (strcmp(plan, duty_word(all[i])) == 0)
			return err_set(e, ERR_UNSAFE, "no plan can be called \"%s\": keys.yaml means all of them by it", plan);
	for (size_t i = SIGN_DELEGATED; i < s->roles; i++)
		if (strcmp(s->role[i].name, plan) != 0 && name_same_but_case(str_of(s->role[i].name), str_of(plan)))
			return err_set(e, ERR_UNSAFE, "%s and %s differ only in case", s->role[i].name, plan);
	return true;
}

static bool add_release(struct sign *s, const struct sign_release *release, struct err *e)
{
	const char *plan = release->manifest->plan.plan;

	if (!check_name(s, plan, e))
		return false;
	struct sign_role *r = sign_role_of(s, plan);
	if (r && r->release.manifest)
		return err_set(e, ERR_USAGE, "%s is given twice", plan);
	if (!r)
		r = sign_add_role(s, plan, ROLE_TARGETS);
	r->release = *release;
	return true;
}

static bool add_document(struct sign *s, const struct sign_document *d, struct err *e)
{
	if (!document_take(s, d, e))
		return false;
	if (d->bytes.data && !sign_role_of(s, d->role)) /* nothing need be made for what shall not be there */
		sign_add_role(s, d->role, ROLE_TARGETS);
	return true;
}

static bool add_roles(struct sign *s, const struct sign_job *job, struct err *e)
{
	static const enum role_kind kinds[] = {
		[SIGN_ROOT] = ROLE_ROOT,
		[SIGN_TARGETS] = ROLE_TARGETS,
		[SIGN_SNAPSHOT] = ROLE_SNAPSHOT,
		[SIGN_TIMESTAMP] = ROLE_TIMESTAMP,
	};
	const struct role *targets = s->trust ? trust_role(s->trust, "targets") : NULL;

	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		sign_add_role(s, role_words[kinds[i]], kinds[i]);
	if (s->online)
		return true;
	for (size_t i = 0; targets && i < targets->links; i++)
		if (duty_of(targets->link[i].name) != DUTY_NONE)
			sign_add_role(s, targets->link[i].name, ROLE_TARGETS)->linked = true;
	for (size_t i = 0; i < job->releases; i++)
		if (!add_release(s, &job->release[i], e))
			return false;
	for (size_t i = 0; i < job->documents; i++)
		if (!add_document(s, &job->document[i], e))
			return false;
	return true;
}

bool sign_compute(struct sign **out, const struct sign_job *job, const struct signers *signers, struct err *e)
{
	cleanup(sign_free) struct sign *s = mem_new(1, sizeof *s);
	struct err why = {0};

	s->fleet_dir = str_dup(str_of(job->fleet_dir));
	s->now = job->now;
	s->refresh = job->refresh;
	s->kept = job->kept ? MIN(job->kept, SIGN_RELEASES_MAX) : SIGN_RELEASES_KEPT;
	s->online = job->online;
	s->signers = signers;
	s->asked = job->asked;
	if ((!s->online && !keyset_read(&s->keys, job->fleet_dir, &why)) || !load(s, &why) ||
		!add_roles(s, job, &why) || !sign_compose(s, &why))
		return err_set(e, why.code, "%s", why.text);
	s->signers = NULL;
	s->asked = NULL;
	*out = s;
	s = NULL;
	return true;
}

void sign_free(struct sign **s)
{
	if (!*s)
		return;
	for (size_t i = 0; i < (*s)->roles; i++) {
		struct sign_role *r = &(*s)->role[i];
		free_ptr(&r->name);
		free_ptr(&r->path);
		doc_free(&r->before);
		doc_free(&r->body);
		doc_free(&r->whole);
		buf_free(&r->manifest);
		buf_free(&r->manifest_before);
	}
	documents_free(*s);
	free_ptr(&(*s)->role);
	free_ptr(&(*s)->fleet_dir);
	buf_free(&(*s)->notes);
	doc_free(&(*s)->made);
	trust_free(&(*s)->trust);
	keyset_free(&(*s)->keys);
	repository_free(&(*s)->at);
	free_ptr(s);
}

bool sign_nothing(const struct sign *s)
{
	for (size_t i = 0; i < s->roles; i++)
		if (s->role[i].body)
			return false;
	return true;
}

bool sign_changes(const struct sign *s, const char *plan)
{
	const struct sign_role *r = sign_role_of(s, plan);

	return r && r->manifest.len > 0;
}
