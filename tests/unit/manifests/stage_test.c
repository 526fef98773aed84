/* PLAN/rollout.json: exact shares, windows, stops, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "manifests/stage.h"

enum { HOSTS = 10, NIGHT_FROM = 120, NIGHT_TO = 240 };

static char *const ids[HOSTS] = {"a1", "a2", "a3", "a4", "b1", "b2", "b3", "c1", "c2", "d1"};
static char *const sites[HOSTS] = {"a", "a", "a", "a", "b", "b", "b", "c", "c", "d"};

/* Ten hosts at four sites; the canary is b2; 1, 4, 7 and all ten. */
struct sample {
	struct stage stage;
	struct stage_host host[HOSTS];
	struct stage_share share[4];
	char *canary[1];
	struct window window;
};

static struct sample *sample(void)
{
	static struct sample s;

	s = (struct sample){
		.share = {{1}, {4}, {7}, {10}},
		.canary = {ids[5]},
		.window = {(char *)"Europe/Berlin", 127, NIGHT_FROM, NIGHT_TO},
	};
	for (size_t i = 0; i < HOSTS; i++)
		s.host[i] = (struct stage_host){ids[i], sites[i]};
	s.stage = (struct stage){
		.plan = (char *)"plan-D",
		.rollout = (char *)"20261123-abcd",
		.counter = 7,
		.release = digest_of(STR("release")),
		.number = 12,
		.hosts = {s.host, HOSTS},
		.canary = {s.canary, 1},
		.stages = {s.share, 4},
		.defer_ms = 3600 * 1000,
	};
	return &s;
}

static struct stage_answer ask_at(const struct stage *s, const char *host, const char *when, bool synced, int64_t waited_ms)
{
	struct stage_ask ask = {.host = host, .plan = "plan-D", .counter = 7, .waited_ms = waited_ms};

	assert_true(clock_read(&ask.now.unix_s, str_of(when)));
	ask.now.synced = synced;
	return stage_decide(s, &ask);
}

static enum stage_say ask(const struct stage *s, const char *host)
{
	return ask_at(s, host, "2026-11-23T12:00:00Z", true, 0).say;
}

static size_t takers(const struct stage *s)
{
	size_t n = 0;

	for (size_t i = 0; i < HOSTS; i++)
		n += ask(s, ids[i]) == STAGE_TAKE;
	return n;
}

static void a_share_is_an_exact_count(void **state)
{
	struct sample *s = sample();

	(void)state;
	assert_int_equal(takers(&s->stage), 0);
	for (int64_t open = 1; open <= 4; open++) {
		s->stage.open = open;
		assert_int_equal(takers(&s->stage), s->share[open - 1].hosts);
	}
}

static void the_canary_goes_first_and_a_stage_keeps_whom_it_had(void **state)
{
	struct sample *s = sample();
	bool before[HOSTS] = {false};

	(void)state;
	s->stage.open = 1;
	assert_int_equal(ask(&s->stage, "b2"), STAGE_TAKE);
	for (int64_t open = 1; open <= 4; open++) {
		s->stage.open = open;
		for (size_t i = 0; i < HOSTS; i++) {
			bool now = ask(&s->stage, ids[i]) == STAGE_TAKE;
			assert_true(now || !before[i]);
			before[i] = now;
		}
	}
}

static void the_second_of_a_site_waits_until_each_site_had_one(void **state)
{
	struct sample *s = sample();
	size_t rank[HOSTS], of_site[4] = {0};

	(void)state;
	stage_ranks(rank, &s->stage);
	for (size_t i = 0; i < HOSTS; i++)
		if (rank[i] < 4)
			of_site[sites[i][0] - 'a']++;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(of_site[i], 1);
}

/* Another salt, another order: nobody is always first. The same one: the same order in whatever order they are listed. */
static void the_release_is_the_salt(void **state)
{
	struct sample *s = sample();
	size_t a[HOSTS], b[HOSTS], rank;

	(void)state;
	s->stage.canary.count = 0;
	for (size_t i = 0; i < HOSTS; i++)
		s->host[i].site = NULL;
	stage_ranks(a, &s->stage);
	struct stage_host first = s->host[0];
	s->host[0] = s->host[9];
	s->host[9] = first;
	assert_true(stage_rank(&rank, &s->stage, "a1"));
	assert_int_equal(rank, a[0]);
	s->stage.release = digest_of(STR("another"));
	stage_ranks(b, &s->stage);
	assert_memory_not_equal(a, b, sizeof a);
	assert_false(stage_rank(&rank, &s->stage, "zz"));
}

static void whom_it_is_not_about_stays(void **state)
{
	struct sample *s = sample();

	(void)state;
	s->stage.open = 4;
	assert_int_equal(ask(&s->stage, "zz"), STAGE_HOLD);
	struct stage_ask other = {.host = "a1", .plan = "plan-E", .now.synced = true};
	assert_int_equal(stage_decide(&s->stage, &other).say, STAGE_HOLD);
	struct stage_ask has = {.host = "a1", .plan = "plan-D", .now.synced = true, .current = s->stage.release};
	assert_int_equal(stage_decide(&s->stage, &has).say, STAGE_HOLD);
}

static void held_and_aborted_nobody_advances(void **state)
{
	struct sample *s = sample();

	(void)state;
	s->stage.open = 4;
	s->stage.state = STAGE_HELD;
	assert_int_equal(takers(&s->stage), 0);
	s->stage.state = STAGE_ABORTED;
	assert_int_equal(takers(&s->stage), 0);
}

static void an_abort_says_whether_those_that_committed_go_back(void **state)
{
	struct sample *s = sample();
	struct stage_ask has = {.host = "a1", .plan = "plan-D", .now.synced = true, .current = s->stage.release};

	(void)state;
	s->stage.state = STAGE_ABORTED;
	assert_int_equal(stage_decide(&s->stage, &has).say, STAGE_HOLD);
	s->stage.back = true;
	assert_int_equal(stage_decide(&s->stage, &has).say, STAGE_BACK);
	has.current = digest_of(STR("before"));
	assert_int_equal(stage_decide(&s->stage, &has).say, STAGE_HOLD);
	has.current = s->stage.release;
	s->stage.state = STAGE_GO;
	assert_int_equal(stage_decide(&s->stage, &has).say, STAGE_HOLD);
}

static void a_counter_that_went_back_moves_nobody(void **state)
{
	struct sample *s = sample();
	struct stage_ask a = {.host = "a1", .plan = "plan-D", .now.synced = true, .counter = 8};

	(void)state;
	s->stage.open = 4;
	assert_int_equal(stage_decide(&s->stage, &a).say, STAGE_HOLD);
	s->stage.state = STAGE_ABORTED;
	s->stage.back = true;
	a.current = s->stage.release;
	assert_int_equal(stage_decide(&s->stage, &a).say, STAGE_HOLD);
	a.counter = 7;
	assert_int_equal(stage_decide(&s->stage, &a).say, STAGE_BACK);
}

static void windows_are_by_the_zones_clock_summer_and_winter(void **state)
{
	struct sample *s = sample();
	static const struct {
		const char *when;
		enum stage_say say;
	} at[] = {
		{"2026-01-15T01:00:00Z", STAGE_TAKE}, {"2026-01-15T00:59:59Z", STAGE_WAIT},
		{"2026-07-15T00:00:00Z", STAGE_TAKE}, {"2026-07-15T02:00:00Z", STAGE_WAIT},
		{"2026-03-29T00:59:00Z", STAGE_WAIT}, {"2026-03-29T01:00:00Z", STAGE_TAKE}, /* 03:00 follows 01:59 */
		{"2026-10-25T00:30:00Z", STAGE_TAKE}, {"2026-10-25T02:30:00Z", STAGE_TAKE}, /* 02:30 twice, then 03:30 */
		{"2026-10-25T03:00:00Z", STAGE_WAIT},
	};

	(void)state;
	s->stage.open = 4;
	s->stage.windows = (struct list){&s->window, 1};
	for (size_t i = 0; i < COUNT_OF(at); i++)
		assert_int_equal(ask_at(&s->stage, "a1", at[i].when, true, 0).say, at[i].say);
}

static void without_a_sure_clock_every_window_is_shut_but_not_for_ever(void **state)
{
	struct sample *s = sample();

	(void)state;
	s->stage.open = 4;
	assert_int_equal(ask_at(&s->stage, "a1", "1970-01-01T00:10:00Z", false, 0).say, STAGE_TAKE);
	s->stage.windows = (struct list){&s->window, 1};
	struct stage_answer a = ask_at(&s->stage, "a1", "2026-01-15T01:00:00Z", false, 0);
	assert_int_equal(a.say, STAGE_WAIT);
	assert_true(a.for_clock);
	assert_int_equal(ask_at(&s->stage, "a1", "1970-01-01T00:10:00Z", false, 3599999).say, STAGE_WAIT);
	assert_int_equal(ask_at(&s->stage, "a1", "1970-01-01T00:10:00Z", false, 3600000).say, STAGE_TAKE);
	assert_int_equal(ask_at(&s->stage, "a1", "2026-01-15T00:00:00Z", true, 3600000).say, STAGE_WAIT);
}

static void a_zone_that_is_not_here_shuts_its_window_but_not_for_ever(void **state)
{
	struct sample *s = sample();
	struct window two[2];

	(void)state;
	s->stage.open = 4;
	two[0] = two[1] = s->window;
	two[0].zone = (char *)"Europe/Atlantis";
	s->stage.windows = (struct list){two, 1};
	struct stage_answer a = ask_at(&s->stage, "a1", "2026-01-15T01:00:00Z", true, 0);
	assert_int_equal(a.say, STAGE_WAIT);
	assert_true(a.for_clock && a.for_window);
	assert_non_null(strstr(a.why, "does not know the zone Europe/Atlantis (package tzdata)"));
	assert_int_equal(ask_at(&s->stage, "a1", "2026-01-15T01:00:00Z", true, 3599999).say, STAGE_WAIT);
	a = ask_at(&s->stage, "a1", "2026-01-15T01:00:00Z", true, 3600000);
	assert_int_equal(a.say, STAGE_TAKE);
	assert_non_null(strstr(a.why, "Europe/Atlantis"));
	/* another window, whose zone is here, opens as ever */
	s->stage.windows = (struct list){two, 2};
	assert_int_equal(ask_at(&s->stage, "a1", "2026-01-15T01:00:00Z", true, 0).say, STAGE_TAKE);
	assert_int_equal(ask_at(&s->stage, "a1", "2026-01-15T00:59:59Z", true, 0).say, STAGE_WAIT);
}

static void what_is_written_reads_back_and_no_other_spelling_does(void **state)
{
	struct sample *s = sample();
	cleanup(buf_free) struct buf text = {0};
	cleanup(buf_free) struct buf again = {0};
	struct stage back = {0};
	struct err e = {0};

	(void)state;
	s->stage.open = 2;
	s->stage.back = true;
	s->stage.windows = (struct list){&s->window, 1};
	stage_write(&text, &s->stage);
	assert_true(stage_read(&back, buf_str(&text), &e));
	stage_write(&again, &back);
	assert_true(str_eq(buf_str(&text), buf_str(&again)));
	assert_int_equal(back.open, 2);
	assert_int_equal(back.hosts.count, HOSTS);
	stage_free(&back);
	buf_byte(&text, '\n');
	assert_false(stage_read(&back, buf_str(&text), &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	assert_null(back.plan);
}

static void refused(struct sample *s, const char *says)
{
	cleanup(buf_free) struct buf text = {0};
	struct stage out = {0};
	struct err e = {0};

	stage_write(&text, &s->stage);
	assert_false(stage_read(&out, buf_str(&text), &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	assert_non_null(strstr(e.text, says));
	assert_null(out.plan);
}

static void what_would_blind_the_plan_or_mean_nothing_is_refused(void **state)
{
	struct sample *s = sample();

	(void)state;
	s->share[1].hosts = 7;
	refused(s, "never more than half");
	s = sample();
	s->share[1].hosts = 1;
	refused(s, "stages[1]");
	s = sample();
	s->share[3].hosts = 11;
	refused(s, "stages[3]");
	s = sample();
	s->stage.open = 5;
	refused(s, "open: 5 stages");
	s = sample();
	s->canary[0] = (char *)"zz";
	refused(s, "is none of the hosts");
	s = sample();
	s->host[3].id = ids[0];
	refused(s, "a1");
	s = sample();
	s->window.to = s->window.from;
	s->stage.windows = (struct list){&s->window, 1};
	refused(s, "windows[0]");
	s = sample();
	s->stage.counter = 0;
	refused(s, "counter");
}

/* --- the agent --- */

enum { RUNS = 1000 }; /* 0.1.0 */

static struct stage_answer ask_agent(const struct stage *s, const char *host, const char *when, bool synced)
{
	struct stage_ask ask = {.host = host, .plan = "plan-D", .counter = 7};

	assert_true(clock_read(&ask.now.unix_s, str_of(when)));
	ask.now.synced = synced;
	return stage_decide_agent(s, &ask, RUNS);
}

static enum stage_say agent(const struct stage *s, const char *host)
{
	return ask_agent(s, host, "2026-11-23T12:00:00Z", true).say;
}

static void offer(struct sample *s, const char *version, int64_t hosts)
{
	s->stage.has_agent = true;
	s->stage.agent = (struct stage_agent){(char *)version, hosts};
}

static void an_agent_reaches_exactly_so_many_and_keeps_whom_it_had(void **state)
{
	struct sample *s = sample();
	bool before[HOSTS] = {false};

	(void)state;
	for (int64_t hosts = 0; hosts <= HOSTS; hosts++) {
		int64_t taking = 0;
		offer(s, "0.2.0", hosts);
		for (size_t i = 0; i < HOSTS; i++) {
			enum stage_say said = agent(&s->stage, ids[i]);
			assert_true(said == STAGE_TAKE || said == STAGE_WAIT);
			assert_true(said == STAGE_TAKE || !before[i]);
			before[i] = said == STAGE_TAKE;
			taking += before[i];
		}
		assert_int_equal(taking, hosts);
	}
	assert_int_equal(agent(&s->stage, "z9"), STAGE_HOLD);
}

static void its_turns_are_drawn_by_the_version_not_by_the_release(void **state)
{
	struct sample *s = sample();
	size_t same = 0, other = 0;

	(void)state;
	s->stage.canary.count = 0;
	for (size_t i = 0; i < HOSTS; i++) {
		offer(s, "0.2.0", 5);
		s->stage.release = digest_of(STR("release"));
		bool one = agent(&s->stage, ids[i]) == STAGE_TAKE;
		s->stage.release = digest_of(STR("the next"));
		same += one == (agent(&s->stage, ids[i]) == STAGE_TAKE);
		offer(s, "0.3.0", 5);
		other += one == (agent(&s->stage, ids[i]) == STAGE_TAKE);
	}
	assert_int_equal(same, HOSTS);
	assert_true(other < HOSTS);
}

static void the_release_may_be_held_or_aborted_and_the_agent_is_not(void **state)
{
	struct sample *s = sample();

	(void)state;
	offer(s, "0.2.0", HOSTS);
	for (int stop = STAGE_GO; stop <= STAGE_ABORTED; stop++) {
		s->stage.state = stop;
		s->stage.back = stop == STAGE_ABORTED;
		s->stage.open = 0;
		assert_int_equal(agent(&s->stage, "a1"), STAGE_TAKE);
		assert_int_not_equal(ask(&s->stage, "a1"), STAGE_TAKE);
	}
	s->stage.state = STAGE_GO;
	s->stage.open = 4;
	s->stage.agent.hosts = 0; /* and the reverse */
	assert_int_equal(agent(&s->stage, "a1"), STAGE_WAIT);
	assert_int_equal(ask(&s->stage, "a1"), STAGE_TAKE);
}

static void no_host_goes_back_to_an_older_agent_or_takes_its_own_again(void **state)
{
	static const char *const not_newer[] = {"0.0.9", "0.1", "0.1.0"};
	struct sample *s = sample();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(not_newer); i++) {
		offer(s, not_newer[i], HOSTS);
		assert_int_equal(agent(&s->stage, "a1"), STAGE_HOLD);
	}
	offer(s, "0.1.1", HOSTS);
	assert_int_equal(agent(&s->stage, "a1"), STAGE_TAKE);
	s->stage.has_agent = false;
	assert_int_equal(agent(&s->stage, "a1"), STAGE_HOLD);
}

static void an_agent_keeps_to_the_windows_the_counter_and_the_plan(void **state)
{
	struct sample *s = sample();
	struct stage_answer a;

	(void)state;
	offer(s, "0.2.0", HOSTS);
	s->stage.windows = (struct list){&s->window, 1};
	assert_int_equal(ask_agent(&s->stage, "a1", "2026-01-15T01:30:00Z", true).say, STAGE_TAKE); /* 02:30 in Berlin */
	a = ask_agent(&s->stage, "a1", "2026-01-15T12:00:00Z", true);
	assert_int_equal(a.say, STAGE_WAIT);
	assert_true(a.for_window);
	a = ask_agent(&s->stage, "a1", "2026-01-15T01:30:00Z", false);
	assert_int_equal(a.say, STAGE_WAIT);
	assert_true(a.for_clock);
	s->stage.windows.count = 0;
	s->stage.counter = 6;
	a = ask_agent(&s->stage, "a1", "2026-01-15T12:00:00Z", true);
	assert_int_equal(a.say, STAGE_HOLD);
	assert_non_null(strstr(a.why, "went back"));
	s->stage.counter = 7;
	s->stage.plan = (char *)"plan01s";
	assert_int_equal(agent(&s->stage, "a1"), STAGE_HOLD);
}

static void an_offer_reads_back_and_one_that_means_nothing_is_refused(void **state)
{
	struct sample *s = sample();
	cleanup(buf_free) struct buf text = {0};
	cleanup(stage_free) struct stage again = {0};
	struct err e = {0};

	(void)state;
	offer(s, "0.2.0", 3);
	stage_write(&text, &s->stage);
	if (!stage_read(&again, buf_str(&text), &e))
		fail_msg("%s", e.text);
	assert_true(again.has_agent);
	assert_string_equal(again.agent.version, "0.2.0");
	assert_int_equal(again.agent.hosts, 3);
	offer(s, "0.2.0", HOSTS + 1);
	refused(s, "11 hosts, there are 10");
	offer(s, "two", 1);
	refused(s, "no version");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_share_is_an_exact_count),
		cmocka_unit_test(the_canary_goes_first_and_a_stage_keeps_whom_it_had),
		cmocka_unit_test(the_second_of_a_site_waits_until_each_site_had_one),
		cmocka_unit_test(the_release_is_the_salt),
		cmocka_unit_test(whom_it_is_not_about_stays),
		cmocka_unit_test(held_and_aborted_nobody_advances),
		cmocka_unit_test(an_abort_says_whether_those_that_committed_go_back),
		cmocka_unit_test(a_counter_that_went_back_moves_nobody),
		cmocka_unit_test(windows_are_by_the_zones_clock_summer_and_winter),
		cmocka_unit_test(without_a_sure_clock_every_window_is_shut_but_not_for_ever),
		cmocka_unit_test(a_zone_that_is_not_here_shuts_its_window_but_not_for_ever),
		cmocka_unit_test(what_is_written_reads_back_and_no_other_spelling_does),
		cmocka_unit_test(what_would_blind_the_plan_or_mean_nothing_is_refused),
		cmocka_unit_test(an_agent_reaches_exactly_so_many_and_keeps_whom_it_had),
		cmocka_unit_test(its_turns_are_drawn_by_the_version_not_by_the_release),
		cmocka_unit_test(the_release_may_be_held_or_aborted_and_the_agent_is_not),
		cmocka_unit_test(no_host_goes_back_to_an_older_agent_or_takes_its_own_again),
		cmocka_unit_test(an_agent_keeps_to_the_windows_the_counter_and_the_plan),
		cmocka_unit_test(an_offer_reads_back_and_one_that_means_nothing_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
