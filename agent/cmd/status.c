/* fleet-agent status: what runs here, what is tried, what was said last. */
#include <stdio.h>
#include <unistd.h>

#include "agent/command.h"
#include "agent/pull/keys.h"
#include "agent/pull/view.h"
#include "agent/store/access.h"
#include "agent/store/lease.h"
#include "agent/store/ledger.h"
#include "agent/store/linked.h"
#include "agent/store/receipts.h"
#include "agent/store/release.h"
#include "base/version.h"

enum { SCHEMA = 1 };

struct view {
	struct release now;
	struct ledger ledger;
	bool has_lease, busy;
	struct lease lease;
	struct buf receipt_text;
	struct receipt receipt;
	bool receipt_damaged; /* what the disk gives back is none */
	struct access_set access;
	struct digest linked; /* the bundle of the agent in place of the packaged one; zero: none */
	char key[DIGEST_HEX + 1]; /* empty: there is none */
	struct buf pull_key[PULL_KEYS]; /* of git; empty: none */
};

static void view_free(struct view *v)
{
	release_close(&v->now);
	ledger_free(&v->ledger);
	lease_free(&v->lease);
	buf_free(&v->receipt_text);
	receipt_free(&v->receipt);
	access_set_free(&v->access);
	for (size_t i = 0; i < PULL_KEYS; i++)
		buf_free(&v->pull_key[i]);
}

static bool view_fill(struct view *v, const struct host *h, struct err *e)
{
	struct digest current;

	v->has_lease = lease_read(&v->lease, &h->store);
	v->busy = store_is_locked(&h->store);
	if (!linked_current(&v->linked, &h->store, e))
		return false;
	if (!receipts_key(v->key, &h->store, e))
		v->key[0] = 0; /* the next receipt makes one */
	for (enum pull_key k = 0; k < PULL_KEYS; k++)
		pull_key_public(&v->pull_key[k], &h->store, k);
	if (!release_current(&current, &h->store, e) || !release_open(&v->now, &h->store, current, e) ||
		!ledger_load(&v->ledger, &h->store, e) || !receipts_newest(&v->receipt_text, &h->store, v->ledger.receipt, e))
		return false;
	v->receipt_damaged = !receipt_read(&v->receipt, buf_str(&v->receipt_text), e);
	return access_open(&v->access, &h->store, e);
}

/* --- for people --- */

static void print_marks(const char *word, const struct list *marks)
{
	const struct mark *m = marks->items;

	for (size_t i = 0; i < marks->count; i++) {
		char hex[DIGEST_HEX + 1];
		digest_hex(hex, m[i].release);
		printf("%-9s%s\n", i ? "" : word, hex);
	}
}

static void print_trial(const struct view *v)
{
	const struct attempt *a = &v->ledger.attempt;
	char release[48], left[32];

	if (!v->ledger.has_attempt)
		return;
	attempt_text(release, a);
	shape_ms_text(left, attempt_left_ms(a));
	printf("%-9s%s%s, step %s, %s left%s\n", a->undo ? "undoing" : "trying", a->access ? "access list " : a->self ? "agent " : "", release,
		step_words[v->ledger.step], left, v->busy ? "" : "; nobody works on it: fleet-agent apply");
}

static void print_receipt(const struct view *v)
{
	const struct receipt *r = &v->receipt;
	const struct receipt_check *c = r->checks.items;

	if (v->receipt_damaged) {
		printf("%-9s%lld: damaged on the disk; the next one follows it all the same\n", "receipt", (long long)v->ledger.receipt);
		return;
	}
	printf("%-9s%lld: %s%s%s\n", "receipt", (long long)r->number, verdict_words[r->verdict], r->text ? ": " : "",
		r->text ? r->text : "");
	for (size_t i = 0; i < r->checks.count; i++)
		if (c[i].after != CHECK_GREEN)
			printf("%-9scheck %s: before %s, in the trial %s, after going back %s\n", "", c[i].name,
				check_result_words[c[i].before], check_result_words[c[i].after],
				check_result_words[c[i].old]);
}

static void print_access(const struct access_set *s)
{
	if (s->damaged)
		printf("%-9sdamaged on the disk: the next poll or `fleetctl access push` brings the list again\n", "keys");
	else if (s->has_access)
		printf("%-9saccess list %lld: %zu operators\n", "keys", (long long)s->access.number, s->access.operators.count);
	else
		printf("%-9sthose of the enrolment\n", "keys");
}

static void print_pull(const struct view *v, const struct host *h)
{
	cleanup(buf_free) struct buf line = {0};

	pull_view_line(&line, &h->config, &h->store, v->now.manifest.plan.poll.every_ms);
	if (line.len)
		printf("%-9s" STR_FMT "\n", "pull", STR_ARG(buf_str(&line)));
}

static void print_people(const struct view *v, const struct host *h)
{
	char release[48], since[24], left[32];

	release_text(release, v->now.manifest.number, v->now.id);
	clock_text(since, v->ledger.since);
	printf("%-9s%s, plan %s%s%s\n", "host", h->config.id, h->config.plan, h->config.site ? ", site " : "",
		h->config.site ? h->config.site : "");
	printf("%-9s%s since %s\n", digest_eq(v->now.id, h->config.baseline) ? "baseline" : "release", release, since);
	print_trial(v);
	print_receipt(v);
	print_access(&v->access);
	print_pull(v, h);
	printf("%-9s%s%s\n", "agent", fleet_version, digest_zero(v->linked) ? ", packaged" : ", linked");
	printf("%-9s%s\n", "key", v->key[0] ? v->key : "none: the next receipt makes one");
	for (size_t i = 0; i < PULL_KEYS; i++)
		if (v->pull_key[i].len)
			printf("%-9s" STR_FMT " %s\n", pull_key_words[i], STR_ARG(buf_str(&v->pull_key[i])), h->config.id);
	print_marks("guilty", &v->ledger.guilty);
	print_marks("held", &v->ledger.held);
	shape_ms_text(left, v->lease.left_ms);
	if (v->has_lease)
		printf("%-9s%s of %s, %s left\n", "lease", v->lease.rollout, v->lease.who ? v->lease.who : "somebody",
			left);
	printf("%-9sagent, probes, hooks and checks all run as user %u\n", "note", (unsigned)geteuid());
}

/* --- for programs --- */

static void set_digest(doc *d, const char *key, struct digest value)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, value);
	doc_set_text(d, key, hex);
}

static void set_marks(doc *d, const char *key, const struct list *marks)
{
	const struct mark *m = marks->items;
	doc *list = doc_list();

	for (size_t i = 0; i < marks->count; i++) {
		char hex[DIGEST_HEX + 1];
		digest_hex(hex, m[i].release);
		doc_add_str(list, str_of(hex));
	}
	doc_set(d, key, list);
}

static void set_trial(doc *d, const struct view *v)
{
	doc *t = doc_object();

	set_digest(t, "release", v->ledger.attempt.release);
	doc_set_int(t, "number", v->ledger.attempt.receipt.release_number);
	doc_set_text(t, "step", step_words[v->ledger.step]);
	doc_set_int(t, "left_ms", attempt_left_ms(&v->ledger.attempt));
	doc_set_bool(t, "undo", v->ledger.attempt.undo);
	doc_set_bool(t, "self", v->ledger.attempt.self);
	doc_set_bool(t, "works", v->busy);
	doc_set(d, "trial", t);
}

static void set_lease(doc *d, const struct lease *l)
{
	doc *lease = doc_object();

	doc_set_text(lease, "rollout", l->rollout);
	doc_set_text(lease, "who", l->who);
	doc_set_int(lease, "left_ms", l->left_ms);
	doc_set(d, "lease", lease);
}

static void set_pull_key(doc *d, const char *name, const struct view *v, enum pull_key key)
{
	if (v->pull_key[key].len)
		doc_set_str(d, name, buf_str(&v->pull_key[key]));
}

static bool print_json(const struct view *v, const struct host *h, struct err *e)
{
	cleanup(doc_free) doc *d = doc_object();
	cleanup(buf_free) struct buf text = {0};
	doc *receipt = NULL;
	struct str seal, statement = str_cut(buf_str(&v->receipt_text), '\n', &seal);

	doc_set_int(d, "schema", SCHEMA);
	doc_set_text(d, "agent", fleet_version);
	doc_set_text(d, "platform", FLEET_PLATFORM);
	if (!digest_zero(v->linked))
		set_digest(d, "linked", v->linked);
	doc_set_text(d, "id", h->config.id);
	doc_set_text(d, "plan", h->config.plan);
	doc_set_text(d, "site", h->config.site);
	set_digest(d, "release", v->now.id);
	doc_set_int(d, "number", v->now.manifest.number);
	set_digest(d, "bundle", v->now.manifest.bundle.sha256);
	doc_set_bool(d, "baseline", digest_eq(v->now.id, h->config.baseline));
	doc_set_int(d, "since", v->ledger.since);
	doc_set_int(d, "access", v->access.access.number); /* 0: the keys of the enrolment */
	doc_set_int(d, "sources", v->access.sources.number);
	doc_set_text(d, "receipt_key", v->key[0] ? v->key : NULL);
	set_pull_key(d, "git_key", v, PULL_GIT_KEY);
	set_pull_key(d, "push_key", v, PULL_PUSH_KEY);
	if (v->ledger.has_previous)
		set_digest(d, "previous", v->ledger.previous);
	if (v->ledger.has_attempt)
		set_trial(d, v);
	set_marks(d, "guilty", &v->ledger.guilty);
	set_marks(d, "held", &v->ledger.held);
	if (v->has_lease)
		set_lease(d, &v->lease);
	doc_set(d, "pull", pull_view_doc(&h->config, &h->store, v->now.manifest.plan.poll.every_ms));
	if (v->receipt_damaged)
		doc_set_bool(d, "receipt_damaged", true);
	else if (doc_read(&receipt, statement, e))
		doc_set(d, "receipt", receipt);
	else
		return false;
	doc_pretty(&text, d);
	if (!buf_ok(&text, e))
		return false;
	fputs(buf_str(&text).data, stdout);
	return true;
}

static int run(const struct command *me, int argc, char **argv)
{
	bool json = false;
	struct where w = {0};
	const struct opt table[] = {
		{"json", 0, OPT_FLAG, &json, NULL, "one JSON document"},
		WHERE_OPTS(w),
		{0},
	};
	cleanup(host_close) struct host h = {0};
	cleanup(view_free) struct view v = {0};
	struct err e;
	int code;

	if (!command_begin(me, table, argc, argv, &code))
		return code;
	if (!host_open(&h, &w, &e) || !view_fill(&v, &h, &e))
		return command_fail(me, &e);
	if (json && !print_json(&v, &h, &e))
		return command_fail(me, &e);
	if (!json)
		print_people(&v, &h);
	return COMMAND_OK;
}

const struct command cmd_status = {"status", NULL, "What runs here, what is tried, what was said last", run};
