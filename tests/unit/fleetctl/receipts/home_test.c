/* What receipts that came home say of a release and of an agent; and what those of the one do not say of the other. */
#include "tests/unit/fleetctl/folder.h"

#include "base/hex.h"
#include "base/version.h"
#include "fleetctl/receipts/home.h"
#include "fleetctl/receipts/rebuild.h"

enum { MOST = 8 };
#define MINE   "r-mine"
#define OTHERS "r-other"

/* One host's receipts, sealed and chained, and where they came home. */
struct desk {
	struct fleet fleet;
	struct db *db;
	struct home home;
	struct secret_key *key;
	struct host host;
	char hex[DIGEST_HEX + 1];
	struct buf sealed[MOST + 1];
	int64_t count;
	struct digest newest;
	struct home_host heard;
};
struct told {
	const char *rollout;
	enum verdict verdict;
	bool self, access;
	struct digest release, current;
	int64_t number;
	const char *agent;
};

static struct digest one, two;

static void desk_open(struct desk *k, void **state)
{
	cleanup(public_free) struct public_key pub = {0};
	struct folder *f = *state;
	uint8_t seed[32] = {7};
	struct err e = {0};

	one = digest_of(STR("one"));
	two = digest_of(STR("two"));
	*k = (struct desk){.fleet = {.at = -1}};
	assert_done(fs_mkdir(f->at, "home", 0755, &e));
	assert_done(fs_mkdir(f->at, "home/ber-D", 0755, &e));
	folder_put(f, "fleet.yaml", "name: tower\nreceipts: home\n");
	assert_done(fleet_open(&k->fleet, f->path, &e));
	assert_done(db_open(&k->db, &k->fleet, &e));
	assert_done(home_open(&k->home, &k->fleet, k->db, &e));
	assert_done(secret_of_seed(&k->key, seed, &e));
	assert_done(secret_public(&pub, k->key, &e));
	snprintf(k->hex, sizeof k->hex, "%s", pub.value);
	k->host = (struct host){.id = "ber-D", .plan = "plan-D", .receipt_key = k->hex};
}

static void desk_close(struct desk *k)
{
	home_host_free(&k->heard);
	for (size_t i = 0; i <= MOST; i++)
		buf_free(&k->sealed[i]);
	secret_free(&k->key);
	home_close(&k->home);
	db_close(&k->db);
	fleet_free(&k->fleet);
}

/* One more that the host has written, and that did not come home yet. */
static void writes(struct desk *k, struct told t)
{
	cleanup(buf_free) struct buf statement = {0};
	struct receipt r = {.number = ++k->count,
		.previous = k->newest,
		.host = "ber-D",
		.plan = "plan-D",
		.verdict = (int)t.verdict,
		.self = t.self,
		.access = t.access,
		.release = t.release,
		.current = t.current,
		.release_number = t.number,
		.rollout = (char *)t.rollout,
		.agent = (char *)(t.agent ? t.agent : "0.1.0")};
	struct err e = {0};

	assert_true(hex_read(r.key, sizeof r.key, str_of(k->hex)));
	receipt_write(&statement, &r);
	assert_done(receipt_seal(&k->sealed[k->count], buf_str(&statement), k->key, &e));
	k->newest = receipt_digest(buf_str(&k->sealed[k->count]));
}

static void comes_home(struct desk *k, void **state, struct told t)
{
	struct folder *f = *state;
	char file[40];

	writes(k, t);
	cleanup(free_ptr) char *text = str_dup(buf_str(&k->sealed[k->count]));
	snprintf(file, sizeof file, "home/ber-D/%d.json", (int)k->count);
	folder_put(f, file, text);
}

static void look(struct desk *k)
{
	struct err e = {0};

	home_host_free(&k->heard);
	assert_done(home_read(&k->heard, &k->home, &k->host, &e));
	assert_string_equal(k->heard.doubt, "");
}

/* The number of the receipt that says how it was tried; 0: none. */
static int64_t tried(struct desk *k, const char *rollout, struct digest release)
{
	cleanup(receipt_free) struct receipt r = {0};
	struct str sealed;

	look(k);
	return home_tried(&r, &sealed, &k->heard, rollout, release) ? r.number : 0;
}

static enum home_agent agent(struct desk *k, int64_t number)
{
	look(k);
	return home_agent(&k->heard, number);
}

#define BEGIN                                                                                                          \
	struct desk k;                                                                                                 \
	desk_open(&k, state)
#define END desk_close(&k)

static void an_agents_receipt_says_nothing_of_the_release_whose_rollout_it_names(void **state)
{
	BEGIN;
	comes_home(&k, state, (struct told){MINE, VERDICT_FAIL, .release = two, .current = one, .number = 2});
	comes_home(&k, state,
		(struct told){MINE, VERDICT_PASS, .self = true, .release = digest_of(STR("agent")), .current = one,
			.number = 98000});
	assert_int_equal(tried(&k, MINE, two), 1);
	assert_int_equal(tried(&k, MINE, digest_of(STR("agent"))), 0);
	comes_home(&k, state, (struct told){MINE, VERDICT_PASS, .access = true, .release = two, .current = one});
	assert_int_equal(tried(&k, MINE, two), 1);
	END;
}

static void another_release_or_rollout_is_another(void **state)
{
	BEGIN;
	comes_home(&k, state, (struct told){MINE, VERDICT_PASS, .release = one, .current = one});
	assert_int_equal(tried(&k, MINE, two), 0);
	assert_int_equal(tried(&k, OTHERS, one), 0);
	assert_int_equal(tried(&k, NULL, one), 1);
	comes_home(&k, state, (struct told){NULL, VERDICT_UNDONE, .release = one, .current = two});
	assert_int_equal(tried(&k, MINE, one), 1);
	assert_int_equal(tried(&k, NULL, one), 2);
	END;
}

static void only_the_newest_says_what_runs(void **state)
{
	BEGIN;
	int64_t number = 0;
	comes_home(&k, state, (struct told){OTHERS, VERDICT_PASS, .release = one, .current = one});
	look(&k);
	assert_true(home_runs(&number, &k.heard, one));
	assert_int_equal(number, 1);
	assert_false(home_runs(&number, &k.heard, two));
	comes_home(&k, state, (struct told){NULL, VERDICT_PASS, .access = true, .current = one});
	look(&k);
	assert_true(home_runs(&number, &k.heard, one)); /* whatever it is about */
	comes_home(&k, state, (struct told){OTHERS, VERDICT_PASS, .release = two, .current = two});
	look(&k);
	assert_false(home_runs(&number, &k.heard, one));
	END;
}

static void one_that_was_seen_over_ssh_and_is_newer_leaves_that_open(void **state)
{
	BEGIN;
	struct chain_found found;
	struct err e = {0};
	int64_t number = 0;
	comes_home(&k, state, (struct told){OTHERS, VERDICT_PASS, .release = one, .current = one, .agent = "98.0.0"});
	writes(&k, (struct told){NULL, VERDICT_PASS, .release = two, .current = two});
	const struct chain_heard pushed = {.host = "ber-D", .key = k.hex, .newest = buf_str(&k.sealed[2])};
	assert_int_equal(agent(&k, 98000000), HOME_AGENT_RUNS);
	assert_done(chain_check(&found, k.db, &pushed, &e));
	look(&k);
	assert_int_equal(k.heard.found.say, CHAIN_BACK);
	assert_false(home_runs(&number, &k.heard, one));
	assert_int_equal(agent(&k, 98000000), HOME_AGENT_UNKNOWN);
	END;
}

static void an_agent_runs_where_its_newest_receipt_says_so(void **state)
{
	BEGIN;
	int64_t next = 0, last = 0;
	struct err e = {0};
	assert_done(version_read(&next, STR("98.0.0"), &e) && version_read(&last, STR("99.0.0"), &e));
	assert_int_equal(agent(&k, next), HOME_AGENT_UNKNOWN);
	comes_home(&k, state, (struct told){MINE, VERDICT_PASS, .release = one, .current = one});
	assert_int_equal(agent(&k, next), HOME_AGENT_UNKNOWN); /* the one before wrote it */
	comes_home(&k, state,
		(struct told){MINE, VERDICT_PASS, .self = true, .number = next, .current = one, .agent = "98.0.0"});
	assert_int_equal(agent(&k, next), HOME_AGENT_RUNS);
	assert_int_equal(agent(&k, last), HOME_AGENT_UNKNOWN);
	comes_home(&k, state,
		(struct told){MINE, VERDICT_FAIL, .self = true, .number = last, .current = one, .agent = "98.0.0"});
	assert_int_equal(agent(&k, next), HOME_AGENT_RUNS);
	assert_int_equal(agent(&k, last), HOME_AGENT_FAILED);
	comes_home(&k, state, (struct told){MINE, VERDICT_PASS, .release = two, .current = two, .agent = "98.0.0"});
	assert_int_equal(agent(&k, last), HOME_AGENT_FAILED);
	comes_home(&k, state, (struct told){MINE, VERDICT_PASS, .release = one, .current = one, .agent = "0.1.0"});
	assert_int_equal(agent(&k, next), HOME_AGENT_UNKNOWN); /* it stayed once, and is gone */
	comes_home(&k, state, (struct told){MINE, VERDICT_PASS, .release = two, .current = two, .agent = "99.1"});
	assert_int_equal(agent(&k, last), HOME_AGENT_RUNS); /* a package brought a newer one */
	END;
}

static void one_that_blames_itself_runs_no_more(void **state)
{
	BEGIN;
	int64_t next = 0;
	struct err e = {0};
	assert_done(version_read(&next, STR("98.0.0"), &e));
	comes_home(&k, state,
		(struct told){MINE, VERDICT_FAIL, .self = true, .number = next, .current = one, .agent = "98.0.0"});
	assert_int_equal(agent(&k, next), HOME_AGENT_FAILED);
	END;
}

static void a_database_that_is_made_anew_takes_no_agent_for_a_release(void **state)
{
	BEGIN;
	struct rebuild r = {0};
	writes(&k, (struct told){MINE, VERDICT_FAIL, .release = two, .current = one, .number = 2});
	writes(&k, (struct told){MINE, VERDICT_PASS, .self = true, .current = one, .number = 98000});
	const struct chain_heard heard = {
		.host = "ber-D", .key = k.hex, .link = &k.sealed[1], .links = 1, .newest = buf_str(&k.sealed[2])};
	rebuild_learn(&r, &heard);
	assert_int_equal(r.receipts, 1);
	rebuild_free(&r);
	END;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(an_agents_receipt_says_nothing_of_the_release_whose_rollout_it_names),
		sentence(another_release_or_rollout_is_another),
		sentence(only_the_newest_says_what_runs),
		sentence(one_that_was_seen_over_ssh_and_is_newer_leaves_that_open),
		sentence(an_agent_runs_where_its_newest_receipt_says_so),
		sentence(one_that_blames_itself_runs_no_more),
		sentence(a_database_that_is_made_anew_takes_no_agent_for_a_release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
