/* What a host keeps of the metadata it has seen, and what it believes of it at the next start. */
#include <fcntl.h>
#include <unistd.h>

#include "agent/store/trustdir.h"
#include "tests/unit/manifests/forge.h"

struct house {
	char dir[64];
	struct store store;
	struct config config;
	struct moment now;
};

static void house_make(struct house *h)
{
	cleanup(doc_free) doc *root = forge_root(1, "r", "m", "s", "t");
	cleanup(buf_free) struct buf bytes = forge_bytes(root, "r");

	*h = (struct house){.dir = "/tmp/trustdir.XXXXXX", .now = {.unix_s = FORGE_NOW, .synced = true}};
	assert_non_null(mkdtemp(h->dir));
	char *state = path_form("%s/state", h->dir);
	assert_true(store_make(state, NULL) && store_open(&h->store, state, NULL));
	free(state);
	h->config.dir = str_dup(str_of(h->dir));
	h->config.plan = str_dup(STR("plan-D"));
	assert_true(config_anchor_save(&h->config, buf_str(&bytes), NULL));
}

static void house_free(struct house *h)
{
	store_close(&h->store);
	config_free(&h->config);
	assert_true(fs_remove_tree(AT_FDCWD, h->dir, NULL));
}

#define BEGIN                                                                                                          \
	(void)state;                                                                                                   \
	cleanup(house_free) struct house h;                                                                            \
	house_make(&h)

static void lay(struct house *h, const char *path, doc *body, const char *by)
{
	cleanup(buf_free) struct buf bytes = forge_bytes(body, by);

	assert_true(fs_write(h->store.dir, path, buf_str(&bytes), 0644, NULL));
}

static void lay_timestamp(struct house *h, const char *by)
{
	cleanup(doc_free) doc *timestamp = role_body(ROLE_TIMESTAMP, 7, FORGE_NOW + FORGE_DAY);

	role_set_meta(timestamp, "snapshot", 1);
	lay(h, "trust/timestamp.json", timestamp, by);
}

static uint64_t held(struct house *h, const char *role)
{
	struct trust *t = NULL;

	assert_true(trustdir_open(&t, &h->store, &h->config, h->now, NULL));
	uint64_t version = trust_version(t, role);
	trust_free(&t);
	return version;
}

static void the_anchor_is_that_of_enrolment_and_none_that_lies_among_what_is_kept(void **state)
{
	BEGIN;
	cleanup(doc_free) doc *thief = forge_root(1, "R", "M", "S", "T"), *next = forge_root(2, "R", "M", "S", "T");

	lay(&h, "trust/root.json", thief, "R");
	lay(&h, "trust/1.root.json", thief, "R");
	lay(&h, "trust/2.root.json", next, "R");
	assert_int_equal(held(&h, "root"), 1);
	lay_timestamp(&h, "M");
	assert_int_equal(held(&h, "timestamp"), 0);
	lay_timestamp(&h, "m");
	assert_int_equal(held(&h, "timestamp"), 7);
	lay(&h, "trust/2.root.json", next, "rR"); /* the owners made it so */
	assert_int_equal(held(&h, "root"), 2);
	assert_int_equal(held(&h, "timestamp"), 0);
}

static void without_the_anchor_nothing_that_is_kept_stands_in_for_it(void **state)
{
	BEGIN;
	cleanup(doc_free) doc *root = forge_root(1, "r", "m", "s", "t");
	cleanup(free_ptr) char *anchor = path_form("%s/root.json", h.dir);
	cleanup(free_ptr) char *copy = path_form("%s/root.json.2", h.dir);
	struct trust *t = NULL;
	struct err e = {0};

	lay(&h, "trust/root.json", root, "r");
	lay(&h, "trust/1.root.json", root, "r");
	assert_int_equal(unlink(anchor) | unlink(copy), 0);
	assert_false(trustdir_open(&t, &h.store, &h.config, h.now, &e));
	assert_int_equal(e.code, ERR_MISSING);
	assert_null(t);
}

static void an_anchor_that_rotted_is_named_and_its_copy_serves(void **state)
{
	BEGIN;
	cleanup(free_ptr) char *anchor = path_form("%s/root.json", h.dir);
	cleanup(buf_free) struct buf names = BUF_MAX(KIB);

	for (int missing = 0; missing < 2; missing++) {
		if (missing)
			assert_int_equal(unlink(anchor), 0);
		else
			assert_true(fs_write(AT_FDCWD, anchor, STR("{}"), 0644, NULL));
		assert_int_equal(held(&h, "root"), 1);
		buf_clear(&names);
		assert_true(trustdir_damaged(&names, &h.store, &h.config, NULL));
		assert_true(str_ends(buf_str(&names), "/root.json"));
	}
}

static void a_root_that_has_expired_keeps_nobody_from_opening_what_is_held(void **state)
{
	BEGIN;
	lay_timestamp(&h, "m");
	h.now.unix_s += 2000 * FORGE_DAY;
	assert_int_equal(held(&h, "root"), 1);
	assert_int_equal(held(&h, "timestamp"), 7);
}

static void a_roles_name_never_leaves_the_folder(void **state)
{
	BEGIN;
	cleanup(fs_names_free) struct fs_names names = {0};
	cleanup(fs_names_free) struct fs_names beside = {0};
	struct trust_keep keep = {.role = "../../x", .version = 1};

	assert_true(fs_names(&beside, h.store.dir, "", NULL));
	assert_true(trustdir_keep(&h.store, &keep, STR("{}"), NULL));
	assert_true(fs_exists(h.store.dir, "trust/..%2F..%2Fx.json"));
	assert_true(fs_names(&names, h.store.dir, "", NULL));
	assert_int_equal(names.count, beside.count);
	assert_false(fs_exists(h.store.dir, "../x.json"));
}

static void new_online_keys_drop_what_the_old_ones_said(void **state)
{
	BEGIN;
	cleanup(doc_free) doc *next = forge_root(2, "r", "M", "s", "t");
	cleanup(buf_free) struct buf bytes = forge_bytes(next, "r");
	struct trust_keep keep = {.role = "root", .version = 2, .drop_online = true};

	lay_timestamp(&h, "m");
	assert_true(trustdir_raise_floor(&h.store, FORGE_NOW + FORGE_DAY, NULL));
	assert_true(trustdir_keep(&h.store, &keep, buf_str(&bytes), NULL));
	assert_false(fs_exists(h.store.dir, "trust/timestamp.json"));
	assert_false(fs_exists(h.store.dir, "trust/floor"));
	assert_false(fs_exists(h.store.dir, "trust/dropping"));
	assert_int_equal(held(&h, "root"), 2);
}

/* A number, and its digest. */
#define DROPPING_AT_2 "2\nd4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35\n"

/* The power went between the note and the root: nothing was dropped, and the note means nothing. */
static void what_the_old_keys_said_stays_until_the_new_root_is_kept(void **state)
{
	BEGIN;
	struct trust_keep none = {.role = ""};

	lay_timestamp(&h, "m");
	assert_true(fs_write(h.store.dir, "trust/dropping", STR(DROPPING_AT_2), 0644, NULL));
	assert_int_equal(held(&h, "timestamp"), 7);
	assert_true(trustdir_keep(&h.store, &none, STR("{}"), NULL));
	assert_int_equal(held(&h, "timestamp"), 7);
	assert_false(fs_exists(h.store.dir, "trust/dropping"));
}

/* And between the root and the drop: it counts for nothing, the clock's floor neither, and goes with what is kept next. */
static void what_the_old_keys_said_counts_for_nothing_once_the_new_root_is_kept(void **state)
{
	BEGIN;
	cleanup(doc_free) doc *next = forge_root(2, "r", "m", "s", "t");
	struct trust_keep none = {.role = ""};

	lay_timestamp(&h, "m");
	lay(&h, "trust/2.root.json", next, "r");
	assert_true(trustdir_raise_floor(&h.store, FORGE_NOW + 2000 * FORGE_DAY, NULL));
	assert_int_equal(held(&h, "timestamp"), 7);
	assert_true(fs_write(h.store.dir, "trust/dropping", STR(DROPPING_AT_2), 0644, NULL));
	assert_int_equal(held(&h, "root"), 2);
	assert_int_equal(held(&h, "timestamp"), 0);
	assert_true(trustdir_keep(&h.store, &none, STR("{}"), NULL));
	assert_false(fs_exists(h.store.dir, "trust/timestamp.json"));
	assert_false(fs_exists(h.store.dir, "trust/floor"));
	assert_false(fs_exists(h.store.dir, "trust/dropping"));
}

static void a_floor_that_rotted_lets_nothing_sink_and_nothing_rise(void **state)
{
	BEGIN;
	cleanup(buf_free) struct buf floor = {0};
	cleanup(buf_free) struct buf names = {0};

	lay_timestamp(&h, "m");
	assert_true(trustdir_raise_floor(&h.store, FORGE_NOW + FORGE_DAY, NULL));
	assert_true(trustdir_damaged(&names, &h.store, &h.config, NULL));
	assert_int_equal(names.len, 0);
	assert_true(fs_read(&floor, h.store.dir, "trust/floor", NULL));
	for (size_t i = 0; i < floor.len; i++) {
		cleanup(buf_free) struct buf told = {0};
		floor.data[i] ^= 1;
		assert_true(fs_write(h.store.dir, "trust/floor", buf_str(&floor), 0644, NULL));
		assert_true(trustdir_damaged(&told, &h.store, &h.config, NULL));
		assert_true(str_is(buf_str(&told), "floor"));
		floor.data[i] ^= 1;
	}
	floor.data[0] ^= 8; /* a date long after all others */
	assert_true(fs_write(h.store.dir, "trust/floor", buf_str(&floor), 0644, NULL));
	assert_true(trustdir_raise_floor(&h.store, FORGE_NOW + FORGE_DAY, NULL));
	assert_true(trustdir_damaged(&names, &h.store, &h.config, NULL));
	assert_int_equal(names.len, 0);
}

static void what_is_not_to_be_kept_changes_nothing(void **state)
{
	BEGIN;
	struct trust_keep none = {.role = ""};

	lay_timestamp(&h, "m");
	assert_true(trustdir_keep(&h.store, &none, STR("{}"), NULL));
	assert_int_equal(held(&h, "timestamp"), 7);
	assert_false(fs_exists(h.store.dir, "trust/.json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_anchor_is_that_of_enrolment_and_none_that_lies_among_what_is_kept),
		cmocka_unit_test(without_the_anchor_nothing_that_is_kept_stands_in_for_it),
		cmocka_unit_test(an_anchor_that_rotted_is_named_and_its_copy_serves),
		cmocka_unit_test(a_root_that_has_expired_keeps_nobody_from_opening_what_is_held),
		cmocka_unit_test(a_roles_name_never_leaves_the_folder),
		cmocka_unit_test(new_online_keys_drop_what_the_old_ones_said),
		cmocka_unit_test(what_the_old_keys_said_stays_until_the_new_root_is_kept),
		cmocka_unit_test(what_the_old_keys_said_counts_for_nothing_once_the_new_root_is_kept),
		cmocka_unit_test(a_floor_that_rotted_lets_nothing_sink_and_nothing_rise),
		cmocka_unit_test(what_is_not_to_be_kept_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
