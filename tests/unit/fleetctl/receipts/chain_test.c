/* What is said of a host's chain of receipts, and what a host, a thief or a copied card might send. */
#include "tests/unit/fleetctl/folder.h"

#include "base/hex.h"
#include "fleetctl/receipts/chain.h"

enum { MOST = 80 };

/* One host's receipts, 1 to count, sealed with its key. */
struct card {
	struct secret_key *key;
	char hex[DIGEST_HEX + 1];
	struct buf receipt[MOST + 1];
	int64_t count;
	struct digest newest;
};

static void card_new(struct card *c, char letter)
{
	cleanup(public_free) struct public_key pub = {0};
	uint8_t seed[32];
	struct err e = {0};

	*c = (struct card){0};
	memset(seed, letter, sizeof seed);
	assert_done(secret_of_seed(&c->key, seed, &e));
	assert_done(secret_public(&pub, c->key, &e));
	snprintf(c->hex, sizeof c->hex, "%s", pub.value);
}

static void card_free(struct card *c)
{
	secret_free(&c->key);
	for (size_t i = 0; i <= MOST; i++)
		buf_free(&c->receipt[i]);
}

static void seal_one(struct buf *out, const struct card *c, struct receipt *r)
{
	cleanup(buf_free) struct buf statement = {0};
	cleanup(public_free) struct public_key pub = {0};
	struct err e = {0};

	assert_done(secret_public(&pub, c->key, &e));
	assert_true(hex_read(r->key, sizeof r->key, str_of(pub.value)));
	receipt_write(&statement, r);
	buf_clear(out);
	assert_done(receipt_seal(out, buf_str(&statement), c->key, &e));
}

/* `time` makes two cards' receipts of one number differ. */
static void card_write(struct card *c, int64_t upto, int64_t time)
{
	char host[] = "ber-D", plan[] = "plan-D";

	while (c->count < upto) {
		struct receipt r = {.number = ++c->count, .previous = c->newest, .host = host, .plan = plan, .time = time};
		seal_one(&c->receipt[c->count], c, &r);
		c->newest = receipt_digest(buf_str(&c->receipt[c->count]));
	}
}

static void card_copy(struct card *to, const struct card *from)
{
	card_new(to, 'a');
	for (to->count = 0; to->count < from->count; to->count++)
		buf_add(&to->receipt[to->count + 1], buf_str(&from->receipt[to->count + 1]));
	to->newest = from->newest;
}

struct desk {
	struct fleet fleet;
	struct db *db;
	struct card card;
	struct chain_found found;
};

static void desk_open(struct desk *k, void **state)
{
	struct folder *f = *state;
	struct err e = {0};

	*k = (struct desk){.fleet = {.at = -1}};
	assert_done(fleet_open(&k->fleet, f->path, &e));
	assert_done(db_open(&k->db, &k->fleet, &e));
	card_new(&k->card, 'a');
}

static void desk_close(struct desk *k)
{
	card_free(&k->card);
	db_close(&k->db);
	fleet_free(&k->fleet);
}

/* As status --verify: all that this card keeps after what was checked. `without`: receipts that are not there. */
static void verify_without(struct desk *k, const struct card *c, int64_t without)
{
	struct buf link[MOST];
	struct err e = {0};
	int64_t since;

	assert_done(chain_since(&since, k->db, "ber-D", k->card.hex, &e));
	struct chain_heard heard = {.host = "ber-D", .key = k->card.hex, .link = link, .claims = c->count, .whole = true};
	int64_t newest = c->count - (without == c->count);
	for (int64_t n = MAX(since, c->count - RECEIPTS_KEPT) + 1; n < newest; n++)
		if (n != without)
			link[heard.links++] = c->receipt[n];
	heard.newest = buf_str(&c->receipt[newest]);
	assert_done(chain_check(&k->found, k->db, &heard, &e));
}

static void verify(struct desk *k, const struct card *c)
{
	verify_without(k, c, 0);
}

/* As a rollout: the newest alone. */
static void sight(struct desk *k, const struct card *c)
{
	struct err e = {0};
	struct chain_heard heard = {.host = "ber-D", .key = k->card.hex, .newest = buf_str(&c->receipt[c->count]), .claims = c->count};

	assert_done(chain_check(&k->found, k->db, &heard, &e));
}

static void assert_found(const struct desk *k, enum chain_say say, int64_t from, int64_t to)
{
	if (k->found.say != say)
		fail_msg("%s, not %s: %s", chain_words[k->found.say], chain_words[say], k->found.text);
	assert_int_equal(k->found.from, from);
	assert_int_equal(k->found.to, to);
}

static void a_chain_is_verified_and_goes_on(void **state)
{
	cleanup(desk_close) struct desk k;

	desk_open(&k, state);
	card_write(&k.card, 1, 0);
	verify(&k, &k.card);
	assert_found(&k, CHAIN_VERIFIED, 1, 1);
	card_write(&k.card, 5, 0);
	verify(&k, &k.card);
	assert_found(&k, CHAIN_VERIFIED, 1, 5);
	verify(&k, &k.card);
	assert_found(&k, CHAIN_VERIFIED, 1, 5);
	assert_false(k.found.new_chain);
	assert_string_equal(k.found.text, "");
}

static void what_rollouts_saw_is_held_against_it_too(void **state)
{
	cleanup(desk_close) struct desk k;
	cleanup(card_free) struct card copy;

	desk_open(&k, state);
	card_write(&k.card, 2, 0);
	card_copy(&copy, &k.card);
	verify(&k, &k.card);
	card_write(&k.card, 3, 0);
	sight(&k, &k.card);
	assert_found(&k, CHAIN_VERIFIED, 1, 3);
	card_write(&k.card, 5, 0);
	sight(&k, &k.card); /* 4 was not seen: no gap yet, it was not asked for */
	assert_found(&k, CHAIN_VERIFIED, 5, 5);
	verify(&k, &k.card);
	assert_found(&k, CHAIN_VERIFIED, 1, 5);
	card_write(&copy, 3, 1);
	sight(&k, &copy);
	assert_found(&k, CHAIN_FORK, 3, 3);
	struct err e = {0};
	assert_true(chain_believe(&k.found, &e)); /* told, but signed */
}

static void find_fork(struct desk *k, const struct card *both, int64_t longer)
{
	cleanup(card_free) struct card copy;
	int64_t at = MIN(longer, (int64_t)4);

	card_copy(&copy, both);
	card_write(&copy, longer, longer);
	verify(k, &copy);
	assert_found(k, CHAIN_FORK, at, at);
	assert_true(digest_eq(k->found.seen, receipt_digest(buf_str(&k->card.receipt[at]))));
	assert_true(digest_eq(k->found.shown, receipt_digest(buf_str(&copy.receipt[at]))));
	assert_true(k->found.seen_at > 0);
	verify(k, &copy); /* as often as one asks */
	assert_found(k, CHAIN_FORK, at, at);
	verify(k, &k->card); /* the first seen holds */
	assert_found(k, CHAIN_VERIFIED, 1, 4);
}

static void a_fork_is_found_whichever_card_is_longer(void **state)
{
	cleanup(desk_close) struct desk k;
	cleanup(card_free) struct card both;

	desk_open(&k, state);
	card_write(&k.card, 2, 0);
	card_copy(&both, &k.card);
	card_write(&k.card, 4, 0);
	verify(&k, &k.card);
	for (int64_t longer = 3; longer <= 6; longer++)
		find_fork(&k, &both, longer);
}

static void two_cards_stitched_together_are_a_fork(void **state)
{
	cleanup(desk_close) struct desk k;
	cleanup(card_free) struct card copy;

	desk_open(&k, state);
	card_write(&k.card, 2, 0);
	card_copy(&copy, &k.card);
	card_write(&k.card, 3, 0);
	card_write(&copy, 4, 1);
	buf_clear(&copy.receipt[3]);
	buf_add(&copy.receipt[3], buf_str(&k.card.receipt[3]));
	verify(&k, &copy);
	assert_found(&k, CHAIN_FORK, 3, 3);
	assert_int_equal(k.found.seen_at, 0);
}

static void an_older_copy_is_behind(void **state)
{
	cleanup(desk_close) struct desk k;
	cleanup(card_free) struct card copy;

	desk_open(&k, state);
	card_write(&k.card, 2, 0);
	card_copy(&copy, &k.card);
	card_write(&k.card, 4, 0);
	verify(&k, &k.card);
	verify(&k, &copy);
	assert_found(&k, CHAIN_BACK, 2, 2);
	sight(&k, &copy);
	assert_found(&k, CHAIN_BACK, 2, 2);
	verify(&k, &k.card);
	assert_found(&k, CHAIN_VERIFIED, 1, 4);
}

static void what_is_missing_is_named_once(void **state)
{
	cleanup(desk_close) struct desk k;

	desk_open(&k, state);
	card_write(&k.card, 3, 0);
	verify(&k, &k.card);
	card_write(&k.card, 7, 0);
	verify_without(&k, &k.card, 5);
	assert_found(&k, CHAIN_GAP, 5, 5);
	verify_without(&k, &k.card, 5);
	assert_found(&k, CHAIN_VERIFIED, 6, 7);
	card_write(&k.card, 9, 0);
	verify_without(&k, &k.card, 9);
	assert_found(&k, CHAIN_GAP, 9, 9);
	verify(&k, &k.card);
	assert_found(&k, CHAIN_VERIFIED, 6, 9);
}

static void the_first_one_missing_is_named_too(void **state)
{
	cleanup(desk_close) struct desk k;

	desk_open(&k, state);
	card_write(&k.card, 3, 0);
	verify_without(&k, &k.card, 1);
	assert_found(&k, CHAIN_GAP, 1, 1);
}

static void what_a_host_no_longer_keeps_is_missing_only_if_it_was_awaited(void **state)
{
	cleanup(desk_close) struct desk k;

	desk_open(&k, state);
	card_write(&k.card, 70, 0);
	verify(&k, &k.card);
	assert_found(&k, CHAIN_VERIFIED, 7, 70);

	struct folder *f = *state;
	struct err e = {0};
	db_close(&k.db);
	assert_done(fs_remove_tree(f->at, FLEET_STATE, &e));
	assert_done(db_open(&k.db, &k.fleet, &e));
	struct chain_heard heard = {.host = "ber-D", .key = k.card.hex, .newest = buf_str(&k.card.receipt[3]), .claims = 3, .whole = true};
	struct buf link[] = {k.card.receipt[1], k.card.receipt[2]};
	heard.link = link;
	heard.links = 2;
	assert_done(chain_check(&k.found, k.db, &heard, &e));
	verify(&k, &k.card);
	assert_found(&k, CHAIN_GAP, 4, 6);
	assert_non_null(strstr(k.found.text, "nobody asked in time"));
}

/* --- forged --- */

static void assert_forged(struct desk *k, struct str newest, enum chain_say say, const char *why)
{
	struct err e = {0};
	struct chain_heard heard = {.host = "ber-D", .key = k->card.hex, .newest = newest, .whole = true};
	cleanup(free_ptr) struct link_row *rows = NULL;
	size_t count;

	assert_done(chain_check(&k->found, k->db, &heard, &e));
	assert_found(k, say, 0, 0);
	if (!strstr(k->found.text, why))
		fail_msg("%s", k->found.text);
	assert_false(chain_believe(&k->found, &e));
	assert_int_equal(e.code, ERR_SIGNATURE);
	assert_done(db_links(k->db, "ber-D", k->card.hex, &rows, &count, &e));
	assert_int_equal(count, 0); /* nothing of it is remembered */
}

static void what_the_pinned_key_did_not_sign_is_not_believed(void **state)
{
	cleanup(desk_close) struct desk k;
	cleanup(card_free) struct card thief;
	cleanup(buf_free) struct buf other = {0};
	struct str seal;

	desk_open(&k, state);
	card_new(&thief, 't');
	card_write(&k.card, 1, 0);
	card_write(&thief, 1, 0);
	assert_forged(&k, buf_str(&thief.receipt[1]), CHAIN_NEW_KEY, thief.hex);
	assert_forged(&k, str_cut(buf_str(&k.card.receipt[1]), '\n', &seal), CHAIN_FORGED, "is not signed");
	assert_forged(&k, STR("{}"), CHAIN_FORGED, "\"format\" is missing");
	assert_forged(&k, STR(""), CHAIN_FORGED, "receipt");
	char host[] = "tyo-D", plan[] = "plan-D";
	seal_one(&other, &k.card, &(struct receipt){.number = 1, .host = host, .plan = plan});
	assert_forged(&k, buf_str(&other), CHAIN_FORGED, "of host tyo-D");
	buf_clear(&other);
	buf_add(&other, buf_str(&k.card.receipt[1]));
	memcpy(strstr(other.data, "plan-D"), "plan-E", 6);
	assert_forged(&k, buf_str(&other), CHAIN_FORGED, "not signed by the key that is pinned");
}

static void one_that_claims_the_pinned_key_and_is_not_signed_by_it_is_forged(void **state)
{
	cleanup(desk_close) struct desk k;
	cleanup(card_free) struct card thief;
	cleanup(buf_free) struct buf statement = {0}, sealed = {0};
	char host[] = "ber-D", plan[] = "plan-D";
	struct receipt r = {.number = 1, .host = host, .plan = plan};
	struct err e = {0};

	desk_open(&k, state);
	card_new(&thief, 't');
	assert_true(hex_read(r.key, sizeof r.key, str_of(k.card.hex)));
	receipt_write(&statement, &r);
	assert_done(receipt_seal(&sealed, buf_str(&statement), thief.key, &e));
	assert_forged(&k, buf_str(&sealed), CHAIN_FORGED, "not signed by the key");
}

static void receipts_out_of_order_are_refused(void **state)
{
	cleanup(desk_close) struct desk k;
	struct err e = {0};

	desk_open(&k, state);
	card_write(&k.card, 3, 0);
	struct buf link[] = {k.card.receipt[2], k.card.receipt[1]};
	struct chain_heard heard = {.host = "ber-D", .key = k.card.hex, .link = link, .links = 2,
		.newest = buf_str(&k.card.receipt[3]), .whole = true};
	assert_done(chain_check(&k.found, k.db, &heard, &e));
	assert_found(&k, CHAIN_FORGED, 0, 0);
}

static void without_a_pinned_key_nothing_is_verified(void **state)
{
	cleanup(desk_close) struct desk k;
	struct err e = {0};

	desk_open(&k, state);
	card_write(&k.card, 1, 0);
	struct chain_heard heard = {.host = "ber-D", .newest = buf_str(&k.card.receipt[1])};
	assert_done(chain_check(&k.found, k.db, &heard, &e));
	assert_found(&k, CHAIN_UNPINNED, 0, 0);
	assert_true(chain_believe(&k.found, &e));
}

static void a_new_key_begins_a_new_chain_behind_the_old_one(void **state)
{
	cleanup(desk_close) struct desk k;
	cleanup(card_free) struct card renewed;

	desk_open(&k, state);
	card_write(&k.card, 2, 0);
	verify(&k, &k.card);
	card_copy(&renewed, &k.card);
	secret_free(&renewed.key);
	struct card other;
	card_new(&other, 'n');
	renewed.key = other.key;
	memcpy(renewed.hex, other.hex, sizeof other.hex);
	card_write(&renewed, 4, 0);
	verify(&k, &renewed);
	assert_int_equal(k.found.say, CHAIN_NEW_KEY);
	memcpy(k.card.hex, renewed.hex, sizeof renewed.hex); /* pinned */
	verify(&k, &renewed);
	assert_found(&k, CHAIN_VERIFIED, 3, 4);
	assert_true(k.found.new_chain);
	verify(&k, &renewed);
	assert_found(&k, CHAIN_VERIFIED, 3, 4);
	assert_false(k.found.new_chain);
}

static void only_the_newest_are_remembered(void **state)
{
	cleanup(desk_close) struct desk k;
	cleanup(free_ptr) struct link_row *rows = NULL;
	size_t count;
	struct err e = {0};

	desk_open(&k, state);
	for (int64_t n = 1; n <= LINKS_KEPT + 10; n++)
		assert_done(db_links_add(k.db, "ber-D", k.card.hex, &(struct link_row){.number = n, .digest = digest_of(STR("x")), .at = n}, 1, &e));
	/* said again in another way: what was seen first stays, and is checked at most */
	assert_done(db_links_add(k.db, "ber-D", k.card.hex, &(struct link_row){.number = 100, .digest = digest_of(STR("y")), .checked = true}, 1, &e));
	assert_done(db_links(k.db, "ber-D", k.card.hex, &rows, &count, &e));
	assert_int_equal(count, LINKS_KEPT);
	assert_int_equal(rows[0].number, 11);
	assert_int_equal(rows[89].number, 100);
	assert_true(digest_eq(rows[89].digest, digest_of(STR("x"))) && rows[89].checked && rows[89].at == 100);
	assert_false(rows[88].checked);
	assert_true(db_links_of_other_key(k.db, "ber-D", "other"));
	assert_false(db_links_of_other_key(k.db, "ber-D", k.card.hex));
	assert_false(db_links_of_other_key(k.db, "tyo-D", "other"));
}

/* As a store of receipts has them: a number that was brought twice, in the same words or in others. */
static void one_number_said_twice_is_a_fork_unless_it_is_the_same(void **state)
{
	cleanup(desk_close) struct desk k;
	cleanup(card_free) struct card other = {0};
	struct err e = {0};

	desk_open(&k, state);
	card_copy(&other, &k.card);
	card_write(&k.card, 3, 0);
	card_write(&other, 3, 7);
	struct buf link[] = {k.card.receipt[1], k.card.receipt[2], k.card.receipt[2]};
	struct chain_heard heard = {.host = "ber-D", .key = k.card.hex, .link = link, .links = 3, .newest = buf_str(&k.card.receipt[3]), .whole = true};
	assert_done(chain_check(&k.found, k.db, &heard, &e));
	assert_found(&k, CHAIN_VERIFIED, 1, 3);
	link[1] = other.receipt[2];
	cleanup(free_ptr) struct link_row *keep = NULL;
	size_t kept = 0;
	chain_judge(&k.found, &keep, &kept, &heard, NULL, 0);
	assert_int_equal(k.found.say, CHAIN_FORK);
	assert_int_equal(kept, 0);
}

/* A store that began with a later one: what was before it is not missed, what is between is. */
static void what_was_before_the_first_that_came_is_not_missed(void **state)
{
	cleanup(desk_close) struct desk k;
	struct err e = {0};

	desk_open(&k, state);
	card_write(&k.card, 9, 0);
	struct buf link[] = {k.card.receipt[5], k.card.receipt[6]};
	struct chain_heard heard = {.host = "ber-D", .key = k.card.hex, .link = link, .links = 2, .newest = buf_str(&k.card.receipt[7]), .since = 4, .whole = true};
	assert_done(chain_check(&k.found, k.db, &heard, &e));
	assert_found(&k, CHAIN_VERIFIED, 5, 7);
	heard.links = 0;
	heard.newest = buf_str(&k.card.receipt[9]);
	assert_done(chain_check(&k.found, k.db, &heard, &e));
	assert_found(&k, CHAIN_GAP, 8, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_chain_is_verified_and_goes_on),
		sentence(what_rollouts_saw_is_held_against_it_too),
		sentence(a_fork_is_found_whichever_card_is_longer),
		sentence(two_cards_stitched_together_are_a_fork),
		sentence(an_older_copy_is_behind),
		sentence(what_is_missing_is_named_once),
		sentence(the_first_one_missing_is_named_too),
		sentence(what_a_host_no_longer_keeps_is_missing_only_if_it_was_awaited),
		sentence(what_the_pinned_key_did_not_sign_is_not_believed),
		sentence(one_that_claims_the_pinned_key_and_is_not_signed_by_it_is_forged),
		sentence(receipts_out_of_order_are_refused),
		sentence(without_a_pinned_key_nothing_is_verified),
		sentence(a_new_key_begins_a_new_chain_behind_the_old_one),
		sentence(only_the_newest_are_remembered),
		sentence(one_number_said_twice_is_a_fork_unless_it_is_the_same),
		sentence(what_was_before_the_first_that_came_is_not_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
