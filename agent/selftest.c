/* What a new agent must be able to do before it is linked. */
#include "agent/selftest.h"

#include <fcntl.h>

#include "agent/enrol.h"
#include "agent/store/bundle.h"
#include "agent/store/ledger.h"
#include "agent/store/receipts.h"
#include "agent/store/release.h"
#include "agent/store/tree.h"
#include "agent/store/trustdir.h"
#include "bundles/pack.h"

#define SCRATCH "staging/self-test"

/* --- this host, by these eyes --- */

static bool read_ours(const struct config *c, const struct store *s, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(trust_free) struct trust *t = NULL;
	cleanup(release_close) struct release r = {0};
	struct digest current;

	if (!ledger_load(&l, s, e) || !trustdir_open(&t, s, c, clock_now(), e))
		return false;
	return release_current(&current, s, e) && release_open(&r, s, current, e);
}

/* --- a host of its own --- */

/* A release with one file, from its folder to a tree that is what was packed. */
static bool make_release(struct digest *id, const struct store *s, struct digest like, struct err *e)
{
	cleanup(release_close) struct release r = {0};
	cleanup(free_ptr) char *folder = path_form("%s/staging/release", s->path);
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);
	cleanup(fd_close) int fd = -1;
	const char *layer[] = {folder};
	struct pack_facts facts;
	size_t differences;

	if (!fs_mkdir(s->dir, "staging/release", 0755, e) ||
		!fs_write(s->dir, "staging/release/hello.sh", STR("#!/bin/sh\necho hello\n"), 0755, e) ||
		!fs_create(&fd, s->dir, "staging/release.tar", 0644, e) || !pack_folders(&facts, fd, layer, 1, e) ||
		!fs_sync_fd(fd, e) || !bundle_keep(s, facts.digest, "staging/release.tar", e) ||
		!bundle_check(s, facts.digest, facts.length, e))
		return false;
	if (!release_open(&r, s, like, e))
		return false;
	r.manifest.number++;
	r.manifest.bundle = (struct bundle_named){facts.digest, (int64_t)facts.length};
	manifest_write(&text, &r.manifest);
	*id = manifest_id(buf_str(&text));
	return buf_ok(&text, e) && tree_make(s, facts.digest, e) &&
	       tree_compare(&differences, s, facts.digest, NULL, NULL, e) &&
	       (!differences || err_set(e, ERR_IO, "the tree is not what was packed")) &&
	       release_add(s, *id, buf_str(&text), e);
}

static bool runs(const struct store *s, struct digest id, struct err *e)
{
	cleanup(release_close) struct release r = {0};
	struct digest current;

	if (!release_current(&current, s, e) || !release_open(&r, s, current, e))
		return false;
	return digest_eq(current, id) || err_set(e, ERR_INTERNAL, "another release runs than was swapped in");
}

static bool there_and_back(const struct config *c, const struct store *s, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(buf_free) struct buf receipt = {0};
	struct digest id;

	return ledger_load(&l, s, e) && receipts_newest(&receipt, s, l.receipt, e) && runs(s, c->baseline, e) &&
	       make_release(&id, s, c->baseline, e) && release_swap(s, id, e) && runs(s, id, e) &&
	       release_swap(s, c->baseline, e) && runs(s, c->baseline, e) && ledger_save(&l, s, e);
}

/* Enrolled with this host's own root of trust, which is verified by that. */
static bool try_own(const struct config *c, const char *at, struct err *e)
{
	cleanup(free_ptr) char *root = path_form("%s/root.json", c->dir);
	cleanup(free_ptr) char *etc = path_form("%s/etc", at);
	cleanup(free_ptr) char *state = path_form("%s/state", at);
	cleanup(free_ptr) char *results = path_form("%s/results", at);
	cleanup(config_free) struct config own = {0};
	cleanup(store_close) struct store s = {0};
	const struct enrolment want = {.id = c->id, .plan = c->plan, .root = root, .config_dir = etc, .state_dir = state,
		.results = results, .run = etc, .allow_volatile = true};

	return enrol_host(&want, e) && config_load(&own, etc, NULL, e) && store_open(&s, own.state, e) &&
	       there_and_back(&own, &s, e);
}

bool selftest_run(const struct config *c, const struct store *s, struct err *e)
{
	cleanup(free_ptr) char *at = path_form("%s/" SCRATCH, s->path);
	struct err drop;

	if (!read_ours(c, s, e) || !fs_remove_tree(s->dir, SCRATCH, e) || !fs_mkdir(s->dir, SCRATCH, 0700, e))
		return false;
	bool good = try_own(c, at, e);
	(void)!fs_remove_tree(s->dir, SCRATCH, &drop);
	return good;
}
