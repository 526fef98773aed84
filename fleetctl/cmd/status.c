#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fleetctl/cmd/status_home.h"
#include "fleetctl/command.h"
#include "fleetctl/push/ask.h"
#include "fleetctl/receipts/rebuild.h"
#include "fleetctl/repo/programs.h"
#include "fleetctl/rollout/drive.h"

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
	struct at_home home; /* of one that pulls */
	/* what the repository wants of it */
	bool has_wanted;
	struct digest wanted;
	int64_t wanted_number;
	bool altered; /* the host reads other scripts off its disk than were signed */
	const struct program *agent; /* signed for its platform; NULL: none is, or the platform is not known */
	bool old_agent;              /* it runs an older one */
};
struct asking {
	struct db *db;
	struct repository *repository; /* NULL: nothing was signed yet */
	const struct chosen *chosen;
	struct seen *seen;
	const struct show *show;
	bool verify; /* the whole chain of receipts, not the newest alone */
	struct rebuild *rebuild; /* what they tell of rollouts as well; NULL: no */
	size_t done;
};

static bool answer(void *ctx, size_t i, const struct hello *h, struct flight *out, struct err *e)
{
	struct asking *a = ctx;
	const struct host *host = a->chosen->host[i];
	struct flight_wish wish = { .action = ORDER_ASK, .chain = a->rebuild || (a->verify && host->receipt_key) };
	if (wish.chain && !a->rebuild && !chain_since(&wish.since, a->db, host->id, host->receipt_key, e))
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
	const struct chain_heard heard = chain_heard(a->chosen->host[i], end, a->verify || a->rebuild);
	s->live = end->has_hello;
	s->err = end->err;
	s->heard = end->has_receipt && chain_check(&s->chain, a->db, &heard, &s->err);
	if (s->heard && chain_believe(&s->chain, &s->err) && a->rebuild)
		rebuild_learn(a->rebuild, &heard);
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

/* A newer one came by its package: that is as good. */
static void find_agent(struct seen *s, const struct programs *agents)
{
	int64_t runs;
	const struct hello *h = &s->hello;
	s->agent = s->known && h->platform ? programs_of(agents, h->platform) : NULL;
	s->old_agent = s->agent && (!version_read(&runs, str_of(h->agent ? h->agent : ""), NULL) || runs < s->agent->number);
}

/* A host that did not answer may have sent a receipt since it did. */
static bool by_receipt(const struct seen *s)
{
	return !s->live && s->home.has_receipt && (!s->known || s->home.receipt.time > s->at);
}

static struct digest running(const struct seen *s)
{
	return by_receipt(s) ? s->home.receipt.current : s->hello.release;
}

static bool is_known(const struct seen *s)
{
	return s->known || by_receipt(s);
}

static bool drifts(const struct seen *s)
{
	return is_known(s) && s->has_wanted && !digest_eq(running(s), s->wanted);
}

static void say_trial(char *out, size_t size, const struct seen *s)
{
	size_t used = 0;
	if (s->old_agent)
		used = (size_t)snprintf(out, size, "agent %.24s (%.24s is signed); ", s->hello.agent ? s->hello.agent : "?", s->agent->version);
	out += used;
	size -= used;
	const struct receipt *r = by_receipt(s) ? &s->home.receipt : s->has_receipt ? &s->receipt : NULL;
	if (s->known && s->hello.has_trial && !by_receipt(s))
		snprintf(out, size, "on trial: %s", s->hello.trial.step ? s->hello.trial.step : "");
	else if (r)
		snprintf(out, size, "%s%s%s", verdict_words[r->verdict], r->text ? ": " : "", r->text ? r->text : "");
	else
		snprintf(out, size, "no trial yet");
}

/* What is wrong, or NULL: that a host was not reached is nothing when its receipt came. */
static const char *trouble(const struct seen *s)
{
	if (s->home.doubt[0])
		return s->home.doubt;
	return s->err.code && !by_receipt(s) ? s->err.text : NULL;
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
		const char *wrong = trouble(s);
		show_age(since, by_receipt(s) ? s->home.receipt.time : s->known ? s->hello.since : 0, now);
		show_age(age, by_receipt(s) ? s->home.receipt.time : s->at, now);
		digest_hex(hex, running(s));
		table_cell(&t, PLAIN, "%s", a->chosen->host[i]->id);
		table_cell(&t, PLAIN, "%s", a->chosen->host[i]->plan);
		if (is_known(s))
			table_cell(&t, drifts(s) ? YELLOW : GREEN, "%d %.8s", (int)(by_receipt(s) ? s->home.receipt.current_number : s->hello.number), hex);
		else
			table_cell(&t, YELLOW, "unknown");
		table_cell(&t, PLAIN, s->has_wanted ? "%d%s" : "-", (int)s->wanted_number, drifts(s) ? " (drift)" : "");
		table_cell(&t, PLAIN, "%s", is_known(s) ? since : "-");
		table_cell(&t, s->live ? PLAIN : YELLOW, s->live ? "now" : "%s", age);
		if (wrong && !is_known(s))
			table_cell(&t, PLAIN, "%s", wrong);
		else
			table_cell(&t, PLAIN, "%s%s%s", wrong ? wrong : "", wrong ? "; last: " : "", trial);
	}
	table_print(&t);
}

/* --- the chains --- */

static bool is_verified(const struct seen *s)
{
	if (!s->live && s->home.any)
		return s->home.has_receipt && (s->home.found.say == CHAIN_VERIFIED || s->home.found.say == CHAIN_BACK);
	return s->live && s->has_receipt && s->chain.say == CHAIN_VERIFIED && !s->altered && !s->err.code;
}

static const char *chain_note(const struct seen *s)
{
	if (!s->heard && s->home.any)
		return s->home.doubt[0] ? s->home.doubt : s->home.found.text[0] ? s->home.found.text : "by the receipts that came home";
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
		const char *home = s->live ? NULL : at_home_word(&s->home);
		const struct chain_found *chain = home ? &s->home.found : &s->chain;
		const char *word = s->altered && s->chain.say == CHAIN_VERIFIED ? "altered" : chain_words[s->chain.say];
		table_cell(&t, PLAIN, "%s", a->chosen->host[i]->id);
		table_cell(&t, is_verified(s) ? GREEN : RED, "%s", s->heard ? word : home ? home : "not heard");
		if (chain->from)
			table_cell(&t, PLAIN, chain->to > chain->from ? "%lld to %lld" : "%lld", (long long)chain->from, (long long)chain->to);
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
	doc_set_text(d, "agent", s->known ? s->hello.agent : NULL);
	doc_set_text(d, "agent_signed", s->agent ? s->agent->version : NULL);
	doc_set_bool(d, "agent_old", s->old_agent);
	doc_set(d, "chain", s->heard ? chain_doc(s) : NULL);
	doc_set(d, "home", at_home_doc(&s->home));
	return d;
}

/* What is ours alone no host decides: usage, our disk, a person's ^C. */
static int exit_of_host(enum err_code code)
{
	int is = exit_of(code);
	return is == 1 || is == 2 || is == 130 ? 3 : is;
}

static int exit_seen(const struct seen *s, const struct host *h, bool verify)
{
	if (s->home.doubt[0] || (verify && !s->live && s->home.any && !is_verified(s)))
		return exit_of(ERR_SIGNATURE);
	if (!s->live && s->home.has_receipt) /* one that nobody connects to needs no host_key, and its receipts speak for it */
		return verify ? 0 : exit_of_host(h->host_key ? s->err.code : ERR_UNREACHABLE);
	bool broken = s->heard && (verify ? !is_verified(s) : s->err.code == ERR_SIGNATURE);
	if (broken)
		return exit_of(ERR_SIGNATURE);
	return exit_of_host(s->err.code);
}

static int tell(const struct show *show, const struct asking *a)
{
	int code = 0;
	if (show->json) {
		doc *whole = show_doc(show), *list = doc_list();
		for (size_t i = 0; i < a->chosen->count; i++)
			doc_add(list, seen_doc(&a->seen[i], a->chosen->host[i]));
		doc_set(whole, "hosts", list);
		if (a->rebuild)
			doc_set(whole, "rebuilt", rebuild_doc(a->rebuild));
		show_json(whole);
	}
	else if (a->verify)
		print_chains(show, a);
	else
		print(show, a);
	if (a->rebuild)
		rebuild_say(a->rebuild, show);
	for (size_t i = 0; i < a->chosen->count; i++)
		code = show_worse(code, exit_seen(&a->seen[i], a->chosen->host[i], a->verify));
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
	struct rebuild rebuild;
	struct programs agents; /* signed now */
};

static void opened_free(struct opened *o)
{
	for (size_t i = 0; o->seen && i < o->chosen.count; i++) {
		shape_free(&o->seen[i].hello, hello_shape);
		receipt_free(&o->seen[i].receipt);
		at_home_free(&o->seen[i].home);
	}
	free_ptr(&o->seen);
	rebuild_free(&o->rebuild);
	programs_free(&o->agents);
	chosen_free(&o->chosen);
	loop_free(&o->loop);
	login_free(&o->login);
	db_close(&o->db);
	repository_free(&o->repository);
	fleet_free(&o->fleet);
}

static bool goes_together(bool cached, bool verify, bool rebuild, size_t selectors, struct err *e)
{
	if (cached && (verify || rebuild))
		return err_set(e, ERR_USAGE, "--cached and %s: receipts are %s when they are heard", verify ? "--verify" : "--rebuild",
			verify ? "verified" : "learned from");
	if (rebuild && (verify || selectors))
		return err_set(e, ERR_USAGE, "--rebuild asks all hosts for all receipts: it takes no %s", verify ? "--verify" : "HOSTS");
	return true;
}

/* Where it cannot be looked, that is said, and the rest is shown. */
static void look_home(struct opened *o, const struct show *show)
{
	cleanup(home_close) struct home home = { 0 };
	struct err why;
	if (!home_open(&home, &o->fleet, o->db, &why)) {
		show_note(show, "%s", why.text);
		return;
	}
	for (size_t i = 0; i < o->chosen.count; i++)
		at_home_read(&o->seen[i].home, &home, o->chosen.host[i]);
}

static int run(const struct command *me, int argc, char **argv)
{
	struct common common = { 0 };
	struct opt_words selectors = { 0 };
	const char *identity = NULL;
	bool cached = false, verify = false, rebuild = false;
	struct opt table[] = {
		{ "HOSTS", 0, OPT_REST, &selectors, NULL, "ids, globs, plan=NAME, site=NAME, LABEL=VALUE (all)" },
		{ "cached", 0, OPT_FLAG, &cached, NULL, "what was heard last, without asking the hosts" },
		{ "verify", 0, OPT_FLAG, &verify, NULL, "the chain of each host's receipts instead: signed, whole, and the one seen before" },
		{ "rebuild", 0, OPT_FLAG, &rebuild, NULL, "make the folder's database anew, or complete it, from what all hosts' receipts tell" },
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
	if (!goes_together(cached, verify, rebuild, selectors.count, &e)) {
		opt_words_free(&selectors);
		return command_fail(&show, &e);
	}
	struct str all = STR("all");
	struct opt_words everything = { &all, 1 };
	bool good = fleet_open(&o.fleet, common.fleet, &e) && select_hosts(&o.chosen, &o.fleet, selectors.count ? &selectors : &everything, &e) &&
		login_open(&o.login, identity ? identity : o.fleet.ssh.identity, &e) &&
		(rebuild ? db_open_anew(&o.db, &o.rebuild.lost, &o.rebuild.why, &o.fleet, drive_who(), &e) : db_open(&o.db, &o.fleet, &e));
	opt_words_free(&selectors);
	if (!good)
		return command_fail(&show, &e);
	bool has_repository = repository_open(&o.repository, o.fleet.dir, &unsigned_yet);
	o.loop = loop_new();
	o.seen = mem_new(o.chosen.count + 1, sizeof *o.seen);
	struct asking a = { o.db, has_repository ? &o.repository : NULL, &o.chosen, o.seen, &show, verify, rebuild ? &o.rebuild : NULL, 0 };
	if (!cached)
		show_waits(&show, "asking the hosts", 0, o.chosen.count);
	if (!cached && !ask_all(&(struct ask){ &o.fleet, o.login, o.loop, &o.chosen, answer, ended, &a }, &e)) {
		show_waits(&show, NULL, 0, 0);
		return command_fail(&show, &e);
	}
	if (rebuild && !rebuild_write(&o.rebuild, o.db, &e))
		return command_fail(&show, &e);
	/* what cannot be read of them is verify's to say */
	if (has_repository)
		(void)!programs_signed(&o.agents, &o.repository, &unsigned_yet);
	if (!cached)
		look_home(&o, &show);
	for (size_t i = 0; i < o.chosen.count; i++) {
		if (!recall(&o.seen[i], o.db, o.chosen.host[i]->id, &e))
			return command_fail(&show, &e);
		find_wanted(&o.seen[i], a.repository, o.chosen.host[i]->plan);
		find_altered(&o.seen[i], a.repository, o.chosen.host[i]->plan);
		find_agent(&o.seen[i], &o.agents);
	}
	code = tell(&show, &a);
	return cached ? 0 : code;
}

const struct command cmd_status = {
	"status", "[HOSTS...]", "What every host runs, since when, how its last trial ended, and what differs from the plan",
	"A host that does not answer is shown as it was heard last, with the age of that.", run,
};
