/* Our own client over the folder: what agents will say of it, before they are asked. */
#include <fcntl.h>

#include "base/fs.h"
#include "bundles/squeeze.h"
#include "fleetctl/repo/duty.h"
#include "fleetctl/repo/repository.h"
#include "manifests/role.h"

/* --- the client --- */

static bool feed(
	struct trust *t, const struct repository *r, const struct trust_want *want, uint64_t last_root, struct err *e)
{
	char file[512];
	struct trust_keep keep;
	struct err why = {0};
	cleanup(buf_free) struct buf bytes =
		BUF_MAX(want->max + 1); /* one more, so that the client sees what is too long */

	trust_want_file(file, t, want);
	cleanup(free_ptr) char *path = path_form("metadata/%s", file);
	if (want->what == TRUST_ROOT && last_root && want->version > last_root) {
		trust_absent(t);
		return true;
	}
	if (fs_read(&bytes, r->at, path, &why))
		return trust_give(t, buf_str(&bytes), &keep, e);
	if (why.code == ERR_MISSING) {
		trust_absent(t);
		return true;
	}
	return err_set(e, why.code, "%s", why.text);
}

static bool walk(struct trust *t, const struct repository *r, uint64_t last_root, struct err *e)
{
	struct trust_want want;
	enum trust_say say;

	while ((say = trust_next(t, &want, e)) == TRUST_WANTS)
		if (!feed(t, r, &want, last_root, e))
			return false;
	return say == TRUST_DONE;
}

static void trust_close(struct trust **t)
{
	trust_free(t);
}

bool repository_trust(
	struct trust **out, const struct repository *r, struct trust_time now, uint64_t last_root, struct err *e)
{
	return repository_trust_from(out, r, 1, now, last_root, e);
}

bool repository_trust_from(struct trust **out, const struct repository *r, uint64_t anchor, struct trust_time now,
	uint64_t last_root, struct err *e)
{
	cleanup(buf_free) struct buf root = BUF_MAX(TRUST_ROOT_MAX);
	cleanup(free_ptr) char *file = path_form("metadata/%llu.root.json", (unsigned long long)anchor);
	cleanup(trust_close) struct trust *t = NULL;

	if (!fs_read(&root, r->at, file, e) || !trust_new(&t, buf_str(&root), now, e) ||
		!walk(t, r, last_root, e))
		return err_in(e, "repository");
	*out = t;
	t = NULL;
	return true;
}

static bool seek(struct trust_target *out, const struct repository *r, struct trust *t, const char *path, struct err *e)
{
	trust_seek(t, path);
	if (!walk(t, r, 0, e))
		return false;
	return trust_found(t, out) || err_set(e, ERR_SIGNATURE, "%s: nobody signs for it", path);
}

bool repository_target(struct buf *out, const struct repository *r, struct trust *t, const char *path, struct err *e)
{
	struct trust_target target;
	cleanup(free_ptr) char *file = NULL;

	if (!seek(&target, r, t, path, e))
		return err_in(e, "repository");
	cleanup(buf_free) struct buf bytes = BUF_MAX(MIN(target.length, (uint64_t)MANIFEST_MAX) + 1);
	if (!repository_target_file(&file, path, target.sha256, e) || !fs_read(&bytes, r->at, file, e) ||
		!trust_target_check(&target, buf_str(&bytes), e))
		return err_in(e, "repository: %s", path);
	buf_add(out, buf_str(&bytes));
	return buf_ok(out, e);
}

bool repository_load(const struct repository *r, struct trust *t, const char *role, struct err *e)
{
	cleanup(free_ptr) char *door = duty_door(role);

	trust_seek(t, door);
	if (!walk(t, r, 0, e))
		return err_in(e, "repository");
	return trust_role(t, role) || err_set(e, ERR_SIGNATURE, "repository: %s: nobody delegates to it", role);
}

/* --- all that is permitted --- */

bool repository_check_bundle(const struct repository *r, const struct bundle_named *b, struct err *e)
{
	cleanup(fd_close) int in = -1, nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (nowhere < 0)
		return err_sys(e, "/dev/null");
	if (!repository_bundle(&in, r, b->sha256, e))
		return false;
	if (squeeze_expand(nowhere, in, -1, (uint64_t)b->length, b->sha256, e))
		return true;
	/* bytes that do not even expand are not those that were signed either */
	cleanup(free_ptr) char *file = repository_bundle_file(b->sha256);
	return err_set(e, e->code == ERR_SYNTAX || e->code == ERR_LIMIT ? ERR_DIGEST : e->code, "%s is not what was signed: %s", file, e->text);
}

static bool seen_bundle(const struct repository_facts *f, struct digest bundle)
{
	for (size_t i = 0; i < f->permitteds; i++)
		if (digest_eq(f->permitted[i].bundle, bundle))
			return true;
	return false;
}

/* "plan-D/manifest.json" or "plan-D/releases/7.json"; *number is 0 of the first. */
static bool is_manifest(const char *path, const char *plan, uint64_t *number)
{
	struct str rest, front = str_cut(str_of(path), '/', &rest);

	*number = 0;
	if (!str_is(front, plan))
		return false;
	if (str_is(rest, "manifest.json"))
		return true;
	if (!str_starts(rest, "releases/") || !str_ends(rest, ".json"))
		return false;
	size_t front_len = strlen("releases/"), both = front_len + strlen(".json");
	return str_number(number, str_bytes(rest.data + front_len, rest.len - both), INT64_MAX);
}

static void note(struct repository_facts *f, const struct manifest *m, struct str text)
{
	f->permitted = mem_grow(f->permitted, f->permitteds + 1, sizeof *f->permitted);
	f->permitted[f->permitteds++] = (struct repository_permitted){
		.plan = str_dup(str_of(m->plan.plan)),
		.number = m->number,
		.bundle_length = m->bundle.length,
		.id = manifest_id(text),
		.bundle = m->bundle.sha256,
	};
}

static bool note_current(struct repository_facts *f, struct digest id)
{
	for (size_t i = 0; i < f->permitteds; i++)
		if (digest_eq(f->permitted[i].id, id)) {
			f->permitted[i].current = true;
			return true;
		}
	return false;
}

static bool check_manifest(struct repository_facts *f, const struct repository *r, struct trust *t, const char *plan,
	const char *path, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);
	cleanup(manifest_free) struct manifest m = {0};
	uint64_t number;

	if (!is_manifest(path, plan, &number))
		return true;
	if (!repository_target(&text, r, t, path, e) || !manifest_read(&m, buf_str(&text), path, e))
		return false;
	if (strcmp(m.plan.plan, plan) != 0)
		return err_set(e, ERR_FOREIGN, "%s is a manifest of %s", path, m.plan.plan);
	if (number == 0)
		return note_current(f, manifest_id(buf_str(&text))) ||
		       err_set(e, ERR_MISSING, "%s: it is number %lld, but not among its releases", path,
			       (long long)m.number);
	if (m.number != (int64_t)number)
		return err_set(e, ERR_FOREIGN, "%s is number %lld", path, (long long)m.number);
	bool known = seen_bundle(f, m.bundle.sha256);
	note(f, &m, buf_str(&text));
	return known || repository_check_bundle(r, &m.bundle, e) || err_in(e, "%s", path);
}

static void note_role(struct repository_facts *f, const struct trust *t, const char *role)
{
	f->role = mem_grow(f->role, f->roles + 1, sizeof *f->role);
	f->role[f->roles++] = (struct repository_role){
		.role = str_dup(str_of(role)),
		.version = trust_version(t, role),
		.expires = trust_expires(t, role),
	};
}

/* The paths are taken first: the document belongs to the client, which goes on meanwhile. "manifest.json" comes last,
 * when all the releases are known. */
static bool check_plan(
	struct repository_facts *f, const struct repository *r, struct trust *t, const char *plan, struct err *e)
{
	cleanup(free_ptr) char *current = path_form("%s/manifest.json", plan);
	struct trust_target target;

	if (!seek(&target, r, t, current, e))
		return err_in(e, "repository");
	const struct role *role = trust_role(t, plan);
	if (!role)
		return err_set(e, ERR_FOREIGN, "repository: %s: %s signs for it", current, target.role);
	note_role(f, t, plan);
	cleanup(doc_free) doc *targets = doc_ref(doc_get(role->body, "targets"));
	for (void *i = doc_first(targets); i; i = doc_next(targets, i))
		if (strcmp(doc_key(i), current) != 0 && !check_manifest(f, r, t, plan, doc_key(i), e))
			return false;
	return check_manifest(f, r, t, plan, current, e);
}

/* As large as it may be, so it is only counted and hashed. */
static bool check_document(const struct repository *r, struct trust *t, const char *role, const char *path, struct err *e)
{
	cleanup(free_ptr) char *file = NULL;
	cleanup(fd_close) int fd = -1;
	struct trust_target target;
	struct digest is;
	uint64_t length;

	if (!seek(&target, r, t, path, e))
		return err_in(e, "repository");
	if (strcmp(target.role, role) != 0)
		return err_set(e, ERR_FOREIGN, "repository: %s: %s lists it, but it is %s that signs for it", path, role,
			target.role);
	if (!repository_target_file(&file, path, target.sha256, e) || !fs_open_read(&fd, r->at, file, e) ||
		!digest_fd(&is, &length, fd, e))
		return err_in(e, "repository: %s", path);
	return (length == target.length && digest_eq(is, target.sha256)) ||
	       err_set(e, ERR_DIGEST, "repository: %s is not what was signed", file);
}

/* What an agent's document leads to: its bundle. That it is for the platform of its path, hosts hold against their own. */
static bool check_program(struct repository_facts *f, const struct repository *r, struct trust *t, const char *path, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(PROGRAM_FILE_MAX);
	cleanup(program_free) struct program p = {0};

	if (!repository_target(&text, r, t, path, e) || !program_read(&p, buf_str(&text), NULL, e))
		return err_in(e, "%s", path);
	cleanup(free_ptr) char *is = program_path(p.platform);
	if (strcmp(is, path) != 0)
		return err_set(e, ERR_FOREIGN, "%s is an agent for %s", path, p.platform);
	if (!repository_check_bundle(r, &p.bundle, e))
		return err_in(e, "%s", path);
	f->program = mem_grow(f->program, f->programs + 1, sizeof *f->program);
	f->program[f->programs++] = p;
	p = (struct program){0};
	return true;
}

static bool check_documents(
	struct repository_facts *f, const struct repository *r, struct trust *t, const char *role, struct err *e)
{
	if (!repository_load(r, t, role, e))
		return false;
	note_role(f, t, role);
	cleanup(doc_free) doc *targets = doc_ref(doc_get(trust_role(t, role)->body, "targets"));
	for (void *i = doc_first(targets); i; i = doc_next(targets, i))
		if (!check_document(r, t, role, doc_key(i), e) ||
			(duty_of(role) == DUTY_AGENT && !check_program(f, r, t, doc_key(i), e)))
			return false;
	return true;
}

bool repository_verify_role(
	struct repository_facts *f, const struct repository *r, struct trust *t, const char *role, struct err *e)
{
	switch (duty_of(role)) {
	case DUTY_NONE: return true; /* not ours to understand */
	case DUTY_PLAN: return check_plan(f, r, t, role, e);
	default: return check_documents(f, r, t, role, e);
	}
}

static bool check_all(struct repository_facts *f, const struct repository *r, struct trust *t, struct err *e)
{
	for (size_t i = 0; i < ROLE_KINDS; i++)
		note_role(f, t, role_words[i]);
	const struct role *targets = trust_role(t, "targets");
	for (size_t i = 0; i < targets->links; i++)
		if (!repository_verify_role(f, r, t, targets->link[i].name, e))
			return false;
	return true;
}

bool repository_verify(struct repository_facts *out, const struct repository *r, struct trust_time now, struct err *e)
{
	cleanup(repository_facts_free) struct repository_facts f = {0};
	cleanup(trust_close) struct trust *t = NULL;

	if (!repository_trust(&t, r, now, 0, e) || !check_all(&f, r, t, e))
		return false;
	*out = f;
	f = (struct repository_facts){0};
	return true;
}

void repository_facts_free(struct repository_facts *f)
{
	for (size_t i = 0; i < f->permitteds; i++)
		free_ptr(&f->permitted[i].plan);
	for (size_t i = 0; i < f->roles; i++)
		free_ptr(&f->role[i].role);
	for (size_t i = 0; i < f->programs; i++)
		program_free(&f->program[i]);
	free_ptr(&f->permitted);
	free_ptr(&f->role);
	free_ptr(&f->program);
	*f = (struct repository_facts){0};
}
