/* Enrolment, and the releases a host holds. */
#include "agent/store/staging.h"
#include "agent/store/tree.h"
#include "tests/unit/agent/tower.h"

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

static bool enrol(struct tower *t, const char *id, const char *root, bool force, struct err *e)
{
	cleanup(free_ptr) char *file = path_form("%s/%s", t->dir, root);

	return enrol_host(
		&(struct enrolment){
			.id = id,
			.plan = TOWER_PLAN,
			.root = file,
			.config_dir = t->at.config,
			.state_dir = t->at.state,
			.results = t->at.results,
			.force = force,
			.allow_volatile = true,
		},
		e);
}

static void a_new_host_runs_the_baseline_and_says_so(void **state)
{
	struct tower *t = *state;
	cleanup(release_close) struct release r = {0};
	cleanup(buf_free) struct buf text = {0};
	cleanup(receipt_free) struct receipt receipt = {0};
	size_t differences = 1;

	must(release_open(&r, &t->store, tower_current(t), e));
	assert_true(digest_eq(r.id, t->config.baseline));
	assert_int_equal(r.manifest.number, 0);
	must(tree_compare(&differences, &t->store, r.manifest.bundle.sha256, NULL, NULL, e));
	assert_int_equal(differences, 0);
	must(receipts_bytes(&text, &t->store, 1, e));
	must(receipt_read(&receipt, buf_str(&text), e));
	assert_int_equal(receipt.verdict, VERDICT_ENROLLED);
	assert_string_equal(receipt.host, "ber-D");
}

static void a_host_is_not_enrolled_twice_by_mistake(void **state)
{
	struct tower *t = *state;
	struct err why = {0};

	assert_false(enrol(t, "ber-D", "root.json", false, &why));
	assert_int_equal(why.code, ERR_EXISTS);
	assert_false(enrol(t, "ber-X", "root.json", true, &why));
	assert_int_equal(why.code, ERR_FOREIGN);
}

static void beginning_anew_leads_to_the_baseline_and_numbers_receipts_on(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	cleanup(ledger_free) struct ledger l = {0};
	struct tower_release *r = tower_release(t, 1, "trial: {settle: 0s, deadline: 1s}\n");

	tower_update(t, r, &a);
	assert_verdict(a, VERDICT_PASS);
	must(enrol(t, "ber-D", "root.json", true, e));
	assert_true(digest_eq(tower_current(t), t->config.baseline));
	tower_ledger(&l, t);
	assert_int_equal(l.receipt, 3);
	assert_false(fs_exists(t->store.dir, "trust/timestamp.json"));
}

/* Receipt `number`, which must be good under `key` (hexadecimal). */
static struct receipt receipt_of(struct tower *t, int64_t number, const char *key)
{
	cleanup(public_free) struct public_key pub = {0};
	cleanup(buf_free) struct buf text = {0};
	struct receipt r = {0};

	must(public_of(&pub, KEY_ED25519, str_of(key), e));
	must(receipts_bytes(&text, &t->store, number, e));
	must(receipt_verify(buf_str(&text), &pub, e) && receipt_read(&r, buf_str(&text), e));
	assert_int_equal(r.number, number);
	return r;
}

static void assert_follows(struct tower *t, const struct receipt *r)
{
	cleanup(buf_free) struct buf before = {0};

	must(receipts_bytes(&before, &t->store, r->number - 1, e));
	assert_true(digest_eq(r->previous, receipt_digest(buf_str(&before))));
}

static void beginning_anew_keeps_the_receipt_key_and_its_chain(void **state)
{
	struct tower *t = *state;
	char key[DIGEST_HEX + 1], after[DIGEST_HEX + 1];

	must(receipts_key(key, &t->store, e));
	must(enrol(t, "ber-D", "root.json", true, e));
	must(receipts_key(after, &t->store, e));
	assert_string_equal(key, after);
	cleanup(receipt_free) struct receipt r = receipt_of(t, 2, key);
	assert_follows(t, &r);
}

static void a_lost_ledger_does_not_begin_the_chain_again(void **state)
{
	struct tower *t = *state;
	char key[DIGEST_HEX + 1];

	must(receipts_key(key, &t->store, e));
	must(fs_remove(t->store.dir, "state", e) && fs_remove(t->store.dir, "state.2", e));
	must(enrol(t, "ber-D", "root.json", true, e));
	cleanup(receipt_free) struct receipt r = receipt_of(t, 2, key);
	assert_follows(t, &r);
}

/* A host goes on without its key: with another, which whoever verifies sees. */
static void a_key_that_is_lost_or_damaged_is_made_anew(void **state)
{
	static const char *const texts[] = {NULL, "", "# fleet public key: ed25519 00\n"};
	struct tower *t = *state;

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		char key[DIGEST_HEX + 1], after[DIGEST_HEX + 1];
		struct stat st;
		must(receipts_key(key, &t->store, e));
		must(texts[i] ? fs_write(t->store.dir, "receipts/key", str_of(texts[i]), 0600, e)
			      : fs_remove(t->store.dir, "receipts/key", e));
		must(enrol(t, "ber-D", "root.json", true, e));
		must(receipts_key(after, &t->store, e));
		assert_string_not_equal(key, after);
		assert_int_equal(fstatat(t->store.dir, "receipts/key", &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		cleanup(receipt_free) struct receipt r = receipt_of(t, (int64_t)i + 2, after);
		assert_follows(t, &r);
	}
}

static void a_root_that_does_not_verify_makes_no_host(void **state)
{
	struct tower *t = *state;
	cleanup(free_ptr) char *file = path_form("%s/bad.json", t->dir);
	struct err why = {0};
	cleanup(doc_free) doc *whole = NULL;
	cleanup(buf_free) struct buf bad = {0};

	must(doc_read(&whole, buf_str(&t->root), e));
	doc_set_int(doc_get(whole, "signed"), "version", 2);
	doc_pretty(&bad, whole);
	must(fs_write(AT_FDCWD, file, buf_str(&bad), 0644, e));
	assert_false(enrol(t, "ber-D", "bad.json", true, &why));
	assert_int_equal(why.code, ERR_SIGNATURE);
}

static void a_state_folder_that_forgets_makes_no_host(void **state)
{
	struct tower *t = *state;
	cleanup(free_ptr) char *root = path_form("%s/root.json", t->dir);
	cleanup(free_ptr) char *etc = path_form("%s/etc2", t->dir);
	char dir[] = "/dev/shm/enrol-XXXXXX";
	struct err why = {0};

	if (!mkdtemp(dir))
		skip();
	struct enrolment want = {.id = "ber-D", .plan = TOWER_PLAN, .root = root, .config_dir = etc, .state_dir = dir,
		.results = t->at.results};
	cleanup(fd_close) int fd = -1;
	must(fs_open_dir(&fd, AT_FDCWD, dir, e));
	bool forgets = fs_volatile(fd) != NULL;
	bool refused = !enrol_host(&want, &why);
	cleanup(free_ptr) char *file = path_form("%s/agent.json", etc);
	bool made = fs_exists(AT_FDCWD, file);
	want.allow_volatile = true;
	bool allowed = made || enrol_host(&want, &why);
	must(fs_remove_tree(AT_FDCWD, dir, e));
	if (!forgets)
		skip();
	assert_true(refused && allowed);
	assert_false(made);
	assert_int_equal(why.code, ERR_REFUSED);
	assert_non_null(strstr(why.text, "--allow-volatile"));
}

static void names_that_are_none_make_no_host(void **state)
{
	struct tower *t = *state;
	struct err why = {0};

	assert_false(enrol(t, "../ber", "root.json", true, &why));
	assert_false(enrol(t, "-ber", "root.json", true, &why));
}

static void a_manifest_that_was_changed_on_the_disk_is_not_opened(void **state)
{
	struct tower *t = *state;
	struct release r = {0};
	char hex[DIGEST_HEX + 1];
	struct err why = {0};

	digest_hex(hex, t->config.baseline);
	cleanup(free_ptr) char *path = path_form("releases/%s/manifest.json", hex);
	must(fs_write(t->store.dir, path, STR("{}"), 0644, e));
	assert_false(release_open(&r, &t->store, t->config.baseline, &why));
	assert_int_equal(why.code, ERR_DIGEST);
}

static void current_never_leads_to_a_release_that_is_not_whole(void **state)
{
	struct tower *t = *state;
	struct digest none = digest_of(STR("none"));
	struct err why = {0};

	assert_false(release_swap(&t->store, none, &why));
	assert_int_equal(why.code, ERR_MISSING);
	must(fs_link(t->store.dir, "/etc", "current", e));
	assert_false(release_current(&none, &t->store, &why));
}

static void half_received_payloads_are_bounded(void **state)
{
	struct tower *t = *state;
	struct digest d[4];

	for (int i = 0; i < 4; i++) {
		cleanup(fd_close) int fd = -1;
		d[i] = digest_of(str_bytes(&i, sizeof i));
		must(staging_bound(&t->store, d[i], e));
		must(staging_part(&fd, &t->store, d[i], 0, e));
		must(fs_put(fd, STR("abc"), e));
	}
	size_t left = 0;
	for (int i = 0; i < 4; i++)
		left += staging_have(&t->store, d[i]) == 3;
	assert_int_equal(left, STAGING_PARTS_MAX);
	assert_int_equal(staging_have(&t->store, d[3]), 3);
}

static void a_payload_goes_on_only_where_it_stopped(void **state)
{
	struct tower *t = *state;
	struct digest d = digest_of(STR("abcdef"));
	cleanup(fd_close) int fd = -1;
	cleanup(fd_close) int again = -1;
	struct err why = {0};

	must(staging_part(&fd, &t->store, d, 0, e));
	must(fs_put(fd, STR("abcXX"), e));
	assert_false(staging_part(&again, &t->store, d, 6, &why));
	assert_int_equal(why.code, ERR_PROTOCOL);
	must(staging_part(&again, &t->store, d, 3, e));
	must(fs_put(again, STR("def"), e));
	must(staging_check(&t->store, d, 6, e));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_new_host_runs_the_baseline_and_says_so),
		T(a_host_is_not_enrolled_twice_by_mistake),
		T(beginning_anew_leads_to_the_baseline_and_numbers_receipts_on),
		T(beginning_anew_keeps_the_receipt_key_and_its_chain),
		T(a_lost_ledger_does_not_begin_the_chain_again),
		T(a_key_that_is_lost_or_damaged_is_made_anew),
		T(a_root_that_does_not_verify_makes_no_host),
		T(a_state_folder_that_forgets_makes_no_host),
		T(names_that_are_none_make_no_host),
		T(a_manifest_that_was_changed_on_the_disk_is_not_opened),
		T(current_never_leads_to_a_release_that_is_not_whole),
		T(half_received_payloads_are_bounded),
		T(a_payload_goes_on_only_where_it_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
