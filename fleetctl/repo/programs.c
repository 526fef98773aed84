/* Agents, found by their role's metadata or by the names of their files. */
#include "fleetctl/repo/programs.h"

#include <stdlib.h>

#include "base/fs.h"
#include "manifests/role.h"

void programs_free(struct programs *p)
{
	for (size_t i = 0; i < p->count; i++)
		program_free(&p->at[i]);
	free_ptr(&p->at);
	p->count = 0;
}

/* Takes it over. */
static void add(struct programs *to, struct program *p)
{
	to->at = mem_grow(to->at, to->count + 1, sizeof *to->at);
	to->at[to->count++] = *p;
	*p = (struct program){0};
}

static bool add_signed(struct programs *to, const struct repository *r, const char *path, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(PROGRAM_FILE_MAX);
	cleanup(program_free) struct program p = {0};

	if (!repository_document(&text, r, PROGRAM_ROLE, path, e) || !program_read(&p, buf_str(&text), NULL, e))
		return err_in(e, "%s", path);
	add(to, &p);
	return true;
}

bool programs_signed(struct programs *out, const struct repository *r, struct err *e)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(TRUST_TARGETS_MAX);
	cleanup(role_free) struct role role = {0};
	cleanup(programs_free) struct programs all = {0};
	uint64_t version;

	if (!repository_version(&version, r, PROGRAM_ROLE, e))
		return false;
	if (!version)
		return true;
	if (!repository_meta(&bytes, r, PROGRAM_ROLE, 0, e) || !role_read(&role, ROLE_TARGETS, buf_str(&bytes), e))
		return false;
	doc *targets = doc_get(role.body, "targets");
	for (void *i = doc_first(targets); i; i = doc_next(targets, i))
		if (!add_signed(&all, r, doc_key(i), e))
			return false;
	*out = all;
	all = (struct programs){0};
	return true;
}

static int newest_first(const void *a, const void *b)
{
	const struct program *l = a, *r = b;
	int order = strcmp(l->platform, r->platform);

	return order ? order : (l->number < r->number) - (l->number > r->number);
}

void programs_held(struct programs *out, const struct repository *r)
{
	cleanup(fs_names_free) struct fs_names files = {0};

	if (!fs_names(&files, r->at, "targets/" PROGRAM_ROLE, NULL))
		return;
	for (size_t i = 0; i < files.count; i++) {
		cleanup(free_ptr) char *file = path_form("targets/" PROGRAM_ROLE "/%s", files.name[i]);
		cleanup(buf_free) struct buf text = BUF_MAX(PROGRAM_FILE_MAX);
		cleanup(program_free) struct program p = {0};
		if (fs_read(&text, r->at, file, NULL) && program_read(&p, buf_str(&text), NULL, NULL))
			add(out, &p);
	}
	if (out->count)
		qsort(out->at, out->count, sizeof *out->at, newest_first);
}

const struct program *programs_of(const struct programs *p, const char *platform)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->at[i].platform, platform) == 0)
			return &p->at[i];
	return NULL;
}

const struct program *programs_with(const struct programs *p, struct digest bundle)
{
	for (size_t i = 0; i < p->count; i++)
		if (digest_eq(p->at[i].bundle.sha256, bundle))
			return &p->at[i];
	return NULL;
}

static void make_patches(const struct repository *r, const struct programs *ever, const struct program *to)
{
	for (size_t i = 0; i < ever->count; i++) {
		const struct program *from = &ever->at[i];
		cleanup(fd_close) int patch = -1;
		if (strcmp(from->platform, to->platform) == 0 && from->number < to->number)
			(void)!repository_patch(&patch, r, from->bundle.sha256, to->bundle.sha256, NULL);
	}
}

void programs_make_patches(const struct repository *r)
{
	cleanup(programs_free) struct programs ever = {0};
	cleanup(programs_free) struct programs now = {0};

	programs_held(&ever, r);
	if (!programs_signed(&now, r, NULL))
		return;
	for (size_t i = 0; i < now.count; i++)
		make_patches(r, &ever, &now.at[i]);
}
