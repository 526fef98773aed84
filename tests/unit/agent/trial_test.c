/* What a trial comes to: the table of design, section 4, with real scripts. */
#include "agent/probes/record.h"
#include "tests/unit/agent/tower.h"

#define CHECK(name, class, run, more) "  - {name: " name ", run: " run ", class: " class more "}\n"
#define QUICK                         "trial: {settle: 0s, deadline: 2s}\n"

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

/* The network of these tests is a file: it is up where the file is not. */
static void flag_script(struct tower *t, const char *path, const char *form)
{
	cleanup(free_ptr) char *text = path_form("#!/bin/sh\n%s '%s/down'\n", form, t->dir);

	tower_script(t, path, text);
}

static void network(struct tower *t, bool up)
{
	cleanup(free_ptr) char *flag = path_form("%s/down", t->dir);

	if (up)
		unlink(flag);
	else
		must(fs_write(AT_FDCWD, flag, STR(""), 0644, e));
}

#define PATH_PLAN "checks:\n" CHECK("dns", "path", "checks/dns.sh", ", samples: 3") QUICK
static struct tower_release *with_path(struct tower *t, int64_t number, const char *yaml)
{
	cleanup(free_ptr) char *text = path_form("#!/bin/sh\n# %lld\n", (long long)number);

	tower_script(t, "checks/ok.sh", text);
	flag_script(t, "checks/dns.sh", "test ! -e");
	return tower_release(t, number, yaml);
}

static const struct receipt_check *check_of(const struct answer *a, const char *name)
{
	const struct receipt_check *c = a->receipt.checks.items;

	for (size_t i = 0; i < a->receipt.checks.count; i++)
		if (strcmp(c[i].name, name) == 0)
			return &c[i];
	fail_msg("the receipt has no check %s", name);
	return NULL;
}

static bool is_guilty(struct tower *t, const struct tower_release *r)
{
	cleanup(ledger_free) struct ledger l = {0};

	tower_ledger(&l, t);
	return marks_has(&l.guilty, r->id);
}

static void a_red_local_check_takes_the_release_back_and_blames_it(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	cleanup(answer_free) struct answer again = {0};

	tower_script(t, "checks/bad.sh", "#!/bin/sh\necho 'line 7 is wrong' >&2\nexit 3\n");
	struct tower_release *r = tower_release(t, 1, "checks:\n" CHECK("bad", "local", "checks/bad.sh", "") QUICK);
	tower_update(t, r, &a);
	assert_verdict(a, VERDICT_FAIL);
	assert_true(digest_eq(tower_current(t), t->config.baseline));
	assert_true(digest_eq(a.receipt.current, t->config.baseline));
	assert_true(digest_eq(a.receipt.release, r->id));
	assert_int_equal(check_of(&a, "bad")->after, CHECK_RED);
	assert_int_equal(check_of(&a, "bad")->status, 3);
	assert_non_null(strstr(check_of(&a, "bad")->output, "line 7 is wrong"));
	assert_non_null(strstr(a.receipt.text, "bad"));
	assert_null(a.receipt.code);
	assert_true(is_guilty(t, r));
	tower_update(t, r, &again);
	assert_refused(again, ERR_REFUSED);
	assert_int_equal(again.hello.guilty.count, 1);
}

static void a_check_that_never_returns_is_killed_and_red(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};

	tower_script(t, "checks/hang.sh", "#!/bin/sh\nsleep 100 &\nwait\n");
	struct tower_release *r =
		tower_release(t, 1, "checks:\n" CHECK("hang", "local", "checks/hang.sh", ", timeout: 1s") QUICK);
	tower_update(t, r, &a);
	assert_verdict(a, VERDICT_FAIL);
	assert_non_null(strstr(check_of(&a, "hang")->output, "killed after"));
	assert_true(is_guilty(t, r));
}

static void a_check_that_is_slow_to_turn_green_is_waited_for(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};

	cleanup(free_ptr) char *text =
		path_form("#!/bin/sh\n[ -e '%s/second' ] || { : >'%s/second'; exit 1; }\n", t->dir, t->dir);

	tower_script(t, "checks/late.sh", text);
	struct tower_release *r = tower_release(
		t, 1, "checks:\n" CHECK("late", "local", "checks/late.sh", "") "trial: {settle: 0s, deadline: 5s}\n");
	tower_update(t, r, &a);
	assert_verdict(a, VERDICT_PASS);
	assert_true(tower_runs(t, r));
}

static void a_check_that_flaps_never_settles(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	cleanup(free_ptr) char *text = path_form(
		"#!/bin/sh\nif [ -e '%s/odd' ]; then rm '%s/odd'; exit 1; fi\n: >'%s/odd'\n", t->dir, t->dir, t->dir);

	tower_script(t, "checks/flap.sh", text);
	struct tower_release *r = tower_release(
		t, 1, "checks:\n" CHECK("flap", "local", "checks/flap.sh", "") "trial: {settle: 1s, deadline: 4s}\n");
	tower_update(t, r, &a);
	assert_verdict(a, VERDICT_FAIL);
	assert_true(is_guilty(t, r));
}

static void green_for_as_long_as_settle_asks_commits(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	struct tower_release *r = tower_release(
		t, 1, "checks:\n" CHECK("ok", "local", "checks/ok.sh", "") "trial: {settle: 1s, deadline: 10s}\n");

	tower_update(t, r, &a);
	assert_verdict(a, VERDICT_PASS);
	assert_in_range(a.receipt.took_ms, 1000, 9000);
}

static void a_network_that_is_down_before_and_after_says_nothing(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	struct tower_release *r = with_path(t, 1, PATH_PLAN);

	network(t, false);
	tower_update(t, r, &a);
	assert_verdict(a, VERDICT_UNPROVEN);
	assert_true(tower_runs(t, r));
	assert_int_equal(check_of(&a, "dns")->before, CHECK_RED);
	assert_int_equal(check_of(&a, "dns")->after, CHECK_UNKNOWN);
	assert_false(is_guilty(t, r));
}

static void a_release_that_cuts_the_path_is_taken_back_and_blamed(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer first = {0};
	cleanup(answer_free) struct answer a = {0};
	struct tower_release *one = with_path(t, 1, PATH_PLAN);

	tower_update(t, one, &first);
	assert_verdict(first, VERDICT_PASS);
	flag_script(t, "hooks/start.sh", ": >");
	flag_script(t, "hooks/stop.sh", "rm -f");
	struct tower_release *two = with_path(t, 2, "hooks: {start: hooks/start.sh, stop: hooks/stop.sh}\n" PATH_PLAN);
	tower_update(t, two, &a);
	assert_verdict(a, VERDICT_FAIL);
	assert_true(tower_runs(t, one));
	assert_true(is_guilty(t, two));
	assert_int_equal(check_of(&a, "dns")->before, CHECK_GREEN);
	assert_int_equal(check_of(&a, "dns")->after, CHECK_RED);
	assert_int_equal(check_of(&a, "dns")->old, CHECK_GREEN);
}

static void a_network_that_breaks_in_the_trial_is_nobodys_guilt(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer first = {0};
	cleanup(answer_free) struct answer a = {0};
	cleanup(answer_free) struct answer again = {0};
	struct tower_release *one = with_path(t, 1, PATH_PLAN);

	tower_update(t, one, &first);
	flag_script(t, "hooks/start.sh", ": >");
	struct tower_release *two = with_path(t, 2, "hooks: {start: hooks/start.sh}\n" PATH_PLAN);
	tower_update(t, two, &a);
	assert_verdict(a, VERDICT_ENVIRONMENT);
	assert_true(tower_runs(t, one));
	assert_false(is_guilty(t, two));
	assert_int_equal(check_of(&a, "dns")->old, CHECK_RED);
	tower_update(t, two, &again);
	assert_verdict(again, VERDICT_UNPROVEN);
}

static void the_baseline_has_no_checks_and_the_network_is_looked_at_all_the_same(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};

	flag_script(t, "hooks/start.sh", ": >");
	struct tower_release *r = with_path(t, 1, "hooks: {start: hooks/start.sh}\n" PATH_PLAN);
	tower_update(t, r, &a);
	assert_verdict(a, VERDICT_ENVIRONMENT);
	assert_false(is_guilty(t, r));
}

static void a_path_check_that_the_release_broke_is_measured_by_the_old_one(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer first = {0};
	cleanup(answer_free) struct answer a = {0};
	struct tower_release *one = with_path(t, 1, PATH_PLAN);

	tower_update(t, one, &first);
	tower_script(t, "checks/dns.sh", "#!/bin/sh\nexit 1\n");
	struct tower_release *two = tower_release(t, 2, PATH_PLAN);
	tower_update(t, two, &a);
	assert_verdict(a, VERDICT_FAIL);
	assert_true(tower_runs(t, one));
}

static void a_start_hook_that_fails_is_a_red_local_check(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};

	tower_script(t, "hooks/start.sh", "#!/bin/sh\necho no; exit 1\n");
	struct tower_release *r =
		tower_release(t, 1, "hooks: {start: hooks/start.sh}\ntrial: {settle: 0s, deadline: 60s}\n");
	tower_update(t, r, &a);
	assert_verdict(a, VERDICT_FAIL);
	assert_true(a.receipt.took_ms < 20000);
	assert_int_equal(check_of(&a, "hook.start")->after, CHECK_RED);
	assert_true(is_guilty(t, r));
}

static void hooks_and_checks_see_a_clean_world(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	cleanup(buf_free) struct buf seen = {0};
	char hex[DIGEST_HEX + 1];

	tower_script(t, "hooks/start.sh", "#!/bin/sh\nenv | sort >\"$FLEET_OUT/seen\"\npwd >>\"$FLEET_OUT/seen\"\n");
	tower_script(t, "checks/out.sh", "#!/bin/sh\n[ -s \"$FLEET_OUT/seen\" ] && echo lie >\"$FLEET_OUT/seen\"\n");
	struct tower_release *r = tower_release(
		t, 1, "hooks: {start: hooks/start.sh}\nchecks:\n" CHECK("out", "local", "checks/out.sh", "") QUICK);
	setenv("SECRET", "of the operator", 1);
	tower_update(t, r, &a);
	unsetenv("SECRET");
	assert_verdict(a, VERDICT_PASS);
	cleanup(free_ptr) char *path = path_form("%s/seen", t->at.results);
	must(fs_read(&seen, AT_FDCWD, path, e));
	digest_hex(hex, r->id);
	assert_null(strstr(seen.data, "SECRET"));
	assert_null(strstr(seen.data, "/current"));
	assert_non_null(strstr(seen.data, "FLEET_ID=ber-D\n"));
	assert_non_null(strstr(seen.data, "FLEET_PLAN=plan-D\n"));
	assert_non_null(strstr(seen.data, "FLEET_PROBE=start\n"));
	assert_non_null(strstr(seen.data, hex));
	assert_null(strstr(seen.data, "lie"));
	cleanup(fs_names_free) struct fs_names names = {0};
	must(fs_names(&names, AT_FDCWD, t->at.results, e));
	assert_int_equal(names.count, 1);
}

static void note_run(struct tower *t, const struct tower_release *r, int64_t started_ms)
{
	cleanup(fd_close) int results = -1;
	char boot[40];

	clock_boot_id(boot);
	must(fs_open_dir(&results, AT_FDCWD, t->at.results, e));
	must(record_write(results, "dns",
		&(struct record){
			.release = r->id,
			.boot = boot,
			.started_ms = started_ms,
			.ended_ms = started_ms + 1,
			.status = 1,
			.wrote = true,
		},
		e));
}

static void alive_wants_every_probe_to_have_run_and_written_since_the_swap(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer red = {0};
	cleanup(answer_free) struct answer green = {0};
	static const char plan[] = "probes:\n  - {name: dns, run: checks/ok.sh, every: 60s, timeout: 5s}\n"
				   "checks:\n  - {name: alive, class: work}\n" QUICK;

	struct tower_release *r = tower_release(t, 1, plan);
	note_run(t, r, clock_boot_ms());
	tower_update(t, r, &red);
	assert_verdict(red, VERDICT_FAIL);
	assert_non_null(strstr(check_of(&red, "alive")->output, "dns"));

	tower_script(t, "checks/ok.sh", "#!/bin/sh\n# two\n");
	r = tower_release(t, 2, plan);
	note_run(t, r, clock_boot_ms() + 100000);
	tower_update(t, r, &green);
	assert_verdict(green, VERDICT_PASS);
}

static void a_way_back_that_is_cut_off_again_and_again_ends_without_hooks(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer first = {0};
	cleanup(answer_free) struct answer a = {0};
	cleanup(free_ptr) char *flag = path_form("%s/down", t->dir);
	cleanup(free_ptr) char *ran = path_form("%s/ran", t->dir);
	cleanup(buf_free) struct buf runs = {0};

	cleanup(free_ptr) char *kills =
		path_form("#!/bin/sh\n[ -e '%s' ] || exit 0\necho >>'%s'\nkill -9 $PPID\n", flag, ran);
	tower_script(t, "hooks/start.sh", kills);
	struct tower_release *one = tower_release(t, 1, "hooks: {start: hooks/start.sh}\n" QUICK);
	tower_update(t, one, &first);
	assert_verdict(first, VERDICT_PASS);
	flag_script(t, "checks/bad.sh", "exit 1 #");
	struct tower_release *two = tower_release(t, 2, "checks:\n" CHECK("bad", "local", "checks/bad.sh", "") QUICK);
	network(t, false);
	tower_update(t, two, &a);
	assert_verdict(a, VERDICT_FAIL);
	assert_true(tower_runs(t, one));
	assert_true(is_guilty(t, two));
	must(fs_read(&runs, AT_FDCWD, ran, e));
	assert_int_equal(runs.len, 3); /* the first time, and twice more */
}

/* Run with TMPDIR on a small file system. */
static void a_release_that_fills_the_disk_is_taken_back_all_the_same(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	uint64_t room = 0;

	must(fs_space(&room, t->store.dir, e));
	if (room > 64 * MIB)
		skip();
	cleanup(free_ptr) char *fill = path_form("#!/bin/sh\ncat /dev/zero >'%s/fill'\nexit 0\n", t->dir);
	tower_script(t, "hooks/start.sh", fill);
	tower_script(t, "checks/bad.sh", "#!/bin/sh\nexit 1\n");
	struct tower_release *r = tower_release(
		t, 1, "hooks: {start: hooks/start.sh}\nchecks:\n" CHECK("bad", "local", "checks/bad.sh", "") QUICK);
	tower_update(t, r, &a);
	must(fs_space(&room, t->store.dir, e));
	assert_true(room < 256 * KIB);
	assert_verdict(a, VERDICT_FAIL);
	assert_true(digest_eq(tower_current(t), t->config.baseline));
	assert_true(is_guilty(t, r));
}

/* --- what touches the network is confirmed over a new connection --- */

#define TOUCHES                                                                                                        \
	"checks:\n" CHECK("ok", "local", "checks/ok.sh", "") "trial: {settle: 0s, deadline: 3s, touches: [network]}\n"

static void a_release_that_touches_the_network_waits_for_a_new_connection(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer wrong = {0};
	cleanup(answer_free) struct answer a = {0};
	cleanup(answer_free) struct answer first = {0};
	struct tower_release *r = tower_release(t, 1, TOUCHES);
	cleanup(ledger_free) struct ledger l = {0};
	char lie[] = "0123";

	pid_t pid = fork();
	if (pid == 0) {
		tower_update(t, r, &first);
		_exit(first.got_receipt && strstr(first.states.data, "\"nonce\"") ? 0 : 1);
	}
	do {
		usleep(10000);
		ledger_free(&l);
		tower_ledger(&l, t);
	} while (l.step != STEP_CONFIRM || !l.attempt.nonce);
	tower_order(t, &(struct order){.action = ORDER_CONFIRM, .nonce = lie}, &wrong);
	assert_refused(wrong, ERR_REFUSED);
	tower_order(t, &(struct order){.action = ORDER_CONFIRM, .nonce = l.attempt.nonce}, &a);
	assert_verdict(a, VERDICT_PASS);
	assert_true(tower_runs(t, r));
	int status;
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void without_a_confirmation_it_goes_back(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	struct tower_release *r = tower_release(t, 1, TOUCHES);

	tower_update(t, r, &a);
	assert_verdict(a, VERDICT_FAIL);
	assert_true(digest_eq(tower_current(t), t->config.baseline));
	assert_int_equal(check_of(&a, "confirm")->after, CHECK_RED);
	assert_true(is_guilty(t, r));
}

static void what_touches_the_network_is_not_kept_unproven(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	struct tower_release *r = with_path(t, 1,
		"checks:\n" CHECK(
			"dns", "path", "checks/dns.sh", "") "trial: {settle: 0s, deadline: 2s, touches: [ssh]}\n");

	network(t, false);
	tower_update(t, r, &a);
	assert_verdict(a, VERDICT_ENVIRONMENT);
	assert_true(digest_eq(tower_current(t), t->config.baseline));
	assert_false(is_guilty(t, r));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_red_local_check_takes_the_release_back_and_blames_it),
		T(a_check_that_never_returns_is_killed_and_red),
		T(a_check_that_is_slow_to_turn_green_is_waited_for),
		T(a_check_that_flaps_never_settles),
		T(green_for_as_long_as_settle_asks_commits),
		T(a_network_that_is_down_before_and_after_says_nothing),
		T(a_release_that_cuts_the_path_is_taken_back_and_blamed),
		T(a_network_that_breaks_in_the_trial_is_nobodys_guilt),
		T(the_baseline_has_no_checks_and_the_network_is_looked_at_all_the_same),
		T(a_path_check_that_the_release_broke_is_measured_by_the_old_one),
		T(a_start_hook_that_fails_is_a_red_local_check),
		T(hooks_and_checks_see_a_clean_world),
		T(alive_wants_every_probe_to_have_run_and_written_since_the_swap),
		T(a_way_back_that_is_cut_off_again_and_again_ends_without_hooks),
		T(a_release_that_fills_the_disk_is_taken_back_all_the_same),
		T(a_release_that_touches_the_network_waits_for_a_new_connection),
		T(without_a_confirmation_it_goes_back),
		T(what_touches_the_network_is_not_kept_unproven),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
