/* One poll over a folder: what the rollout's role says, and each forgery of it. */
#include "agent/pull/pull.h"
#include "agent/pull/memory.h"
#include "agent/store/bundle.h"
#include "manifests/stage.h"
#include "manifests/trust.h"
#include "tests/unit/agent/tower.h"

static const char well[] = "checks:\n- {name: ok, run: checks/ok.sh, class: local}\ntrial: {settle: 0s, deadline: 10s}\n";

struct forgery {
	const struct secret_key *by; /* who signs the rollout's role; NULL: who should */
	bool by_plan;                /* the plan's role has the document, and there is no other */
	bool withdrawn;              /* the plan's role permits nothing */
};

/* --- the repository, in a folder --- */

static void put(struct tower *t, const char *path, struct str bytes)
{
	cleanup(free_ptr) char *whole = path_form("%s/repo/%s", t->dir, path);
	cleanup(free_ptr) char *folder = str_dup(str_bytes(whole, (size_t)(strrchr(whole, '/') - whole)));

	must(fs_mkdir(AT_FDCWD, folder, 0755, e));
	must(fs_write(AT_FDCWD, whole, bytes, 0644, e));
}

static void put_meta(struct tower *t, const char *role, uint64_t version, const struct buf *bytes)
{
	char file[512];

	trust_role_file(file, role, version);
	cleanup(free_ptr) char *path = path_form("metadata/%s", file);
	put(t, path, buf_str(bytes));
}

static void put_target(struct tower *t, doc *role, const char *folder, const char *name, struct str bytes)
{
	char hex[DIGEST_HEX + 1];
	cleanup(free_ptr) char *path = path_form("%s/%s", folder, name);

	digest_hex(hex, digest_of(bytes));
	cleanup(free_ptr) char *file = path_form("targets/%s/%s.%s", folder, hex, name);
	put(t, file, bytes);
	role_set_target(role, path, bytes);
}

static void put_bundle(struct tower *t, const struct tower_release *r)
{
	char hex[DIGEST_HEX + 1];
	cleanup(fd_close) int in = -1;
	cleanup(fd_close) int out = -1;

	digest_hex(hex, r->bundle);
	cleanup(free_ptr) char *path = path_form("%s/repo/bundles/%s.tar.zst", t->dir, hex);
	cleanup(free_ptr) char *plain = path_form("%s/plain", t->dir);
	put(t, "bundles/.made", STR(""));
	must(fs_write(AT_FDCWD, plain, buf_str(&r->tar), 0600, e));
	must(fs_open_read(&in, AT_FDCWD, plain, e));
	must(fs_create(&out, AT_FDCWD, path, 0644, e));
	must(squeeze_file(out, in, e));
}

static void sign_and_put(struct tower *t, const char *name, uint64_t version, doc *body, const struct secret_key *by)
{
	cleanup(buf_free) struct buf bytes = {0};

	tower_sign(t, &bytes, body, by);
	put_meta(t, name, version, &bytes);
}

static void publish(struct tower *t, const struct stage *stage, const struct forgery *how)
{
	const struct public_key *keys[] = {&t->pub};
	struct role_signers all = {.key = keys, .count = 1, .threshold = 1};
	const char *const plan_paths[] = {TOWER_PLAN "/*", TOWER_PLAN "/*/*"}, *const door[] = {TOWER_PLAN "/rollout.json"};
	int64_t until = clock_now().unix_s + TOWER_YEAR;
	cleanup(buf_free) struct buf text = {0};
	uint64_t v = ++t->version;

	stage_write(&text, stage);
	doc *targets = role_body(ROLE_TARGETS, v, until), *role = role_body(ROLE_TARGETS, v, until);
	doc *rollout = role_body(ROLE_TARGETS, v, until), *snapshot = role_body(ROLE_SNAPSHOT, v, until);
	doc *timestamp = role_body(ROLE_TIMESTAMP, v, until);
	if (!how->by_plan)
		role_add_link(targets, "rollout-" TOWER_PLAN, &all, door, 1);
	role_add_link(targets, TOWER_PLAN, &all, plan_paths, 2);
	for (size_t i = 0; i < t->releases && !how->withdrawn; i++) {
		cleanup(free_ptr) char *name = path_form("%lld.json", (long long)t->release[i].number);
		put_target(t, role, TOWER_PLAN "/releases", name, buf_str(&t->release[i].manifest));
		put_bundle(t, &t->release[i]);
	}
	put_target(t, how->by_plan ? role : rollout, TOWER_PLAN, "rollout.json", buf_str(&text));
	role_set_meta(snapshot, "targets", v);
	role_set_meta(snapshot, TOWER_PLAN, v);
	role_set_meta(snapshot, "rollout-" TOWER_PLAN, v);
	role_set_meta(timestamp, "snapshot", v);
	sign_and_put(t, "targets", v, targets, t->key);
	sign_and_put(t, TOWER_PLAN, v, role, t->key);
	sign_and_put(t, "rollout-" TOWER_PLAN, v, rollout, how->by ? how->by : t->key);
	sign_and_put(t, "snapshot", v, snapshot, t->key);
	sign_and_put(t, "timestamp", 0, timestamp, t->key);
}

/* --- a host and its rollout --- */

struct place {
	struct tower t;
	struct tower_release *release;
	struct stage_host host;
	struct stage_share share;
	struct stage stage;
};

static int set_up(void **state)
{
	struct place *p = mem_new(1, sizeof *p);
	struct origin *o = mem_new(1, sizeof *o);

	tower_open(&p->t);
	p->release = tower_release(&p->t, 1, well);
	*o = (struct origin){.kind = ORIGIN_FOLDER, .url = path_form("%s/repo", p->t.dir)};
	p->t.config.has_sources = true;
	p->t.config.sources.format = ORIGINS_FORMAT;
	p->t.config.sources.source = (struct list){o, 1};
	p->host = (struct stage_host){.id = (char *)"ber-D"};
	p->share = (struct stage_share){1};
	p->stage = (struct stage){
		.plan = (char *)TOWER_PLAN,
		.rollout = (char *)"r-1",
		.counter = 1,
		.release = p->release->id,
		.number = 1,
		.hosts = {&p->host, 1},
		.stages = {&p->share, 1},
		.open = 1,
	};
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	tower_close(&p->t);
	free(p);
	return 0;
}

static struct pull_outcome poll_when(struct place *p, bool now)
{
	struct pull_outcome out = {0};
	struct pull with = {.config = &p->t.config, .store = &p->t.store, .launch = tower_launch, .now = now};

	must(pull_once(&out, &with, e));
	return out;
}

static struct pull_outcome poll_once(struct place *p)
{
	return poll_when(p, true);
}

static void stays(struct place *p, enum pull_end end, const char *says)
{
	struct digest before = tower_current(&p->t);
	struct pull_outcome out = poll_once(p);
	cleanup(ledger_free) struct ledger l;

	if (out.end != end || !strstr(out.why, says))
		fail_msg("%s: %s", pull_end_words[out.end], out.why);
	assert_true(digest_eq(tower_current(&p->t), before));
	tower_ledger(&l, &p->t);
	assert_false(l.has_attempt);
}

/* --- sentences --- */

static void what_the_rollout_says_is_taken(void **state)
{
	struct place *p = *state;

	publish(&p->t, &p->stage, &(struct forgery){0});
	struct pull_outcome out = poll_once(p);
	if (out.end != PULL_COMMITTED)
		fail_msg("%s: %s", pull_end_words[out.end], out.why);
	assert_true(tower_runs(&p->t, p->release));
	stays(p, PULL_NOTHING, "runs here already");
}

static void a_document_that_a_thief_signed_moves_nobody(void **state)
{
	struct place *p = *state;

	publish(&p->t, &p->stage, &(struct forgery){.by = p->t.thief});
	stays(p, PULL_FAILED, "rollout-plan-D");
	assert_false(bundle_has(&p->t.store, p->release->bundle));
}

static void the_plans_own_role_is_not_the_rollouts(void **state)
{
	struct place *p = *state;

	publish(&p->t, &p->stage, &(struct forgery){.by_plan = true});
	stays(p, PULL_FAILED, "it is role rollout-plan-D that must sign it");
}

static void who_has_the_rollouts_key_cannot_name_what_the_plan_does_not_permit(void **state)
{
	struct place *p = *state;

	publish(&p->t, &p->stage, &(struct forgery){.withdrawn = true});
	stays(p, PULL_FAILED, "which role plan-D does not permit");
	assert_false(bundle_has(&p->t.store, p->release->bundle));
}

static void a_counter_that_went_back_moves_nobody(void **state)
{
	struct place *p = *state;

	p->stage.open = 0;
	p->stage.counter = 7;
	publish(&p->t, &p->stage, &(struct forgery){0});
	stays(p, PULL_NOTHING, "reaches 0 of 1");
	p->stage.open = 1;
	p->stage.counter = 6;
	publish(&p->t, &p->stage, &(struct forgery){0});
	stays(p, PULL_NOTHING, "counter went back, from 7 to 6");
}

static void what_is_guilty_is_not_taken_again(void **state)
{
	struct place *p = *state;
	cleanup(ledger_free) struct ledger l;

	tower_ledger(&l, &p->t);
	marks_add(&l.guilty, p->release->id);
	must(ledger_save(&l, &p->t.store, e));
	publish(&p->t, &p->stage, &(struct forgery){0});
	stays(p, PULL_NOTHING, "found guilty");
}

static void an_abort_takes_back_what_was_committed(void **state)
{
	struct place *p = *state;

	publish(&p->t, &p->stage, &(struct forgery){0});
	assert_int_equal(poll_once(p).end, PULL_COMMITTED);
	p->stage.counter = 2;
	p->stage.state = STAGE_ABORTED;
	p->stage.back = true;
	publish(&p->t, &p->stage, &(struct forgery){0});
	assert_int_equal(poll_once(p).end, PULL_WENT_BACK);
	assert_true(digest_eq(tower_current(&p->t), p->t.config.baseline));
	stays(p, PULL_NOTHING, "was aborted");
	p->stage.counter = 3;
	p->stage.state = STAGE_GO;
	p->stage.back = false;
	publish(&p->t, &p->stage, &(struct forgery){0});
	stays(p, PULL_NOTHING, "taken back and is held");
}

/* Opened by what is kept, so that no window is slept through between two polls; but what is signed decides. */
static void a_window_that_opens_makes_a_poll_due_and_nothing_else(void **state)
{
	struct place *p = *state;
	struct window never = {.zone = (char *)"Nowhere/Land", .days = 127, .from = 0, .to = 1};
	cleanup(buf_free) struct buf open = {0};

	p->stage.windows = (struct list){&never, 1};
	p->stage.defer_ms = 3600 * 1000;
	publish(&p->t, &p->stage, &(struct forgery){0});
	assert_int_equal(poll_once(p).end, PULL_NOTHING);
	assert_int_equal(poll_when(p, false).end, PULL_NOT_DUE);
	p->stage.windows.count = 0;
	stage_write(&open, &p->stage);
	must(fs_write(p->t.store.dir, "pull.rollout", buf_str(&open), 0644, e));
	assert_int_equal(poll_when(p, false).end, PULL_NOTHING);
	assert_true(digest_eq(tower_current(&p->t), p->t.config.baseline));
	assert_int_equal(poll_when(p, false).end, PULL_NOT_DUE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(what_the_rollout_says_is_taken),
		T(a_document_that_a_thief_signed_moves_nobody),
		T(the_plans_own_role_is_not_the_rollouts),
		T(who_has_the_rollouts_key_cannot_name_what_the_plan_does_not_permit),
		T(a_counter_that_went_back_moves_nobody),
		T(what_is_guilty_is_not_taken_again),
		T(a_window_that_opens_makes_a_poll_due_and_nothing_else),
		T(an_abort_takes_back_what_was_committed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
