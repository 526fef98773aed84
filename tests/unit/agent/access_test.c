/* Who may come in: signed by role fleet, tried, confirmed by who came in by it; or gone back. */
#include "tests/unit/agent/tower.h"

#include "agent/store/access.h"

#define ANN "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHiAopYvtSZsXxxTLdwnxSilpeoEAmyQaf2CgXHhA1p3"
#define BOB "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJkSMxsxJgXFYUDJARKPvRPKqbYu9at0ppZJpwwWAWOy"
static const char both[] = "{\"name\":\"ann\",\"key\":\"" ANN "\",\"may\":[\"look\",\"roll\"]},"
			   "{\"name\":\"bob\",\"key\":\"" BOB "\",\"may\":[\"look\"]}";
static const char sources_json[] =
	"{\"format\":1,\"number\":1,\"sources\":[{\"kind\":\"https\",\"url\":\"https://new.example/\"}]}";

/* What role fleet signs, and what a controller would bring of it. */
struct fleet {
	struct tower t;
	struct buf role, access, sources;
};

static int set_up(void **state)
{
	struct fleet *f = mem_new(1, sizeof *f);

	tower_open(&f->t);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fleet *f = *state;

	tower_close(&f->t);
	buf_free(&f->role);
	buf_free(&f->access);
	buf_free(&f->sources);
	free(f);
	return 0;
}

static void add_key(doc *targets, struct tower *t, const char *role, const char *const *path, size_t paths)
{
	const struct public_key *keys[] = {&t->pub};
	struct role_signers all = {.key = keys, .count = 1, .threshold = 1};

	role_add_link(targets, role, &all, path, paths);
}

/* All anew, one version up. */
static void publish_by(struct fleet *f, const struct secret_key *by)
{
	struct tower *t = &f->t;
	static const char *const plan[] = {TOWER_PLAN "/*", TOWER_PLAN "/*/*"}, *const fleet[] = {"fleet/*"};
	int64_t until = clock_now().unix_s + TOWER_YEAR;

	tower_publish(t);
	doc *targets = role_body(ROLE_TARGETS, t->version, until);
	add_key(targets, t, TOWER_PLAN, plan, 2);
	add_key(targets, t, "fleet", fleet, 1);
	tower_sign(t, &t->targets, targets, t->key);
	doc *role = role_body(ROLE_TARGETS, t->version, until);
	if (f->access.len)
		role_set_target(role, ACCESS_PATH, buf_str(&f->access));
	if (f->sources.len)
		role_set_target(role, SOURCES_PATH, buf_str(&f->sources));
	tower_sign(t, &f->role, role, by);
	doc *snapshot = role_body(ROLE_SNAPSHOT, t->version, until);
	role_set_meta(snapshot, "targets", t->version);
	role_set_meta(snapshot, TOWER_PLAN, t->version);
	role_set_meta(snapshot, "fleet", t->version);
	tower_sign(t, &t->snapshot, snapshot, t->key);
}

static void list(struct fleet *f, int number, const char *operators, int deadline_ms)
{
	buf_clear(&f->access);
	buf_form(&f->access, "{\"format\":1,\"number\":%d,\"operators\":[%s],\"deadline_ms\":%d}", number, operators,
		deadline_ms);
}

/* The order and its papers, as far as the papers go. */
static void send_access(struct fleet *f, struct talk *k, struct answer *a, launch_apply_fn *launch)
{
	struct tower *t = &f->t;
	cleanup(buf_free) struct buf text = {0}, squeezed = {0}, out = {0};
	char who[] = "ann@laptop";
	struct order o = {.action = ORDER_ACCESS, .who = who};

	talk_open(k, t, a, launch);
	assert_true(talk_until(k, FRAME_HELLO));
	add_paper(&o.papers, &text, "timestamp", buf_str(&t->timestamp));
	add_paper(&o.papers, &text, "snapshot", buf_str(&t->snapshot));
	add_paper(&o.papers, &text, "targets", buf_str(&t->targets));
	add_paper(&o.papers, &text, "fleet", buf_str(&f->role));
	if (f->access.len)
		add_paper(&o.papers, &text, ACCESS_PATH, buf_str(&f->access));
	if (f->sources.len)
		add_paper(&o.papers, &text, SOURCES_PATH, buf_str(&f->sources));
	must(squeeze_text(&squeezed, buf_str(&text), STR(""), e));
	buf_text(&out, WIRE_GREETING);
	order_write(&out, &o);
	frame_write(&out, FRAME_PAPERS, buf_str(&squeezed));
	talk_send(k, buf_str(&out));
	for (size_t i = 0; i < o.papers.count; i++)
		free(((struct paper *)o.papers.items)[i].name);
	free(o.papers.items);
}

static void push(struct fleet *f, struct answer *a)
{
	struct talk k;

	send_access(f, &k, a, tower_launch);
	talk_until(&k, FRAME_RECEIPT);
	talk_close(&k);
}

/* Until the trial waits to be confirmed: the word that it waits for. */
static void wait_for_word(struct talk *k, char nonce[65])
{
	nonce[0] = 0;
	while (!nonce[0] && talk_until(k, FRAME_STATE)) {
		struct state s = {0};
		struct str last = str_trim(buf_str(&k->out->states));
		const char *before = memrchr(last.data, '\n', last.len);
		if (before)
			last = str_bytes(before + 1, (size_t)(last.data + last.len - before - 1));
		must(message_read(&s, state_shape, last, "state", e));
		snprintf(nonce, 65, "%s", s.nonce ? s.nonce : "");
		shape_free(&s, state_shape);
	}
	assert_true(nonce[0]);
}

static struct digest in_force(struct fleet *f)
{
	struct digest id;

	must(access_current(&id, &f->t.store, e));
	return id;
}

static void confirm(struct fleet *f, char *nonce, const struct caller *by, struct answer *a)
{
	f->t.caller = *by;
	tower_order(&f->t, &(struct order){.action = ORDER_CONFIRM, .nonce = nonce}, a);
	f->t.caller = (struct caller){0};
}

/* By whoever the set on trial lets in. */
static void hold(struct fleet *f)
{
	cleanup(answer_free) struct answer a = {0}, b = {0};
	struct talk k;
	char nonce[65];

	send_access(f, &k, &a, tower_launch);
	wait_for_word(&k, nonce);
	confirm(f, nonce, &(struct caller){"ann", MAY_ROLL, true, in_force(f)}, &b);
	assert_verdict(b, VERDICT_PASS);
	talk_until(&k, FRAME_RECEIPT);
	talk_close(&k);
	assert_verdict(a, VERDICT_PASS);
}

/* --- the good road --- */

static void a_list_is_tried_and_holds_when_somebody_came_in_by_it(void **state)
{
	struct fleet *f = *state;
	cleanup(access_set_free) struct access_set set = {0};
	cleanup(answer_free) struct answer a = {0};
	cleanup(buf_free) struct buf keys = {0};
	cleanup(ledger_free) struct ledger l = {0};

	list(f, 1, both, 60000);
	publish_by(f, f->t.key);
	hold(f);
	must(access_open(&set, &f->t.store, e));
	assert_int_equal(set.access.number, 1);
	assert_true(set.has_access && !set.has_sources);
	must(fs_read(&keys, f->t.store.dir, "access/current/authorized_keys", e));
	assert_non_null(strstr(keys.data, "--operator ann --may look,roll --access "));
	assert_non_null(strstr(keys.data, ANN " ann\n"));
	tower_ledger(&l, &f->t);
	assert_false(l.has_attempt);
	/* what is in force is not tried again, and hello says what it is */
	push(f, &a);
	assert_int_equal(a.receipt.number, l.receipt);
	assert_true(a.receipt.access);
	assert_int_equal(a.hello.access.number, 1);
	assert_true(digest_eq(a.hello.access.sha256, digest_of(buf_str(&f->access))));
}

static void sources_are_the_enrolments_until_some_are_signed(void **state)
{
	struct fleet *f = *state;
	cleanup(origins_free) struct origins before = {0}, after = {0};
	char url[] = "https://old.example/";
	struct origin origin = {.kind = ORIGIN_HTTPS, .url = url};
	struct config c = f->t.config;
	struct err why = {0};

	assert_false(access_sources(&before, &f->t.store, &c, &why));
	assert_int_equal(why.code, ERR_MISSING);
	c.has_sources = true;
	c.sources = (struct origins){.format = 1, .source = {&origin, 1}};
	must(access_sources(&before, &f->t.store, &c, e));
	assert_string_equal(((struct origin *)before.source.items)->url, "https://old.example/");
	buf_text(&f->sources, sources_json);
	publish_by(f, f->t.key);
	hold(f);
	must(access_sources(&after, &f->t.store, &c, e));
	assert_string_equal(((struct origin *)after.source.items)->url, "https://new.example/");
}

/* --- the way back --- */

static void a_list_that_nobody_came_in_by_goes_back(void **state)
{
	struct fleet *f = *state;
	cleanup(answer_free) struct answer a = {0}, b = {0}, c = {0};
	cleanup(ledger_free) struct ledger l = {0};
	struct talk k;
	char nonce[65];

	list(f, 1, both, 60000);
	publish_by(f, f->t.key);
	hold(f);
	struct digest first = in_force(f);
	list(f, 2, both, 1000);
	publish_by(f, f->t.key);
	send_access(f, &k, &a, tower_launch);
	wait_for_word(&k, nonce);
	struct digest second = in_force(f);
	assert_false(digest_eq(first, second));
	/* the key was let in, but by the list before: that proves nothing about this one */
	confirm(f, nonce, &(struct caller){"ann", MAY_ROLL, true, first}, &b);
	assert_refused(b, ERR_REFUSED);
	confirm(f, nonce, &(struct caller){0}, &c);
	assert_refused(c, ERR_REFUSED);
	talk_until(&k, FRAME_RECEIPT);
	talk_close(&k);
	assert_verdict(a, VERDICT_FAIL);
	assert_true(digest_eq(in_force(f), first));
	tower_ledger(&l, &f->t);
	assert_true(marks_has(&l.guilty, second));
	assert_false(fs_exists(f->t.store.dir, "confirm"));
}

/* On trial, and who worked on it is gone: what the ledger says is all there is. */
static void left_on_trial(struct fleet *f, struct ledger *l, int deadline_ms)
{
	cleanup(answer_free) struct answer a = {0};
	struct talk k;

	list(f, 1, both, deadline_ms);
	publish_by(f, f->t.key);
	send_access(f, &k, &a, tower_launch_none);
	talk_until(&k, FRAME_RECEIPT);
	talk_close(&k);
	tower_ledger(l, &f->t);
	assert_true(l->has_attempt && l->attempt.access);
	assert_int_equal(l->step, STEP_SWAP);
}

static void run_apply(struct fleet *f)
{
	cleanup(apply_free) struct apply a = {.config = &f->t.config, .store = &f->t.store};

	must(apply_run(&a, e));
}

static void a_trial_that_was_cut_off_goes_on_and_back(void **state)
{
	struct fleet *f = *state;
	cleanup(ledger_free) struct ledger l = {0}, after = {0};

	left_on_trial(f, &l, 1000);
	run_apply(f);
	assert_true(digest_zero(in_force(f)));
	tower_ledger(&after, &f->t);
	assert_false(after.has_attempt);
}

/* The power goes while it waits: what was left of the time is left, not more, and reboots are counted. */
static void the_deadline_survives_a_restart(void **state)
{
	struct fleet *f = *state;
	cleanup(ledger_free) struct ledger l = {0};

	left_on_trial(f, &l, 60 * 1000);
	must(access_swap(&f->t.store, l.attempt.release, e));
	l.step = STEP_CONFIRM;
	free(l.attempt.boot);
	l.attempt.boot = str_dup(STR("another boot"));
	l.attempt.left_ms = 300;
	must(ledger_save(&l, &f->t.store, e));
	run_apply(f);
	assert_true(digest_zero(in_force(f)));
}

static void a_host_that_restarts_again_and_again_goes_back(void **state)
{
	struct fleet *f = *state;
	cleanup(ledger_free) struct ledger l = {0};

	left_on_trial(f, &l, 60 * 1000);
	must(access_swap(&f->t.store, l.attempt.release, e));
	l.step = STEP_CONFIRM;
	l.attempt.boots_left = 0;
	must(ledger_save(&l, &f->t.store, e));
	run_apply(f);
	assert_true(digest_zero(in_force(f)));
}

/* --- who says so --- */

static void assert_not_taken(struct fleet *f, enum err_code code, struct digest before)
{
	cleanup(answer_free) struct answer a = {0};
	cleanup(ledger_free) struct ledger l = {0};

	push(f, &a);
	assert_refused(a, code);
	assert_true(digest_eq(in_force(f), before));
	tower_ledger(&l, &f->t);
	assert_false(l.has_attempt);
}

static void a_list_signed_by_a_thief_is_refused(void **state)
{
	struct fleet *f = *state;

	list(f, 1, both, 1000);
	publish_by(f, f->t.thief);
	assert_not_taken(f, ERR_SIGNATURE, (struct digest){0});
}

static void a_list_of_other_bytes_than_signed_is_refused(void **state)
{
	struct fleet *f = *state;

	list(f, 1, both, 1000);
	publish_by(f, f->t.key);
	list(f, 1, both, 2000);
	assert_not_taken(f, ERR_DIGEST, (struct digest){0});
}

static void a_list_that_was_not_brought_is_missed(void **state)
{
	struct fleet *f = *state;

	list(f, 1, both, 1000);
	publish_by(f, f->t.key);
	buf_clear(&f->access);
	assert_not_taken(f, ERR_MISSING, (struct digest){0});
}

static void a_role_that_signs_neither_is_refused(void **state)
{
	struct fleet *f = *state;

	publish_by(f, f->t.key);
	assert_not_taken(f, ERR_SIGNATURE, (struct digest){0});
}

static void a_number_that_goes_back_or_stands_still_is_refused(void **state)
{
	struct fleet *f = *state;

	list(f, 5, both, 60000);
	publish_by(f, f->t.key);
	hold(f);
	struct digest first = in_force(f);
	list(f, 4, both, 60000);
	publish_by(f, f->t.key);
	assert_not_taken(f, ERR_OLDER, first);
	list(f, 5, both, 50000);
	publish_by(f, f->t.key);
	assert_not_taken(f, ERR_OLDER, first);
}

static void a_list_that_nobody_could_change_again_is_refused(void **state)
{
	struct fleet *f = *state;

	list(f, 1, "{\"name\":\"bob\",\"key\":\"" BOB "\",\"may\":[\"look\"]}", 60000);
	publish_by(f, f->t.key);
	assert_not_taken(f, ERR_REFUSED, (struct digest){0});
}

static void who_may_look_gives_no_order_that_changes_anything(void **state)
{
	struct fleet *f = *state;
	static const enum order_action changing[] = {ORDER_UPDATE, ORDER_UNDO, ORDER_CONFIRM, ORDER_LET_GO, ORDER_ACCESS};
	cleanup(answer_free) struct answer looks = {0};
	char nonce[] = "word";

	f->t.caller = (struct caller){"bob", MAY_LOOK, false, {{0}}};
	for (size_t i = 0; i < COUNT_OF(changing); i++) {
		cleanup(answer_free) struct answer a = {0};
		tower_order(&f->t,
			&(struct order){.action = (int)changing[i], .nonce = nonce, .release = digest_of(STR("any"))}, &a);
		assert_refused(a, ERR_REFUSED);
		assert_non_null(strstr(a.refused.text, "operator bob may look"));
	}
	tower_order(&f->t, &(struct order){.action = ORDER_ASK}, &looks);
	assert_true(looks.got_receipt);
}

static void nothing_else_is_begun_while_a_list_is_on_trial(void **state)
{
	struct fleet *f = *state;
	cleanup(answer_free) struct answer a = {0}, second = {0};
	struct talk k;
	char nonce[65];

	list(f, 1, both, 1000);
	publish_by(f, f->t.key);
	send_access(f, &k, &a, tower_launch);
	wait_for_word(&k, nonce);
	tower_order(&f->t, &(struct order){.action = ORDER_UPDATE, .release = digest_of(STR("any"))}, &second);
	assert_refused(second, ERR_BUSY);
	assert_non_null(strstr(second.refused.text, "access list 1"));
	talk_until(&k, FRAME_RECEIPT);
	talk_close(&k);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_list_is_tried_and_holds_when_somebody_came_in_by_it),
		T(sources_are_the_enrolments_until_some_are_signed),
		T(a_list_that_nobody_came_in_by_goes_back),
		T(a_trial_that_was_cut_off_goes_on_and_back),
		T(the_deadline_survives_a_restart),
		T(a_host_that_restarts_again_and_again_goes_back),
		T(a_list_signed_by_a_thief_is_refused),
		T(a_list_of_other_bytes_than_signed_is_refused),
		T(a_list_that_was_not_brought_is_missed),
		T(a_role_that_signs_neither_is_refused),
		T(a_number_that_goes_back_or_stands_still_is_refused),
		T(a_list_that_nobody_could_change_again_is_refused),
		T(who_may_look_gives_no_order_that_changes_anything),
		T(nothing_else_is_begun_while_a_list_is_on_trial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
