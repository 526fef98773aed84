/* One payload: its own repository, its chain as far as it has come, the rest of it. */
#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "sources/git_chain.h"
#include "sources/git_fetch.h"
#include "sources/git_layout.h"
#include "sources/git_pack.h"
#include "sources/git_transfer.h"

enum {
	PAYLOADS_MAX = 4,       /* kept at once; more would fill the card with what nobody asks for any more */
	OVERHEAD = 2 * MIB,     /* what a payload of n bytes may cost above n + n/8: refs, commits, trees */
	PIECE_MAX = 16 * MIB,
};
static const char whole[] = "refs/fleet/whole", part[] = "refs/fleet/part";

/* --- which of them are kept --- */

static bool is_payload(const char *name)
{
	return str_ends(str_of(name), ".part.git");
}

/* Before a new one begins: those that were delivered or that are too many go, all but `name`. */
static bool make_room(const char *dir, const char *name, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	cleanup(fd_close) int at = -1;
	size_t kept = 0;

	if (!fs_open_dir(&at, AT_FDCWD, dir, e) || !fs_names(&names, at, "", e))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		cleanup(free_ptr) char *done = path_form("%s/%s", names.name[i], whole);
		if (!is_payload(names.name[i]) || strcmp(names.name[i], name) == 0)
			continue;
		if (!fs_exists(at, done) && ++kept < PAYLOADS_MAX)
			continue;
		if (!fs_remove_tree(at, names.name[i], e))
			return false;
	}
	return true;
}

/* --- what came before it broke --- */

struct salvage {
	git_repository *repo;
	struct git_chain chain;
	git_oid first; /* the piece that the chain begins with */
	size_t found;
};

/* A server that begins again from the first piece did not know our commits: then they are not those of the remote, and
 * the chain begins again, too. */
static bool begins_again(const struct salvage *s, const git_oid *piece)
{
	return s->found == 1 && s->chain.count && git_oid_equal(piece, &s->first);
}

static bool salvage_piece(void *ctx, struct str content)
{
	struct salvage *s = ctx;
	struct err ignored;
	git_oid piece;

	if (git_blob_create_from_buffer(&piece, s->repo, content.data, content.len) != 0)
		return false;
	s->found++;
	if (begins_again(s, &piece)) {
		git_chain_free(&s->chain);
		if (!git_chain_begin(&s->chain, s->repo, &ignored))
			return false;
	}
	if (!s->chain.count)
		s->first = piece;
	return git_chain_add(&s->chain, &piece, &ignored);
}

static bool first_piece(git_oid *out, git_repository *repo, const git_oid *tip, struct err *e)
{
	cleanup(git_lib_tree_free) git_tree *tree = NULL;

	if (!git_chain_tree(&tree, repo, tip, e))
		return false;
	const git_tree_entry *entry = git_tree_entry_byindex(tree, 0);
	if (!entry)
		return err_set(e, ERR_SYNTAX, "a payload without pieces");
	*out = *git_tree_entry_id(entry);
	return true;
}

bool git_payload_salvage(git_repository *repo, struct err *e)
{
	struct salvage s = {.repo = repo};
	cleanup(free_ptr) char *rest = git_transfer_rest(git_repository_path(repo));
	cleanup(fd_close) int fd = -1;
	cleanup(git_lib_reference_free) git_reference *ref = NULL;
	git_oid tip;

	if (!fs_exists(AT_FDCWD, rest))
		return true;
	bool begun = git_reference_name_to_id(&tip, repo, part) == 0;
	if (begun ? !git_chain_resume(&s.chain, repo, &tip, e) || !first_piece(&s.first, repo, &tip, e)
		  : !git_chain_begin(&s.chain, repo, e))
		return false;
	bool read = fs_open_read(&fd, AT_FDCWD, rest, e);
	if (read)
		git_pack_blobs(fd, PIECE_MAX, salvage_piece, &s);
	int failed = s.chain.count ? git_reference_create(&ref, repo, part, &s.chain.tip, 1, NULL) : 0;
	git_chain_free(&s.chain);
	if (failed)
		return git_lib_failed(e, failed, part);
	return read && fs_remove(AT_FDCWD, rest, e);
}

/* Pieces of what the remote has no more are of no use; `of` says whose they are. */
static bool begin(git_repository **out, const char *where, const git_oid *at, struct err *e)
{
	cleanup(free_ptr) char *of = path_form("%s/of", where);
	cleanup(buf_free) struct buf held = BUF_MAX(KIB);
	char hex[GIT_OID_HEXSZ + 1];

	git_oid_tostr(hex, sizeof hex, at);
	if (fs_read(&held, AT_FDCWD, of, &(struct err){0}) && str_is(buf_str(&held), hex))
		return git_lib_open(out, where, e);
	return fs_remove_tree(AT_FDCWD, where, e) && git_lib_open(out, where, e) &&
	       fs_write(AT_FDCWD, of, str_of(hex), 0600, e);
}

/* --- fetching the rest --- */

static bool download(git_repository *repo, const struct git_ask *a, const char *name, git_oid *tip, struct err *e)
{
	cleanup(git_lib_remote_free) git_remote *remote = NULL;
	git_remote_callbacks callbacks;
	struct git_transfer transfer;
	uint64_t most = (uint64_t)a->max;
	char spec[128], *specs[] = {spec};
	git_fetch_options how = GIT_FETCH_OPTIONS_INIT;
	const git_remote_head **heads;
	size_t count;

	git_transfer_init(&transfer, &callbacks, &a->access, most + most / 8 + OVERHEAD, git_repository_path(repo));
	int failed = git_remote_create_anonymous(&remote, repo, a->access.url);
	if (failed)
		return git_lib_failed(e, failed, a->access.url);
	if (!git_link_connect(remote, GIT_DIRECTION_FETCH, &callbacks, e))
		return false;
	snprintf(spec, sizeof spec, "+%s:%s", name, whole);
	how.callbacks = callbacks;
	how.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	failed = git_remote_download(remote, &(git_strarray){specs, 1}, &how);
	if (!failed)
		failed = git_remote_ls(&heads, &count, remote);
	if (failed)
		return git_link_failed(&transfer.link, failed, e);
	for (size_t i = 0; i < count; i++)
		if (strcmp(heads[i]->name, name) == 0) {
			*tip = heads[i]->oid;
			return true;
		}
	return err_set(e, ERR_MISSING, "%s: the remote has it no more", name);
}

static bool finish(git_repository *repo, const git_oid *tip, struct err *e)
{
	cleanup(git_lib_reference_free) git_reference *ref = NULL;
	cleanup(free_ptr) char *rest = git_transfer_rest(git_repository_path(repo));

	int failed = git_reference_create(&ref, repo, whole, tip, 1, NULL);
	if (failed)
		return git_lib_failed(e, failed, whole);
	return fs_remove(AT_FDCWD, rest, e);
}

static const git_oid *find(const struct git_fetch *f, const char *name)
{
	for (size_t i = 0; i < f->refs; i++)
		if (strcmp(f->ref[i].name, name) == 0)
			return &f->ref[i].at;
	return NULL;
}

bool git_fetch_payload(git_repository **out, git_oid *tip, const struct git_fetch *f, const struct git_ask *a,
	const char *path, struct err *e)
{
	cleanup(git_lib_repo_free) git_repository *repo = NULL;
	char name[GIT_REF_SIZE];
	git_oid held;

	git_layout_ref(name, path);
	const git_oid *at = find(f, name);
	cleanup(free_ptr) char *folder = path_form("%s.part.git", strrchr(name, '/') + 1);
	cleanup(free_ptr) char *where = path_form("%s/%s", a->dir, folder);
	if (!at)
		return true;
	if (!make_room(a->dir, folder, e) || !begin(&repo, where, at, e))
		return false;
	*tip = *at;
	bool here = git_reference_name_to_id(&held, repo, whole) == 0 && git_oid_equal(&held, at);
	if (!here && (!git_payload_salvage(repo, e) || !download(repo, a, name, tip, e) || !finish(repo, tip, e)))
		return false;
	*out = repo;
	repo = NULL;
	return true;
}
