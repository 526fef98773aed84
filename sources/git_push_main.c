/* fleet-push-git: one job on its stdin, what came of it on its stdout. Not for people. What is on the remote is fetched,
 * what is new is sent in an order in which no reader misses anything: payloads, then the branch, then what goes. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/sandbox.h"
#include "sources/git_chain.h"
#include "sources/git_compose.h"
#include "sources/git_old.h"
#include "sources/git_tidy.h"
#include "sources/git_transfer.h"
#include "sources/old.h"

enum { JOB_MAX = 256 * MIB, TIMESTAMP_MAX = 60 * KIB, REMOTE_MAX = 256 * MIB };

static const struct sandbox box = {.memory = 2 * GIB, .written = 4 * GIB, .files = 64, .writes = true};

struct push {
	const struct git_job *job;
	char *branch; /* refs/heads/main */
	git_repository *repo;
	struct git_job_done *done;
};

/* --- looking --- */

static bool connect_to(git_remote **out, struct push *p, git_direction way, struct git_transfer *t,
	git_remote_callbacks *callbacks, struct err *e)
{
	git_transfer_init(t, callbacks, &p->job->access, REMOTE_MAX, NULL);
	int failed = git_remote_create_anonymous(out, p->repo, p->job->access.url);
	if (failed)
		return git_lib_failed(e, failed, p->job->access.url);
	return git_link_connect(*out, way, callbacks, e);
}

static bool read_timestamp(char **out, const git_tree *tree, git_repository *repo)
{
	cleanup(git_lib_entry_free) git_tree_entry *entry = NULL;
	git_blob *blob = NULL;

	if (git_tree_entry_bypath(&entry, tree, "metadata/timestamp.json") != 0 ||
		git_blob_lookup(&blob, repo, git_tree_entry_id(entry)) != 0)
		return false;
	uint64_t size = (uint64_t)git_blob_rawsize(blob);
	if (size <= TIMESTAMP_MAX)
		*out = str_dup(str_bytes(git_blob_rawcontent(blob), (size_t)size));
	git_blob_free(blob);
	return *out;
}

static bool describe(struct push *p, const git_oid *at, struct err *e)
{
	cleanup(git_lib_commit_free) git_commit *commit = NULL;
	cleanup(git_lib_tree_free) git_tree *tree = NULL;
	char hex[GIT_OID_HEXSZ + 1];

	int failed = git_commit_lookup(&commit, p->repo, at);
	if (failed)
		return git_lib_failed(e, failed, "git commit");
	if (!git_chain_tree(&tree, p->repo, at, e))
		return false;
	git_oid_tostr(hex, sizeof hex, at);
	p->done->commit = str_dup(str_of(hex));
	p->done->who = str_dup(str_of(git_commit_author(commit)->name));
	p->done->when = git_commit_author(commit)->when.time;
	(void)!read_timestamp(&p->done->timestamp, tree, p->repo); /* another's branch has none: who asked will say so */
	return true;
}

static bool set_ref(git_repository *repo, const char *name, const git_oid *at, struct err *e)
{
	cleanup(git_lib_reference_free) git_reference *ref = NULL;

	int failed = git_reference_create(&ref, repo, name, at, 1, NULL);
	return failed == 0 || git_lib_failed(e, failed, name);
}

/* The branch, and what is old; `old` NULL: nothing is. */
static bool fetch_both(struct push *p, git_remote *remote, const git_oid *at, const git_oid *old, const git_remote_callbacks *c,
	const struct git_transfer *t, struct err *e)
{
	cleanup(free_ptr) char *branch = path_form("+%s:%s", p->branch, p->branch);
	char list[] = "+" GIT_OLD_REF ":" GIT_OLD_REF, *specs[] = {branch, list};
	git_fetch_options how = GIT_FETCH_OPTIONS_INIT;

	how.callbacks = *c;
	how.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	int failed = git_remote_download(remote, &(git_strarray){specs, old ? 2 : 1}, &how);
	if (failed)
		return git_link_failed(&t->link, failed, e);
	return set_ref(p->repo, p->branch, at, e) &&
	       (old ? set_ref(p->repo, GIT_OLD_REF, old, e) : git_old_write(p->repo, (struct str){0}, e));
}

static bool look(struct push *p, struct err *e)
{
	cleanup(git_lib_remote_free) git_remote *remote = NULL;
	git_remote_callbacks callbacks;
	struct git_transfer transfer;
	git_oid at, old;

	if (!connect_to(&remote, p, GIT_DIRECTION_FETCH, &transfer, &callbacks, e))
		return false;
	if (!git_transfer_head(&at, remote, p->branch))
		return git_old_write(p->repo, (struct str){0}, e);
	bool has_old = git_transfer_head(&old, remote, GIT_OLD_REF);
	return fetch_both(p, remote, &at, has_old ? &old : NULL, &callbacks, &transfer, e) && describe(p, &at, e);
}

/* --- sending --- */

/* The branch must still be where it was seen: who moved it meanwhile has published something else. */
static bool check_lease(const struct push *p, git_remote *remote, struct err *e)
{
	char hex[GIT_OID_HEXSZ + 1] = "";
	git_oid at;

	if (git_transfer_head(&at, remote, p->branch))
		git_oid_tostr(hex, sizeof hex, &at);
	return strcmp(hex, p->job->expect ? p->job->expect : "") == 0 ||
	       err_set(e, ERR_BUSY, "somebody else published to %s in this moment: look at what, then publish again",
		       p->job->access.url);
}

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

static void specs_add(struct specs *s, char *spec)
{
	s->at = mem_grow(s->at, s->count + 1, sizeof *s->at);
	s->at[s->count++] = spec;
}

static bool remote_is_at(git_remote *remote, const char *name, const git_oid *at)
{
	git_oid has;

	return git_transfer_head(&has, remote, name) && git_oid_equal(&has, at);
}

static void specs_set(struct specs *s, git_remote *remote, const struct git_compose *c, bool payload)
{
	for (size_t i = 0; i < c->refs; i++)
		if (c->ref[i].payload == payload && !remote_is_at(remote, c->ref[i].name, &c->ref[i].at))
			specs_add(s, path_form("+%s:%s", c->ref[i].name, c->ref[i].name));
}

static bool is_ours(const struct git_compose *c, const char *name)
{
	for (size_t i = 0; i < c->refs; i++)
		if (strcmp(c->ref[i].name, name) == 0)
			return true;
	return false;
}

/* What nothing names any more goes when nobody can be reading it any longer; until then the remote itself remembers since when. */
static bool specs_old(struct specs *s, size_t *gone, struct push *p, git_remote *remote, const struct git_compose *c, struct err *e)
{
	cleanup(buf_free) struct buf before = BUF_MAX(GIT_OLD_MAX);
	struct old_list old = {.after = BUF_MAX(GIT_OLD_MAX), .now = p->job->when, .grace_s = p->job->grace_s};
	const git_remote_head **heads;
	size_t count = 0;
	git_oid at;

	int failed = git_remote_ls(&heads, &count, remote);
	if (failed)
		return git_lib_failed(e, failed, p->job->access.url);
	git_old_read(&before, p->repo);
	old.before = buf_str(&before);
	for (size_t i = 0; i < count; i++) {
		const char *name = heads[i]->name;
		if (!str_starts(str_of(name), "refs/fleet/") || strcmp(name, GIT_OLD_REF) == 0 || is_ours(c, name) || old_stays(&old, name))
			continue;
		specs_add(s, path_form(":%s", name));
		++*gone;
	}
	bool same = str_eq(old.before, buf_str(&old.after));
	bool ok = buf_ok(&old.after, e) && (same || git_old_write(p->repo, buf_str(&old.after), e));
	if (ok && !same && old.after.len)
		specs_add(s, str_dup(STR("+" GIT_OLD_REF ":" GIT_OLD_REF)));
	else if (ok && !old.after.len && git_transfer_head(&at, remote, GIT_OLD_REF))
		specs_add(s, str_dup(STR(":" GIT_OLD_REF)));
	buf_free(&old.after);
	return ok;
}

/* What is sent when; each is a connection of its own, and none where nothing is to be done. */
enum turn { PAYLOADS, BRANCH, OLD };

static bool fill(struct specs *s, size_t *count, enum turn turn, struct push *p, git_remote *remote, const struct git_compose *c, struct err *e)
{
	if (turn == OLD)
		return specs_old(s, count, p, remote, c, e);
	specs_set(s, remote, c, turn == PAYLOADS);
	if (turn == BRANCH && !remote_is_at(remote, p->branch, &c->main))
		specs_add(s, path_form("+%s:%s", p->branch, p->branch));
	*count = s->count;
	return true;
}

/* *count: the refs that were set, or that went. */
static bool send_turn(size_t *count, struct push *p, enum turn turn, const struct git_compose *c, struct err *e)
{
	cleanup(git_lib_remote_free) git_remote *remote = NULL;
	cleanup(specs_free) struct specs specs = {0};
	git_remote_callbacks callbacks;
	struct git_transfer transfer;
	git_push_options how = GIT_PUSH_OPTIONS_INIT;

	if (!connect_to(&remote, p, GIT_DIRECTION_PUSH, &transfer, &callbacks, e))
		return false;
	if (turn != OLD && !check_lease(p, remote, e))
		return false;
	if (!fill(&specs, count, turn, p, remote, c, e))
		return false;
	if (!specs.count)
		return true;
	callbacks.push_update_reference = git_transfer_refused;
	how.callbacks = callbacks;
	how.pb_parallelism = 0;
	int failed = git_remote_upload(remote, &(git_strarray){specs.at, specs.count}, &how);
	return (failed == 0 && transfer.link.why.code == ERR_NONE) || git_link_failed(&transfer.link, failed, e);
}

/* Local names of what is sent: a push knows commits by name. */
static bool name_all(struct push *p, const struct git_compose *c, struct err *e)
{
	for (size_t i = 0; i <= c->refs; i++) {
		const char *name = i < c->refs ? c->ref[i].name : p->branch;
		if (!set_ref(p->repo, name, i < c->refs ? &c->ref[i].at : &c->main, e))
			return false;
	}
	return true;
}

/* What is published no more has no name here any longer, and so goes with the next tidying. Whatever keeps it from that, what
 * was published is, and the next run tries again. */
static void tidy(struct push *p, const struct git_compose *c)
{
	git_strarray names = {0};
	struct err unimportant;

	if (git_reference_list(&names, p->repo) != 0)
		return;
	for (size_t i = 0; i < names.count; i++)
		if (str_starts(str_of(names.strings[i]), "refs/fleet/") && strcmp(names.strings[i], GIT_OLD_REF) != 0 && !is_ours(c, names.strings[i]))
			(void)git_reference_remove(p->repo, names.strings[i]);
	git_strarray_dispose(&names);
	(void)!git_tidy(p->repo, &unimportant);
}

static bool publish(struct push *p, struct err *e)
{
	cleanup(git_compose_free) struct git_compose c = {0};
	git_oid before;
	char hex[GIT_OID_HEXSZ + 1];
	size_t payloads = 0, moved = 0, gone = 0;

	if (p->job->expect && git_oid_fromstr(&before, p->job->expect) != 0)
		return err_set(e, ERR_USAGE, "expect: not a commit");
	if (!git_compose(&c, p->repo, p->job, p->job->expect ? &before : NULL, e) || !name_all(p, &c, e))
		return false;
	if (!send_turn(&payloads, p, PAYLOADS, &c, e) || !send_turn(&moved, p, BRANCH, &c, e) ||
		!send_turn(&gone, p, OLD, &c, e))
		return false;
	tidy(p, &c);
	git_oid_tostr(hex, sizeof hex, &c.main);
	p->done->commit = str_dup(str_of(hex));
	p->done->payloads = (int64_t)payloads;
	p->done->removed = (int64_t)gone;
	p->done->changed = moved > 0;
	return true;
}

/* --- the job --- */

static bool work(struct git_job_done *done, const struct git_job *job, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/push.git", job->dir), *branch = path_form("refs/heads/%s", job->branch);
	cleanup(free_ptr) char *locked = path_form("%s/lock", job->dir);
	cleanup(fd_close) int lock = -1;
	bool taken;
	cleanup(git_lib_repo_free) git_repository *repo = NULL;
	struct push p = {.job = job, .branch = branch, .done = done};

	/* one at a time: what is composed has no name yet, and another would tidy it away */
	if (!fs_mkdir(AT_FDCWD, job->dir, 0700, e) || !fs_lock(&lock, &taken, AT_FDCWD, locked, true, e) || !git_link_pins(job->dir, &job->access, e) ||
		!git_lib_begin(job->dir, e) || !git_lib_open(&repo, path, e))
		return false;
	p.repo = repo;
	return job->push ? publish(&p, e) : look(&p, e);
}

static bool read_job(struct git_job *out, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(JOB_MAX);
	cleanup(doc_free) doc *d = NULL;

	return fs_read_fd(&text, STDIN_FILENO, e) && doc_read(&d, buf_str(&text), e) &&
	       shape_read(out, git_job_shape, d, &(struct shape_from){0}, e);
}

int main(void)
{
	struct git_job job = {0};
	struct git_job_done done = {0};
	struct err why = {0};
	cleanup(buf_free) struct buf text = {0};

	bool ok = sandbox_enter(&box, &why) && read_job(&job, &why) && work(&done, &job, &why);
	if (!ok) {
		shape_free(&done, git_job_done_shape);
		done.code = str_dup(str_of(err_word(why.code)));
		done.text = str_dup(str_of(why.text));
	}
	cleanup(doc_free) doc *d = shape_write(&done, git_job_done_shape);
	doc_line(&text, d);
	printf("%s\n", buf_str(&text).data);
	shape_free(&done, git_job_done_shape);
	shape_free(&job, git_job_shape);
	git_libgit2_shutdown();
	return ok ? 0 : 1;
}
