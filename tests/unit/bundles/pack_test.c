/* Packing: the same folders give the same bytes, and what cannot be unpacked is not packed. */
#include "bundles/pack.h"

#include <sys/mman.h>
#include <sys/time.h>

#include "base/name.h"
#include "bundles/unpack.h"
#include "tests/unit/bundles/workroom.h"

enum { LAYERS_MAX = 4 };

/* Layers are folders in the workroom; the tar stays open for the caller. */
static bool pack(struct pack_facts *out, int *fd, const struct workroom *r, struct err *e, const char *const *names)
{
	char *layer[LAYERS_MAX];
	size_t count = 0;

	for (; names[count]; count++)
		layer[count] = path_form("%s/%s", r->path, names[count]);
	*fd = memfd_create("tar", MFD_CLOEXEC);
	bool done = pack_folders(out, *fd, (const char *const *)layer, count, e);
	while (count > 0)
		free(layer[--count]);
	return done;
}
#define PACK(out, fd, r, ...) pack(out, fd, r, &e, (const char *const[]){__VA_ARGS__, NULL})

static void packed_refused(const struct workroom *r, enum err_code code, const char *words, const char *const *names)
{
	struct pack_facts facts = {.files = 77};
	struct err e = {0};
	cleanup(fd_close) int fd = -1;

	assert_false(pack(&facts, &fd, r, &e, names));
	if (!strstr(e.text, words))
		fail_msg("'%s' does not say '%s'", e.text, words);
	assert_int_equal(e.code, code);
	assert_int_equal(facts.files, 77);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
}
#define PACK_REFUSED(r, code, words, ...) packed_refused(r, code, words, (const char *const[]){__VA_ARGS__, NULL})

static void unpacked(const struct workroom *r, int fd)
{
	struct err e = {0};
	size_t differences = 1;

	assert_done(unpack_tree(fd, r->tree, &e));
	assert_done(unpack_compare(&differences, fd, r->tree, NULL, NULL, &e));
	assert_int_equal(differences, 0);
}

static void fill(const struct workroom *r, const char *layer, bool other_way_round)
{
	static const char *const path[] = {"probes/dns.sh", "probes/http.sh", "lib/net.sh", "lib-a", "README"};
	char full[100];

	for (size_t i = 0; i < COUNT_OF(path); i++) {
		size_t at = other_way_round ? COUNT_OF(path) - 1 - i : i;
		snprintf(full, sizeof full, "%s/%s", layer, path[at]);
		put_file(r, full, path[at], strstr(path[at], ".sh") ? 0750 : 0640);
	}
	snprintf(full, sizeof full, "%s/probes/net", layer);
	put_link(r, full, "../lib/net.sh");
}

static void the_same_folder_gives_the_same_bytes(void **state)
{
	struct workroom *r = *state;
	struct pack_facts one, two;
	struct err e = {0};
	cleanup(fd_close) int fd = -1, fd_two = -1;

	fill(r, "a", false);
	assert_done(PACK(&one, &fd, r, "a"));
	umask(0);
	assert_int_equal(setenv("TZ", "Pacific/Kiritimati", 1), 0);
	assert_int_equal(setenv("LC_ALL", "de_DE.UTF-8", 1), 0);
	fill(r, "b", true);
	const struct timeval times[2] = {{1, 0}, {999999999, 5}};
	assert_int_equal(futimesat(r->dir, "b/README", times), 0);
	assert_int_equal(fchmodat(r->dir, "b/README", 0466, 0), 0);
	assert_done(PACK(&two, &fd_two, r, "b"));
	assert_true(digest_eq(one.digest, two.digest));
	assert_int_equal(one.length, two.length);
	assert_int_equal(one.files, 6);
}

/* Made once here; whoever changes a byte of the format changes the name of every bundle. */
static void the_bytes_are_these_for_ever(void **state)
{
	struct workroom *r = *state;
	struct pack_facts facts;
	struct err e = {0};
	cleanup(fd_close) int fd = -1;
	char hex[DIGEST_HEX + 1];

	fill(r, "a", false);
	assert_done(PACK(&facts, &fd, r, "a"));
	digest_hex(hex, facts.digest);
	assert_string_equal(hex, "446306d97d9f7ffc2033ef7a593b5a9c81bd34822f6e42b2b94206cb5ede1a16");
}

static void the_digest_and_length_are_those_of_the_file(void **state)
{
	struct workroom *r = *state;
	struct pack_facts facts;
	struct err e = {0};
	cleanup(fd_close) int fd = -1;
	struct digest digest;
	uint64_t length = 0;

	fill(r, "a", false);
	assert_done(PACK(&facts, &fd, r, "a"));
	assert_done(digest_fd(&digest, &length, fd, &e));
	assert_true(digest_eq(digest, facts.digest));
	assert_int_equal(length, facts.length);
}

static void what_is_packed_unpacks_to_the_same(void **state)
{
	struct workroom *r = *state;
	struct pack_facts facts;
	struct err e = {0};
	cleanup(fd_close) int fd = -1;

	fill(r, "a", false);
	assert_done(fs_mkdir(r->dir, "a/empty", 0700, &e));
	assert_done(PACK(&facts, &fd, r, "a"));
	unpacked(r, fd);
	assert_text(r->tree, "probes/net", "lib/net.sh");
	assert_mode(r->tree, "probes/dns.sh", 0755);
	assert_mode(r->tree, "README", 0644);
	assert_mode(r->tree, "empty", 0755);
}

/* 99, 100, 101 and 240 bytes, of a file, a folder and a link's target: each has its own way into a header. */
static void names_of_any_allowed_length_survive(void **state)
{
	static const size_t lengths[] = {98, 99, 100, 101, 155, 239, 240};
	struct workroom *r = *state;
	struct pack_facts facts;
	struct err e = {0};
	cleanup(fd_close) int fd = -1;
	char name[PATH_LEN_MAX + 1], full[PATH_LEN_MAX + 8];

	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		memset(name, 'f', lengths[i]);
		name[lengths[i]] = 0;
		snprintf(full, sizeof full, "a/%s", name);
		put_file(r, full, name, 0644);
		snprintf(full, sizeof full, "a/link%zu", i);
		put_link(r, full, name);
		memset(name, 'd', lengths[i]);
		snprintf(full, sizeof full, "a/%s", name);
		assert_done(fs_mkdir(r->dir, full, 0755, &e));
	}
	assert_done(PACK(&facts, &fd, r, "a"));
	unpacked(r, fd);
}

static void a_name_too_long_or_too_deep_is_refused(void **state)
{
	struct workroom *r = *state;
	char full[PATH_LEN_MAX + 8] = "a/";

	memset(full + 2, 'f', PATH_LEN_MAX + 1);
	put_file(r, full, "x", 0644);
	PACK_REFUSED(r, ERR_UNSAFE, "longer than", "a");
	put_file(r, "b/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", "x", 0644);
	PACK_REFUSED(r, ERR_UNSAFE, "deeper than", "b");
}

static void the_later_layer_wins_file_by_file(void **state)
{
	struct workroom *r = *state;
	struct pack_facts facts;
	struct err e = {0};
	cleanup(fd_close) int fd = -1;

	put_file(r, "common/probes/dns.sh", "common", 0755);
	put_file(r, "common/probes/http.sh", "common", 0755);
	put_file(r, "plan/probes/dns.sh", "plan", 0644);
	put_link(r, "common/which", "probes/http.sh");
	put_link(r, "plan/which", "probes/dns.sh");
	assert_done(PACK(&facts, &fd, r, "common", "plan"));
	assert_int_equal(facts.files, 3);
	unpacked(r, fd);
	assert_text(r->tree, "probes/dns.sh", "plan");
	assert_mode(r->tree, "probes/dns.sh", 0644);
	assert_text(r->tree, "probes/http.sh", "common");
	assert_text(r->tree, "which", "plan");
}

static void a_file_over_a_folder_is_refused_either_way(void **state)
{
	struct workroom *r = *state;

	put_file(r, "common/probes/dns.sh", "x", 0755);
	put_file(r, "plan/probes", "x", 0755);
	PACK_REFUSED(r, ERR_UNSAFE, "common/probes", "common", "plan");
	PACK_REFUSED(r, ERR_UNSAFE, "a folder", "plan", "common");
}

static void a_link_may_lead_into_another_layer(void **state)
{
	struct workroom *r = *state;
	struct pack_facts facts;
	struct err e = {0};
	cleanup(fd_close) int fd = -1;

	put_file(r, "common/lib/net.sh", "net", 0644);
	put_file(r, "plan/probes/x", "x", 0644);
	put_link(r, "plan/probes/lib", "../lib");
	put_link(r, "plan/net", "./probes/lib/net.sh"); /* over another link */
	assert_done(PACK(&facts, &fd, r, "common", "plan"));
	unpacked(r, fd);
	assert_text(r->tree, "net", "net");
	PACK_REFUSED(r, ERR_UNSAFE, "leads nowhere", "plan");
}

static void a_link_outward_absolute_or_to_nowhere_is_refused(void **state)
{
	static const struct {
		const char *target, *words;
	} rows[] = {
		{"/etc/passwd", "absolute"},
		{"../a/file", "outward"},
		{"d/../../a/file", "outward"},
		{"d/../file", "outward"},
		{"nothing", "nowhere"},
		{"file/x", "nowhere"},
		{"link", "nowhere"},
		{".fleetignore", "nowhere"},
	};
	struct workroom *r = *state;
	struct err e = {0};

	put_file(r, "a/file", "x", 0644);
	put_file(r, "a/d/x", "x", 0644);
	put_file(r, "a/.fleetignore", "", 0644);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		put_link(r, "a/link", rows[i].target);
		PACK_REFUSED(r, ERR_UNSAFE, rows[i].words, "a");
		assert_done(fs_remove(r->dir, "a/link", &e));
	}
}

static void links_in_a_circle_are_refused(void **state)
{
	struct workroom *r = *state;

	put_file(r, "a/file", "x", 0644);
	put_link(r, "a/one", "two");
	put_link(r, "a/two", "one");
	PACK_REFUSED(r, ERR_UNSAFE, "nowhere", "a");
}

static void a_fifo_is_refused_with_its_path(void **state)
{
	struct workroom *r = *state;

	put_file(r, "a/d/file", "x", 0644);
	assert_int_equal(mkfifoat(r->dir, "a/d/pipe", 0644), 0);
	PACK_REFUSED(r, ERR_UNSAFE, "a/d/pipe", "a");
}

static void a_setuid_file_is_refused_but_a_setgid_folder_is_a_folder(void **state)
{
	struct workroom *r = *state;
	struct pack_facts facts;
	struct err e = {0};
	cleanup(fd_close) int fd = -1;

	put_file(r, "a/d/file", "x", 0644);
	assert_int_equal(fchmodat(r->dir, "a/d", 02775, 0), 0);
	assert_done(PACK(&facts, &fd, r, "a"));
	assert_int_equal(fchmodat(r->dir, "a/d/file", 04755, 0), 0);
	PACK_REFUSED(r, ERR_UNSAFE, "setuid", "a");
}

static void a_name_outside_the_alphabet_is_refused_with_its_path(void **state)
{
	struct workroom *r = *state;

	put_file(r, "a/d/a b", "x", 0644);
	PACK_REFUSED(r, ERR_UNSAFE, "a/d/a b", "a");
}

static void what_tools_leave_behind_is_refused_until_it_is_ignored(void **state)
{
	static const char *const left[] = {"a/.git/HEAD", "a/d/x.sh~", "a/d/.x.sh.swp"};
	struct workroom *r = *state;
	struct pack_facts facts;
	struct err e = {0};
	cleanup(fd_close) int fd = -1;

	put_file(r, "a/d/x.sh", "x", 0755);
	for (size_t i = 0; i < COUNT_OF(left); i++) {
		put_file(r, left[i], "x", 0644);
		PACK_REFUSED(r, ERR_UNSAFE, ".fleetignore", "a");
		put_file(r, "a/.fleetignore", "# ours\n\n.git/\n*~\n  .*.swp\r\n", 0644);
		fd_close(&fd);
		assert_done(PACK(&facts, &fd, r, "a"));
		assert_int_equal(facts.files, 1);
		assert_done(fs_remove(r->dir, "a/.fleetignore", &e));
		assert_done(fs_remove_tree(r->dir, i ? left[i] : "a/.git", &e));
	}
}

static void ignoring_goes_by_name_or_by_path(void **state)
{
	struct workroom *r = *state;
	struct pack_facts facts;
	struct err e = {0};
	cleanup(fd_close) int fd = -1;

	put_file(r, "a/.fleetignore", "doc/*.txt\n/top\n*.bak", 0644);
	put_file(r, "a/doc/read.txt", "x", 0644);
	put_file(r, "a/doc/deep/read.txt", "x", 0644);
	put_file(r, "a/doc/deep/x.bak", "x", 0644);
	put_file(r, "a/top", "x", 0644);
	put_file(r, "a/doc/top", "x", 0644);
	assert_int_equal(mkfifoat(r->dir, "a/doc/pipe.bak", 0644), 0);
	assert_done(PACK(&facts, &fd, r, "a"));
	assert_int_equal(facts.files, 2);
	unpacked(r, fd);
	assert_text(r->tree, "doc/deep/read.txt", "x");
	assert_text(r->tree, "doc/top", "x");
	put_file(r, "a/.fleetignore", "*.bak\n!top\n", 0644);
	PACK_REFUSED(r, ERR_SYNTAX, ".fleetignore:2", "a");
}

static void a_layer_ignores_only_its_own(void **state)
{
	struct workroom *r = *state;
	struct pack_facts facts;
	struct err e = {0};
	cleanup(fd_close) int fd = -1;

	put_file(r, "plan/.fleetignore", "x", 0644);
	put_file(r, "plan/x", "plan", 0644);
	put_file(r, "common/x", "common", 0644);
	assert_done(PACK(&facts, &fd, r, "common", "plan"));
	unpacked(r, fd);
	assert_text(r->tree, "x", "common");
}

static void a_missing_layer_is_named(void **state)
{
	struct workroom *r = *state;

	put_file(r, "a/x", "x", 0644);
	PACK_REFUSED(r, ERR_MISSING, "plan-D", "a", "plan-D");
}

static void more_than_a_bundle_may_hold_is_refused(void **state)
{
	struct workroom *r = *state;

	put_file(r, "a/x", "x", 0644);
	put_file(r, "a/y", "x", 0644);
	cleanup(fd_close) int fd = openat(r->dir, "a/x", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, (off_t)BUNDLE_BYTES_MAX), 0);
	PACK_REFUSED(r, ERR_LIMIT, "more than", "a");
	assert_int_equal(ftruncate(fd, (off_t)BUNDLE_BYTES_MAX - 2048), 0); /* fits, but not as a tar */
	PACK_REFUSED(r, ERR_LIMIT, "bundle", "a");
}

static void too_many_files_are_refused(void **state)
{
	struct workroom *r = *state;
	struct err e = {0};
	char name[16];

	assert_done(fs_mkdir(r->dir, "a", 0755, &e));
	cleanup(fd_close) int dir = openat(r->dir, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i <= BUNDLE_ENTRIES_MAX; i++) {
		snprintf(name, sizeof name, "f%d", i);
		cleanup(fd_close) int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		assert_true(fd >= 0);
	}
	PACK_REFUSED(r, ERR_LIMIT, "more than 65536 entries", "a");
}

static void nothing_packs_to_a_bundle_of_nothing(void **state)
{
	struct workroom *r = *state;
	struct pack_facts facts;
	struct err e = {0};
	cleanup(fd_close) int fd = -1;

	put_file(r, "a/.fleetignore", "", 0644);
	assert_done(PACK(&facts, &fd, r, "a"));
	assert_int_equal(facts.length, 1024);
	unpacked(r, fd);
	assert_empty(r->tree);
}

static void the_list_says_each_file_as_it_was_packed(void **state)
{
	struct workroom *r = *state;
	struct pack_facts facts;
	cleanup(pack_list_free) struct pack_list l = {0};
	struct err e = {0};
	cleanup(fd_close) int fd = -1;

	fill(r, "a", false);
	assert_done(PACK(&facts, &fd, r, "a"));
	assert_done(pack_list_tar(&l, fd, &e));
	assert_int_equal(l.count, facts.files);
	assert_string_equal(l.file[0].path, "README");
	assert_string_equal(l.file[1].path, "lib-a"); /* '-' comes before '/' */
	assert_string_equal(l.file[2].path, "lib/net.sh");
	assert_true(l.file[2].executable);
	assert_int_equal(l.file[2].size, 10);
	assert_true(digest_eq(l.file[2].digest, digest_of(STR("lib/net.sh"))));
	assert_string_equal(l.file[5].path, "probes/net");
	assert_string_equal(l.file[5].link, "../lib/net.sh");
	assert_null(l.file[0].link);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, workroom_open, workroom_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_same_folder_gives_the_same_bytes),
		TEST(the_bytes_are_these_for_ever),
		TEST(the_digest_and_length_are_those_of_the_file),
		TEST(what_is_packed_unpacks_to_the_same),
		TEST(names_of_any_allowed_length_survive),
		TEST(a_name_too_long_or_too_deep_is_refused),
		TEST(the_later_layer_wins_file_by_file),
		TEST(a_file_over_a_folder_is_refused_either_way),
		TEST(a_link_may_lead_into_another_layer),
		TEST(a_link_outward_absolute_or_to_nowhere_is_refused),
		TEST(links_in_a_circle_are_refused),
		TEST(a_fifo_is_refused_with_its_path),
		TEST(a_setuid_file_is_refused_but_a_setgid_folder_is_a_folder),
		TEST(a_name_outside_the_alphabet_is_refused_with_its_path),
		TEST(what_tools_leave_behind_is_refused_until_it_is_ignored),
		TEST(ignoring_goes_by_name_or_by_path),
		TEST(a_layer_ignores_only_its_own),
		TEST(a_missing_layer_is_named),
		TEST(more_than_a_bundle_may_hold_is_refused),
		TEST(too_many_files_are_refused),
		TEST(nothing_packs_to_a_bundle_of_nothing),
		TEST(the_list_says_each_file_as_it_was_packed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
