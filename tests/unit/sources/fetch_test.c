/* A web server as a source, and what a server may do to us: every row is one that did. */
#include "tests/unit/sources/room.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/proc_talk.h"
#include "sources/fetch.h"

/* Short where something must time out, or tests would wait; long where nothing may. */
enum { IDLE_MS = 300, LONG_MS = 60000 };

struct net {
	struct room room;
	struct proc_talk server;
	char port[8], *helper;
	int64_t idle_ms, total_ms;
	const char *const *also;
};

static char *beside_us(const char *path)
{
	char self[512];
	struct err e;

	assert_true(fs_readlink(self, AT_FDCWD, "/proc/self/exe", &e));
	*strrchr(self, '/') = 0;
	return path_form("%s/%s", self, path);
}

static void net_open(struct net *n)
{
	cleanup(free_ptr) char *program = beside_us("../hostile-server");
	cleanup(free_ptr) char *folder = path_form("%s/repository/metadata", n->room.path),
			       *log = path_form("%s/log", n->room.path);
	char *const argv[] = {program, folder, log, NULL};
	ssize_t len;

	assert_true(proc_talk(&n->server, argv, &n->room.e));
	len = read(n->server.fd, n->port, sizeof n->port - 1);
	assert_true(len > 1);
	n->port[len - 1] = 0;
	n->helper = beside_us("../../sources/fleet-fetch-https");
	n->idle_ms = n->total_ms = LONG_MS;
}

static void net_close(struct net *n)
{
	proc_talk_end(&n->server);
	free_ptr(&n->helper);
	room_free(&n->room);
}

#define BEGIN                                                                                                          \
	(void)state;                                                                                                   \
	cleanup(net_close) struct net n = {0};                                                                         \
	room_make(&n.room);                                                                                            \
	net_open(&n);                                                                                                  \
	struct room *r = &n.room

/* The server in that mode from now on; a new source. */
static void in_mode(struct net *n, const char *mode)
{
	cleanup(free_ptr) char *url = path_form("http://127.0.0.1:%s/%s", n->port, mode);

	source_free(&n->room.source);
	assert_true(source_fetch(&n->room.source,
		&(struct fetch){
			.helper = n->helper,
			.at = {[SOURCE_METADATA] = url},
			.also = n->also,
			.connect_ms = LONG_MS,
			.idle_ms = n->idle_ms,
			.total_ms = n->total_ms,
		},
		&n->room.e));
}

static void log_of(const struct net *n, struct buf *out)
{
	struct err e = {0};

	if (!fs_read(out, n->room.dir, "log", &e))
		assert_int_equal(e.code, ERR_MISSING);
}

static size_t requests(const struct net *n)
{
	cleanup(buf_free) struct buf log = {0};
	size_t lines = 0;

	log_of(n, &log);
	for (size_t i = 0; i < log.len; i++)
		lines += log.data[i] == '\n';
	return lines;
}

static const struct source_ask root = {.part = SOURCE_METADATA, .name = "1.root.json", .max = PLENTY};

/* The next ask of the same source is answered: whatever happened harmed nobody. */
static void assert_goes_on(struct net *n)
{
	source_free(&n->room.source);
	in_mode(n, "plain");
	assert_true(ask(&n->room, &root));
	assert_text(&n->room);
}

TEST(a_file_is_brought_whole)
{
	BEGIN;

	in_mode(&n, "plain");
	assert_true(ask(r, &root));
	assert_text(r);
	assert_string_equal(r->answer.mark.etag, "\"v29\"");
	in_mode(&n, "http10");
	assert_true(ask(r, &root));
	assert_text(r);
}

TEST(what_is_not_there_is_absent_and_asked_for_once)
{
	static const char *const modes[] = {"forbidden", "gone", "absent-endless"};
	BEGIN;

	in_mode(&n, "plain");
	assert_true(ask_name(r, "2.root.json"));
	assert_int_equal(r->answer.say, SOURCE_ABSENT);
	assert_int_equal(requests(&n), 1);
	in_mode(&n, "http10");
	assert_true(ask_name(r, "2.root.json"));
	assert_int_equal(r->answer.say, SOURCE_ABSENT);
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		in_mode(&n, modes[i]);
		assert_true(ask(r, &root));
		assert_int_equal(r->answer.say, SOURCE_ABSENT);
	}
	assert_int_equal(requests(&n), 2 + COUNT_OF(modes));
}

TEST(many_asks_use_one_connection)
{
	BEGIN;
	cleanup(buf_free) struct buf log = {0};

	in_mode(&n, "plain");
	for (int i = 0; i < 4; i++)
		assert_true(ask_name(r, i % 2 ? "1.root.json" : "2.root.json"));
	log_of(&n, &log);
	struct str rest = buf_str(&log), first = str_cut(rest, ' ', &rest);
	for (rest = buf_str(&log); rest.len; str_cut(rest, '\n', &rest))
		assert_true(str_eq(str_cut(rest, ' ', &(struct str){0}), first));
	assert_int_equal(requests(&n), 4);
}

TEST(a_conditional_ask_brings_no_bytes)
{
	BEGIN;
	struct source_ask again = root;

	in_mode(&n, "plain");
	assert_true(ask(r, &root));
	struct source_mark known = r->answer.mark;
	again.known = &known;
	assert_true(ask(r, &again));
	assert_int_equal(r->answer.say, SOURCE_UNCHANGED);
	room_put(r, "repository/metadata/1.root.json", STR("{}"));
	assert_true(ask(r, &again));
	assert_int_equal(r->answer.say, SOURCE_BYTES);
	assert_string_equal(buf_str(&r->text).data, "{}");
}

TEST(a_file_may_be_as_long_as_allowed_and_not_a_byte_more)
{
	BEGIN;
	struct source_ask a = root;

	in_mode(&n, "plain");
	a.max = TEXT_LEN;
	assert_true(ask(r, &a));
	assert_text(r);
	a.max = TEXT_LEN - 1;
	assert_refused(r, &a, ERR_LIMIT);
	in_mode(&n, "http10");
	assert_refused(r, &a, ERR_LIMIT);
}

TEST(a_server_that_misbehaves_is_refused_in_time_with_a_reason)
{
	static const struct {
		const char *mode;
		enum err_code code;
	} rows[] = {
		{"endless", ERR_LIMIT},
		{"claims-huge", ERR_LIMIT},
		{"endless-headers", ERR_LIMIT},
		{"endless-hundreds", ERR_LIMIT},
		{"fat-header", ERR_LIMIT},
		{"early", ERR_UNREACHABLE},
		{"hang-up", ERR_UNREACHABLE},
		{"broken", ERR_UNREACHABLE},
		{"garbage", ERR_PROTOCOL},
		{"http09", ERR_PROTOCOL},
		{"not-asked", ERR_PROTOCOL},
		{"to-itself", ERR_PROTOCOL},
		{"to-file", ERR_REFUSED},
		{"to-ftp", ERR_REFUSED},
		{"to-other-host", ERR_REFUSED},
	};
	BEGIN;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		in_mode(&n, rows[i].mode);
		print_message("  %s\n", rows[i].mode);
		assert_refused(r, &root, rows[i].code);
		assert_goes_on(&n);
	}
}

TEST(a_server_that_falls_silent_is_given_up)
{
	static const char *const modes[] = {"mute", "stall", "claims-more"};
	BEGIN;

	n.idle_ms = IDLE_MS;
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		int64_t start = clock_boot_ms();
		in_mode(&n, modes[i]);
		assert_refused(r, &root, ERR_TIMEOUT);
		assert_true(clock_boot_ms() - start >= IDLE_MS);
		assert_non_null(strstr(r->e.text, "said nothing for 300 ms"));
	}
}

TEST(a_server_that_drips_is_given_up_all_the_same)
{
	BEGIN;

	n.total_ms = 2 * IDLE_MS;
	in_mode(&n, "drip");
	assert_refused(r, &(struct source_ask){.name = "1.root.json", .max = INT64_MAX}, ERR_TIMEOUT);
	assert_non_null(strstr(r->e.text, "not done after 600 ms"));
}

TEST(a_body_shorter_than_claimed_ends_where_the_claim_does)
{
	BEGIN;

	in_mode(&n, "claims-less");
	assert_true(ask(r, &root));
	assert_int_equal(r->answer.length, TEXT_LEN / 2);
}

TEST(a_redirect_to_the_same_server_is_followed_to_another_only_if_allowed)
{
	BEGIN;

	in_mode(&n, "to-plain");
	assert_true(ask(r, &root));
	assert_text(r);
	in_mode(&n, "to-other-host");
	assert_refused(r, &root, ERR_REFUSED);
	cleanup(free_ptr) char *origin = path_form("http://localhost:%s", n.port);
	const char *const also[] = {"https://cdn.example", origin, NULL};
	n.also = also;
	in_mode(&n, "to-other-host");
	assert_true(ask(r, &root));
	assert_text(r);
	in_mode(&n, "to-file");
	assert_refused(r, &root, ERR_REFUSED);
}

TEST(a_large_file_goes_on_where_it_broke)
{
	BEGIN;

	in_mode(&n, "plain");
	assert_file(r, ask_file(r, "1.root.json", STR("")));
	assert_file(r, ask_file(r, "1.root.json", str_bytes(TEXT, 5)));
	assert_int_equal(r->answer.from, 5);
	assert_int_equal(r->answer.length, TEXT_LEN);
	assert_file(r, ask_file(r, "1.root.json", STR(TEXT)));
	assert_int_equal(r->answer.from, TEXT_LEN);
}

TEST(what_arrived_before_a_break_is_kept)
{
	BEGIN;
	struct err e = {0};
	uint64_t size;

	in_mode(&n, "early");
	assert_int_equal(ask_file(r, "1.root.json", STR("")), -1);
	assert_true(fs_size(&size, r->dir, "file", &e));
	assert_int_equal(size, TEXT_LEN / 2);
}

TEST(a_server_without_ranges_sends_it_all_and_it_is_written_over)
{
	BEGIN;

	in_mode(&n, "no-range");
	assert_file(r, ask_file(r, "1.root.json", STR("wrong")));
	assert_int_equal(r->answer.from, 0);
}

TEST(another_range_than_asked_for_is_refused)
{
	BEGIN;

	in_mode(&n, "other-range");
	assert_int_equal(ask_file(r, "1.root.json", str_bytes(TEXT, 5)), -1);
	assert_int_equal(r->e.code, ERR_PROTOCOL);
	in_mode(&n, "plain");
	assert_int_equal(ask_file(r, "1.root.json", STR(TEXT "more")), -1);
	assert_int_equal(r->e.code, ERR_PROTOCOL);
}

TEST(a_name_that_climbs_is_never_asked_for)
{
	BEGIN;

	in_mode(&n, "plain");
	assert_refused(r, &(struct source_ask){.name = "../plain/1.root.json", .max = PLENTY}, ERR_UNSAFE);
	assert_refused(r, &(struct source_ask){.name = "a/./b", .max = PLENTY}, ERR_UNSAFE);
	assert_refused(r, &(struct source_ask){.part = SOURCE_TARGETS, .name = "a", .max = PLENTY}, ERR_USAGE);
	assert_int_equal(requests(&n), 0);
}

TEST(a_proxy_of_the_environment_is_used_and_no_proxy_heeded)
{
	BEGIN;
	cleanup(free_ptr) char *proxy = path_form("http://127.0.0.1:%s", n.port),
			       *dead = str_dup(STR("http://127.0.0.1:1"));
	struct fetch f = {.helper = n.helper, .at = {"http://nowhere.invalid/plain"}};

	setenv("http_proxy", proxy, 1);
	assert_true(source_fetch(&r->source, &f, &r->e) && ask(r, &root));
	assert_text(r);
	setenv("http_proxy", dead, 1);
	in_mode(&n, "plain");
	assert_refused(r, &root, ERR_UNREACHABLE);
	setenv("no_proxy", "127.0.0.1", 1);
	in_mode(&n, "plain");
	assert_true(ask(r, &root));
	assert_text(r);
	unsetenv("http_proxy");
	unsetenv("no_proxy");
}

TEST(nobody_there_is_an_error)
{
	BEGIN;

	proc_talk_end(&n.server);
	in_mode(&n, "plain");
	assert_refused(r, &root, ERR_UNREACHABLE);
}

TEST(an_address_is_used_as_it_stands)
{
	static const struct {
		const char *address, *name, *url;
	} rows[] = {
		{"http://h/a/../b", "1.root.json", "http://h/a/../b/1.root.json"},
		{"http://h/a//", "x%2Fy.json", "http://h/a//x%2Fy.json"},
		{"http://h", "plan D/caf\xc3\xa9?#.json", "http://h/plan%20D/caf%C3%A9?%23.json"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cleanup(buf_free) struct buf url = {0};
		fetch_url(&url, rows[i].address, rows[i].name);
		assert_string_equal(buf_str(&url).data, rows[i].url);
	}
}

TEST(a_helper_that_is_not_ours_is_not_believed)
{
	static const struct {
		const char *helper;
		enum err_code code;
	} rows[] = {
		{"/bin/cat", ERR_PROTOCOL},     /* asks us what we asked it */
		{"/usr/bin/yes", ERR_PROTOCOL}, /* talks nonsense, for ever */
		{"/bin/true", ERR_UNREACHABLE}, /* ends */
		{"/bin/no-such-helper", ERR_MISSING},
	};
	BEGIN;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct fetch f = {.helper = rows[i].helper, .at = {"http://127.0.0.1/"}};
		source_free(&r->source);
		r->e = (struct err){0};
		if (source_fetch(&r->source, &f, &r->e))
			for (int again = 0; again < 2; again++)
				assert_refused(r, &root, rows[i].code);
		else
			assert_int_equal(r->e.code, rows[i].code);
	}
}

/* A source whose helper says that script's words, and that keeps its session in `session`. */
static void with_script(struct net *n, const char *script, const char *session)
{
	cleanup(free_ptr) char *helper = path_form("%s/helper", n->room.path);
	struct fetch f = {.helper = helper, .at = {"http://127.0.0.1/"}, .session = session};

	source_free(&n->room.source);
	assert_true(fs_write(n->room.dir, "helper", str_of(script), 0755, &n->room.e));
	assert_true(source_fetch(&n->room.source, &f, &n->room.e));
}

TEST(a_session_is_kept_as_it_was_said_and_goes_with_a_helper_that_did_not_survive_it)
{
	static const char says[] = "#!/bin/sh\nprintf '\\000\\000\\000\\004\\006mine'\ncat >/dev/null\n",
			  lasts[] = "#!/bin/sh\nprintf '\\000\\000\\000\\004\\006mine\\000\\000\\000\\022\\002{\"say\":\"absent\"}  "
				    "\\000\\000\\000\\000\\004'\ncat >/dev/null\n",
			  dies[] = "#!/bin/sh\nexit 0\n";
	BEGIN;
	cleanup(free_ptr) char *session = path_form("%s/session", r->path);
	cleanup(buf_free) struct buf text = {0};
	struct stat st;

	with_script(&n, says, NULL);
	assert_refused(r, &root, ERR_PROTOCOL);
	with_script(&n, lasts, session);
	assert_true(ask(r, &root));
	assert_int_equal(r->answer.say, SOURCE_ABSENT);
	assert_true(fs_read(&text, r->dir, "session", &r->e));
	assert_string_equal(buf_str(&text).data, "mine");
	assert_int_equal(stat(session, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	with_script(&n, dies, session);
	assert_refused(r, &root, ERR_UNREACHABLE);
	assert_false(fs_exists(r->dir, "session"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_brought_whole),
		cmocka_unit_test(what_is_not_there_is_absent_and_asked_for_once),
		cmocka_unit_test(many_asks_use_one_connection),
		cmocka_unit_test(a_conditional_ask_brings_no_bytes),
		cmocka_unit_test(a_file_may_be_as_long_as_allowed_and_not_a_byte_more),
		cmocka_unit_test(a_server_that_misbehaves_is_refused_in_time_with_a_reason),
		cmocka_unit_test(a_server_that_falls_silent_is_given_up),
		cmocka_unit_test(a_server_that_drips_is_given_up_all_the_same),
		cmocka_unit_test(a_body_shorter_than_claimed_ends_where_the_claim_does),
		cmocka_unit_test(a_redirect_to_the_same_server_is_followed_to_another_only_if_allowed),
		cmocka_unit_test(a_large_file_goes_on_where_it_broke),
		cmocka_unit_test(what_arrived_before_a_break_is_kept),
		cmocka_unit_test(a_server_without_ranges_sends_it_all_and_it_is_written_over),
		cmocka_unit_test(another_range_than_asked_for_is_refused),
		cmocka_unit_test(a_name_that_climbs_is_never_asked_for),
		cmocka_unit_test(a_proxy_of_the_environment_is_used_and_no_proxy_heeded),
		cmocka_unit_test(nobody_there_is_an_error),
		cmocka_unit_test(an_address_is_used_as_it_stands),
		cmocka_unit_test(a_helper_that_is_not_ours_is_not_believed),
		cmocka_unit_test(a_session_is_kept_as_it_was_said_and_goes_with_a_helper_that_did_not_survive_it),
	};

	static const char *const proxies[] = {
		"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};
	for (size_t i = 0; i < COUNT_OF(proxies); i++)
		unsetenv(proxies[i]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
