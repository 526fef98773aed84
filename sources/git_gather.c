/* Branches are fetched into a store of ours; where one has moved, its newest receipts are laid out. */
#include "sources/git_gather.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "sources/git_chain.h"
#include "sources/git_tidy.h"
#include "sources/git_transfer.h"

#define TIP "tip" /* beside the files: the commit that they are of */
enum {
	REMOTE_MAX = 256 * MIB,
	WALK_MAX = 4 * POST_KEPT, /* commits of a host that are looked at: most bring one receipt */
};

struct gather {
	const struct post_job *job;
	git_repository *repo;
	git_remote *remote;
	int to;
	bool news;
};

static char *branch_of(const struct gather *g, size_t i)
{
	return path_form("refs/heads/%s/%s", g->job->branch, ((char **)g->job->hosts.items)[i]);
}

/* --- what is new --- */

struct specs {
	char **at;
	size_t count;
};

static void specs_free(struct specs *s)
{
	for (size_t i = 0; i < s->count; i++)
		free_ptr(&s->at[i]);
	free_ptr(&s->at);
}

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

static void find_news(struct specs *out, const struct gather *g)
{
	for (size_t i = 0; i < g->job->hosts.count; i++) {
		cleanup(free_ptr) char *branch = branch_of(g, i);
		git_oid at;
		if (!git_transfer_head(&at, g->remote, branch) || holds(g->repo, branch, &at))
			continue;
		out->at = mem_grow(out->at, out->count + 1, sizeof *out->at);
		out->at[out->count++] = path_form("+%s:%s", branch, branch);
	}
}

static bool fetch(struct gather *g, struct git_transfer *t, const git_remote_callbacks *callbacks, struct err *e)
{
	cleanup(specs_free) struct specs specs = {0};
	git_fetch_options how = GIT_FETCH_OPTIONS_INIT;

	find_news(&specs, g);
	g->news = specs.count;
	if (!specs.count)
		return true;
	how.callbacks = *callbacks;
	how.prune = GIT_FETCH_NO_PRUNE;
	how.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	how.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	int failed = git_remote_download(g->remote, &(git_strarray){specs.at, specs.count}, &how);
	return failed == 0 || git_link_failed(&t->link, failed, e);
}

/* --- one host's receipts --- */

struct layout {
	int dir; /* HOST/ */
	struct kept {
		int64_t number;
		git_oid first, second; /* second: another one under this number, from before */
		bool twice;
	} kept[POST_KEPT];
	size_t count;
};

static struct kept *kept_of(struct layout *l, int64_t number)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->kept[i].number == number)
			return &l->kept[i];
	return NULL;
}

/* Newest commits come first: what is under that number already came later. */
static void note(struct layout *l, int64_t number, const git_oid *blob)
{
	struct kept *k = kept_of(l, number);

	if (k && !git_oid_equal(&k->first, blob)) {
		k->twice = true;
		k->second = *blob;
	} else if (!k && l->count < POST_KEPT) {
		l->kept[l->count++] = (struct kept){.number = number, .first = *blob};
	}
}

/* "17.json", and no other spelling of it. */
static bool number_of(int64_t *out, const char *name)
{
	struct str text = str_of(name);
	uint64_t n;
	char again[32];

	if (!str_ends(text, ".json") || !str_number(&n, str_bytes(text.data, text.len - strlen(".json")), INT64_MAX))
		return false;
	*out = (int64_t)n;
	snprintf(again, sizeof again, "%llu.json", (unsigned long long)n);
	return strcmp(again, name) == 0;
}

static bool note_commit(struct layout *l, git_repository *repo, const git_oid *at, struct err *e)
{
	cleanup(git_lib_tree_free) git_tree *tree = NULL;

	if (!git_chain_tree(&tree, repo, at, e))
		return false;
	for (size_t i = git_tree_entrycount(tree); i-- > 0;) {
		const git_tree_entry *entry = git_tree_entry_byindex(tree, i);
		int64_t number;
		if (git_tree_entry_type(entry) == GIT_OBJECT_BLOB && number_of(&number, git_tree_entry_name(entry)))
			note(l, number, git_tree_entry_id(entry));
	}
	return true;
}

static bool note_all(struct layout *l, git_repository *repo, const git_oid *tip, struct err *e)
{
	git_oid at = *tip;

	for (size_t walked = 0; walked < WALK_MAX && l->count < POST_KEPT; walked++) {
		cleanup(git_lib_commit_free) git_commit *c = NULL;
		int failed = git_commit_lookup(&c, repo, &at);
		if (failed)
			return git_lib_failed(e, failed, "git history");
		if (!note_commit(l, repo, &at, e))
			return false;
		if (git_commit_parentcount(c) == 0)
			break;
		at = *git_commit_parent_id(c, 0);
	}
	return true;
}

/* One that is too long is no receipt: an empty file says so to who reads it. */
static bool lay_blob(const struct layout *l, git_repository *repo, const char *name, const git_oid *id, struct err *e)
{
	cleanup(git_lib_odb_free) git_odb *odb = NULL;
	cleanup(git_lib_object_free) git_odb_object *object = NULL;
	cleanup(buf_free) struct buf there = BUF_MAX(POST_FILE_MAX);
	git_object_t type;
	size_t len;
	struct err none;

	int failed = git_repository_odb(&odb, repo);
	if (!failed)
		failed = git_odb_read_header(&len, &type, odb, id);
	if (!failed && len <= POST_FILE_MAX)
		failed = git_odb_read(&object, odb, id);
	if (failed)
		return git_lib_failed(e, failed, name);
	struct str bytes = object ? str_bytes(git_odb_object_data(object), git_odb_object_size(object)) : STR("");
	if (fs_read(&there, l->dir, name, &none) && str_eq(buf_str(&there), bytes))
		return true;
	return fs_write(l->dir, name, bytes, 0644, e);
}

static bool lay(const struct layout *l, git_repository *repo, const struct kept *k, struct err *e)
{
	char name[2][32];

	snprintf(name[0], sizeof name[0], "%lld.json", (long long)k->number);
	snprintf(name[1], sizeof name[1], "%lld-2.json", (long long)k->number);
	if (!lay_blob(l, repo, name[0], &k->first, e))
		return false;
	if (k->twice)
		return lay_blob(l, repo, name[1], &k->second, e);
	return !fs_exists(l->dir, name[1]) || fs_remove(l->dir, name[1], e);
}

/* What is older than the kept ones, or was of a branch that is no more. */
static bool remove_others(struct layout *l, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};

	if (!fs_names(&names, l->dir, "", e))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		char *dash = strchr(names.name[i], '-');
		int64_t number;
		cleanup(free_ptr) char *plain =
			dash ? path_form("%.*s.json", (int)(dash - names.name[i]), names.name[i]) : str_dup(str_of(names.name[i]));
		if (number_of(&number, plain) && !kept_of(l, number) && !fs_remove(l->dir, names.name[i], e))
			return false;
	}
	return true;
}

static bool is_laid(int dir, const char *hex)
{
	cleanup(buf_free) struct buf tip = BUF_MAX(KIB);
	struct err none;

	return fs_read(&tip, dir, TIP, &none) && str_is(buf_str(&tip), hex);
}

bool git_gather_lay(git_repository *repo, const git_oid *tip, int to, const char *host, struct err *e)
{
	struct layout l = {.dir = -1};
	char hex[GIT_OID_HEXSZ + 1];

	git_oid_tostr(hex, sizeof hex, tip);
	if (!fs_mkdir(to, host, 0755, e) || !fs_open_dir(&l.dir, to, host, e))
		return false;
	cleanup(fd_close) int dir = l.dir;
	if (is_laid(dir, hex))
		return true;
	bool ok = note_all(&l, repo, tip, e);
	for (size_t i = 0; ok && i < l.count; i++)
		ok = lay(&l, repo, &l.kept[i], e);
	return ok && remove_others(&l, e) && fs_write(dir, TIP, str_of(hex), 0644, e);
}

static bool take_host(struct gather *g, size_t i, int64_t *count, struct err *e)
{
	const char *host = ((char **)g->job->hosts.items)[i];
	cleanup(free_ptr) char *branch = branch_of(g, i);
	git_oid at;

	if (!git_transfer_head(&at, g->remote, branch)) {
		(void)git_reference_remove(g->repo, branch);
		return fs_remove_tree(g->to, host, e);
	}
	(*count)++;
	return (holds(g->repo, branch, &at) || set_ref(g->repo, branch, &at, e)) &&
	       git_gather_lay(g->repo, &at, g->to, host, e);
}

/* --- all --- */

static bool gather(struct gather *g, int64_t *count, struct err *e)
{
	cleanup(git_lib_remote_free) git_remote *remote = NULL;
	git_remote_callbacks callbacks;
	struct git_transfer transfer;

	git_transfer_init(&transfer, &callbacks, &g->job->access, REMOTE_MAX, NULL);
	int failed = git_remote_create_anonymous(&remote, g->repo, g->job->access.url);
	if (failed)
		return git_lib_failed(e, failed, g->job->access.url);
	g->remote = remote;
	if (!git_link_connect(remote, GIT_DIRECTION_FETCH, &callbacks, e) || !fetch(g, &transfer, &callbacks, e))
		return false;
	*count = 0;
	for (size_t i = 0; i < g->job->hosts.count; i++)
		if (!take_host(g, i, count, e))
			return err_in(e, "%s", ((char **)g->job->hosts.items)[i]);
	return !g->news || git_tidy(g->repo, e);
}

/* What a power cut or a bad disk left is fetched again the next time. */
static bool is_ours(enum err_code code)
{
	return code == ERR_MISSING || code == ERR_PROTOCOL;
}

bool git_gather(int64_t *count, const struct post_job *job, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/receipts.git", job->dir);
	cleanup(git_lib_repo_free) git_repository *repo = NULL;
	cleanup(fd_close) int to = -1, lock = -1;
	struct err none;
	bool taken;

	if (!job->to)
		return err_set(e, ERR_USAGE, "to is missing");
	cleanup(free_ptr) char *locked = path_form("%s/lock", job->dir);
	if (!fs_mkdir(AT_FDCWD, job->to, 0755, e) || !fs_open_dir(&to, AT_FDCWD, job->to, e) ||
		!fs_lock(&lock, &taken, AT_FDCWD, locked, true, e) || !git_lib_open(&repo, path, e))
		return false;
	struct gather g = {.job = job, .repo = repo, .to = to};
	if (gather(&g, count, e))
		return true;
	if (is_ours(e->code))
		(void)!fs_remove_tree(AT_FDCWD, path, &none);
	return false;
}
