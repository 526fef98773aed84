#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fleetctl/command.h"
#include "fleetctl/push/ask.h"
#include "fleetctl/receipts/chain.h"
#include "fleetctl/rollout/rollout.h"

/* One host's line: what it said now, or what it said last. */
struct seen {
	bool live, known;
	struct hello hello;
	struct receipt receipt;
	bool has_receipt;
	int64_t at;
	struct err err;
	bool heard; /* a receipt came now, and is judged: */
	struct chain_found chain;
	/* what the repository wants of it */
	bool has_wanted;
	struct digest wanted;
	int64_t wanted_number;
	bool altered; /* the host reads other scripts off its disk than were signed */
};
struct asking {
	struct db *db;
	struct repository *repository; /* NULL: nothing was signed yet */
	const struct chosen *chosen;
	struct seen *seen;
	const struct show *show;
	bool verify; /* the whole chain of receipts, not the newest alone */
	size_t done;
};

static bool answer(void *ctx, size_t i, const struct hello *h, struct flight *out, struct err *e)
{
	struct asking *a = ctx;
	const struct host *host = a->chosen->host[i];
	struct flight_wish wish = { .action = ORDER_ASK, .chain = a->verify && host->receipt_key };
	if (wish.chain && !chain_since(&wish.since, a->db, host->id, host->receipt_key, e))
		return false;
	return flight_make(out, a->repository, h, &wish, e);
}

static void keep(struct asking *a, size_t i, const struct talk_end *end)
{
	struct err ignored;
	cleanup(doc_free) doc *d = shape_write(&end->hello, hello_shape);
	cleanup(buf_free) struct buf text = { 0 };
	doc_line(&text, d);
	struct str receipt = a->seen[i].err.code ? (struct str){ 0 } : buf_str(&end->receipt_text); /* believed ones alone */
	/* the cache is a convenience: that it could not be written spoils no answer */
	if (end->has_hello)
		(void)!db_seen(a->db, a->chosen->host[i]->id, buf_str(&text), receipt, &ignored);
	else
		(void)!db_unseen(a->db, a->chosen->host[i]->id, end->err.text, &ignored);
}

static void ended(void *ctx, size_t i, const struct talk_end *end)
{
	struct asking *a = ctx;
	struct seen *s = &a->seen[i];
	const struct chain_heard heard = chain_heard(a->chosen->host[i], end, a->verify);
	s->live = end->has_hello;
	s->err = end->err;
	s->heard = end->has_receipt && chain_check(&s->chain, a->db, &heard, &s->err);
	if (s->heard)
		(void)!chain_believe(&s->chain, &s->err);
	keep(a, i, end);
	show_waits(a->show, "asking the hosts", ++a->done, a->chosen->count);
}

/* From the database, where `ended` has put what was just heard: one way to read it, live or cached. */
static bool recall(struct seen *s, struct db *db, const char *id, struct err *e)
{
	struct seen_row row = { 0 };
	if (!db_seen_get(db, id, &row, e))
		return false;
	s->at = row.at;
	s->known = row.hello && message_read(&s->hello, hello_shape, str_of(row.hello), "hello", e);
	s->has_receipt = row.receipt && receipt_read(&s->receipt, str_of(row.receipt), e);
	if (!s->live && !s->err.code && row.error)
		err_set(&s->err, ERR_UNREACHABLE, "%s", row.error);
	seen_row_free(&row);
	return true;
}

static void find_wanted(struct seen *s, const struct repository *r, const char *plan)
{
	struct err ignored;
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);
	cleanup(manifest_free) struct manifest m = { 0 };
	s->has_wanted = r && repository_current(&text, r, plan, &ignored) && manifest_read(&m, buf_str(&text), NULL, &ignored);
	if (!s->has_wanted)
		return;
	s->wanted = manifest_id(buf_str(&text));
	s->wanted_number = m.number;
}

static void find_altered(struct seen *s, const struct repository *r, const char *plan)
{
	struct err ignored;
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);
	cleanup(manifest_free) struct manifest m = { 0 };
	if (!r || !s->has_receipt || digest_zero(s->receipt.disk) || !repository_release(&text, r, plan, s->receipt.current, &ignored) ||
		!manifest_read(&m, buf_str(&text), NULL, &ignored))
		return; /* the baseline is in no repository */
	s->altered = !digest_eq(m.bundle.sha256, s->receipt.disk);
}

static bool drifts(const struct seen *s)
{
	return s->known && s->has_wanted && !digest_eq(s->hello.release, s->wanted);
}

static void say_trial(char *out, size_t size, const struct seen *s)
{
	if (s->known && s->hello.has_trial)
		snprintf(out, size, "on trial: %s", s->hello.trial.step ? s->hello.trial.step : "");
	else if (s->has_receipt)
		snprintf(out, size, "%s%s%s", verdict_words[s->receipt.verdict], s->receipt.text ? ": " : "", s->receipt.text ? s->receipt.text : "");
	else
		snprintf(out, size, "no trial yet");
}

static void print(const struct show *show, const struct asking *a)
{
	struct table t = { .show = show, .columns = 7 };
	static const char *const heads[] = { "HOST", "PLAN", "RUNS", "WANTED", "SINCE", "SEEN", "LAST TRIAL" };
	int64_t now = clock_now().unix_s;
	for (size_t i = 0; i < COUNT_OF(heads); i++)
		table_cell(&t, DIM, "%s", heads[i]);
	for (size_t i = 0; i < a->chosen->count; i++) {
		const struct seen *s = &a->seen[i];
		char since[32], age[32], trial[600], hex[DIGEST_HEX + 1];
		say_trial(trial, sizeof trial, s);
		show_age(since, s->known ? s->hello.since : 0, now);
		show_age(age, s->at, now);
		digest_hex(hex, s->hello.release);
		table_cell(&t, PLAIN, "%s", a->chosen->host[i]->id);
		table_cell(&t, PLAIN, "%s", a->chosen->host[i]->plan);
		if (s->known)
			table_cell(&t, drifts(s) ? YELLOW : GREEN, "%d %.8s", (int)s->hello.number, hex);
		else
			table_cell(&t, YELLOW, "unknown");
		table_cell(&t, PLAIN, s->has_wanted ? "%d%s" : "-", (int)s->wanted_number, drifts(s) ? " (drift)" : "");
		table_cell(&t, PLAIN, "%s", s->known ? since : "-");
		table_cell(&t, s->live ? PLAIN : YELLOW, s->live ? "now" : "%s", age);
		if (s->err.code && !s->known)
			table_cell(&t, PLAIN, "%s", s->err.text);
		else
			table_cell(&t, PLAIN, "%s%s%s", s->err.code ? s->err.text : "", s->err.code ? "; last: " : "", trial);
	}
	table_print(&t);
}

/* --- the chains --- */

static bool is_verified(const struct seen *s)
{
	return s->live && s->has_receipt && s->chain.say == CHAIN_VERIFIED && !s->altered && !s->err.code;
}

static const char *chain_note(const struct seen *s)
{
	if (s->chain.text[0] || s->err.code)
		return s->chain.text[0] ? s->chain.text : s->err.text;
	if (s->altered)
		return "the scripts on its disk are not those of the release that it runs: `fleet-agent verify` there names them";
	return s->chain.new_chain ? "a new chain: the key is another one than before" : "";
}

static void print_chains(const struct show *show, const struct asking *a)
{
	struct table t = { .show = show, .columns = 4 };
	static const char *const heads[] = { "HOST", "CHAIN", "RECEIPTS", "" };
	for (size_t i = 0; i < COUNT_OF(heads); i++)
		table_cell(&t, DIM, "%s", heads[i]);
	for (size_t i = 0; i < a->chosen->count; i++) {
		const struct seen *s = &a->seen[i];
		const char *word = s->altered && s->chain.say == CHAIN_VERIFIED ? "altered" : chain_words[s->chain.say];
		table_cell(&t, PLAIN, "%s", a->chosen->host[i]->id);
		table_cell(&t, is_verified(s) ? GREEN : RED, "%s", s->heard ? word : "not heard");
		if (s->chain.from)
			table_cell(&t, PLAIN, s->chain.to > s->chain.from ? "%lld to %lld" : "%lld", (long long)s->chain.from, (long long)s->chain.to);
		else
			table_cell(&t, PLAIN, "-");
		table_cell(&t, PLAIN, "%s", chain_note(s));
	}
	table_print(&t);
}

static doc *chain_doc(const struct seen *s)
{
	doc *d = doc_object();
	char hex[DIGEST_HEX + 1];
	doc_set_text(d, "result", chain_words[s->chain.say]);
	doc_set_int(d, "from", s->chain.from);
	doc_set_int(d, "to", s->chain.to);
	doc_set_bool(d, "new", s->chain.new_chain);
	doc_set_bool(d, "altered", s->altered);
	doc_set_text(d, "text", chain_note(s)[0] ? chain_note(s) : NULL);
	if (s->chain.say != CHAIN_FORK)
		return d;
	digest_hex(hex, s->chain.seen);
	doc_set_text(d, "seen", hex);
	doc_set_int(d, "seen_at", s->chain.seen_at);
	digest_hex(hex, s->chain.shown);
	doc_set_text(d, "shown", hex);
	return d;
}

static doc *seen_doc(const struct seen *s, const struct host *h)
{
	doc *d = doc_object();
	char hex[DIGEST_HEX + 1];
	doc_set_text(d, "host", h->id);
	doc_set_text(d, "plan", h->plan);
	doc_set_text(d, "site", h->site);
	doc_set_bool(d, "live", s->live);
	doc_set_int(d, "seen", s->at);
	doc_set_text(d, "error", s->err.code ? s->err.text : NULL);
	doc_set(d, "hello", s->known ? shape_write(&s->hello, hello_shape) : NULL);
	doc_set(d, "receipt", s->has_receipt ? shape_write(&s->receipt, receipt_shape) : NULL);
	digest_hex(hex, s->wanted);
	doc_set_text(d, "wanted", s->has_wanted ? hex : NULL);
	doc_set_int(d, "wanted_number", s->wanted_number);
	doc_set_bool(d, "drift", drifts(s));
	doc_set(d, "chain", s->heard ? chain_doc(s) : NULL);
	return d;
}

static int exit_seen(const struct seen *s, bool verify)
{
	bool broken = s->heard && (verify ? !is_verified(s) : s->err.code == ERR_SIGNATURE);
	if (broken)
		return exit_of(ERR_SIGNATURE);
	return s->live && !verify ? 0 : exit_of(s->err.code);
}

static int tell(const struct show *show, const struct asking *a)
{
	int code = 0;
	if (show->json) {
		doc *whole = show_doc(show), *list = doc_list();
		for (size_t i = 0; i < a->chosen->count; i++)
			doc_add(list, seen_doc(&a->seen[i], a->chosen->host[i]));
		doc_set(whole, "hosts", list);
		show_json(whole);
	}
	else if (a->verify)
		print_chains(show, a);
	else
		print(show, a);
	for (size_t i = 0; i < a->chosen->count; i++)
		code = show_worse(code, exit_seen(&a->seen[i], a->verify));
	return code;
}

struct opened {
	struct fleet fleet;
	struct repository repository;
	struct db *db;
	struct login *login;
	struct loop *loop;
	struct chosen chosen;
	struct seen *seen;
};

static void opened_free(struct opened *o)
{
	for (size_t i = 0; o->seen && i < o->chosen.count; i++) {
		shape_free(&o->seen[i].hello, hello_shape);
		receipt_free(&o->seen[i].receipt);
	}
	free_ptr(&o->seen);
	chosen_free(&o->chosen);
	loop_free(&o->loop);
	login_free(&o->login);
	db_close(&o->db);
	repository_free(&o->repository);
	fleet_free(&o->fleet);
}

static int run(const struct command *me, int argc, char **argv)
{
	struct common common = { 0 };
	struct opt_words selectors = { 0 };
	const char *identity = NULL;
	bool cached = false, verify = false;
	struct opt table[] = {
		{ "HOSTS", 0, OPT_REST, &selectors, NULL, "ids, globs, plan=NAME, site=NAME, LABEL=VALUE (all)" },
		{ "cached", 0, OPT_FLAG, &cached, NULL, "what was heard last, without asking the hosts" },
		{ "verify", 0, OPT_FLAG, &verify, NULL, "the chain of each host's receipts instead: signed, whole, and the one seen before" },
		{ "identity", 'i', OPT_TEXT, &identity, "FILE", "SSH key (default: fleet.yaml, then ssh-agent)" },
		COMMON_OPTS(common),
		{ 0 },
	};
	struct show show;
	struct err e, unsigned_yet;
	int code;
	if (!command_begin(me, table, &common, argc, argv, &show, &code))
		return code;
	cleanup(opened_free) struct opened o = { .fleet = { .at = -1 }, .repository = { .at = -1 } };
	if (cached && verify)
		return command_fail(&show, (err_set(&e, ERR_USAGE, "--cached and --verify: receipts are verified when they are heard"), &e));
	struct str all = STR("all");
	struct opt_words everything = { &all, 1 };
	bool good = fleet_open(&o.fleet, common.fleet, &e) && db_open(&o.db, &o.fleet, &e) &&
		select_hosts(&o.chosen, &o.fleet, selectors.count ? &selectors : &everything, &e) &&
		login_open(&o.login, identity ? identity : o.fleet.ssh.identity, &e);
	opt_words_free(&selectors);
	if (!good)
		return command_fail(&show, &e);
	bool has_repository = repository_open(&o.repository, o.fleet.dir, &unsigned_yet);
	o.loop = loop_new();
	o.seen = mem_new(o.chosen.count + 1, sizeof *o.seen);
	struct asking a = { o.db, has_repository ? &o.repository : NULL, &o.chosen, o.seen, &show, verify, 0 };
	if (!cached)
		show_waits(&show, "asking the hosts", 0, o.chosen.count);
	if (!cached && !ask_all(&(struct ask){ &o.fleet, o.login, o.loop, &o.chosen, answer, ended, &a }, &e)) {
		show_waits(&show, NULL, 0, 0);
		return command_fail(&show, &e);
	}
	for (size_t i = 0; i < o.chosen.count; i++) {
		if (!recall(&o.seen[i], o.db, o.chosen.host[i]->id, &e))
			return command_fail(&show, &e);
		find_wanted(&o.seen[i], a.repository, o.chosen.host[i]->plan);
		find_altered(&o.seen[i], a.repository, o.chosen.host[i]->plan);
	}
	code = tell(&show, &a);
	return cached ? 0 : code;
}

const struct command cmd_status = {
	"status", "[HOSTS...]", "What every host runs, since when, how its last trial ended, and what differs from the plan",
	"A host that does not answer is shown as it was heard last, with the age of that.", run,
};
