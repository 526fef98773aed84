/* What must hold on a host. */
#include "tests/fault/check.h"

#include "agent/guard/record.h"
#include "agent/pull/memory.h"
#include "agent/store/tree.h"

/* --- looking --- */

/* False where nobody is enrolled. */
static bool host_is_there(struct world *w)
{
	cleanup(free_ptr) char *file = path_form("%s/agent.json", w->t.at.config);

	return fs_exists(AT_FDCWD, file);
}

static bool open_host(struct config *c, struct store *s, struct world *w, struct err *e)
{
	return config_load(c, w->t.at.config, NULL, e) && store_open(s, c->state, e);
}

static const char *const roles[CHECK_ROLES] = {"root", "timestamp", "snapshot", "targets", TOWER_PLAN};

/* timestamp and snapshot */
static bool is_online(size_t role)
{
	return role == 1 || role == 2;
}

static int64_t read_floor(const struct store *s)
{
	cleanup(buf_free) struct buf text = {0};
	struct str sum;
	uint64_t n = 0;
	struct err e;

	if (fs_read(&text, s->dir, "trust/floor", &e) && !str_number(&n, str_cut(buf_str(&text), '\n', &sum), INT64_MAX))
		n = 0;
	return (int64_t)n;
}

bool facts_read(struct facts *out, struct world *w, struct err *e)
{
	cleanup(config_free) struct config c = {0};
	cleanup(store_close) struct store s = {0};
	cleanup(trust_free) struct trust *t = NULL;
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(pull_state_free) struct pull_state pull = {0};

	*out = (struct facts){.enrolled = host_is_there(w)};
	if (!out->enrolled)
		return true;
	if (!open_host(&c, &s, w, e) || !trustdir_open(&t, &s, &c, clock_now(), e) || !ledger_load(&l, &s, e) ||
		!pull_state_load(&pull, &s, e))
		return false;
	for (size_t i = 0; i < CHECK_ROLES; i++)
		out->version[i] = trust_version(t, roles[i]);
	out->floor = read_floor(&s);
	out->receipt = l.receipt;
	out->counter = pull.counter;
	out->counter_root = pull.counter_root;
	return true;
}

void facts_forget(struct facts *f)
{
	*f = (struct facts){.enrolled = f->enrolled, .receipt = f->receipt};
}

/* With a new root the online roles, and the clock's floor, begin anew. */
struct facts facts_later(const struct facts *was, const struct facts *is)
{
	struct facts f = {.enrolled = was->enrolled || is->enrolled, .receipt = MAX(was->receipt, is->receipt)};
	bool anew = is->version[0] > was->version[0];

	for (size_t i = 0; i < CHECK_ROLES; i++)
		f.version[i] = anew && is_online(i) ? is->version[i] : MAX(was->version[i], is->version[i]);
	f.floor = anew ? is->floor : MAX(was->floor, is->floor);
	f.counter_root = MAX(was->counter_root, is->counter_root);
	f.counter = is->counter_root > was->counter_root ? is->counter : MAX(was->counter, is->counter);
	return f;
}

/* --- what runs --- */

bool check_current(struct world *w, struct err *e)
{
	cleanup(config_free) struct config c = {0};
	cleanup(store_close) struct store s = {0};
	cleanup(release_close) struct release r = {0};
	cleanup(access_set_free) struct access_set set = {0};
	struct digest id, bundle;
	size_t differences = 0;

	if (!host_is_there(w))
		return true;
	if (!open_host(&c, &s, w, e) || !release_current(&id, &s, e) || !release_open(&r, &s, id, e) ||
		!access_open(&set, &s, e))
		return false;
	bundle = r.manifest.bundle.sha256;
	if (!bundle_check(&s, bundle, (uint64_t)r.manifest.bundle.length, e) ||
		!tree_compare(&differences, &s, bundle, NULL, NULL, e))
		return false;
	if (differences)
		return err_set(e, ERR_DIGEST, "the tree of what runs has %zu differences", differences);
	return digest_zero(set.id) || fs_exists(s.dir, "access/current/authorized_keys") ||
	       err_set(e, ERR_MISSING, "the keys in force are not whole");
}

/* --- what was said --- */

static bool check_receipt(struct digest *before, const struct store *s, const struct public_key *key, int64_t n, struct err *e)
{
	cleanup(buf_free) struct buf text = {0};
	cleanup(receipt_free) struct receipt r = {0};

	if (!receipts_bytes(&text, s, n, e) || !receipt_read(&r, buf_str(&text), e) ||
		!receipt_verify(buf_str(&text), key, e))
		return err_in(e, "receipt %lld", (long long)n);
	if (r.number != n || !digest_eq(r.previous, *before))
		return err_set(e, ERR_FAILED, "receipt %lld does not follow the one before", (long long)n);
	*before = receipt_digest(buf_str(&text));
	return true;
}

static bool check_chain(const struct store *s, const struct ledger *l, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/receipts/key", s->path);
	cleanup(public_free) struct public_key key = {0};
	struct digest before = {0};

	if (!secret_peek(&key, path, e))
		return false;
	for (int64_t n = 1; n <= l->receipt; n++)
		if (!check_receipt(&before, s, &key, n, e))
			return false;
	return digest_eq(before, l->receipt_digest) ||
	       err_set(e, ERR_FAILED, "the ledger names another receipt than the newest");
}

/* --- what is believed --- */

bool check_trust(struct world *w, const struct facts *before, struct err *e)
{
	struct facts now;

	if (!facts_read(&now, w, e))
		return false;
	bool anew = now.version[0] > before->version[0];
	for (size_t i = 0; i < CHECK_ROLES; i++)
		if (now.version[i] < before->version[i] && !(anew && is_online(i)))
			return err_set(e, ERR_OLDER, "trust went back: %s from %llu to %llu", roles[i],
				(unsigned long long)before->version[i], (unsigned long long)now.version[i]);
	if (now.floor < before->floor && !anew)
		return err_set(e, ERR_OLDER, "the clock's floor went back");
	if (now.counter_root < before->counter_root || (now.counter_root == before->counter_root && now.counter < before->counter))
		return err_set(e, ERR_OLDER, "the rollout's counter went back");
	return now.receipt >= before->receipt || err_set(e, ERR_OLDER, "receipts went back");
}

/* Guard has nothing left to take back. */
static bool check_guard(const struct store *s, struct err *e)
{
	struct guard_record r;

	if (!guard_read(&r, s->dir, e))
		return e->code == ERR_MISSING;
	for (int i = 0; i < GUARD_TRIALS; i++)
		if (*r.trial[i].back)
			return err_set(e, ERR_FAILED, "guard would still go back to %s", r.trial[i].back);
	return true;
}

bool check_settled(struct world *w, const struct facts *before, struct err *e)
{
	cleanup(config_free) struct config c = {0};
	cleanup(store_close) struct store s = {0};
	cleanup(ledger_free) struct ledger l = {0};

	if (!check_current(w, e))
		return false;
	if (!host_is_there(w))
		return !before->enrolled || err_set(e, ERR_MISSING, "it was enrolled");
	if (!open_host(&c, &s, w, e) || !ledger_load(&l, &s, e))
		return false;
	if (l.has_attempt)
		return err_set(e, ERR_FAILED, "a trial is still open, at step %s", step_words[l.step]);
	return check_guard(&s, e) && check_trust(w, before, e) && check_chain(&s, &l, e);
}

/* --- what is there --- */

/* Of these it counts that they are there. */
static bool differs_rightly(struct str path)
{
	static const char *const names[] = {"state/state", "state/state.2", "state/pull.json", "state/pull.last", "state/progress",
		"state/receipts/key", "state/pull.rollout", "state/guard"};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (str_is(path, names[i]))
			return true;
	return false;
}

static bool is_left_out(struct str path)
{
	return str_ends(path, ".lock") || (str_starts(path, "state/receipts/") && str_ends(path, ".json"));
}

void check_entries(struct buf *out, struct world *w)
{
	cleanup(buf_free) struct buf all = {0};

	world_list(&all, w);
	for (struct str rest = buf_str(&all); rest.len;) {
		struct str line = str_cut(rest, '\n', &rest), tail;
		struct str kind = str_cut(line, ' ', &tail), path = str_cut(tail, ' ', &tail);
		if (is_left_out(path))
			continue;
		if (differs_rightly(path))
			buf_form(out, STR_FMT " " STR_FMT "\n", STR_ARG(kind), STR_ARG(path));
		else
			buf_form(out, STR_FMT "\n", STR_ARG(line));
	}
}

bool check_like(struct str is, struct str like, struct err *e)
{
	while (is.len || like.len) {
		struct str a = str_cut(is, '\n', &is), b = str_cut(like, '\n', &like);
		if (!str_eq(a, b))
			return err_set(e, ERR_FAILED, "the disk has \"" STR_FMT "\" where it should have \"" STR_FMT "\"",
				STR_ARG(a), STR_ARG(b));
	}
	return true;
}

/* But payloads: they wait for the next one, which takes their place. */
static void without_parts(struct buf *out, struct str entries)
{
	while (entries.len) {
		struct str line = str_cut(entries, '\n', &entries), rest;
		struct str kind = str_cut(line, ' ', &rest), path = str_cut(rest, ' ', &rest);
		if (!str_is(kind, "file") || !str_starts(path, "state/staging/") || !str_ends(path, ".part"))
			buf_form(out, STR_FMT "\n", STR_ARG(line));
	}
}

bool check_end(struct world *w, const struct story *s, struct str like, enum strict strict, struct err *e)
{
	cleanup(config_free) struct config c = {0};
	cleanup(store_close) struct store store = {0};
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(buf_free) struct buf text = {0}, entries = {0}, bare = {0}, bare_like = {0};
	cleanup(receipt_free) struct receipt r = {0};

	if (strict == STRICT_SAFE)
		return true;
	if (!open_host(&c, &store, w, e) || !ledger_load(&l, &store, e) || !receipts_bytes(&text, &store, l.receipt, e) ||
		!receipt_read(&r, buf_str(&text), e))
		return false;
	if (strict == STRICT_ERROR && s->hurt && r.verdict == VERDICT_ENVIRONMENT)
		return true;
	if (strict == STRICT_ERROR && r.text && strstr(r.text, "could not be run: results"))
		return true; /* results/ is no part of the disk: a hook that gets no folder there is red, and the release goes back */
	if (r.verdict != s->verdict)
		return err_set(e, ERR_FAILED, "the last verdict is %s, not %s: %.200s", verdict_words[r.verdict],
			verdict_words[s->verdict], r.text ? r.text : "");
	if (r.current_number != s->runs)
		return err_set(e, ERR_FAILED, "release %lld runs, not %lld", (long long)r.current_number, (long long)s->runs);
	check_entries(&entries, w);
	if (strict != STRICT_ERROR && !s->anew)
		return check_like(buf_str(&entries), like, e);
	without_parts(&bare, buf_str(&entries));
	without_parts(&bare_like, like);
	return check_like(buf_str(&bare), buf_str(&bare_like), e);
}
