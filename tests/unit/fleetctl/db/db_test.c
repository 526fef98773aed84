/* What fleetctl must not forget. */
#include "tests/unit/fleetctl/folder.h"

#include <sqlite3.h>
#include <unistd.h>

#include "fleetctl/db/db.h"

struct opened {
	struct fleet fleet;
	struct db *db;
};

static void opened_close(struct opened *o)
{
	db_close(&o->db);
	fleet_free(&o->fleet);
}

static void open_db(struct opened *o, const struct folder *f)
{
	struct err e = {0};

	o->fleet.at = -1;
	assert_done(fleet_open(&o->fleet, f->path, &e));
	assert_done(db_open(&o->db, &o->fleet, &e));
}

static void again(struct opened *o)
{
	struct err e = {0};

	db_close(&o->db);
	assert_done(db_open(&o->db, &o->fleet, &e));
}

static struct member_row member(const char *host, int wave)
{
	struct member_row m = {.host = (char *)host, .plan = "plan-D", .wave = wave, .number = 7};

	memset(m.release.bytes, 0xab, sizeof m.release.bytes);
	return m;
}

static void add_rollout(struct opened *o, const char *id)
{
	struct member_row m[] = {member("ber-D", 0), member("ham-D", 1), member("a-last", 1)};
	struct rollout_row r = {.id = (char *)id, .who = "ann@desk", .action = "update", .options = "{}", .started = 1800000000};
	struct err e = {0};

	assert_done(db_rollout_add(o->db, &r, m, COUNT_OF(m), &e));
}

struct got {
	struct rollout_row row;
	struct member_row *m;
	size_t count;
};

static void got_free(struct got *g)
{
	for (size_t i = 0; i < g->count; i++)
		member_row_free(&g->m[i]);
	free_ptr(&g->m);
	rollout_row_free(&g->row);
}

static void get(struct got *g, const struct opened *o, const char *id)
{
	struct err e = {0};

	got_free(g);
	assert_done(db_rollout_get(o->db, id, &g->row, &g->m, &g->count, &e));
}

static void a_rollout_is_there_again_with_its_hosts_in_order(void **state)
{
	cleanup(opened_close) struct opened o = {0};
	cleanup(got_free) struct got g = {0};

	open_db(&o, *state);
	add_rollout(&o, "r-1");
	again(&o);
	get(&g, &o, "r-1");
	assert_string_equal(g.row.who, "ann@desk");
	assert_string_equal(g.row.action, "update");
	assert_int_equal(g.row.state, ROLLOUT_RUNNING);
	assert_null(g.row.reason);
	assert_int_equal(g.row.started, 1800000000);
	assert_int_equal(g.row.ended, 0);
	assert_int_equal(g.count, 3);
	assert_string_equal(g.m[0].host, "ber-D");
	assert_string_equal(g.m[2].host, "a-last");
	assert_int_equal(g.m[1].wave, 1);
	assert_int_equal(g.m[1].number, 7);
	assert_int_equal(g.m[1].release.bytes[31], 0xab);
	assert_false(g.m[1].ordered);
	assert_null(g.m[1].text);
}

static void every_field_of_a_host_makes_the_round_trip(void **state)
{
	cleanup(opened_close) struct opened o = {0};
	cleanup(got_free) struct got g = {0};
	struct member_row m = member("ham-D", 0);
	struct err e = {0};

	open_db(&o, *state);
	add_rollout(&o, "r-1");
	m.ordered = true;
	m.code = "failed";
	m.text = "it's \"red\"; \xc3\xa4";
	m.from = "0123";
	m.receipt = "{\"number\":1}";
	m.bytes_in = INT64_MAX;
	m.bytes_out = 2;
	m.tries = 3;
	m.started = 4;
	m.ended = 5;
	for (int s = MEMBER_WAITING; s <= MEMBER_DEFERRED; s++) {
		m.state = s;
		assert_done(db_member_set(o.db, "r-1", &m, NULL, &e));
		get(&g, &o, "r-1");
		assert_int_equal(g.m[1].state, s);
	}
	again(&o);
	get(&g, &o, NULL);
	assert_int_equal(g.count, 3);
	assert_string_equal(g.m[1].host, "ham-D"); /* its place stays */
	assert_int_equal(g.m[1].wave, 0);
	assert_true(g.m[1].ordered);
	assert_string_equal(g.m[1].code, "failed");
	assert_string_equal(g.m[1].text, m.text);
	assert_string_equal(g.m[1].from, "0123");
	assert_string_equal(g.m[1].receipt, m.receipt);
	assert_true(g.m[1].bytes_in == INT64_MAX);
	assert_int_equal(g.m[1].bytes_out, 2);
	assert_int_equal(g.m[1].tries, 3);
	assert_int_equal(g.m[1].started, 4);
	assert_int_equal(g.m[1].ended, 5);
	assert_int_equal(g.m[0].state, MEMBER_WAITING);
}

static void states_of_a_rollout_are_kept_with_their_reason(void **state)
{
	cleanup(opened_close) struct opened o = {0};
	cleanup(got_free) struct got g = {0};
	struct err e = {0};

	open_db(&o, *state);
	add_rollout(&o, "r-1");
	for (int s = ROLLOUT_PAUSED; s <= ROLLOUT_ABORTED; s++) {
		assert_done(db_rollout_set(o.db, "r-1", (enum rollout_state)s, "because", NULL, &e));
		get(&g, &o, "r-1");
		assert_int_equal(g.row.state, s);
		assert_string_equal(g.row.reason, "because");
		assert_true(g.row.ended > 0);
	}
	assert_done(db_rollout_set(o.db, "r-1", ROLLOUT_RUNNING, NULL, NULL, &e));
	get(&g, &o, "r-1");
	assert_null(g.row.reason);
	assert_int_equal(g.row.ended, 0);
}

static void the_newest_is_meant_when_none_is_named(void **state)
{
	cleanup(opened_close) struct opened o = {0};
	cleanup(got_free) struct got g = {0};
	struct rollout_row *r = NULL;
	size_t count = 0;
	struct err e = {0};

	open_db(&o, *state);
	assert_false(db_rollout_get(o.db, NULL, &g.row, &g.m, &g.count, &e));
	assert_int_equal(e.code, ERR_USAGE);
	assert_non_null(strstr(e.text, "fleetctl rollout start all"));
	add_rollout(&o, "r-2");
	add_rollout(&o, "r-1");
	get(&g, &o, NULL);
	assert_string_equal(g.row.id, "r-1");
	assert_done(db_rollouts(o.db, &r, &count, 10, &e));
	assert_int_equal(count, 2);
	assert_string_equal(r[0].id, "r-1");
	assert_string_equal(r[1].id, "r-2");
	for (size_t i = 0; i < count; i++)
		rollout_row_free(&r[i]);
	free(r);
	assert_false(db_rollout_get(o.db, "r-3", &g.row, &g.m, &g.count, &e));
	assert_true(db_knows(o.db, "r-2"));
	assert_false(db_knows(o.db, "r-3"));
	assert_string_equal(e.text, "no rollout \"r-3\": `fleetctl rollout status --all` lists them");
}

static void a_rollout_is_added_with_all_its_hosts_or_not_at_all(void **state)
{
	cleanup(opened_close) struct opened o = {0};
	struct member_row m[] = {member("ber-D", 0), member("ber-D", 0)};
	struct rollout_row r = {.id = "r-1", .action = "update"}, again_r = {.id = "r-1", .action = "update"};
	struct rollout_row *all = NULL;
	size_t count = 1;
	struct err e = {0};

	open_db(&o, *state);
	assert_done(db_rollout_add(o.db, &r, m, 1, &e));
	assert_false(db_rollout_add(o.db, &again_r, m + 1, 1, &e)); /* the id is taken */
	assert_done(db_rollouts(o.db, &all, &count, 10, &e));
	assert_int_equal(count, 1);
	rollout_row_free(&all[0]);
	free(all);
	assert_done(db_event(o.db, "r-1", NULL, "and the database goes on", &e));
}

static void a_wish_is_heard_once(void **state)
{
	cleanup(opened_close) struct opened o = {0}, other = {0};
	cleanup(free_ptr) char *wish = NULL;
	struct err e = {0};

	open_db(&o, *state);
	open_db(&other, *state);
	add_rollout(&o, "r-1");
	add_rollout(&o, "r-2");
	assert_done(db_asked(o.db, "r-1", &wish, &e));
	assert_null(wish);
	assert_done(db_ask(other.db, "r-1", "abort", &e));
	assert_done(db_asked(o.db, "r-2", &wish, &e));
	assert_null(wish);
	assert_done(db_asked(o.db, "r-1", &wish, &e));
	assert_string_equal(wish, "abort");
	free_ptr(&wish);
	assert_done(db_asked(o.db, "r-1", &wish, &e));
	assert_null(wish);
}

static void a_wish_that_came_too_late_does_not_wait_for_the_next_run(void **state)
{
	cleanup(opened_close) struct opened o = {0};
	cleanup(free_ptr) char *wish = NULL;
	struct err e = {0};

	open_db(&o, *state);
	add_rollout(&o, "r-1");
	assert_done(db_ask(o.db, "r-1", "pause", &e));
	assert_done(db_rollout_set(o.db, "r-1", ROLLOUT_RUNNING, NULL, NULL, &e));
	assert_done(db_asked(o.db, "r-1", &wish, &e));
	assert_null(wish);
}

static void history_comes_in_the_order_it_happened(void **state)
{
	cleanup(opened_close) struct opened o = {0};
	struct event_row *v = NULL;
	size_t count = 0;
	struct err e = {0};

	open_db(&o, *state);
	add_rollout(&o, "r-1");
	add_rollout(&o, "r-2");
	for (int i = 0; i < 50; i++) {
		char text[20];
		snprintf(text, sizeof text, "event %d", i);
		assert_done(db_event(o.db, i % 2 ? "r-1" : "r-2", i % 3 ? "ber-D" : NULL, text, &e));
	}
	again(&o);
	assert_done(db_events(o.db, "r-1", &v, &count, &e));
	assert_int_equal(count, 25);
	for (size_t i = 0; i < count; i++) {
		char text[20];
		snprintf(text, sizeof text, "event %zu", 2 * i + 1);
		assert_string_equal(v[i].text, text);
		assert_true(v[i].at > 0);
		if ((2 * i + 1) % 3)
			assert_string_equal(v[i].host, "ber-D");
		else
			assert_null(v[i].host);
		event_row_free(&v[i]);
	}
	free(v);
}

static void what_was_heard_of_a_host_outlives_its_silence(void **state)
{
	cleanup(opened_close) struct opened o = {0};
	struct seen_row s = {0};
	struct err e = {0};

	open_db(&o, *state);
	assert_done(db_seen_get(o.db, "ber-D", &s, &e));
	assert_null(s.host);
	assert_done(db_unseen(o.db, "ber-D", "it was off", &e));
	assert_done(db_seen_get(o.db, "ber-D", &s, &e));
	assert_int_equal(s.at, 0);
	assert_string_equal(s.error, "it was off");
	seen_row_free(&s);
	assert_done(db_seen(o.db, "ber-D", STR("{hello}"), STR("{receipt}"), &e));
	assert_done(db_seen(o.db, "ber-D", STR("{hello 2}"), STR(""), &e));
	assert_done(db_seen_get(o.db, "ber-D", &s, &e));
	assert_string_equal(s.hello, "{hello 2}");
	assert_string_equal(s.receipt, "{receipt}"); /* a hello alone takes no receipt away */
	assert_null(s.error);
	assert_int_equal(s.error_at, 0);
	seen_row_free(&s);
	assert_done(db_unseen(o.db, "ber-D", "off again", &e));
	assert_done(db_seen_get(o.db, "ber-D", &s, &e));
	assert_string_equal(s.hello, "{hello 2}");
	assert_true(s.at > 0 && s.error_at > 0);
	seen_row_free(&s);
}

static void two_drivers_exclude_each_other_and_the_second_hears_who(void **state)
{
	cleanup(opened_close) struct opened first = {0}, second = {0};
	char who[100];
	struct err e = {0};

	open_db(&first, *state);
	open_db(&second, *state);
	assert_done(db_lock(first.db, "ann@desk", &e));
	assert_false(db_lock(second.db, "bob@lap", &e));
	assert_int_equal(e.code, ERR_BUSY);
	snprintf(who, sizeof who, "are being driven by ann@desk (process %d)", (int)getpid());
	assert_non_null(strstr(e.text, who));
	assert_non_null(strstr(e.text, "fleetctl rollout pause"));
	db_close(&first.db); /* as a kill would */
	assert_done(db_lock(second.db, "bob@lap", &e));
}

static void forge(const struct folder *f, const char *sql)
{
	sqlite3 *db = NULL;
	char path[128];

	snprintf(path, sizeof path, "%s/.fleetctl/fleet.db", f->path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void a_newer_schema_is_left_alone(void **state)
{
	cleanup(opened_close) struct opened o = {0};
	struct err e = {0};

	open_db(&o, *state);
	add_rollout(&o, "r-1");
	db_close(&o.db);
	forge(*state, "PRAGMA user_version = 4");
	assert_false(db_open(&o.db, &o.fleet, &e));
	assert_null(o.db);
	assert_int_equal(e.code, ERR_USAGE);
	assert_string_equal(e.text, "the fleet's database is of schema 4, this fleetctl knows 3: use a newer fleetctl");
	forge(*state, "PRAGMA user_version = 3");
	assert_done(db_open(&o.db, &o.fleet, &e));
}

static void an_older_schema_gets_what_it_lacks_and_keeps_what_it_has(void **state)
{
	cleanup(opened_close) struct opened o = {0};
	struct link_row row = {.number = 1}, *rows = NULL;
	size_t count;
	struct err e = {0};

	open_db(&o, *state);
	add_rollout(&o, "r-1");
	db_close(&o.db);
	forge(*state, "DROP TABLE link; DROP TABLE deed; PRAGMA user_version = 1");
	assert_done(db_open(&o.db, &o.fleet, &e));
	assert_true(db_knows(o.db, "r-1"));
	assert_done(db_links_add(o.db, "ber-D", "key", &row, 1, &e));
	again(&o);
	assert_done(db_links(o.db, "ber-D", "key", &rows, &count, &e));
	assert_int_equal(count, 1);
	free(rows);
}

static void a_file_that_is_no_database_is_a_sentence_with_a_remedy(void **state)
{
	const struct folder *f = *state;
	cleanup(fleet_free) struct fleet fleet = {.at = -1};
	cleanup(buf_free) struct buf text = {0};
	struct db *db = NULL;
	struct err e = {0};

	assert_done(fleet_open(&fleet, f->path, &e));
	assert_done(fs_mkdir(f->at, ".fleetctl", 0755, &e));
	for (int i = 0; i < 1000; i++)
		buf_text(&text, "this was a database once\n");
	folder_put(f, ".fleetctl/fleet.db", buf_str(&text).data);
	assert_false(db_open(&db, &fleet, &e));
	assert_null(db);
	assert_int_equal(e.code, ERR_IO);
	assert_true(str_starts(str_of(e.text), f->path));
	assert_non_null(strstr(e.text, "is broken: file is not a database; hosts keep what they run: `fleetctl status --rebuild`"));
	folder_read(&text, f, ".fleetctl/fleet.db");
	assert_true(str_starts(buf_str(&text), "this was a database once"));
	assert_done(fs_remove(f->at, ".fleetctl/fleet.db", &e));
	assert_done(db_open(&db, &fleet, &e));
	db_close(&db);
}

static void a_database_cut_short_is_a_sentence(void **state)
{
	const struct folder *f = *state;
	cleanup(opened_close) struct opened o = {0};
	char path[128];
	struct rollout_row *r = NULL;
	size_t count = 0;
	struct err e = {0};

	open_db(&o, f);
	for (int i = 0; i < 50; i++) {
		char id[20];
		snprintf(id, sizeof id, "r-%d", i);
		add_rollout(&o, id);
	}
	db_close(&o.db);
	snprintf(path, sizeof path, "%s/.fleetctl/fleet.db", f->path);
	assert_int_equal(truncate(path, 8192 + 100), 0);
	bool good = db_open(&o.db, &o.fleet, &e) && db_rollouts(o.db, &r, &count, 100, &e);
	for (size_t i = 0; i < count; i++)
		rollout_row_free(&r[i]);
	free(r);
	assert_false(good);
	assert_int_equal(e.code, ERR_IO);
	assert_non_null(strstr(e.text, "malformed"));
}

static void a_change_and_its_line_of_history_are_one(void **state)
{
	cleanup(opened_close) struct opened o = {0};
	struct member_row m = member("ber-D", 0);
	struct event_row *v = NULL;
	size_t count = 0;
	struct err e = {0};

	open_db(&o, *state);
	add_rollout(&o, "r-1");
	m.state = MEMBER_COMMITTED;
	assert_done(db_member_set(o.db, "r-1", &m, "committed", &e));
	assert_done(db_rollout_set(o.db, "r-1", ROLLOUT_DONE, NULL, "done", &e));
	db_close(&o.db);
	forge(*state, "DROP TABLE event"); /* where the line cannot be written, the change is not made */
	assert_done(db_open(&o.db, &o.fleet, &e));
	m.state = MEMBER_FAILED;
	assert_false(db_member_set(o.db, "r-1", &m, "failed", &e));
	cleanup(got_free) struct got g = {0};
	assert_done(db_rollout_get(o.db, "r-1", &g.row, &g.m, &g.count, &e));
	assert_int_equal(g.m[0].state, MEMBER_COMMITTED);
	assert_int_equal(g.row.state, ROLLOUT_DONE);
	assert_false(db_events(o.db, "r-1", &v, &count, &e));
}

/* Tampered with `deed` or the row in it: the same database is another's. */
static void a_database_is_its_folders_own(void **state)
{
	const struct folder *f = *state;
	static const struct {
		const char *sql, *deed, *says;
	} rows[] = {
		{"UPDATE deed SET inode = inode + 1", NULL, "is a copy: this folder was copied"},
		{"UPDATE deed SET inode = inode - 1, born = born + 1", NULL, "is a copy: this folder was copied"},
		{"UPDATE deed SET born = born - 1, id = '00'", NULL, "is the database of another fleet folder"},
		{NULL, "not a deed\n", "stands without the file `deed`"},
		{NULL, "00112233445566778899aabbccddeeff 1\n", "is the database of another fleet folder"},
	};
	cleanup(opened_close) struct opened o = {0};
	cleanup(buf_free) struct buf deed = {0};
	struct err e = {0};

	open_db(&o, f);
	add_rollout(&o, "r-1");
	db_close(&o.db);
	folder_read(&deed, f, ".fleetctl/deed");
	assert_true(str_ends(buf_str(&deed), " 1\n"));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].sql)
			forge(f, rows[i].sql);
		if (rows[i].deed)
			folder_put(f, ".fleetctl/deed", rows[i].deed);
		assert_false(db_open(&o.db, &o.fleet, &e));
		assert_int_equal(e.code, ERR_REFUSED);
		assert_non_null(strstr(e.text, rows[i].says));
		assert_non_null(strstr(e.text, "fleetctl status --rebuild"));
	}
	cleanup(free_ptr) char *lost = NULL;
	struct err why = {0};
	assert_done(db_open_anew(&o.db, &lost, &why, &o.fleet, "ann@desk", &e));
	assert_int_equal(why.code, ERR_REFUSED);
	assert_non_null(strstr(lost, "/.fleetctl/lost-"));
	assert_false(db_knows(o.db, "r-1"));
}

static void what_hosts_tell_is_added_and_never_taken_for_our_own(void **state)
{
	cleanup(opened_close) struct opened o = {0};
	struct member_row m = member("ham-D", 0);
	struct rollout_row own = {.id = "r-1", .who = "somebody", .action = "update", .options = "{}", .started = 1, .ended = 2};
	struct rollout_row told = own;
	struct err e = {0};

	open_db(&o, *state);
	add_rollout(&o, "r-1");
	told.id = "r-0";
	m.state = MEMBER_COMMITTED;
	m.ended = 5;
	assert_done(db_rebuilt(o.db, &own, &m, 1, &e));
	for (int i = 0; i < 2; i++) /* again: nothing changes */
		assert_done(db_rebuilt(o.db, &told, &m, 1, &e));
	cleanup(got_free) struct got ours = {0}, theirs = {0};
	assert_done(db_rollout_get(o.db, NULL, &ours.row, &ours.m, &ours.count, &e));
	assert_string_equal(ours.row.id, "r-1");
	assert_int_equal(ours.row.state, ROLLOUT_RUNNING);
	assert_int_equal(ours.count, 3);
	assert_done(db_rollout_get(o.db, "r-0", &theirs.row, &theirs.m, &theirs.count, &e));
	assert_int_equal(theirs.row.state, ROLLOUT_REBUILT);
	assert_int_equal(theirs.count, 1);
	assert_true(db_knows(o.db, "r-1"));
	assert_false(db_knows(o.db, "r-0")); /* its lease is somebody else's */
	struct event_row *v = NULL;
	size_t count = 0;
	assert_done(db_events(o.db, "r-0", &v, &count, &e));
	assert_int_equal(count, 1);
	assert_int_equal(v[0].at, 5);
	assert_string_equal(v[0].text, "committed");
	event_row_free(&v[0]);
	free(v);
}

static void words_and_states_are_the_same_list(void **state)
{
	(void)state;
	assert_string_equal(member_words[MEMBER_DEFERRED], "deferred");
	assert_null(member_words[MEMBER_DEFERRED + 1]);
	assert_string_equal(rollout_words[ROLLOUT_ABORTED], "aborted");
	assert_true(member_ended(MEMBER_UNREACHABLE) && !member_failed(MEMBER_UNREACHABLE));
	assert_true(member_failed(MEMBER_ROLLED_BACK) && !member_ended(MEMBER_RUNNING));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_rollout_is_there_again_with_its_hosts_in_order),
		sentence(every_field_of_a_host_makes_the_round_trip),
		sentence(states_of_a_rollout_are_kept_with_their_reason),
		sentence(the_newest_is_meant_when_none_is_named),
		sentence(a_rollout_is_added_with_all_its_hosts_or_not_at_all),
		sentence(a_wish_is_heard_once),
		sentence(a_wish_that_came_too_late_does_not_wait_for_the_next_run),
		sentence(history_comes_in_the_order_it_happened),
		sentence(what_was_heard_of_a_host_outlives_its_silence),
		sentence(two_drivers_exclude_each_other_and_the_second_hears_who),
		sentence(a_newer_schema_is_left_alone),
		sentence(an_older_schema_gets_what_it_lacks_and_keeps_what_it_has),
		sentence(a_file_that_is_no_database_is_a_sentence_with_a_remedy),
		sentence(a_database_cut_short_is_a_sentence),
		sentence(a_change_and_its_line_of_history_are_one),
		sentence(a_database_is_its_folders_own),
		sentence(what_hosts_tell_is_added_and_never_taken_for_our_own),
		cmocka_unit_test(words_and_states_are_the_same_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
