/* The power goes off before every durable operation of an attempt, one after the other: `current` always leads to a
 * whole release, and the next start goes on or undoes. Runs in a build with FLEET_FAULT. */
#include "base/fault.h"
#include "tests/unit/agent/tower.h"

#ifdef FLEET_FAULT
#include "agent/store/tree.h"

#define CHECKS "checks:\n  - {name: ok, run: checks/ok.sh, class: local}\ntrial: {settle: 0s, deadline: 1s}\n"
#define HOOKS  "hooks: {start: hooks/start.sh, stop: hooks/stop.sh}\n"

/* --- the process that dies: `fault_test apply CONFIG_DIR`, counted from its own first operation --- */

static int run_apply(const char *config_dir)
{
	cleanup(config_free) struct config c = {0};
	cleanup(store_close) struct store s = {0};
	cleanup(apply_free) struct apply a = {.config = &c, .store = &s};
	cleanup(fd_close) int lock = -1;
	bool taken;
	struct err e;

	if (!config_load(&c, config_dir, NULL, &e) || !store_open(&s, c.state, &e) ||
		!store_lock(&lock, &taken, &s, &e))
		return 2;
	if (taken && apply_run(&a, &e))
		return 0;
	fprintf(stderr, "apply: %s\n", e.text);
	return 1;
}

static int start(struct tower *t, const char *what, int at)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		char number[16];
		snprintf(number, sizeof number, "%d", at);
		setenv("FLEET_FAULT_AT", number, 1);
		cleanup(free_ptr) char *root = path_form("%s/root.json", t->dir);
		char *argv[] = {
			"fault_test", (char *)(uintptr_t)what, t->at.config, t->at.state, t->at.results, root, NULL};
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void assert_current_is_whole(struct tower *t, int at)
{
	cleanup(release_close) struct release r = {0};
	cleanup(access_set_free) struct access_set set = {0};
	size_t differences = 0;

	must(release_open(&r, &t->store, tower_current(t), e));
	must(access_open(&set, &t->store, e));
	if (!digest_zero(set.id) && !fs_exists(t->store.dir, "access/current/authorized_keys"))
		fail_msg("operation %d: the keys in force are not whole", at);
	must(bundle_check(&t->store, r.manifest.bundle.sha256, (uint64_t)r.manifest.bundle.length, e));
	must(tree_compare(&differences, &t->store, r.manifest.bundle.sha256, NULL, NULL, e));
	if (differences)
		fail_msg("operation %d: current is not whole", at);
}

static struct tower_release *committed(struct tower *t, int64_t number)
{
	cleanup(answer_free) struct answer a = {0};
	cleanup(free_ptr) char *text = path_form("#!/bin/sh\n# %lld\n", (long long)number);

	tower_script(t, "hooks/start.sh", text);
	tower_script(t, "hooks/stop.sh", text);
	struct tower_release *r = tower_release(t, number, HOOKS CHECKS);
	tower_update(t, r, &a);
	assert_verdict(a, VERDICT_PASS);
	return r;
}

static struct receipt newest_receipt(struct tower *t)
{
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(buf_free) struct buf text = {0};
	struct receipt r = {0};

	tower_ledger(&l, t);
	assert_false(l.has_attempt);
	must(receipts_bytes(&text, &t->store, l.receipt, e));
	must(receipt_read(&r, buf_str(&text), e));
	assert_int_equal(r.number, l.receipt);
	return r;
}

static struct buf receipt_kept(struct tower *t, int64_t number)
{
	struct buf text = {0};
	struct err e;

	(void)!receipts_bytes(&text, &t->store, number, &e);
	return text;
}

/* Signed by the key that every start has used, each naming the one before, none left out. */
static void assert_is_chain(struct tower *t, int64_t newest, int at)
{
	cleanup(free_ptr) char *path = path_form("%s/receipts/key", t->store.path);
	cleanup(public_free) struct public_key key = {0};
	struct digest before = {0};

	must(secret_peek(&key, path, e));
	for (int64_t n = 1; n <= newest; n++) {
		cleanup(buf_free) struct buf text = receipt_kept(t, n);
		cleanup(receipt_free) struct receipt r = {0};
		must(receipt_read(&r, buf_str(&text), e));
		must(receipt_verify(buf_str(&text), &key, e));
		if (r.number != n || !digest_eq(r.previous, before))
			fail_msg("operation %d: receipt %d does not follow", at, (int)n);
		before = receipt_digest(buf_str(&text));
	}
}

/* What was signed before the power went off is signed again as it was: nobody can have seen two. */
static void assert_same_receipt(struct tower *t, int64_t number, const struct buf *was, int at)
{
	cleanup(buf_free) struct buf is = receipt_kept(t, number);

	if (was->len && !str_is(buf_str(was), is.data))
		fail_msg("operation %d: receipt %d is another one after the power went off:\n%s%s", at, (int)number,
			was->data, is.data);
}

/* One attempt for each operation. `begin` leaves one that nobody works on; the rest says what must have come of it. */
struct story {
	void (*begin)(struct tower *t);
	enum verdict verdict;
	int64_t runs; /* number of the release that runs in the end */
	int64_t receipt;
};

static struct digest digest_of_current(struct tower *t)
{
	cleanup(release_close) struct release r = {0};

	must(release_open(&r, &t->store, tower_current(t), e));
	return r.manifest.bundle.sha256;
}

static void copy_tree(const char *from, const char *to)
{
	cleanup(free_ptr) char *command = path_form("rm -rf '%s' && cp -a '%s' '%s'", to, from, to);

	assert_int_equal(system(command), 0);
}

static bool tell(const struct story *s, struct tower *t, int at)
{
	cleanup(receipt_free) struct receipt r = {0};
	int status = start(t, "apply", at);

	assert_true(status == 0 || status == FAULT_STATUS);
	must(store_open(&t->store, t->config.state, e));
	assert_current_is_whole(t, at);
	cleanup(buf_free) struct buf before = receipt_kept(t, s->receipt);
	assert_int_equal(start(t, "apply", 0), 0);
	assert_current_is_whole(t, at);
	r = newest_receipt(t);
	assert_is_chain(t, s->receipt, at);
	assert_same_receipt(t, s->receipt, &before, at);
	assert_true(digest_eq(r.disk, digest_of_current(t)));
	if (r.verdict != (int)s->verdict)
		fail_msg("operation %d: %s (%s)", at, verdict_words[r.verdict], r.text);
	assert_int_equal(r.current_number, s->runs);
	assert_int_equal(r.number, s->receipt);
	struct digest keys;
	must(access_current(&keys, &t->store, e));
	assert_true(digest_zero(keys));
	store_close(&t->store);
	return status == FAULT_STATUS;
}

static void tell_all(const struct story *s)
{
	struct tower t;
	int at = 1;

	tower_open(&t);
	s->begin(&t);
	store_close(&t.store);
	cleanup(free_ptr) char *saved = path_form("%s.saved", t.at.state);
	copy_tree(t.at.state, saved);
	for (; tell(s, &t, at); at++)
		copy_tree(saved, t.at.state);
	print_message("%d operations\n", at - 1);
	assert_true(at > 20);
	tower_close(&t);
}

static void send_only(struct tower *t, struct tower_release *r)
{
	cleanup(answer_free) struct answer a = {0};

	tower_send(t, r, &(struct sending){.payload = PAYLOAD_FULL, .launch = tower_launch_none}, &a);
}

static void begin_good(struct tower *t)
{
	committed(t, 1);
	tower_script(t, "checks/ok.sh", "#!/bin/sh\n# two\n");
	send_only(t, tower_release(t, 2, HOOKS CHECKS));
}

static void a_good_release_is_committed_whenever_the_power_went_off(void **state)
{
	(void)state;
	tell_all(&(struct story){begin_good, VERDICT_PASS, 2, 3});
}

static void begin_bad(struct tower *t)
{
	committed(t, 1);
	tower_script(t, "hooks/start.sh", "#!/bin/sh\nexit 1\n"); /* red at once: no deadline is waited for */
	send_only(t, tower_release(t, 2, HOOKS CHECKS));
}

static void a_bad_release_is_taken_back_whenever_the_power_went_off(void **state)
{
	(void)state;
	tell_all(&(struct story){begin_bad, VERDICT_FAIL, 1, 3});
}

static void begin_undo(struct tower *t)
{
	cleanup(ledger_free) struct ledger l = {0};

	committed(t, 1);
	committed(t, 2);
	tower_ledger(&l, t);
	must(apply_begin_undo(&l, &t->config, &t->store, NULL, NULL, e));
}

static void an_undo_is_done_whenever_the_power_went_off(void **state)
{
	(void)state;
	tell_all(&(struct story){begin_undo, VERDICT_UNDONE, 1, 4});
}

/* Restarted too often, it goes back at once: no deadline is waited for. */
static void begin_access(struct tower *t)
{
	static const char list[] = "{\"format\":1,\"number\":1,\"operators\":[{\"name\":\"ann\",\"may\":[\"roll\"],"
				   "\"key\":\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHiAopYvtSZsXxxTLdwnxSilpeoEAmyQaf2CgXHhA1p3\"}]}";
	const struct access_set none = {0};
	cleanup(access_set_free) struct access_set set = {0};
	cleanup(ledger_free) struct ledger l = {0};

	committed(t, 1);
	tower_ledger(&l, t);
	must(access_next(&set, &none, str_of(list), (struct str){0}, e));
	must(apply_begin_access(&l, &t->config, &t->store, &set, e));
	l.attempt.boots_left = 0;
	must(ledger_save(&l, &t->store, e));
}

static void keys_that_nobody_confirmed_are_taken_back_whenever_the_power_went_off(void **state)
{
	(void)state;
	tell_all(&(struct story){begin_access, VERDICT_FAIL, 1, 3});
}

/* --- enrolment --- */

static int run_enrol(char **argv)
{
	struct err e;
	bool done = enrol_host(
		&(struct enrolment){
			.id = "ber-D",
			.plan = TOWER_PLAN,
			.config_dir = argv[2],
			.state_dir = argv[3],
			.results = argv[4],
			.root = argv[5],
			.allow_volatile = true,
		},
		&e);

	if (!done)
		fprintf(stderr, "enrol: %s\n", e.text);
	return done ? 0 : 1;
}

static void an_enrolment_that_broke_off_is_simply_done_again(void **state)
{
	int at = 1, status;

	(void)state;
	do {
		struct tower t;
		tower_open(&t);
		must(fs_remove_tree(AT_FDCWD, t.at.config, e) && fs_remove_tree(AT_FDCWD, t.at.state, e));
		store_close(&t.store);
		status = start(&t, "enrol", at);
		bool enrolled = fs_exists(AT_FDCWD, t.at.config);
		cleanup(free_ptr) char *file = path_form("%s/agent.json", t.at.config);
		enrolled = enrolled && fs_exists(AT_FDCWD, file);
		assert_int_equal(start(&t, "enrol", 0), enrolled ? 1 : 0);
		must(store_open(&t.store, t.config.state, e));
		assert_current_is_whole(&t, at++);
		cleanup(receipt_free) struct receipt r = newest_receipt(&t);
		assert_int_equal(r.verdict, VERDICT_ENROLLED);
		assert_is_chain(&t, r.number, at);
		tower_close(&t);
	} while (status == FAULT_STATUS);
	assert_true(at > 20);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_release_is_committed_whenever_the_power_went_off),
		cmocka_unit_test(a_bad_release_is_taken_back_whenever_the_power_went_off),
		cmocka_unit_test(an_undo_is_done_whenever_the_power_went_off),
		cmocka_unit_test(keys_that_nobody_confirmed_are_taken_back_whenever_the_power_went_off),
		cmocka_unit_test(an_enrolment_that_broke_off_is_simply_done_again),
	};

	if (argc > 2)
		return strcmp(argv[1], "apply") == 0 ? run_apply(argv[2]) : run_enrol(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void)
{
	puts("nothing to do: built without FLEET_FAULT");
	return 0;
}
#endif
