/* libgit2 writes a pack under a name of its own and removes it when the line breaks; a second name keeps it. */
#include "sources/git_transfer.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"

/* A second name for the pack that is being written; without one, a break costs what has come. */
static void keep(struct git_transfer *t)
{
	cleanup(free_ptr) char *folder = path_form("%s/objects/pack", t->repo), *rest = git_transfer_rest(t->repo);
	cleanup(fs_names_free) struct fs_names names = {0};

	t->kept = true;
	if (!fs_names(&names, AT_FDCWD, folder, &(struct err){0}))
		return;
	for (size_t i = 0; i < names.count; i++) {
		cleanup(free_ptr) char *from = path_form("%s/%s", folder, names.name[i]);
		if (str_starts(str_of(names.name[i]), "pack_git2_") && link(from, rest) == 0)
			return;
	}
}

static int on_progress(const git_indexer_progress *p, void *transfer)
{
	struct git_transfer *t = transfer;

	if (t->repo && !t->kept)
		keep(t);
	if (p->received_bytes <= t->most && p->total_objects <= GIT_OBJECTS_MAX)
		return 0;
	err_set(&t->link.why, ERR_LIMIT, "the server sends more than it may");
	return GIT_EUSER;
}

void git_transfer_init(
	struct git_transfer *t, git_remote_callbacks *out, const struct git_access *a, uint64_t most, const char *repo)
{
	*t = (struct git_transfer){.most = most, .repo = repo};
	git_link_init(out, &t->link, a, most);
	out->transfer_progress = on_progress;
	out->payload = t;
}

char *git_transfer_rest(const char *repo)
{
	return path_form("%s/rest", repo);
}

bool git_transfer_head(git_oid *out, git_remote *remote, const char *ref)
{
	const git_remote_head **heads;
	size_t count = 0;

	if (git_remote_ls(&heads, &count, remote) != 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(heads[i]->name, ref) == 0) {
			*out = heads[i]->oid;
			return true;
		}
	return false;
}

int git_transfer_refused(const char *ref, const char *status, void *transfer)
{
	struct git_transfer *t = transfer;

	if (!status)
		return 0;
	err_set(&t->link.why, ERR_REFUSED, "the server refuses %s: %s", ref, status);
	return GIT_EUSER;
}
