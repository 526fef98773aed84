/* keys.yaml changed by its own lines: comments and order of the rest stay, and no role is left without its signers. */
#include <fcntl.h>
#include <unistd.h>

#include "fleetctl/repo/keyset_edit.h"
#include "fleetctl/repo/pubfile.h"
#include "tests/unit/fleetctl/repo/yard.h"
#include "tests/unit/keys/samples.h"

#define TEST(name) static void name(void **state)
#define A          "902bea4bfbcbe53b2f457a26e25a3f345ac8d1de0dcd6a63974661006a25a0fe"
#define B          "fda98281e5230c3908ce46783cff7f6fb35b34589b30ddef1bb2a529067d0039"
#define C          "858e351ccf993d16ec5ab57ecb6ef5f90e6fd9500d70424c0b69f81f055f18c1"

static const char file[] =
	"# ours\n"
	"threshold: {root: 1, plan-D: 1} # raise it\n"
	"keys:\n"
	"  # the safe in Berlin\n"
	"  - {name: ann, roles: [root, targets], key: 'ed25519 " A "'} # Ann's\n"
	"  - {name: bob, roles: [root, targets, snapshot, timestamp, plans], key: 'ed25519 " B "'}\n";

#define BEGIN                                                                                                          \
	(void)state;                                                                                                   \
	cleanup(yard_free) struct yard y;                                                                              \
	cleanup(buf_free) struct buf is = {0};                                                                         \
	yard_make(&y);                                                                                                 \
	yard_write(&y, KEYSET_FILE, str_of(file))

/* The file with one text for another, and nothing else. */
static void assert_file(struct yard *y, struct buf *is, const char *from, const char *to)
{
	cleanup(buf_free) struct buf wanted = {0};
	const char *at = strstr(file, from);

	assert_non_null(at);
	buf_add(&wanted, str_bytes(file, (size_t)(at - file)));
	buf_text(&wanted, to);
	buf_text(&wanted, at + strlen(from));
	yard_read(y, is, KEYSET_FILE);
	assert_string_equal(is->data, wanted.data);
}

static void refused(struct yard *y, struct buf *is, bool done, enum err_code code, const char *words)
{
	assert_false(done);
	if (y->why.code != code || !strstr(y->why.text, words))
		fail_msg("%s", y->why.text);
	yard_read(y, is, KEYSET_FILE);
	assert_string_equal(is->data, file);
}

TEST(a_role_is_given_and_taken_in_its_own_line)
{
	BEGIN;

	assert_true(keyset_grant(y.fleet, "ann", "plan-D", &y.why));
	assert_file(&y, &is, "[root, targets],", "[root, targets, plan-D],");
	assert_true(keyset_revoke(y.fleet, "ann", "plan-D", &y.why));
	assert_file(&y, &is, "ours", "ours");
}

TEST(a_key_goes_with_its_line_and_another_takes_its_place)
{
	BEGIN;
	struct public_key key = {0};

	assert_true(keyset_key_read(&key, STR("ed25519 " C), &y.why));
	assert_true(keyset_replace(y.fleet, "ann", "dee", &key, &y.why));
	assert_file(&y, &is, "{name: ann, roles: [root, targets], key: 'ed25519 " A "'}",
		"{name: dee, roles: [root, targets], key: 'ed25519 " C "'}");
	assert_true(keyset_revoke(y.fleet, "dee", NULL, &y.why));
	assert_file(&y, &is, "  - {name: ann, roles: [root, targets], key: 'ed25519 " A "'} # Ann's\n", "");
	public_free(&key);
}

TEST(a_threshold_is_set_where_it_stands_or_behind_the_others)
{
	BEGIN;

	assert_true(keyset_set_threshold(y.fleet, "root", 2, &y.why));
	assert_file(&y, &is, "{root: 1,", "{root: 2,");
	assert_true(keyset_set_threshold(y.fleet, "root", 1, &y.why));
	assert_true(keyset_set_threshold(y.fleet, "targets", 2, &y.why));
	assert_file(&y, &is, "plan-D: 1}", "plan-D: 1, targets: 2}");
}

TEST(no_role_is_left_with_too_few)
{
	BEGIN;

	refused(&y, &is, keyset_set_threshold(y.fleet, "root", 3, &y.why), ERR_REFUSED,
		"nobody could sign for root then");
	refused(&y, &is, keyset_set_threshold(y.fleet, "plan-E", 2, &y.why), ERR_REFUSED, "only 1 key has it");
	refused(&y, &is, keyset_set_threshold(y.fleet, "fleet", 1, &y.why), ERR_REFUSED, "no key has the role fleet");
	refused(&y, &is, keyset_revoke(y.fleet, "bob", NULL, &y.why), ERR_REFUSED, "no key has the role");
	refused(&y, &is, keyset_revoke(y.fleet, "bob", "plans", &y.why), ERR_REFUSED,
		"nobody could sign for plans then");
}

TEST(what_is_not_there_or_there_already_is_said)
{
	BEGIN;
	struct public_key key = {0};

	refused(&y, &is, keyset_revoke(y.fleet, "eve", NULL, &y.why), ERR_MISSING,
		"no key of the name eve: it has ann, bob");
	refused(&y, &is, keyset_revoke(y.fleet, "ann", "plans", &y.why), ERR_MISSING, "ann has not the role plans");
	refused(&y, &is, keyset_grant(y.fleet, "ann", "root", &y.why), ERR_EXISTS, "has the role root already");
	refused(&y, &is, keyset_grant(y.fleet, "ann", "../x", &y.why), ERR_UNSAFE, "role");
	refused(&y, &is, keyset_set_threshold(y.fleet, "root", 1, &y.why), ERR_EXISTS, "is 1 already");
	assert_true(keyset_key_read(&key, STR("ed25519 " B), &y.why));
	refused(&y, &is, keyset_replace(y.fleet, "ann", "dee", &key, &y.why), ERR_EXISTS, "under the name bob");
	public_free(&key);
}

/* Written another way, the file is left to its writer. */
TEST(a_key_over_several_lines_is_changed_by_hand)
{
	BEGIN;

	yard_write(&y, KEYSET_FILE,
		STR("keys:\n  - name: ann\n    roles: [root, targets]\n    key: 'ed25519 " A "'\n"
		    "  - {name: bob, roles: [root], key: 'ed25519 " B "'}\n"));
	assert_false(keyset_revoke(y.fleet, "ann", "targets", &y.why) || keyset_grant(y.fleet, "ann", "plans", &y.why));
	assert_int_equal(y.why.code, ERR_SYNTAX);
	assert_non_null(strstr(y.why.text, "by hand"));
	assert_true(keyset_grant(y.fleet, "bob", "plans", &y.why));
	yard_read(&y, &is, KEYSET_FILE);
	assert_non_null(strstr(is.data, "  - name: ann\n    roles: [root, targets]\n"));
	assert_true(keyset_set_threshold(y.fleet, "root", 2, &y.why)); /* no threshold yet: a line in front */
	yard_read(&y, &is, KEYSET_FILE);
	assert_true(str_starts(buf_str(&is), "threshold: {root: 2}\nkeys:\n"));
}

TEST(a_public_key_travels_as_one_line_and_nothing_else_is_one)
{
	(void)state;
	cleanup(yard_free) struct yard y;
	yard_make(&y);
	static const char *const wrong[] = {"", "fleet-key", "fleet-key ann", "fleet-key ../ann ed25519 " A,
		"fleet-key ann ed25519 00", "fleet-key ann ed25519 " A "\nfleet-key bob ed25519 " B,
		"ssh-ed25519 AAAA ann", "fleet-key ann ed25519 " B A};
	cleanup(free_ptr) char *path = path_form("%s/ann.pub", y.top);
	cleanup(free_ptr) char *link = path_form("%s/link.pub", y.top);
	struct public_key key = {0}, back = {0};
	char *name = NULL, brief[KEY_SHORT_SIZE];

	assert_true(keyset_key_read(&key, STR("ed25519 " A), &y.why));
	assert_true(pubfile_write(path, "ann", &key, &y.why));
	assert_false(pubfile_write(path, "ann", &key, &y.why));
	assert_int_equal(y.why.code, ERR_EXISTS);
	assert_true(pubfile_read(&name, &back, path, &y.why));
	assert_string_equal(name, "ann");
	assert_true(digest_eq(key.same, back.same));
	key_short(brief, &key);
	assert_int_equal(strlen(brief), 19);
	assert_int_equal(symlink(path, link), 0);
	assert_false(pubfile_read(&name, &back, link, &y.why));
	assert_int_equal(y.why.code, ERR_UNSAFE);
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_false(pubfile_of(&name, &back, str_of(wrong[i]), &y.why));
	free(name);
	public_free(&key);
	public_free(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_role_is_given_and_taken_in_its_own_line),
		cmocka_unit_test(a_key_goes_with_its_line_and_another_takes_its_place),
		cmocka_unit_test(a_threshold_is_set_where_it_stands_or_behind_the_others),
		cmocka_unit_test(no_role_is_left_with_too_few),
		cmocka_unit_test(what_is_not_there_or_there_already_is_said),
		cmocka_unit_test(a_key_over_several_lines_is_changed_by_hand),
		cmocka_unit_test(a_public_key_travels_as_one_line_and_nothing_else_is_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
