/* agent offer: hosts that pull may take the signed agent by themselves, as many of each plan as is said. */
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "fleetctl/command.h"
#include "fleetctl/rollout/pull_command.h"
#include "fleetctl/rollout/pull_offer.h"
#include "keys/secret.h"

struct wishes {
	struct common common;
	struct opt_words plans;
	struct pull_words pulling;
	int64_t hosts, percent, max_failed, max_unreachable;
	bool all, none, blind, dry;
};
struct offering {
	struct fleet fleet;
	struct repository repository;
	struct programs agents;
	struct db *db;     /* where receipts are asked for */
	struct home home;
	struct sheets sheets;
	enum offer_end *end; /* of each sheet */
	struct passphrase passphrase;
	struct offer offer;
	struct buf words;
	bool news;
};

static void offering_free(struct offering *o)
{
	buf_free(&o->words);
	passphrase_free(&o->passphrase);
	sheets_free(&o->sheets);
	free_ptr(&o->end);
	home_close(&o->home);
	db_close(&o->db);
	programs_free(&o->agents);
	repository_free(&o->repository);
	fleet_free(&o->fleet);
}

static bool read_share(struct offer *out, const struct wishes *w, struct err *e)
{
	const struct {
		bool said;
		enum offer_share share;
		int64_t n;
	} rows[] = {
		{ w->hosts > 0, OFFER_HOSTS, w->hosts }, { w->percent > 0, OFFER_PERCENT, w->percent }, { w->all, OFFER_ALL, 0 }, { w->none, OFFER_NONE, 0 },
	};
	size_t said = 0;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (!rows[i].said)
			continue;
		said++;
		*out = (struct offer){ .share = rows[i].share, .n = rows[i].n, .blind = w->blind, .max_failed = w->max_failed,
			.max_unreachable = w->max_unreachable };
	}
	return said == 1 || err_set(e, ERR_USAGE, "to how many hosts of each plan? One of --hosts N, --percent P, --all, --none");
}

static bool has_host(const struct fleet *f, const char *plan)
{
	for (size_t i = 0; i < f->hosts.count; i++)
		if (strcmp(fleet_host(f, i)->plan, plan) == 0)
			return true;
	return false;
}

/* Each once: sheets know which were seen. */
static bool offer_one(struct offering *o, const char *plan, struct err *e)
{
	for (size_t i = 0; i < o->sheets.count; i++)
		if (strcmp(o->sheets.sheet[i].plan, plan) == 0)
			return true;
	o->end = mem_grow(o->end, o->sheets.count + 1, sizeof *o->end);
	return offer_plan(&o->end[o->sheets.count], &o->sheets, &o->words, &o->offer, &o->repository, &o->fleet, plan, e);
}

static bool offer_every(struct offering *o, struct err *e)
{
	for (size_t i = 0; i < o->fleet.hosts.count; i++)
		if (!offer_one(o, fleet_host(&o->fleet, i)->plan, e))
			return false;
	return o->sheets.count || err_set(e, ERR_MISSING, "hosts.yaml has no host");
}

static bool offer_all(struct offering *o, const struct opt_words *plans, struct err *e)
{
	for (size_t i = 0; i < plans->count; i++) {
		cleanup(free_ptr) char *plan = str_dup(plans->word[i]);
		if (!has_host(&o->fleet, plan))
			return err_set(e, ERR_USAGE, "no host of hosts.yaml is of a plan \"%s\"", plan);
		if (!offer_one(o, plan, e))
			return false;
	}
	return plans->count || offer_every(o, e);
}

/* How it went where it was offered before. */
static bool open_home(struct offering *o, struct err *e)
{
	if (o->offer.share == OFFER_NONE || o->offer.blind)
		return true;
	o->offer.home = &o->home;
	return db_open(&o->db, &o->fleet, e) && home_open(&o->home, &o->fleet, o->db, e);
}

static bool work(struct offering *o, const struct wishes *w, struct err *e)
{
	const struct sheet_keys keys = { &o->fleet, w->pulling.keys, &o->passphrase };
	if (!read_share(&o->offer, w, e) || !fleet_open(&o->fleet, w->common.fleet, e) || !repository_open(&o->repository, o->fleet.dir, e) ||
		!programs_signed(&o->agents, &o->repository, e))
		return false;
	if (o->offer.share != OFFER_NONE && !offer_version(&o->offer.version, &o->agents, e))
		return false;
	return open_home(o, e) && offer_all(o, &w->plans, e) && (w->dry || sheets_sign(&o->news, &o->sheets, &keys, e));
}

static const struct {
	const char *word;
	int exit;
} ends[] = {
	[OFFER_WHOLE] = { "whole", 0 },
	[OFFER_WAITS] = { "waits", 4 },
	[OFFER_REFUSED] = { "refused", 6 },
};

static int exit_of_all(const struct offering *o)
{
	int code = 0;
	for (size_t i = 0; i < o->sheets.count; i++)
		code = show_worse(code, ends[o->end[i]].exit);
	return code;
}

static void tell(const struct offering *o, const struct show *show, bool dry)
{
	if (!show->json) {
		printf(STR_FMT, STR_ARG(buf_str(&o->words)));
		return;
	}
	doc *d = show_doc(show), *list = doc_list();
	for (size_t i = 0; i < o->sheets.count; i++) {
		const struct sheet *p = &o->sheets.sheet[i];
		doc *plan = doc_object();
		doc_set_text(plan, "plan", p->plan);
		doc_set_text(plan, "version", p->stage.has_agent ? p->stage.agent.version : NULL);
		doc_set_int(plan, "hosts", p->stage.agent.hosts);
		doc_set_int(plan, "of", (int64_t)p->stage.hosts.count);
		doc_set_int(plan, "counter", p->stage.counter + (dry && p->changed));
		doc_set_bool(plan, "changed", p->changed);
		doc_set_text(plan, "end", ends[o->end[i]].word);
		doc_add(list, plan);
	}
	doc_set_bool(d, "dry_run", dry);
	doc_set(d, "plans", list);
	show_json(d);
}

static int run(const struct command *me, int argc, char **argv)
{
	struct wishes w = { .pulling = PULL_WORDS };
	struct opt table[] = {
		{ "PLAN", 0, OPT_REST, &w.plans, NULL, "of these plans (of all that have hosts)" },
		{ "hosts", 0, OPT_COUNT, &w.hosts, "N", "to so many hosts of each plan", .min = 1, .max = STAGE_HOSTS_MAX },
		{ "percent", 0, OPT_COUNT, &w.percent, "P", "to such a share of each plan's hosts, rounded up", .min = 1, .max = 100 },
		{ "all", 0, OPT_FLAG, &w.all, NULL, "to every host, one of each plan first" },
		{ "none", 0, OPT_FLAG, &w.none, NULL, "to nobody any more; who has it keeps it" },
		{ "max-failed", 0, OPT_COUNT, &w.max_failed, "N", "go on although it did not stay on N hosts of a plan (0)", .max = STAGE_HOSTS_MAX },
		{ "max-unreachable", 0, OPT_COUNT, &w.max_unreachable, "N", "go on although N of a plan have said nothing (0)", .max = STAGE_HOSTS_MAX },
		{ "allow-blind", 0, OPT_FLAG, &w.blind, NULL, "to all of these at once, whatever receipts say, also the only host of a plan" },
		{ "dry-run", 'n', OPT_FLAG, &w.dry, NULL, "say what would change, sign nothing" },
		PULL_KEY_OPTS(w.pulling),
		COMMON_OPTS(w.common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &w.common, argc, argv, &show, &code))
		return code;
	secret_guard_process();
	cleanup(offering_free) struct offering o = { .fleet = { .at = -1 }, .repository = { .at = -1 }, .passphrase = { .fd = (int)w.pulling.passphrase_fd } };
	bool good = work(&o, &w, &e);
	opt_words_free(&w.plans);
	if (!good)
		return command_fail(&show, &e);
	pull_publish(&o.news, &show, &o.fleet);
	tell(&o, &show, w.dry);
	return exit_of_all(&o);
}

const struct command cmd_agent_offer = {
	"agent offer", "[PLAN...]", "Let hosts that pull take the signed agent by themselves",
	"  fleetctl agent offer --all        and once more when receipts have come home, until it ends with 0\n"
	"Never are more than half of a plan's hosts on trial of it: more are offered it when receipts say that it stayed on those before.\n"
	"Needs the key of role rollouts, or of the plan's own, alone. A rollout that is held holds no agent.", run,
};
