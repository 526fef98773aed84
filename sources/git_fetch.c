/* Main and plan: what the remote says it has, what of it we hold, the rest in one pack. */
#include "sources/git_fetch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "sources/git_chain.h"
#include "sources/git_layout.h"
#include "sources/git_link.h"
#include "sources/git_tidy.h"
#include "sources/git_transfer.h"

enum { NEWS_MAX = 64 * MIB }; /* of what a remote may send for main, the list of refs included */
static const char twin[] = "refs/fleet/twin";

/* --- what the remote has --- */

static void forget_refs(struct git_fetch *f)
{
	for (size_t i = 0; i < f->refs; i++)
		free(f->ref[i].name);
	free_ptr(&f->ref);
	f->refs = 0;
}

static bool list_refs(struct git_fetch *f, git_remote *remote, const struct git_link *l, struct err *e)
{
	const git_remote_head **heads;
	size_t count;

	int failed = git_remote_ls(&heads, &count, remote);
	if (failed)
		return git_link_failed(l, failed, e);
	forget_refs(f);
	f->ref = mem_new(count + 1, sizeof *f->ref);
	for (size_t i = 0; i < count; i++) {
		f->ref[f->refs].name = str_dup(str_of(heads[i]->name));
		git_oid_cpy(&f->ref[f->refs++].at, &heads[i]->oid);
	}
	return true;
}

static const git_oid *remote_ref(const struct git_fetch *f, const char *name)
{
	for (size_t i = 0; i < f->refs; i++)
		if (strcmp(f->ref[i].name, name) == 0)
			return &f->ref[i].at;
	return NULL;
}

/* --- what we hold --- */

static bool holds(git_repository *repo, const char *name, const git_oid *at)
{
	git_oid held;

	return git_reference_name_to_id(&held, repo, name) == 0 && git_oid_equal(&held, at);
}

static bool set_ref(git_repository *repo, const char *name, const git_oid *at, struct err *e)
{
	cleanup(git_lib_reference_free) git_reference *ref = NULL;

	int failed = git_reference_create(&ref, repo, name, at, 1, NULL);
	return failed == 0 || git_lib_failed(e, failed, name);
}

/* The commit that a new history would begin with, were it begun from here: then it is known already. */
static bool set_twin(git_repository *repo, const git_oid *main, struct err *e)
{
	cleanup(git_lib_tree_free) git_tree *tree = NULL;
	git_oid at;

	return git_chain_tree(&tree, repo, main, e) && git_chain_commit(&at, repo, git_tree_id(tree), NULL, e) &&
	       set_ref(repo, twin, &at, e);
}

/* --- news --- */

static bool download(struct git_fetch *f, git_remote *remote, const char *const *refs, const git_remote_callbacks *c,
	const struct git_link *l, struct err *e)
{
	char spec[2][256];
	char *specs[2];
	git_strarray wanted = {specs, 0};
	git_fetch_options how = GIT_FETCH_OPTIONS_INIT;

	for (size_t i = 0; i < 2; i++) {
		const git_oid *at = refs[i] ? remote_ref(f, refs[i]) : NULL;
		if (!at || holds(f->repo, refs[i], at))
			continue;
		snprintf(spec[i], sizeof spec[i], "+%s:%s", refs[i], refs[i]);
		specs[wanted.count++] = spec[i];
	}
	if (!wanted.count)
		return true;
	how.callbacks = *c;
	how.prune = GIT_FETCH_NO_PRUNE;
	how.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	how.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	int failed = git_remote_download(remote, &wanted, &how);
	return failed == 0 || git_link_failed(l, failed, e);
}

static bool keep(struct git_fetch *f, const char *branch, const char *plan, struct err *e)
{
	const git_oid *at = remote_ref(f, branch), *patches = plan ? remote_ref(f, plan) : NULL;

	f->main = *at;
	f->plan = patches ? *patches : (git_oid){0};
	if (patches && !holds(f->repo, plan, patches) && !set_ref(f->repo, plan, patches, e))
		return false;
	if (holds(f->repo, branch, at))
		return true;
	return set_twin(f->repo, at, e) && set_ref(f->repo, branch, at, e) && git_tidy(f->repo, e);
}

/* What a power cut or a bad card left is no reason to stop for ever: then all is fetched again. */
static bool open_whole(git_repository **out, const char *path, const char *branch, struct err *e)
{
	cleanup(git_lib_repo_free) git_repository *repo = NULL;
	cleanup(git_lib_tree_free) git_tree *tree = NULL;
	git_oid held;
	struct err why;

	bool open = git_lib_open(&repo, path, &why);
	if (!open || (git_reference_name_to_id(&held, repo, branch) == 0 && !git_chain_tree(&tree, repo, &held, &why))) {
		git_lib_repo_free(&repo);
		if (!fs_remove_tree(AT_FDCWD, path, e) || !git_lib_open(&repo, path, e))
			return false;
	}
	*out = repo;
	repo = NULL;
	return true;
}

bool git_fetch_news(struct git_fetch *f, const struct git_ask *a, struct err *e)
{
	cleanup(git_lib_remote_free) git_remote *remote = NULL;
	cleanup(free_ptr) char *path = path_form("%s/main.git", a->dir);
	cleanup(free_ptr) char *branch = path_form("refs/heads/%s", a->branch), *plans = path_form("plans/%s", a->plan ? a->plan : "");
	char plan[GIT_REF_SIZE];
	const char *refs[2] = {branch, a->plan ? plan : NULL};
	git_remote_callbacks callbacks;
	struct git_transfer transfer;

	git_layout_ref(plan, plans);
	/* of a remote on a disk here libgit2 takes all that is there, payloads too */
	bool local = str_starts(str_of(a->access.url), "file://");
	git_transfer_init(&transfer, &callbacks, &a->access, local ? GIB : NEWS_MAX, NULL);
	if (!f->repo && !open_whole(&f->repo, path, branch, e))
		return false;
	int failed = git_remote_create_anonymous(&remote, f->repo, a->access.url);
	if (failed)
		return git_lib_failed(e, failed, a->access.url);
	if (!git_link_connect(remote, GIT_DIRECTION_FETCH, &callbacks, e) || !list_refs(f, remote, &transfer.link, e))
		return false;
	if (!remote_ref(f, branch))
		return err_set(e, ERR_MISSING, "%s has no branch %s: publish there first", a->access.url, a->branch);
	return download(f, remote, refs, &callbacks, &transfer.link, e) && keep(f, branch, refs[1], e);
}

void git_fetch_free(struct git_fetch *f)
{
	forget_refs(f);
	git_lib_repo_free(&f->repo);
	*f = (struct git_fetch){0};
}
