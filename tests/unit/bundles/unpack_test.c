/* Unpacking: a good bundle becomes its tree; of a bad one nothing is made at all. */
#include "bundles/unpack.h"

#include <time.h>

#include "base/name.h"
#include "tests/unit/bundles/tarbytes.h"
#include "tests/unit/bundles/workroom.h"

/* Refused with this code and these words, by the check and by the unpacking, and nothing is made. */
static void refused_bytes(struct workroom *r, struct str bytes, enum err_code code, const char *words)
{
	cleanup(fd_close) int fd = tarbytes_fd(bytes);
	struct unpack_facts facts = {.entries = 77};
	struct err e = {0};

	assert_true(fd >= 0);
	assert_false(unpack_check(&facts, fd, &e));
	if (!strstr(e.text, words))
		fail_msg("'%s' does not say '%s'", e.text, words);
	assert_int_equal(e.code, code);
	assert_int_equal(facts.entries, 77);
	assert_false(unpack_tree(fd, r->tree, &e));
	assert_int_equal(e.code, code);
	assert_empty(r->tree);
}

static void refused(void **state, const struct entry *entries, size_t count, enum err_code code, const char *words)
{
	cleanup(buf_free) struct buf b = tarbytes_of(entries, count);

	refused_bytes(*state, buf_str(&b), code, words);
}
#define REFUSED(code, words, ...)                                                                                      \
	refused(state, (const struct entry[]){{"first", .body = "good"}, __VA_ARGS__},                                 \
		COUNT_OF(((const struct entry[]){{"first"}, __VA_ARGS__})), code, words)

static int good_fd(void)
{
	const struct entry entries[] = {
		{"probes/", '5', .mode = 0700},
		{"probes/dns.sh", .body = "#!/bin/sh\n", .mode = 0755},
		{"lib/deep/net.sh", .body = "x=1\n", .mode = 0600},
		{"lib/", '5'},
		{"probes/net", '2', .link = "../lib/deep"},
		{"empty", .body = ""},
	};
	cleanup(buf_free) struct buf b = tarbytes_of(entries, COUNT_OF(entries));

	return tarbytes_fd(buf_str(&b));
}

static void a_bundle_becomes_its_tree(void **state)
{
	struct workroom *r = *state;
	cleanup(fd_close) int fd = good_fd();
	struct unpack_facts facts = {0};
	struct err e = {0};
	char link[512];

	assert_done(unpack_check(&facts, fd, &e));
	assert_int_equal(facts.entries, 7); /* lib/deep was never named */
	assert_int_equal(facts.bytes, 14);
	assert_int_equal(facts.disk, 6 * 4096);
	umask(077);
	assert_done(unpack_tree(fd, r->tree, &e));
	assert_text(r->tree, "probes/dns.sh", "#!/bin/sh\n");
	assert_text(r->tree, "lib/deep/net.sh", "x=1\n");
	assert_text(r->tree, "empty", "");
	assert_mode(r->tree, "probes/dns.sh", 0755);
	assert_mode(r->tree, "lib/deep/net.sh", 0644);
	assert_mode(r->tree, "probes", 0755);
	assert_mode(r->tree, "lib/deep", 0755);
	assert_done(fs_readlink(link, r->tree, "probes/net", &e));
	assert_string_equal(link, "../lib/deep");
}

static void a_folder_that_is_not_empty_is_left_alone(void **state)
{
	struct workroom *r = *state;
	cleanup(fd_close) int fd = good_fd();
	struct err e = {0};

	put_file(r, "tree/mine", "mine", 0600);
	assert_false(unpack_tree(fd, r->tree, &e));
	assert_int_equal(e.code, ERR_EXISTS);
	assert_text(r->tree, "mine", "mine");
	assert_false(fs_exists(r->tree, "probes"));
}

static void a_name_that_climbs_is_refused_and_nothing_is_made(void **state)
{
	REFUSED(ERR_UNSAFE, "..", {"../out"});
	REFUSED(ERR_UNSAFE, "..", {"a/../../out"});
	REFUSED(ERR_UNSAFE, "..", {"..", '5'});
}

static void an_absolute_name_is_refused(void **state)
{
	REFUSED(ERR_UNSAFE, "relative", {"/tmp/out"});
}

static void a_name_outside_the_alphabet_is_refused(void **state)
{
	REFUSED(ERR_UNSAFE, "may hold only", {"a b"});
	REFUSED(ERR_UNSAFE, "may hold only", {"a\033[2Jb"});
	REFUSED(ERR_UNSAFE, "may hold only", {"a\nb"});
	REFUSED(ERR_UNSAFE, "", {"\303\244"});
	REFUSED(ERR_UNSAFE, "'.'", {"./a"});
	REFUSED(ERR_UNSAFE, "", {"a//b"});
	REFUSED(ERR_UNSAFE, "deeper", {"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"});
}

static void nothing_lies_below_a_link(void **state)
{
	REFUSED(ERR_UNSAFE, "below a link", {"way", '2', .link = "."}, {"way/out", .body = "x"});
	/* in the other order as well */
	REFUSED(ERR_UNSAFE, "twice", {"way/out", .body = "x"}, {"way", '2', .link = "."});
}

static void nothing_lies_below_a_file(void **state)
{
	REFUSED(ERR_UNSAFE, "below a file", {"first/out", .body = "x"});
}

static void a_link_outward_is_refused(void **state)
{
	REFUSED(ERR_UNSAFE, "absolute", {"l", '2', .link = "/etc/passwd"});
	REFUSED(ERR_UNSAFE, "outward", {"l", '2', .link = "../x"});
	REFUSED(ERR_UNSAFE, "outward", {"d/l", '2', .link = "../../x"});
	REFUSED(ERR_UNSAFE, "nothing", {"l", '2', .link = ""});
}

/* d/up leads to the top; "d/up/.." is d by its letters, but the folder above the top on a disk. */
static void a_link_that_climbs_behind_another_link_is_refused(void **state)
{
	REFUSED(ERR_UNSAFE, "outward", {"d/up", '2', .link = ".."}, {"out", '2', .link = "d/up/.."});
}

static void a_hard_link_is_refused_and_nothing_is_made(void **state)
{
	REFUSED(ERR_UNSAFE, "hard link", {"h", '1', .link = "first"});
	REFUSED(ERR_UNSAFE, "hard link", {"h", '1', .link = "/etc/passwd"});
}

static void devices_and_fifos_are_refused(void **state)
{
	REFUSED(ERR_UNSAFE, "fifo", {"f", '6'});
	REFUSED(ERR_UNSAFE, "character device", {"c", '3'});
	REFUSED(ERR_UNSAFE, "block device", {"b", '4'});
}

static void setuid_setgid_and_sticky_are_refused(void **state)
{
	REFUSED(ERR_UNSAFE, "setuid", {"s", .mode = 04755});
	REFUSED(ERR_UNSAFE, "setuid", {"s", .mode = 02755});
	REFUSED(ERR_UNSAFE, "setuid", {"s/", '5', .mode = 01777});
}

static void the_same_path_twice_is_refused(void **state)
{
	REFUSED(ERR_UNSAFE, "twice", {"first", .body = "evil"});
	REFUSED(ERR_UNSAFE, "twice", {"d/", '5'}, {"d/", '5'});
	REFUSED(ERR_UNSAFE, "twice", {"d/", '5'}, {"d", .body = "x"});
	REFUSED(ERR_UNSAFE, "twice", {"d/x"}, {"d", .body = "x"});
}

static void headers_that_say_more_than_ours_are_refused(void **state)
{
	REFUSED(ERR_UNSAFE, "header", {"x", 'x', .body = "20 comment=12345678\n"}, {"y", .body = "y"});
	REFUSED(ERR_UNSAFE, "", {"x", 'x', .body = "30 SCHILY.xattr.user.a=123456\n"}, {"y", .body = "y"});
	REFUSED(ERR_UNSAFE, "header", {"x", 'g', .body = "20 comment=12345678\n"}, {"y", .body = "y"});
	REFUSED(ERR_UNSAFE, "header", {"././@LongLink", 'L', .body = "short"}, {"y", .body = "y"});
	REFUSED(ERR_UNSAFE, "header", {"volume", 'V'}, {"y", .body = "y"});
	REFUSED(ERR_SYNTAX, "", {"d/", '5', .body = "hidden"});
}

/* As old GNU tar wrote them; libarchive reads the map whatever the type says (unpack_fuzz found it). */
static void refused_sparse(void **state, char type, const char *words)
{
	cleanup(buf_free) struct buf b = BUF_MAX(TARBYTES_MAX);
	unsigned char h[TARBYTES_BLOCK];

	tarbytes_header(h, &(struct entry){"hole", type, .size = "00000001000"});
	memcpy(h + 257, "ustar  ", 8);
	memcpy(h + 386, "00000010000", 12);      /* where the only piece begins */
	memcpy(h + 386 + 12, "00000001000", 12); /* and how long it is */
	if (type == 'S')
		memcpy(h + 483, "00000011000", 12); /* how long the file says it is */
	tarbytes_sum(h);
	buf_add(&b, str_bytes(h, sizeof h));
	tarbytes_zeros(&b, (size_t)3 * TARBYTES_BLOCK);
	refused_bytes(*state, buf_str(&b), ERR_UNSAFE, words);
}

static void a_sparse_file_is_refused_whatever_it_calls_itself(void **state)
{
	refused_sparse(state, 'S', "sparse");
	refused_sparse(state, '0', "header");
}

static void a_size_that_lies_is_refused(void **state)
{
	REFUSED(ERR_SYNTAX, "cut off", {"long", .body = "short", .size = "00000003000"}, {"next"});
	REFUSED(ERR_SYNTAX, "", {"long", .body = "short", .size = "00000001001"}, {"next", .body = "no header"});
	REFUSED(ERR_SYNTAX, "cut off", {"long", .body = "short", .size = "00001000000"});
	REFUSED(ERR_LIMIT, "bytes in all", {"huge", .body = "short", .size = "77777777777"});
	REFUSED(ERR_SYNTAX, "", {"small", .body = "some words", .size = "00000000000"});
	REFUSED(ERR_SYNTAX, "", {"minus", .body = "x", .size = "\377\377\377\377\377\377\377\377\377\377\377\376"});
}

static void a_tar_that_is_cut_off_anywhere_is_refused(void **state)
{
	const struct entry entries[] = {{"d/", '5'}, {"d/a", .body = "contents"}, {"d/b", .body = "more"}};
	cleanup(buf_free) struct buf b = tarbytes_of(entries, COUNT_OF(entries));

	for (size_t len = 0; len < b.len; len += len % 512 == 0 || len % 512 == 511 ? 1 : 510)
		refused_bytes(*state, str_bytes(b.data, len), ERR_SYNTAX, "");
}

static void bytes_behind_the_end_are_refused(void **state)
{
	const struct entry first = {"a", .body = "contents"}, hidden = {"hidden", .body = "x"};
	cleanup(buf_free) struct buf b = tarbytes_of(&first, 1);
	size_t end = b.len;

	tarbytes_add(&b, &hidden);
	tarbytes_zeros(&b, 1024);
	refused_bytes(*state, buf_str(&b), ERR_SYNTAX, "behind the end");
	b.data[end] = 0;
	memset(b.data + end, 0, b.len - end);
	b.data[b.len - 1] = 'x';
	refused_bytes(*state, buf_str(&b), ERR_SYNTAX, "behind the end");
	b.data[b.len - 1] = 0;
	buf_byte(&b, 0);
	refused_bytes(*state, buf_str(&b), ERR_SYNTAX, "no whole tar");
}

/* GNU tar fills its last record of 10,240 bytes. */
static void more_zeros_at_the_end_are_fine(void **state)
{
	struct workroom *r = *state;
	const struct entry only = {"a", .body = "contents"};
	cleanup(buf_free) struct buf b = tarbytes_of(&only, 1);
	struct err e = {0};

	tarbytes_zeros(&b, 10240 - b.len);
	cleanup(fd_close) int fd = tarbytes_fd(buf_str(&b));
	assert_done(unpack_tree(fd, r->tree, &e));
	assert_text(r->tree, "a", "contents");
}

static void what_is_no_tar_is_refused(void **state)
{
	cleanup(buf_free) struct buf b = {0};

	for (int i = 0; i < 4096; i++)
		buf_byte(&b, (char)(i * 37 + 1));
	refused_bytes(*state, buf_str(&b), ERR_SYNTAX, "tar");
	refused_bytes(*state, STR(""), ERR_SYNTAX, "tar");
}

static void a_damaged_header_is_refused(void **state)
{
	const struct entry entries[] = {{"a", .body = "contents"}, {"b", .body = "more"}};
	cleanup(buf_free) struct buf b = tarbytes_of(entries, COUNT_OF(entries));

	b.data[1024 + 3] ^= 1;
	refused_bytes(*state, buf_str(&b), ERR_SYNTAX, "");
}

static void too_many_entries_are_refused_at_once_and_nothing_is_made(void **state)
{
	enum { MANY = 200 * 1000 };
	cleanup(buf_free) struct buf b = BUF_MAX(TARBYTES_MAX);
	char name[16];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "f%d", i);
		tarbytes_add(&b, &(struct entry){name});
	}
	tarbytes_zeros(&b, 1024);
	clock_t before = clock();
	refused_bytes(*state, buf_str(&b), ERR_LIMIT, "f65536: more than 65536 entries");
	assert_true(clock() - before < 20 * CLOCKS_PER_SEC);
}

static void folders_that_nobody_named_count_too(void **state)
{
	cleanup(buf_free) struct buf b = BUF_MAX(TARBYTES_MAX);
	char name[64];

	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "%d/2/3/4/5/6/7/8/9/10/11/12/13/14/15/x", i);
		tarbytes_add(&b, &(struct entry){name});
	}
	tarbytes_zeros(&b, 1024);
	refused_bytes(*state, buf_str(&b), ERR_LIMIT, "more than 65536 entries");
}

static void a_tar_above_the_limit_is_refused_unread(void **state)
{
	struct workroom *r = *state;
	cleanup(fd_close) int fd = good_fd();
	struct unpack_facts facts;
	struct err e = {0};

	assert_int_equal(ftruncate(fd, (off_t)(BUNDLE_BYTES_MAX + 512)), 0);
	assert_false(unpack_check(&facts, fd, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_empty(r->tree);
}

/* --- comparing --- */

struct told {
	char text[1000];
};

static void tell(void *ctx, const char *path, const char *what)
{
	struct told *t = ctx;
	size_t len = strlen(t->text);

	snprintf(t->text + len, sizeof t->text - len, "%s %s\n", what, path);
}

static void compared(struct workroom *r, int fd, size_t count, const char *text)
{
	struct told t = {""};
	size_t differences = 99;
	struct err e = {0};

	assert_done(unpack_compare(&differences, fd, r->tree, tell, &t, &e));
	assert_string_equal(t.text, text);
	assert_int_equal(differences, count);
	assert_done(unpack_compare(&differences, fd, r->tree, NULL, NULL, &e));
	assert_int_equal(differences, count);
}

static int unpacked(struct workroom *r)
{
	int fd = good_fd();
	struct err e = {0};

	assert_done(unpack_tree(fd, r->tree, &e));
	return fd;
}

static void what_was_unpacked_compares_equal_sealed_or_not(void **state)
{
	struct workroom *r = *state;
	cleanup(fd_close) int fd = unpacked(r);

	compared(r, fd, 0, "");
	assert_int_equal(fchmodat(r->tree, "probes/dns.sh", 0555, 0), 0);
	assert_int_equal(fchmodat(r->tree, "empty", 0444, 0), 0);
	assert_int_equal(fchmodat(r->tree, "lib", 0555, 0), 0);
	compared(r, fd, 0, "");
	assert_int_equal(fchmodat(r->tree, "lib", 0755, 0), 0);
}

static void one_changed_byte_is_told(void **state)
{
	struct workroom *r = *state;
	cleanup(fd_close) int fd = unpacked(r);

	put_file(r, "tree/lib/deep/net.sh", "x=2\n", 0644);
	compared(r, fd, 1, "changed lib/deep/net.sh\n");
	put_file(r, "tree/lib/deep/net.sh", "x=1\n\n", 0644);
	compared(r, fd, 1, "changed lib/deep/net.sh\n");
}

static void every_difference_is_told_with_its_path(void **state)
{
	struct workroom *r = *state;
	cleanup(fd_close) int fd = unpacked(r);
	struct err e = {0};

	assert_int_equal(fchmodat(r->tree, "probes/dns.sh", 0644, 0), 0);
	assert_done(fs_remove_tree(r->tree, "lib/deep", &e));
	assert_done(fs_link(r->tree, "../lib", "probes/net", &e));
	put_file(r, "tree/probes/more/x", "x", 0644);
	assert_done(fs_remove(r->tree, "empty", &e));
	assert_int_equal(mkfifoat(r->tree, "empty", 0644), 0);
	compared(r, fd, 6,
		"mode probes/dns.sh\nmissing lib/deep/net.sh\nlink probes/net\nchanged empty\n"
		"extra probes/more\nmissing lib/deep\n");
}

static void a_file_or_folder_behind_a_link_is_a_changed_one(void **state)
{
	struct workroom *r = *state;
	cleanup(fd_close) int fd = unpacked(r);

	assert_int_equal(renameat(r->tree, "lib", r->dir, "elsewhere"), 0);
	put_link(r, "tree/lib", "../elsewhere");
	compared(r, fd, 3, "changed lib/deep/net.sh\nchanged lib\nchanged lib/deep\n");
}

static void a_file_in_place_of_a_link_is_a_changed_one(void **state)
{
	struct workroom *r = *state;
	cleanup(fd_close) int fd = unpacked(r);
	struct err e = {0};

	assert_done(fs_remove(r->tree, "probes/net", &e));
	put_file(r, "tree/probes/net", "../lib/deep", 0644);
	compared(r, fd, 1, "changed probes/net\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, workroom_open, workroom_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bundle_becomes_its_tree),
		TEST(a_folder_that_is_not_empty_is_left_alone),
		TEST(a_name_that_climbs_is_refused_and_nothing_is_made),
		TEST(an_absolute_name_is_refused),
		TEST(a_name_outside_the_alphabet_is_refused),
		TEST(nothing_lies_below_a_link),
		TEST(nothing_lies_below_a_file),
		TEST(a_link_outward_is_refused),
		TEST(a_link_that_climbs_behind_another_link_is_refused),
		TEST(a_hard_link_is_refused_and_nothing_is_made),
		TEST(devices_and_fifos_are_refused),
		TEST(setuid_setgid_and_sticky_are_refused),
		TEST(the_same_path_twice_is_refused),
		TEST(headers_that_say_more_than_ours_are_refused),
		TEST(a_sparse_file_is_refused_whatever_it_calls_itself),
		TEST(a_size_that_lies_is_refused),
		TEST(a_tar_that_is_cut_off_anywhere_is_refused),
		TEST(bytes_behind_the_end_are_refused),
		TEST(more_zeros_at_the_end_are_fine),
		TEST(what_is_no_tar_is_refused),
		TEST(a_damaged_header_is_refused),
		TEST(too_many_entries_are_refused_at_once_and_nothing_is_made),
		TEST(folders_that_nobody_named_count_too),
		TEST(a_tar_above_the_limit_is_refused_unread),
		TEST(what_was_unpacked_compares_equal_sealed_or_not),
		TEST(one_changed_byte_is_told),
		TEST(every_difference_is_told_with_its_path),
		TEST(a_file_or_folder_behind_a_link_is_a_changed_one),
		TEST(a_file_in_place_of_a_link_is_a_changed_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
