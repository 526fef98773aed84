/* The whole of serve and apply, over a session as the wire has it. */
#include <sys/statvfs.h>

#include "agent/store/staging.h"
#include "base/name.h"
#include "tests/unit/agent/tower.h"

#define CHECK(name, class, run, more) "  - {name: " name ", run: " run ", class: " class more "}\n"
#define QUICK                         "trial: {settle: 0s, deadline: 2s}\n"
static const char ok[] = "checks:\n" CHECK("ok", "local", "checks/ok.sh", "") QUICK;

static int set_up(void **state)
{
	struct tower *t = malloc(sizeof *t);

	tower_open(t);
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	tower_close(*state);
	free(*state);
	return 0;
}

/* A release that differs from the others in its bytes, too. */
static struct tower_release *next_release(struct tower *t, int64_t number, const char *yaml)
{
	cleanup(free_ptr) char *text = path_form("#!/bin/sh\n# %lld\nexit 0\n", (long long)number);

	tower_script(t, "checks/ok.sh", text);
	return tower_release(t, number, yaml);
}

static struct tower_release *committed(struct tower *t, int64_t number)
{
	cleanup(answer_free) struct answer a = {0};
	struct tower_release *r = next_release(t, number, ok);

	tower_update(t, r, &a);
	assert_verdict(a, VERDICT_PASS);
	return r;
}

/* --- the good road --- */

static void an_update_is_verified_unpacked_swapped_proven_and_committed(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	cleanup(ledger_free) struct ledger l = {0};
	struct tower_release *r = tower_release(t, 1, ok);

	tower_update(t, r, &a);
	assert_verdict(a, VERDICT_PASS);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.receipt.release_number, 1);
	assert_int_equal(a.receipt.number, 2);
	assert_true(digest_eq(a.receipt.current, r->id));
	assert_true(a.receipt.bytes_in > 0);
	assert_true(tower_runs(t, r));
	tower_ledger(&l, t);
	assert_false(l.has_attempt);
	assert_int_equal(l.step, STEP_IDLE);
	assert_true(l.has_previous && digest_eq(l.previous, t->config.baseline));
	assert_non_null(strstr(a.states.data, "\"prove\""));
}

static void the_release_that_runs_already_is_answered_with_its_receipt(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	struct tower_release *r = committed(t, 1);

	tower_update(t, r, &a);
	assert_verdict(a, VERDICT_PASS);
	assert_int_equal(a.receipt.number, 2);
	assert_int_equal(a.hello.number, 1);
	assert_true(digest_eq(a.hello.release, r->id));
}

static void a_patch_against_a_bundle_that_the_host_holds_is_enough(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	struct tower_release *one = committed(t, 1), *two = next_release(t, 2, ok);

	tower_send(t, two, &(struct sending){.payload = PAYLOAD_PATCH, .base = one, .against = true}, &a);
	assert_verdict(a, VERDICT_PASS);
	assert_true(tower_runs(t, two));
}

static void a_patch_against_a_bundle_that_is_not_here_is_refused(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	struct tower_release *one = next_release(t, 1, ok), *two = next_release(t, 2, ok);

	tower_send(t, two, &(struct sending){.payload = PAYLOAD_PATCH, .base = one}, &a);
	assert_refused(a, ERR_MISSING);
}

static void a_new_policy_for_the_bundle_that_is_here_needs_no_payload(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	committed(t, 1);
	struct tower_release *two = tower_release(t, 2, ok);

	tower_send(t, two, &(struct sending){.payload = PAYLOAD_NONE}, &a);
	assert_verdict(a, VERDICT_PASS);
	assert_true(tower_runs(t, two));
}

static void a_broken_payload_goes_on_at_the_byte_where_it_broke(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer first = {0};
	cleanup(answer_free) struct answer second = {0};
	struct tower_release *r = tower_release(t, 1, ok);

	tower_send(t, r, &(struct sending){.payload = PAYLOAD_FULL, .cut = 100}, &first);
	assert_false(first.got_receipt);
	assert_int_equal(first.status, 1);
	tower_send(t, r, &(struct sending){.payload = PAYLOAD_FULL, .resume = true}, &second);
	assert_int_equal(second.hello.partial.count, 1);
	assert_int_equal(((struct partial *)second.hello.partial.items)[0].have, 100);
	assert_verdict(second, VERDICT_PASS);
	assert_true(second.receipt.bytes_in + 100 > first.receipt.bytes_in);
}

static void an_apply_that_died_is_taken_up_by_the_next_session(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer dead = {0};
	cleanup(answer_free) struct answer a = {0};
	struct tower_release *r = tower_release(t, 1, ok);

	tower_send(t, r, &(struct sending){.payload = PAYLOAD_FULL, .launch = tower_launch_none}, &dead);
	assert_false(dead.got_receipt);
	tower_order(t, &(struct order){.action = ORDER_FOLLOW}, &a);
	assert_true(a.hello.has_trial);
	assert_string_equal(a.hello.trial.step, "fetch");
	assert_verdict(a, VERDICT_PASS);
	assert_true(tower_runs(t, r));
}

static void a_release_that_the_host_still_holds_needs_neither_manifest_nor_payload(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	struct tower_release *one = committed(t, 1);
	committed(t, 2);

	tower_send(t, one, &(struct sending){.payload = PAYLOAD_NONE, .no_papers = true}, &a);
	assert_verdict(a, VERDICT_PASS);
	assert_true(tower_runs(t, one));
}

static void a_newer_root_is_walked_to_and_kept(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	cleanup(answer_free) struct answer after = {0};
	struct tower_release *r = tower_release(t, 1, ok);

	tower_new_root(t, 2);
	tower_send(t, r, &(struct sending){.payload = PAYLOAD_FULL, .root = 2}, &a);
	assert_verdict(a, VERDICT_PASS);
	assert_true(fs_exists(t->store.dir, "trust/2.root.json"));
	tower_order(t, &(struct order){.action = ORDER_ASK}, &after);
	const struct version_held *v = after.hello.trust.items;
	assert_string_equal(v[0].role, "root");
	assert_int_equal(v[0].version, 2);
	assert_int_equal(after.hello.trust.count, 5);
}

static void an_update_that_finds_no_room_is_told_so_before_it_is_sent(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	struct tower_release *r = tower_release(t, 1, ok);
	cleanup(manifest_free) struct manifest m = {0};
	struct statvfs st;

	assert_int_equal(fstatvfs(t->store.dir, &st), 0);
	if (st.f_bavail * st.f_frsize > BUNDLE_BYTES_MAX)
		skip();
	must(manifest_read(&m, buf_str(&r->manifest), NULL, e));
	m.bundle.length = (int64_t)BUNDLE_BYTES_MAX;
	buf_clear(&r->manifest);
	manifest_write(&r->manifest, &m);
	r->id = manifest_id(buf_str(&r->manifest));
	tower_publish(t);
	tower_update(t, r, &a);
	assert_refused(a, ERR_SPACE);
	assert_non_null(strstr(a.refused.text, " are missing"));
	assert_int_equal(staging_have(&t->store, r->bundle), 0);
}

/* --- what is refused, and what is left behind --- */

static void a_payload_of_other_bytes_than_its_name_is_refused_and_dropped(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	cleanup(answer_free) struct answer after = {0};
	struct tower_release *r = tower_release(t, 1, ok);

	tower_send(t, r, &(struct sending){.payload = PAYLOAD_FULL, .instead = STR("not these bytes")}, &a);
	assert_refused(a, ERR_DIGEST);
	tower_order(t, &(struct order){.action = ORDER_ASK}, &after);
	assert_verdict(after, VERDICT_ENROLLED);
	assert_int_equal(after.hello.partial.count, 0);
	assert_false(after.hello.has_trial);
}

static void a_payload_that_expands_to_another_bundle_never_becomes_one(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	cleanup(ledger_free) struct ledger l = {0};
	struct tower_release *one = next_release(t, 1, ok), *two = next_release(t, 2, ok);
	struct tower_release lie = *two;

	lie.tar = one->tar;
	tower_update(t, &lie, &a);
	assert_verdict(a, VERDICT_REFUSED);
	assert_int_equal(receipt_code(&a.receipt), ERR_DIGEST);
	assert_true(digest_eq(tower_current(t), t->config.baseline));
	assert_false(bundle_has(&t->store, two->bundle));
	tower_ledger(&l, t);
	assert_int_equal(l.guilty.count, 0);
}

static void a_release_signed_by_a_thief_is_refused(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	struct tower_release *r = tower_release(t, 1, ok);

	tower_publish_by(t, t->thief);
	tower_update(t, r, &a);
	assert_refused(a, ERR_SIGNATURE);
	assert_true(digest_eq(tower_current(t), t->config.baseline));
	assert_false(release_has(&t->store, r->id));
}

static void a_manifest_that_no_role_names_is_refused(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	tower_release(t, 1, ok);
	struct tower_release *r = tower_release_of(t, 2, "plan: plan-D\nscripts: [common]\n" QUICK);

	t->releases--; /* published without it */
	tower_publish(t);
	t->releases++;
	tower_update(t, r, &a);
	assert_refused(a, ERR_SIGNATURE);
}

static void a_manifest_of_another_plan_is_refused(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	struct tower_release *r = tower_release(t, 1, ok);
	cleanup(manifest_free) struct manifest m = {0};

	must(manifest_read(&m, buf_str(&r->manifest), NULL, e));
	free(m.plan.plan);
	m.plan.plan = str_dup(STR("plan-X"));
	buf_clear(&r->manifest);
	manifest_write(&r->manifest, &m);
	r->id = manifest_id(buf_str(&r->manifest));
	tower_publish(t);
	tower_update(t, r, &a);
	assert_refused(a, ERR_FOREIGN);
}

static void going_back_is_legal_to_a_release_that_is_still_permitted_only(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer gone = {0};
	cleanup(answer_free) struct answer back = {0};
	struct tower_release *one = committed(t, 1), *two = next_release(t, 2, ok);
	committed(t, 3);

	one->withdrawn = true;
	tower_publish(t);
	tower_update(t, one, &gone);
	assert_refused(gone, ERR_SIGNATURE);
	tower_update(t, two, &back);
	assert_verdict(back, VERDICT_PASS);
	assert_true(tower_runs(t, two));
}

static void an_older_number_as_what_the_plan_runs_now_is_refused(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	committed(t, 5);
	struct tower_release *old = next_release(t, 4, ok);

	old->withdrawn = true;
	tower_publish(t);
	tower_update(t, old, &a);
	assert_refused(a, ERR_OLDER);
}

static void a_metadata_version_that_goes_back_is_refused(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	committed(t, 1);

	t->version = 0;
	struct tower_release *r = next_release(t, 2, ok);
	tower_publish(t);
	t->version = 1;
	tower_publish(t);
	t->version = 0;
	tower_publish(t);
	tower_update(t, r, &a);
	assert_true(a.got_refused || a.receipt.verdict != VERDICT_PASS);
	assert_false(tower_runs(t, r));
}

static void what_is_no_order_ends_the_session(void **state)
{
	struct tower *t = *state;
	struct talk k;
	cleanup(answer_free) struct answer a = {0};

	talk_open(&k, t, &a, tower_launch);
	assert_true(talk_until(&k, FRAME_HELLO));
	talk_send(&k, STR("bash: fleetctl: command not found\n"));
	talk_until(&k, FRAME_RECEIPT);
	talk_close(&k);
	assert_refused(a, ERR_PROTOCOL);
	assert_int_equal(a.status, 1);
}

static void who_only_looks_is_let_go(void **state)
{
	struct tower *t = *state;
	struct talk k;
	cleanup(answer_free) struct answer a = {0};

	talk_open(&k, t, &a, tower_launch);
	assert_true(talk_until(&k, FRAME_HELLO));
	talk_send(&k, STR(WIRE_GREETING));
	talk_close(&k);
	assert_int_equal(a.status, 0);
	assert_string_equal(a.hello.id, "ber-D");
	assert_string_equal(a.hello.plan, "plan-D");
}

/* --- undo, and who may --- */

static void an_undo_goes_back_and_holds(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer undo = {0};
	cleanup(answer_free) struct answer again = {0};
	cleanup(answer_free) struct answer twice = {0};
	struct tower_release *one = committed(t, 1), *two = committed(t, 2);

	tower_order(t, &(struct order){.action = ORDER_UNDO}, &undo);
	assert_verdict(undo, VERDICT_UNDONE);
	assert_true(tower_runs(t, one));
	tower_update(t, two, &again);
	assert_refused(again, ERR_REFUSED);
	assert_int_equal(again.hello.held.count, 1);
	tower_order(t, &(struct order){.action = ORDER_UNDO}, &twice);
	assert_refused(twice, ERR_MISSING);
	assert_true(tower_runs(t, one));
}

static void what_was_taken_back_stays_until_something_takes_its_place(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer undo = {0};
	cleanup(answer_free) struct answer back = {0};
	cleanup(ledger_free) struct ledger l = {0};
	struct tower_release *one = committed(t, 1), *two = committed(t, 2);

	tower_order(t, &(struct order){.action = ORDER_UNDO}, &undo);
	assert_verdict(undo, VERDICT_UNDONE);
	assert_true(release_has(&t->store, two->id) && bundle_has(&t->store, two->bundle));
	tower_ledger(&l, t);
	assert_true(marks_drop(&l.held, two->id)); /* allowed again */
	must(ledger_save(&l, &t->store, e));
	tower_send(t, two, &(struct sending){.payload = PAYLOAD_NONE, .no_papers = true}, &back);
	assert_verdict(back, VERDICT_PASS);
	assert_true(tower_runs(t, two));

	cleanup(answer_free) struct answer again = {0};
	tower_order(t, &(struct order){.action = ORDER_UNDO}, &again);
	assert_verdict(again, VERDICT_UNDONE);
	struct tower_release *three = committed(t, 3);
	assert_true(tower_runs(t, three) && bundle_has(&t->store, one->bundle));
	assert_false(release_has(&t->store, two->id) || bundle_has(&t->store, two->bundle));
}

/* --- an apply that can't go on says why, though nothing can be written --- */

static bool launch_and_fail(const struct config *c, const struct store *s, int lock, int said, struct err *e)
{
	static const char noise[64 * KIB];
	int status = 1;
	pid_t pid = fork();

	(void)c;
	(void)s;
	(void)lock;
	if (pid == 0) {
		dprintf(said, "something else\nfleet-agent apply: state: write state: No space left on device\n");
		_exit(write(said, noise, sizeof noise) == (ssize_t)sizeof noise); /* must not fit, nor block */
	}
	return (waitpid(pid, &status, 0) == pid && status == 0) || err_set(e, ERR_INTERNAL, "it could say without end");
}

static void the_reason_of_an_apply_that_cannot_go_on_is_told(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	cleanup(answer_free) struct answer after = {0};
	struct tower_release *r = tower_release(t, 1, ok);

	tower_send(t, r, &(struct sending){.payload = PAYLOAD_FULL, .launch = launch_and_fail}, &a);
	assert_refused(a, ERR_FAILED);
	assert_non_null(strstr(a.refused.text, "before it was done: state: write state: No space left on device;"));
	tower_order(t, &(struct order){.action = ORDER_FOLLOW}, &after);
	assert_verdict(after, VERDICT_PASS);
}

static void the_lease_of_another_rollout_keeps_the_host(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	cleanup(answer_free) struct answer b = {0};
	cleanup(answer_free) struct answer c = {0};
	cleanup(answer_free) struct answer d = {0};
	struct tower_release *one = next_release(t, 1, ok), *two;
	char mine[] = "mine";

	tower_send(t, one, &(struct sending){.payload = PAYLOAD_FULL, .rollout = "theirs"}, &a);
	assert_verdict(a, VERDICT_PASS);
	assert_string_equal(a.receipt.rollout, "theirs");
	two = next_release(t, 2, ok);
	tower_send(t, two, &(struct sending){.payload = PAYLOAD_FULL, .rollout = "mine"}, &b);
	assert_refused(b, ERR_REFUSED);
	assert_non_null(strstr(b.refused.text, "theirs"));
	assert_true(b.hello.has_lease);
	tower_order(t, &(struct order){.action = ORDER_LET_GO, .rollout = mine}, &c);
	assert_true(tower_runs(t, one));
	tower_send(t, two, &(struct sending){.payload = PAYLOAD_FULL, .rollout = "mine", .take = true}, &d);
	assert_true(d.hello.has_lease);
	assert_verdict(d, VERDICT_PASS);
}

static void a_second_caller_hears_who_is_at_it_and_may_follow(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer first = {0};
	cleanup(answer_free) struct answer second = {0};
	cleanup(answer_free) struct answer follow = {0};
	cleanup(ledger_free) struct ledger l = {0};

	tower_script(t, "checks/slow.sh", "#!/bin/sh\nsleep 1\n");
	struct tower_release *r = tower_release(t, 1, "checks:\n" CHECK("slow", "local", "checks/slow.sh", "") QUICK);
	pid_t pid = fork();
	if (pid == 0) {
		tower_update(t, r, &first);
		_exit(0);
	}
	do {
		usleep(10000);
		ledger_free(&l);
		tower_ledger(&l, t);
	} while (!l.has_attempt);
	tower_update(t, r, &second);
	assert_refused(second, ERR_BUSY);
	assert_non_null(strstr(second.refused.text, "ann"));
	tower_order(t, &(struct order){.action = ORDER_FOLLOW}, &follow);
	assert_verdict(follow, VERDICT_PASS);
	assert_true(tower_runs(t, r));
	waitpid(pid, NULL, 0);
}

static void what_nothing_needs_any_more_goes(void **state)
{
	struct tower *t = *state;
	struct tower_release *one = committed(t, 1), *two = committed(t, 2), *three = committed(t, 3);

	assert_false(bundle_has(&t->store, one->bundle));
	assert_false(release_has(&t->store, one->id));
	assert_true(bundle_has(&t->store, two->bundle) && bundle_has(&t->store, three->bundle));
	cleanup(fs_names_free) struct fs_names left = {0};
	must(fs_names(&left, t->store.dir, "staging", e));
	assert_int_equal(left.count, 0);
}

static void what_a_killed_sweep_left_behind_goes_with_the_next(void **state)
{
	struct tower *t = *state;

	must(fs_mkdir(t->store.dir, "trees/.half.gone/probes", 0555, e));
	must(fs_write(t->store.dir, "bundles/.half.new", STR("cut off"), 0644, e));
	committed(t, 1);
	assert_false(fs_exists(t->store.dir, "trees/.half.gone"));
	assert_false(fs_exists(t->store.dir, "bundles/.half.new"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_update_is_verified_unpacked_swapped_proven_and_committed),
		T(the_release_that_runs_already_is_answered_with_its_receipt),
		T(a_patch_against_a_bundle_that_the_host_holds_is_enough),
		T(a_patch_against_a_bundle_that_is_not_here_is_refused),
		T(a_new_policy_for_the_bundle_that_is_here_needs_no_payload),
		T(a_broken_payload_goes_on_at_the_byte_where_it_broke),
		T(an_apply_that_died_is_taken_up_by_the_next_session),
		T(a_release_that_the_host_still_holds_needs_neither_manifest_nor_payload),
		T(a_newer_root_is_walked_to_and_kept),
		T(an_update_that_finds_no_room_is_told_so_before_it_is_sent),
		T(a_payload_of_other_bytes_than_its_name_is_refused_and_dropped),
		T(a_payload_that_expands_to_another_bundle_never_becomes_one),
		T(a_release_signed_by_a_thief_is_refused),
		T(a_manifest_that_no_role_names_is_refused),
		T(a_manifest_of_another_plan_is_refused),
		T(going_back_is_legal_to_a_release_that_is_still_permitted_only),
		T(an_older_number_as_what_the_plan_runs_now_is_refused),
		T(a_metadata_version_that_goes_back_is_refused),
		T(what_is_no_order_ends_the_session),
		T(who_only_looks_is_let_go),
		T(an_undo_goes_back_and_holds),
		T(what_was_taken_back_stays_until_something_takes_its_place),
		T(the_reason_of_an_apply_that_cannot_go_on_is_told),
		T(the_lease_of_another_rollout_keeps_the_host),
		T(a_second_caller_hears_who_is_at_it_and_may_follow),
		T(what_nothing_needs_any_more_goes),
		T(what_a_killed_sweep_left_behind_goes_with_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
