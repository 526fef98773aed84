/* Which agent hosts that pull may take: what an offer makes of a plan's rollout.json, whether there is one or not. */
#include "fleetctl/rollout/pull_offer.h"
#include "tests/unit/fleetctl/repo/yard.h"

enum { HOSTS = 3 };
static const char hosts_yaml[] = "- {id: a, plan: plan-D, address: 10.0.0.1, site: berlin}\n"
				 "- {id: b, plan: plan-D, address: 10.0.0.2, site: tokyo}\n"
				 "- {id: x, plan: plan01s, address: 10.0.0.3}\n"
				 "- {id: c, plan: plan-D, address: 10.0.0.4}\n";

struct world {
	struct yard yard;
	struct fleet fleet;
	struct repository repository;
	struct sheets sheets;
	struct buf words;
	bool blind; /* --allow-blind */
	struct home home; /* of a fleet that names no place for receipts */
	enum offer_end end;
	struct err e;
};

static void open_all(struct world *w)
{
	fleet_free(&w->fleet);
	repository_free(&w->repository);
	if (!fleet_open(&w->fleet, w->yard.fleet, &w->e) || !repository_open(&w->repository, w->yard.fleet, &w->e))
		fail_msg("%s", w->e.text);
}

static int begin(void **state)
{
	struct world *w = mem_new(1, sizeof *w);

	*state = w;
	w->fleet.at = w->repository.at = -1;
	yard_make(&w->yard);
	yard_keys(&w->yard);
	yard_key(&w->yard, "roll", "rollouts");
	yard_release(&w->yard, "plan-D", "soracom.io", STR("bundle"));
	yard_release(&w->yard, "plan01s", "soracom.io", STR("bundle"));
	struct plan *p = &w->yard.manifest[0].plan;
	p->has_window = true;
	p->window = (struct window){str_dup(STR("Europe/Berlin")), 127, 120, 240};
	yard_sign(&w->yard);
	yard_write(&w->yard, "fleet.yaml", STR("name: tower\n"));
	yard_write(&w->yard, "hosts.yaml", str_of(hosts_yaml));
	open_all(w);
	w->blind = true;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	buf_free(&w->words);
	sheets_free(&w->sheets);
	repository_free(&w->repository);
	fleet_free(&w->fleet);
	yard_free(&w->yard);
	free(w);
	return 0;
}

static const struct sheet *offer(struct world *w, enum offer_share share, int64_t n, const char *version)
{
	const struct offer o = {.share = share, .n = n, .version = version, .blind = w->blind, .home = &w->home};

	sheets_free(&w->sheets);
	buf_clear(&w->words);
	if (!offer_plan(&w->end, &w->sheets, &w->words, &o, &w->repository, &w->fleet, "plan-D", &w->e))
		fail_msg("%s", w->e.text);
	buf_byte(&w->words, 0);
	return w->sheets.sheet;
}

static void sign(struct world *w)
{
	struct passphrase none = {.fd = -1};
	bool news = false;

	if (!sheets_sign(&news, &w->sheets, &(struct sheet_keys){&w->fleet, w->yard.keys, &none}, &w->e))
		fail_msg("%s", w->e.text);
	open_all(w);
}

static void a_plan_without_one_gets_one_that_opens_no_release(void **state)
{
	struct world *w = *state;
	const struct stage *s = &offer(w, OFFER_HOSTS, 1, "0.2.0")->stage;

	assert_true(stage_check(s, &w->e));
	assert_int_equal(s->hosts.count, HOSTS); /* of this plan alone */
	assert_int_equal(s->open, 0);
	assert_int_equal(s->state, STAGE_HELD);
	assert_int_equal(s->number, 1);
	assert_int_equal(s->windows.count, 1); /* as the release says */
	assert_true(s->has_agent);
	assert_int_equal(s->agent.hosts, 1);
	assert_string_equal(w->words.data, "plan-D: agent 0.2.0 to 1 of 3 hosts (was: no agent)\n");
	sign(w);
	assert_int_equal(yard_version(&w->yard, "rollout-plan-D"), 2); /* delegated with the plan */
	assert_int_equal(yard_version(&w->yard, "plan-D"), 1);
}

static void shares_are_of_each_plan_and_never_above_it(void **state)
{
	static const struct {
		enum offer_share share;
		int64_t n, hosts;
	} rows[] = {
		{OFFER_HOSTS, 1, 1}, {OFFER_HOSTS, 3, 3}, {OFFER_HOSTS, 4000, 3}, {OFFER_PERCENT, 1, 1}, {OFFER_PERCENT, 33, 1},
		{OFFER_PERCENT, 34, 2}, {OFFER_PERCENT, 67, 3}, {OFFER_PERCENT, 100, 3}, {OFFER_ALL, 0, 3},
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(offer(w, rows[i].share, rows[i].n, "0.2.0")->stage.agent.hosts, rows[i].hosts);
	assert_false(offer(w, OFFER_NONE, 0, NULL)->changed);
	assert_string_equal(w->words.data, "plan-D: no agent\n");
}

static void what_a_rollout_says_of_its_release_stays(void **state)
{
	struct world *w = *state;
	cleanup(stage_free) struct stage before = {0};
	bool there;

	offer(w, OFFER_HOSTS, 1, "0.2.0");
	w->sheets.sheet->stage.state = STAGE_GO;
	w->sheets.sheet->stage.open = 1;
	sign(w);
	sheets_free(&w->sheets);
	assert_true(sheet_read(&before, &there, &w->sheets, &w->repository, sheet_of(&w->sheets, "plan-D"), &w->e));
	assert_true(there);
	assert_int_equal(before.counter, 1);
	const struct sheet *p = offer(w, OFFER_ALL, 0, "0.3.0");
	assert_true(p->changed);
	assert_string_equal(w->words.data, "plan-D: agent 0.3.0 to 3 of 3 hosts (was: agent 0.2.0 to 1 of 3 hosts)\n");
	assert_string_equal(p->stage.rollout, before.rollout);
	assert_int_equal(p->stage.state, STAGE_GO);
	assert_int_equal(p->stage.open, 1);
	assert_int_equal(p->stage.counter, 1); /* sheets_sign counts */
	sign(w);
	assert_false(offer(w, OFFER_ALL, 0, "0.3.0")->changed);
	p = offer(w, OFFER_NONE, 0, NULL);
	assert_true(p->changed);
	assert_false(p->stage.has_agent);
	assert_true(stage_check(&p->stage, &w->e));
}

static void hosts_that_came_later_are_told_of(void **state)
{
	struct world *w = *state;
	cleanup(buf_free) struct buf more = {0};

	offer(w, OFFER_ALL, 0, "0.2.0");
	sign(w);
	buf_text(&more, hosts_yaml);
	buf_text(&more, "- {id: d, plan: plan-D, address: 10.0.0.5}\n");
	yard_write(&w->yard, "hosts.yaml", buf_str(&more));
	open_all(w);
	assert_int_equal(offer(w, OFFER_ALL, 0, "0.3.0")->stage.agent.hosts, HOSTS);
	assert_non_null(strstr(w->words.data, "1 more of the plan are not in rollout"));
}

/* Nothing has come home. */
static void nobody_is_offered_more_before_receipts_say_how_it_went(void **state)
{
	struct world *w = *state;

	w->blind = false;
	w->home = (struct home){.fleet = &w->fleet};
	assert_int_equal(offer(w, OFFER_ALL, 0, "0.2.0")->stage.agent.hosts, 1);
	assert_int_equal(w->end, OFFER_WAITS);
	assert_int_equal(offer(w, OFFER_HOSTS, 3, "0.2.0")->stage.agent.hosts, 1); /* half of three */
	assert_int_equal(w->end, OFFER_WAITS);
	assert_int_equal(offer(w, OFFER_HOSTS, 1, "0.2.0")->stage.agent.hosts, 1);
	assert_int_equal(w->end, OFFER_WHOLE);
	sign(w);
	assert_false(offer(w, OFFER_PERCENT, 50, "0.2.0")->changed);
	assert_int_equal(w->end, OFFER_WAITS);
	assert_non_null(strstr(w->words.data, "more when receipts say that it stayed on "));
	assert_false(offer(w, OFFER_ALL, 0, "0.3.0")->changed); /* the one before may be on trial there */
	assert_int_equal(w->end, OFFER_WAITS);
	assert_string_equal(w->sheets.sheet->stage.agent.version, "0.2.0");
	assert_true(offer(w, OFFER_NONE, 0, NULL)->changed);
}

static void another_list_of_hosts_keeps_the_offer_for_those_who_had_it(void **state)
{
	struct world *w = *state;
	struct stage_host wide[] = {{"a", "berlin"}, {"b", "tokyo"}, {"c", NULL}, {"new", "oslo"}};
	size_t rank[COUNT_OF(wide)];

	for (int64_t hosts = 1; hosts <= HOSTS; hosts++) {
		struct stage before = {.hosts = {wide, HOSTS}, .has_agent = true, .agent = {str_dup(STR("0.2.0")), hosts}};
		struct stage to = {.hosts = {wide, COUNT_OF(wide)}};
		offer_keep(&to, &before);
		assert_true(to.has_agent && to.agent.hosts <= hosts);
		stage_agent_ranks(rank, &to, "0.2.0");
		assert_true((int64_t)rank[HOSTS] >= to.agent.hosts); /* "new" */
		struct stage same = {.hosts = {wide, COUNT_OF(wide)}};
		int64_t kept = to.agent.hosts;
		offer_keep(&same, &to);
		assert_int_equal(same.agent.hosts, kept);
		free(same.agent.version);
	}
	(void)w;
}

/* An abort that is signed while another one looks at receipts is not written over by its next stage. */
static void what_was_signed_since_it_was_read_is_not_written_over(void **state)
{
	struct world *w = *state;
	struct passphrase none = {.fd = -1};
	cleanup(sheets_free) struct sheets slow = {0};
	const struct offer o = {.share = OFFER_ALL, .version = "0.2.0", .blind = true};
	const struct sheet_keys keys = {&w->fleet, w->yard.keys, &none};
	bool news = false;

	offer(w, OFFER_HOSTS, 1, "0.2.0");
	sign(w);
	assert_true(offer_plan(&w->end, &slow, &w->words, &o, &w->repository, &w->fleet, "plan-D", &w->e));
	offer(w, OFFER_NONE, 0, NULL);
	sign(w);
	assert_false(sheets_sign(&news, &slow, &keys, &w->e));
	assert_int_equal(w->e.code, ERR_BUSY);
	assert_false(news);
	assert_false(offer(w, OFFER_NONE, 0, NULL)->stage.has_agent);
}

static void a_plan_that_is_not_signed_is_named(void **state)
{
	struct world *w = *state;
	const struct offer o = {.share = OFFER_ALL, .version = "0.2.0", .blind = true};

	assert_false(offer_plan(&w->end, &w->sheets, &w->words, &o, &w->repository, &w->fleet, "plan-Z", &w->e));
	assert_true(str_starts(str_of(w->e.text), "plan plan-Z: "));
}

static void versions_that_differ_are_no_offer(void **state)
{
	struct world *w = *state;
	struct program one[] = {{.platform = "p", .version = "0.2.0", .number = 2000}, {.platform = "q", .version = "0.2", .number = 2000},
		{.platform = "r", .version = "0.3.0", .number = 3000}};
	const char *version = NULL;

	assert_false(offer_version(&version, &(struct programs){0}, &w->e));
	assert_int_equal(w->e.code, ERR_MISSING);
	assert_true(offer_version(&version, &(struct programs){one, 2}, &w->e));
	assert_string_equal(version, "0.2.0");
	assert_false(offer_version(&version, &(struct programs){one, 3}, &w->e));
	assert_int_equal(w->e.code, ERR_REFUSED);
}

#define offered(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		offered(a_plan_without_one_gets_one_that_opens_no_release),
		offered(shares_are_of_each_plan_and_never_above_it),
		offered(what_a_rollout_says_of_its_release_stays),
		offered(hosts_that_came_later_are_told_of),
		offered(nobody_is_offered_more_before_receipts_say_how_it_went),
		offered(another_list_of_hosts_keeps_the_offer_for_those_who_had_it),
		offered(what_was_signed_since_it_was_read_is_not_written_over),
		offered(a_plan_that_is_not_signed_is_named),
		offered(versions_that_differ_are_no_offer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
