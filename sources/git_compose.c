/* Files become blobs, blobs trees, trees commits. */
#include "sources/git_compose.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "sources/git_chain.h"
#include "sources/git_layout.h"

static void index_free(git_index **i)
{
	git_index_free(*i);
}

/* `plan` NULL: of the branch's own tree. */
static bool is_of(const struct git_job_file *f, const char *plan)
{
	return !f->alone && (plan ? f->plan && strcmp(f->plan, plan) == 0 : !f->plan);
}

/* --- trees --- */

static bool add_file(git_index *index, git_repository *repo, const char *from, const char *path, const char *as, struct err *e)
{
	cleanup(free_ptr) char *file = path_form("%s/%s", from, path);
	git_index_entry entry = {.path = as, .mode = GIT_FILEMODE_BLOB};

	int failed = git_blob_create_from_disk(&entry.id, repo, file);
	if (!failed)
		failed = git_index_add(index, &entry);
	return failed == 0 || git_lib_failed(e, failed, path);
}

/* Of all files of a plan, or of the branch; patches stand in it without their folder. */
static bool make_tree(git_oid *out, git_repository *repo, const struct git_job *job, const char *plan, struct err *e)
{
	cleanup(index_free) git_index *index = NULL;
	const struct git_job_file *file = job->file.items;

	int failed = git_index_new(&index);
	if (failed)
		return git_lib_failed(e, failed, "git tree");
	for (size_t i = 0; i < job->file.count; i++) {
		const char *slash = strrchr(file[i].path, '/');
		const char *as = plan && slash ? slash + 1 : file[i].path;
		if (is_of(&file[i], plan) && !add_file(index, repo, job->from, file[i].path, as, e))
			return false;
	}
	failed = git_index_write_tree_to(out, index, repo);
	return failed == 0 || git_lib_failed(e, failed, "git tree");
}

/* --- the branch --- */

/* How many commits lead back from there, at most `most`. */
static bool count_back(int64_t *out, git_repository *repo, const git_oid *from, int64_t most, struct err *e)
{
	git_oid at = *from;
	int64_t n = 0;

	for (;;) {
		cleanup(git_lib_commit_free) git_commit *c = NULL;
		int failed = git_commit_lookup(&c, repo, &at);
		if (failed)
			return git_lib_failed(e, failed, "git history");
		*out = ++n;
		if (n >= most || git_commit_parentcount(c) == 0)
			return true;
		at = *git_commit_parent_id(c, 0);
	}
}

/* The commit that ours follows: the last one, or where that would lead too far back, the one that everybody who holds the
 * last one's tree can make. */
static bool choose_parent(git_oid *out, git_repository *repo, const struct git_job *job, const git_oid *before, struct err *e)
{
	cleanup(git_lib_tree_free) git_tree *tree = NULL;
	int64_t back = 0;

	if (!count_back(&back, repo, before, job->history, e))
		return false;
	*out = *before;
	return back < job->history || (git_chain_tree(&tree, repo, before, e) &&
					      git_chain_commit(out, repo, git_tree_id(tree), NULL, e));
}

static bool same_tree(git_repository *repo, const git_oid *commit, const git_oid *tree)
{
	cleanup(git_lib_tree_free) git_tree *has = NULL;

	return git_chain_tree(&has, repo, commit, NULL) && git_oid_equal(git_tree_id(has), tree);
}

static bool commit_main(struct git_compose *out, git_repository *repo, const struct git_job *job, const git_oid *before, struct err *e)
{
	cleanup(git_lib_tree_free) git_tree *tree = NULL;
	cleanup(git_lib_commit_free) git_commit *parent = NULL;
	git_signature who = {.name = job->who, .email = job->who, .when = {.time = job->when}};
	git_oid id, follows;

	if (!make_tree(&id, repo, job, NULL, e))
		return false;
	if (before && same_tree(repo, before, &id)) {
		out->main = *before;
		return true;
	}
	if (before && !choose_parent(&follows, repo, job, before, e))
		return false;
	int failed = before ? git_commit_lookup(&parent, repo, &follows) : 0;
	if (!failed)
		failed = git_tree_lookup(&tree, repo, &id);
	const git_commit *parents[] = {parent};
	if (!failed)
		failed = git_commit_create(&out->main, repo, NULL, &who, &who, NULL, job->words, tree, parent ? 1 : 0, parents);
	return failed == 0 || git_lib_failed(e, failed, "git commit");
}

/* --- payloads --- */

static bool read_piece(struct buf *out, int fd, uint64_t at, uint64_t piece, struct err *e)
{
	char *room = buf_space(out, (size_t)piece);
	size_t have = 0;

	while (room && have < piece) {
		ssize_t n = pread(fd, room + have, (size_t)piece - have, (off_t)(at + have));
		if (n < 0 && errno != EINTR)
			return err_sys(e, "read");
		if (n == 0)
			break;
		have += (size_t)MAX(n, 0);
	}
	buf_used(out, have);
	return buf_ok(out, e);
}

static bool chain_file(struct git_chain *chain, int fd, uint64_t size, struct err *e)
{
	uint64_t piece = git_layout_piece(size);

	for (uint64_t at = 0; at < size || at == 0; at += piece) {
		cleanup(buf_free) struct buf bytes = BUF_MAX(piece);
		git_oid blob;
		if (!read_piece(&bytes, fd, at, piece, e))
			return false;
		int failed = git_blob_create_from_buffer(&blob, chain->repo, buf_str(&bytes).data, bytes.len);
		if (failed)
			return git_lib_failed(e, failed, "git blob");
		if (!git_chain_add(chain, &blob, e))
			return false;
	}
	return true;
}

static bool make_payload(git_oid *out, git_repository *repo, const char *from, const char *path, struct err *e)
{
	cleanup(free_ptr) char *file = path_form("%s/%s", from, path);
	cleanup(git_chain_free) struct git_chain chain = {0};
	cleanup(fd_close) int fd = -1;
	uint64_t size;

	if (!fs_size(&size, AT_FDCWD, file, e) || !fs_open_read(&fd, AT_FDCWD, file, e) ||
		!git_chain_begin(&chain, repo, e) || !chain_file(&chain, fd, size, e))
		return false;
	*out = chain.tip;
	return true;
}

/* Its name says what a payload is: one that was made before is it. */
static bool payload(git_oid *out, git_repository *repo, const struct git_job *job, const char *name, const char *path, struct err *e)
{
	cleanup(git_lib_reference_free) git_reference *ref = NULL;

	if (git_reference_name_to_id(out, repo, name) == 0)
		return true;
	if (!make_payload(out, repo, job->from, path, e))
		return err_in(e, "%s", path);
	int failed = git_reference_create(&ref, repo, name, out, 1, NULL);
	return failed == 0 || git_lib_failed(e, failed, name);
}

static bool patches(git_oid *out, git_repository *repo, const struct git_job *job, const char *plan, struct err *e)
{
	git_oid tree;

	return make_tree(&tree, repo, job, plan, e) && git_chain_commit(out, repo, &tree, NULL, e);
}

static bool seen(const struct git_compose *c, const char *name)
{
	for (size_t i = 0; i < c->refs; i++)
		if (strcmp(c->ref[i].name, name) == 0)
			return true;
	return false;
}

static bool add_ref(struct git_compose *c, git_repository *repo, const struct git_job *job, const struct git_job_file *f, struct err *e)
{
	cleanup(free_ptr) char *plan = path_form("plans/%s", f->plan ? f->plan : "");
	char name[GIT_REF_SIZE];
	git_oid at;

	git_layout_ref(name, f->alone ? f->path : plan);
	if (seen(c, name))
		return true;
	if (f->alone ? !payload(&at, repo, job, name, f->path, e) : !patches(&at, repo, job, f->plan, e))
		return false;
	c->ref = mem_grow(c->ref, c->refs + 1, sizeof *c->ref);
	snprintf(c->ref[c->refs].name, sizeof c->ref->name, "%s", name);
	c->ref[c->refs].at = at;
	c->ref[c->refs++].payload = f->alone;
	return true;
}

bool git_compose(struct git_compose *out, git_repository *repo, const struct git_job *job, const git_oid *before, struct err *e)
{
	const struct git_job_file *file = job->file.items;

	*out = (struct git_compose){0};
	for (size_t i = 0; i < job->file.count; i++)
		if ((file[i].alone || file[i].plan) && !add_ref(out, repo, job, &file[i], e))
			return false;
	return commit_main(out, repo, job, before, e);
}

void git_compose_free(struct git_compose *c)
{
	free_ptr(&c->ref);
	*c = (struct git_compose){0};
}
