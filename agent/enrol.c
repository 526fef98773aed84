/* Making this Pi a host. */
#include "agent/enrol.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/guard/record.h"
#include "agent/pull/keys.h"
#include "agent/store/access.h"
#include "agent/store/bundle.h"
#include "agent/store/ledger.h"
#include "agent/store/receipts.h"
#include "agent/store/release.h"
#include "agent/store/tree.h"
#include "agent/store/trustdir.h"
#include "agent/take/first.h"
#include "base/name.h"
#include "base/version.h"
#include "bundles/pack.h"

enum { POLL_MS = 6 * 3600 * 1000, DEADLINE_MS = 60 * 1000 };

/* --- the baseline: number 0, nothing in it, trusted by the digest in agent.json --- */

static bool pack_nothing(struct pack_facts *out, const struct store *s, struct err *e)
{
	cleanup(free_ptr) char *empty = path_form("%s/staging/empty", s->path);
	const char *layer[] = {empty};
	cleanup(fd_close) int fd = -1;

	return fs_mkdir(s->dir, "staging/empty", 0755, e) && fs_create(&fd, s->dir, "staging/empty.tar", 0644, e) &&
	       pack_folders(out, fd, layer, 1, e) && fs_remove_tree(s->dir, "staging/empty", e) &&
	       bundle_keep(s, out->digest, "staging/empty.tar", e);
}

bool enrol_baseline(struct config *c, const struct store *s, struct err *e)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(MANIFEST_MAX);
	struct pack_facts facts;
	struct manifest m = {.format = 1};

	if (!pack_nothing(&facts, s, e))
		return err_in(e, "baseline");
	m.bundle.sha256 = facts.digest;
	m.bundle.length = (int64_t)facts.length;
	m.plan.plan = c->plan;
	m.plan.trial.deadline_ms = DEADLINE_MS;
	m.plan.poll.every_ms = POLL_MS;
	manifest_write(&bytes, &m);
	if (!buf_ok(&bytes, e))
		return false;
	c->baseline = manifest_id(buf_str(&bytes));
	return (tree_make(s, facts.digest, e) && release_add(s, c->baseline, buf_str(&bytes), e) &&
		       release_swap(s, c->baseline, e)) ||
	       err_in(e, "baseline");
}

/* --- the rest of the state --- */

/* Receipts are numbered on, so that nobody takes an old one for news: also where the ledger is lost, or an enrolment broke off
 * between a receipt and the ledger. */
static void go_on(struct ledger *l, const struct store *s)
{
	cleanup(ledger_free) struct ledger old = {0};
	struct err no;

	receipts_last(&l->receipt, &l->receipt_digest, s);
	if (!ledger_load(&old, s, &no))
		return;
	l->sequence = old.sequence;
	if (old.receipt < l->receipt)
		return;
	l->receipt = old.receipt;
	l->receipt_digest = old.receipt_digest;
}

static bool write_ledger(const struct config *c, const struct store *s, struct err *e)
{
	struct ledger l = {0};
	struct moment now = clock_now();
	char boot[40], text[] = "enrolled";
	cleanup(release_close) struct release baseline = {0};

	if (!release_open(&baseline, s, c->baseline, e))
		return false;
	clock_boot_id(boot);
	go_on(&l, s);
	l.since = now.unix_s;
	struct receipt receipt = {
		.number = ++l.receipt,
		.previous = l.receipt_digest,
		.host = c->id,
		.plan = c->plan,
		.verdict = VERDICT_ENROLLED,
		.text = text,
		.release = c->baseline,
		.current = c->baseline,
		.boot = boot,
		.time = now.unix_s,
		.synced = now.synced,
		.agent = (char *)fleet_version,
		.disk = release_disk(&baseline),
	};
	return receipts_add(&l.receipt_digest, s, &receipt, e) && ledger_save(&l, s, e);
}

/* --- what is asked for --- */

static bool check_root(struct str root, struct err *e)
{
	cleanup(trust_free) struct trust *t = NULL;
	struct moment now = clock_now();

	return trust_new(&t, root, (struct trust_time){now.unix_s, now.synced}, e) || err_in(e, "the root of trust");
}

static bool check_new(const struct enrolment *want, const char *dir, struct err *e)
{
	cleanup(config_free) struct config old = {0};
	cleanup(free_ptr) char *file = path_form("%s/agent.json", dir);
	struct err no;

	if (!fs_exists(AT_FDCWD, file))
		return true;
	if (!want->force)
		return err_set(e, ERR_EXISTS,
			"%s is there: this host is enrolled; --force begins anew as the same host", file);
	if (config_load(&old, dir, NULL, &no) && strcmp(old.id, want->id) != 0)
		return err_set(e, ERR_FOREIGN, "this host is %s; it does not become %s by --force", old.id, want->id);
	return true;
}

static bool real_folder(char **out, const char *path, struct err *e)
{
	if (!fs_mkdir(AT_FDCWD, path, 0755, e))
		return false;
	*out = realpath(path, NULL);
	return *out || err_sys(e, "%s", path);
}

static bool fill_sources(struct config *c, const char *file, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(ORIGINS_FILE_MAX);

	if (!file)
		return true;
	if (!fs_read(&text, AT_FDCWD, file, e))
		return false;
	if (!origins_read(&c->sources, buf_str(&text), file, e))
		return err_in(e, "--sources wants the JSON that `fleetctl sign` makes of sources.yaml");
	c->has_sources = true;
	return true;
}

static bool fill_config(struct config *c, const struct enrolment *want, const char *dir, struct err *e)
{
	c->serve = str_dup(str_of(want->serve ? want->serve : CONFIG_SERVE));
	if (!access_check_serve(c->serve, e) || !fill_sources(c, want->sources, e))
		return false;
	c->format = CONFIG_FORMAT;
	c->allow_volatile = want->allow_volatile;
	c->trials_per_day = CONFIG_TRIALS_PER_DAY;
	c->id = str_dup(str_of(want->id));
	c->plan = str_dup(str_of(want->plan));
	c->site = want->site ? str_dup(str_of(want->site)) : NULL;
	if (want->run || (!want->config_dir && fs_exists(AT_FDCWD, CONFIG_RUN "/apply.sock")))
		c->run = str_dup(str_of(want->run ? want->run : CONFIG_RUN));
	return real_folder(&c->dir, dir, e) &&
	       real_folder(&c->state, want->state_dir ? want->state_dir : CONFIG_STATE, e) &&
	       real_folder(&c->results, want->results ? want->results : CONFIG_RESULTS, e);
}

/* A host that forgets what is guilty, held and current at each restart is worse than none. */
static bool check_lasts(const struct config *c, const struct enrolment *want, struct err *e)
{
	cleanup(fd_close) int dir = -1;

	if (want->allow_volatile)
		return true;
	if (!fs_open_dir(&dir, AT_FDCWD, c->state, e))
		return err_in(e, "state folder");
	const char *kind = fs_volatile(dir);
	return !kind ||
	       err_set(e, ERR_REFUSED,
		       "state folder %s lies on %s: a restart may empty it; give --state-dir on a disk that lasts, "
		       "or --allow-volatile",
		       c->state, kind);
}

/* What is read from elsewhere, before anything changes here, and as who enrols. */
struct brought {
	struct buf root, keys;
	bool has_keys;
	struct first_day day;
};

static void brought_free(struct brought *b)
{
	buf_free(&b->root);
	buf_free(&b->keys);
	first_day_free(&b->day);
}

static bool bring(struct brought *b, const struct enrolment *want, struct err *e)
{
	if (!fs_read(&b->root, AT_FDCWD, want->root, e) || !check_root(buf_str(&b->root), e) ||
		(want->keys && !fs_read(&b->keys, AT_FDCWD, want->keys, e)))
		return false;
	return !want->metadata ||
	       first_day_read(&b->day, buf_str(&b->root), want->metadata, want->plan, clock_now(), e);
}

static bool fill_store(struct config *c, bool new_key, const struct brought *b, struct err *e)
{
	cleanup(store_close) struct store s = {0};
	cleanup(fd_close) int lock = -1;
	struct str keys = b->has_keys ? buf_str(&b->keys) : (struct str){0};
	bool taken;

	if (!store_make(c->state, e) || !store_open(&s, c->state, e) || !store_lock(&lock, &taken, &s, e))
		return false;
	if (!taken)
		return err_set(e, ERR_BUSY, "an update is under way; when it has ended, try again");
	/* whatever was tried before is over: nobody leads back to it */
	return guard_end(s.dir, GUARD_RELEASE, e) && guard_end(s.dir, GUARD_AGENT, e) && enrol_baseline(c, &s, e) && trustdir_clear(&s, e) && first_day_keep(&b->day, &s, e) &&
	       receipts_make_key(&s, new_key, e) && pull_keys_make(&s, c->has_sources ? &c->sources : NULL, new_key, e) &&
	       access_enrol(&s, c, keys, e) && write_ledger(c, &s, e);
}

/* Root enrols; the state is its owner's, who is the user that the agent runs as. */
static bool owner_begin(const char *state, struct err *e)
{
	struct stat st;

	if (getuid() != 0)
		return true;
	return (stat(state, &st) == 0 && setegid(st.st_gid) == 0 && seteuid(st.st_uid) == 0) || err_sys(e, "%s", state);
}

static bool owner_end(struct err *e)
{
	return getuid() != 0 || (seteuid(0) == 0 && setegid(0) == 0) || err_sys(e, "root again");
}

static bool fill_as_owner(struct config *c, bool new_key, const struct brought *b, struct err *e)
{
	struct err end;

	if (!owner_begin(c->state, e))
		return false;
	bool filled = fill_store(c, new_key, b, e);
	return owner_end(filled ? e : &end) && filled;
}

static bool check_words(const struct enrolment *want, struct err *e)
{
	return name_check(str_of(want->id), e) && name_check_plan(str_of(want->plan), e) &&
	       (!want->site || name_check(str_of(want->site), e));
}

bool enrol_host(const struct enrolment *want, struct err *e)
{
	const char *dir = want->config_dir ? want->config_dir : CONFIG_DIR;
	cleanup(brought_free) struct brought b = {
		.root = BUF_MAX(TRUST_ROOT_MAX), .keys = BUF_MAX(MIB), .has_keys = want->keys != NULL};
	cleanup(config_free) struct config c = {0};

	if (!check_words(want, e) || !check_new(want, dir, e) || !bring(&b, want, e))
		return false;
	return fill_config(&c, want, dir, e) && check_lasts(&c, want, e) && fill_as_owner(&c, want->new_key, &b, e) &&
	       config_anchor_save(&c, buf_str(&b.root), e) && config_save(&c, e);
}
