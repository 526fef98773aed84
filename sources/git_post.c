/* A commit whose parent is not here. What a host has brought lies on the server alone; for libgit2, which wants to see what it
 * builds on, a commit without content stands in for it, under the name of the real one. It is never sent: the server has it. */
#include "sources/git_post.h"

#include <fcntl.h>
#include <stdio.h>
#include <zlib.h>

#include "base/fs.h"
#include "sources/git_transfer.h"

enum { REMOTE_MAX = 4 * MIB }; /* of what a server may say before it hears the pack: its refs */

struct bring {
	const struct post_job *job;
	git_repository *repo;
	char *branch; /* refs/heads/receipts/ber-D */
};

/* --- the stand-in --- */

static bool empty_tree(git_oid *out, git_repository *repo, struct err *e)
{
	cleanup(git_lib_builder_free) git_treebuilder *none = NULL;

	int failed = git_treebuilder_new(&none, repo, NULL);
	if (!failed)
		failed = git_treebuilder_write(out, none);
	return failed == 0 || git_lib_failed(e, failed, "git tree");
}

/* As a loose object lies in a repository (gitrepository-layout(5)). */
static bool write_loose(const char *folder, const git_oid *as, struct str object, struct err *e)
{
	unsigned char packed[KIB];
	uLongf len = sizeof packed;
	char hex[GIT_OID_HEXSZ + 1];

	git_oid_tostr(hex, sizeof hex, as);
	cleanup(free_ptr) char *dir = path_form("%sobjects/%.2s", folder, hex), *path = path_form("%s/%s", dir, hex + 2);
	if (compress(packed, &len, (const unsigned char *)object.data, object.len) != Z_OK)
		return err_set(e, ERR_INTERNAL, "zlib");
	return fs_mkdir(AT_FDCWD, dir, 0700, e) && fs_write(AT_FDCWD, path, str_bytes(packed, len), 0400, e);
}

static bool stand_in(git_repository *repo, const git_oid *real, struct err *e)
{
	cleanup(buf_free) struct buf words = {0}, object = {0};
	char hex[GIT_OID_HEXSZ + 1];
	git_oid tree;

	if (!empty_tree(&tree, repo, e))
		return false;
	git_oid_tostr(hex, sizeof hex, &tree);
	buf_form(&words, "tree %s\nauthor - <-> 0 +0000\ncommitter - <-> 0 +0000\n\n", hex);
	buf_form(&object, "commit %zu", words.len);
	buf_byte(&object, 0);
	buf_add(&object, buf_str(&words));
	return buf_ok(&object, e) && git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0) == 0 &&
	       write_loose(git_repository_path(repo), real, buf_str(&object), e);
}

/* --- the commit --- */

static bool add_receipt(git_treebuilder *tree, const struct bring *b, int64_t number, int64_t *count, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/%lld.json", b->job->from, (long long)number);
	cleanup(buf_free) struct buf bytes = BUF_MAX(POST_FILE_MAX);
	git_oid blob;

	if (!fs_read(&bytes, AT_FDCWD, path, e))
		return e->code == ERR_MISSING; /* a gap stays one */
	int failed = git_blob_create_from_buffer(&blob, b->repo, buf_str(&bytes).data, bytes.len);
	if (!failed)
		failed = git_treebuilder_insert(NULL, tree, strrchr(path, '/') + 1, &blob, GIT_FILEMODE_BLOB);
	*count += !failed;
	return failed == 0 || git_lib_failed(e, failed, "git tree");
}

static bool make_tree(git_oid *out, const struct bring *b, int64_t *count, struct err *e)
{
	cleanup(git_lib_builder_free) git_treebuilder *tree = NULL;

	int failed = git_treebuilder_new(&tree, b->repo, NULL);
	if (failed)
		return git_lib_failed(e, failed, "git tree");
	*count = 0;
	for (int64_t n = b->job->first; n <= b->job->last; n++)
		if (!add_receipt(tree, b, n, count, e))
			return err_in(e, "receipt %lld", (long long)n);
	failed = git_treebuilder_write(out, tree);
	return failed == 0 || git_lib_failed(e, failed, "git tree");
}

/* `parent` NULL: the branch begins. */
static bool commit(const struct bring *b, const git_oid *tree_id, const git_oid *parent, struct err *e)
{
	const struct post_job *j = b->job;
	cleanup(git_lib_tree_free) git_tree *tree = NULL;
	cleanup(git_lib_commit_free) git_commit *before = NULL;
	git_signature who = {.name = j->host, .email = j->host, .when = {.time = j->when}};
	char words[64];
	git_oid id;

	if (j->first == j->last)
		snprintf(words, sizeof words, "receipt %lld\n", (long long)j->last);
	else
		snprintf(words, sizeof words, "receipts %lld to %lld\n", (long long)j->first, (long long)j->last);
	int failed = git_tree_lookup(&tree, b->repo, tree_id);
	if (!failed && parent)
		failed = git_commit_lookup(&before, b->repo, parent);
	const git_commit *parents[] = {before};
	if (!failed)
		failed = git_commit_create(&id, b->repo, b->branch, &who, &who, NULL, words, tree, parent ? 1 : 0, parents);
	return failed == 0 || git_lib_failed(e, failed, "git commit");
}

/* --- sending --- */

static bool upload(struct bring *b, git_remote *remote, struct git_transfer *t, git_remote_callbacks *callbacks, struct err *e)
{
	cleanup(free_ptr) char *spec = path_form("%s:%s", b->branch, b->branch);
	git_push_options how = GIT_PUSH_OPTIONS_INIT;

	callbacks->push_update_reference = git_transfer_refused;
	how.callbacks = *callbacks;
	int failed = git_remote_upload(remote, &(git_strarray){&spec, 1}, &how);
	return (failed == 0 && t->link.why.code == ERR_NONE) || git_link_failed(&t->link, failed, e);
}

static bool send(struct bring *b, const git_oid *tree, struct err *e)
{
	cleanup(git_lib_remote_free) git_remote *remote = NULL;
	git_remote_callbacks callbacks;
	struct git_transfer transfer;
	git_oid has;

	git_transfer_init(&transfer, &callbacks, &b->job->access, REMOTE_MAX, NULL);
	int failed = git_remote_create_anonymous(&remote, b->repo, b->job->access.url);
	if (failed)
		return git_lib_failed(e, failed, b->job->access.url);
	if (!git_link_connect(remote, GIT_DIRECTION_PUSH, &callbacks, e))
		return false;
	bool follows = git_transfer_head(&has, remote, b->branch);
	if (follows && !stand_in(b->repo, &has, e))
		return false;
	return commit(b, tree, follows ? &has : NULL, e) && upload(b, remote, &transfer, &callbacks, e);
}

static bool bring(int64_t *count, struct bring *b, struct err *e)
{
	git_oid tree;
	int valid = 0;

	if (git_reference_name_is_valid(&valid, b->branch) != 0 || !valid)
		return err_set(e, ERR_UNSAFE, "%s: git has no branches of this name: let this host put its receipts", b->branch);
	return make_tree(&tree, b, count, e) && (*count == 0 || send(b, &tree, e));
}

bool git_post(int64_t *count, const struct post_job *job, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/scratch.git", job->dir);
	cleanup(free_ptr) char *branch = path_form("refs/heads/%s/%s", job->branch, job->host);
	cleanup(git_lib_repo_free) git_repository *repo = NULL;
	struct bring b = {.job = job, .branch = branch};
	struct err unimportant;

	if (!job->from)
		return err_set(e, ERR_USAGE, "from is missing");
	if (!fs_remove_tree(AT_FDCWD, path, e) || !git_lib_open(&repo, path, e))
		return false;
	b.repo = repo;
	bool ok = bring(count, &b, e);
	git_lib_repo_free(&repo);
	(void)!fs_remove_tree(AT_FDCWD, path, &unimportant);
	return ok;
}
