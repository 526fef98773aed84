/* fleet-fetch-git: asked on its stdin, answers on its stdout (one socket), in a sandbox. Speaks parcels; not for people. */
#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/sandbox.h"
#include "sources/desk.h"
#include "sources/git_chain.h"
#include "sources/git_fetch.h"
#include "sources/git_give.h"
#include "sources/git_link.h"

enum { CPU_S = 60, BYTES_A_CPU_SECOND = MIB };

static const struct sandbox box = {.memory = 512 * MIB, .written = 2 * GIB, .files = 64, .writes = true};

struct state {
	struct git_fetch fetch;
	bool begun, fetched;
};

static bool give_absent(struct err *e)
{
	return desk_start(&(struct parcel_start){.say = SOURCE_ABSENT}, e) && desk_end(e);
}

static bool give_payload(const struct state *s, const struct git_ask *a, const char *path, struct err *e)
{
	cleanup(git_lib_repo_free) git_repository *repo = NULL;
	git_oid tip;

	if (!git_fetch_payload(&repo, &tip, &s->fetch, a, path, e))
		return false;
	return repo ? git_give_payload(repo, &tip, a, e) : give_absent(e);
}

/* --- an ask --- */

static bool begin(struct state *s, const struct git_ask *a, struct err *e)
{
	if (s->begun)
		return true;
	s->begun = fs_mkdir(AT_FDCWD, a->dir, 0700, e) && git_link_pins(a->dir, &a->access, e) && git_lib_begin(a->dir, e);
	return s->begun;
}

static bool fetch(struct state *s, const struct git_ask *a, struct err *e)
{
	s->fetched = s->fetched || git_fetch_news(&s->fetch, a, e);
	return s->fetched;
}

static bool answer_ask(struct state *s, const struct git_ask *a, struct err *e)
{
	cleanup(git_lib_tree_free) git_tree *tree = NULL;
	cleanup(git_lib_entry_free) git_tree_entry *entry = NULL;
	cleanup(free_ptr) char *path = path_form("%s/%s", source_part_words[a->part], a->name);
	const git_oid *commit = a->part == SOURCE_PATCHES ? &s->fetch.plan : &s->fetch.main;

	if (!begin(s, a, e) || !fetch(s, a, e))
		return false;
	if (!git_oid_is_zero(commit) && a->part != SOURCE_BUNDLES) {
		if (!git_chain_tree(&tree, s->fetch.repo, commit, e))
			return false;
		if (git_tree_entry_bypath(&entry, tree, a->part == SOURCE_PATCHES ? a->name : path) == 0)
			return git_give_file(s->fetch.repo, entry, a, e);
	}
	return a->part == SOURCE_METADATA ? give_absent(e) : give_payload(s, a, path, e);
}

static bool answer(void *ctx, struct str body, struct err *why)
{
	struct git_ask a = {0};

	if (!parcel_read(&a, git_ask_shape, body, why))
		return false;
	sandbox_cpu(CPU_S + a.max / BYTES_A_CPU_SECOND);
	bool ok = answer_ask(ctx, &a, why);
	shape_free(&a, git_ask_shape);
	return ok;
}

int main(void)
{
	struct state s = {0};
	struct err why = {0};

	if (!sandbox_enter(&box, &why)) {
		fprintf(stderr, "fleet-fetch-git: %s\n", why.text);
		return 1;
	}
	bool ok = desk_serve(answer, &s);
	git_fetch_free(&s.fetch);
	git_libgit2_shutdown();
	return ok ? 0 : 1;
}
