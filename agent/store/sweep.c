/* What nothing needs any more goes. */
#include "agent/store/sweep.h"

#include <fcntl.h>
#include <stdlib.h>

#include "agent/store/access.h"
#include "agent/store/bundle.h"
#include "agent/store/linked.h"
#include "agent/store/release.h"
#include "agent/store/staging.h"
#include "agent/store/staging.h"
#include "agent/store/tree.h"
#include "manifests/program.h"

enum { RELEASES_MAX = 4, AGENTS_MAX = 3 };

struct kept {
	struct digest release[RELEASES_MAX], bundle[RELEASES_MAX + AGENTS_MAX];
	size_t releases, bundles;
};

static bool among(const struct digest *of, size_t count, struct digest d)
{
	for (size_t i = 0; i < count; i++)
		if (digest_eq(of[i], d))
			return true;
	return false;
}

/* A release that is not there (the tried one, before it is unpacked) has no bundle to keep yet. */
static bool keep(struct kept *k, const struct store *s, struct digest id, struct err *e)
{
	cleanup(manifest_free) struct manifest m = {0};
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);

	if (!release_has(s, id) || among(k->release, k->releases, id))
		return true;
	if (!release_manifest(&text, s, id, e) || !manifest_read(&m, buf_str(&text), NULL, e))
		return err_in(e, "sweep");
	k->release[k->releases++] = id;
	k->bundle[k->bundles++] = m.bundle.sha256;
	return true;
}

/* The agent that is linked, and of one that is tried itself and the way back. */
static bool keep_agents(struct kept *k, const struct store *s, const struct ledger *l, struct err *e)
{
	cleanup(program_free) struct program p = {0};
	cleanup(buf_free) struct buf text = {0};

	if (!linked_current(&k->bundle[k->bundles++], s, e))
		return false;
	if (!l->has_attempt || !l->attempt.self)
		return true;
	k->bundle[k->bundles++] = l->attempt.from;
	if (!staging_manifest(&text, s, l->attempt.release, e) || !program_read(&p, buf_str(&text), NULL, e))
		return err_in(e, "sweep");
	k->bundle[k->bundles++] = p.bundle.sha256;
	return true;
}

/* Other users' processes may not be readable: then nothing is known of them, and only the kept releases are safe. */
static bool in_use(const struct store *s, struct digest bundle)
{
	cleanup(fs_names_free) struct fs_names pids = {0};
	char hex[DIGEST_HEX + 1];
	struct err e;

	digest_hex(hex, bundle);
	cleanup(free_ptr) char *tree = path_form("%s/trees/%s", s->path, hex);
	if (!fs_names(&pids, AT_FDCWD, "/proc", &e))
		return false;
	for (size_t i = 0; i < pids.count; i++) {
		cleanup(free_ptr) char *link = path_form("/proc/%s/cwd", pids.name[i]);
		char cwd[512];
		if (pids.name[i][0] >= '0' && pids.name[i][0] <= '9' && fs_readlink(cwd, AT_FDCWD, link, &e) &&
			str_starts(str_of(cwd), tree))
			return true;
	}
	return false;
}

static bool sweep_releases(const struct store *s, const struct kept *k, struct err *e)
{
	cleanup(free_ptr) struct digest *id = NULL;
	size_t count;

	if (!digest_names(&id, &count, s, "releases", "", e))
		return false;
	for (size_t i = 0; i < count; i++) {
		char hex[DIGEST_HEX + 1];
		digest_hex(hex, id[i]);
		cleanup(free_ptr) char *path = path_form("releases/%s", hex);
		if (!among(k->release, k->releases, id[i]) && !fs_remove_tree(s->dir, path, e))
			return false;
	}
	return true;
}

static bool sweep_trees(const struct store *s, const struct kept *k, struct err *e)
{
	cleanup(free_ptr) struct digest *bundle = NULL;
	size_t count;

	if (!digest_names(&bundle, &count, s, "trees", "", e))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!among(k->bundle, k->bundles, bundle[i]) && !in_use(s, bundle[i]) && !tree_remove(s, bundle[i], e))
			return false;
	return true;
}

static bool sweep_bundles(const struct store *s, const struct kept *k, struct err *e)
{
	cleanup(free_ptr) struct digest *bundle = NULL;
	size_t count;

	if (!digest_names(&bundle, &count, s, "bundles", ".tar", e))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!among(k->bundle, k->bundles, bundle[i]) && !bundle_remove(s, bundle[i], e))
			return false;
	return true;
}

/* What a run that was killed had begun to write or to remove, under names that nobody would look for again. */
static bool sweep_leftovers(const struct store *s, struct err *e)
{
	static const char *const folders[] = {"", "trust", "releases", "trees", "bundles", "receipts", "staging"};

	for (size_t i = 0; i < COUNT_OF(folders); i++)
		if (!fs_sweep(s->dir, folders[i], e))
			return false;
	return true;
}

static struct digest newest(const struct list *marks)
{
	const struct mark *m = marks->items;

	return m[marks->count - 1].release;
}

static bool sweep_access(const struct store *s, const struct ledger *l, struct err *e)
{
	struct digest current, from = l->has_attempt && l->attempt.access ? l->attempt.from : (struct digest){0};

	return access_current(&current, s, e) && access_sweep(s, current, from, e);
}

bool sweep_store(const struct store *s, const struct ledger *l, struct err *e)
{
	struct kept k = {0};
	struct digest current;

	if (!release_current(&current, s, e) || !keep(&k, s, current, e))
		return false;
	if (l->has_previous && !keep(&k, s, l->previous, e))
		return false;
	if (!l->has_previous && l->held.count && !keep(&k, s, newest(&l->held), e))
		return false;
	if (l->has_attempt && (!keep(&k, s, l->attempt.release, e) || !keep(&k, s, l->attempt.from, e)))
		return false;
	return keep_agents(&k, s, l, e) && sweep_releases(s, &k, e) && sweep_trees(s, &k, e) && sweep_bundles(s, &k, e) && sweep_leftovers(s, e) &&
	       sweep_access(s, l, e);
}

bool sweep_idle(const struct store *s, const struct ledger *l, struct err *e)
{
	store_ballast(s);
	return sweep_store(s, l, e) && staging_clear(s, false, e) &&
	       (!fs_exists(s->dir, "confirm") || fs_remove(s->dir, "confirm", e));
}
