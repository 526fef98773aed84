/* An offer: how many hosts of a plan, and of which version. */
#include "fleetctl/rollout/pull_offer.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/version.h"
#include "fleetctl/rollout/pull.h"

/* Of a sheet that opens no release: any stages that stage_check accepts. */
static const struct wave_options usual = {.canary = 1, .percent = {100}, .count = 1};

bool offer_version(const char **out, const struct programs *all, struct err *e)
{
	if (!all->count)
		return err_set(e, ERR_MISSING, "no agent is signed: fleetctl agent add, then fleetctl sign");
	for (size_t i = 1; i < all->count; i++)
		if (all->at[i].number != all->at[0].number)
			return err_set(e, ERR_REFUSED,
				"%s is signed for %s, but %s for %s, and an offer names one version: add the build "
				"that is missing, and sign it",
				all->at[0].version, all->at[0].platform, all->at[i].version, all->at[i].platform);
	*out = all->at[0].version;
	return true;
}

/* --- a plan that has none yet --- */

static void add_hosts(struct stage *s, const struct fleet *f)
{
	for (size_t i = 0; i < f->hosts.count; i++)
		if (strcmp(fleet_host(f, i)->plan, s->plan) == 0)
			sheet_add_host(s, fleet_host(f, i));
}

/* Held, and no stage open: of the release it says only which one runs. */
static bool make_stage(
	struct stage *s, const struct fleet *f, const struct repository *r, const char *plan, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);
	cleanup(manifest_free) struct manifest m = {0};

	if (!repository_current(&text, r, plan, e) || !manifest_read(&m, buf_str(&text), NULL, e))
		return err_in(e, "plan %s", plan);
	*s = (struct stage){
		.plan = str_dup(str_of(plan)),
		.rollout = rollout_new_id(clock_now().unix_s),
		.release = manifest_id(buf_str(&text)),
		.number = m.number,
		.state = STAGE_HELD,
		.defer_ms = STAGE_DEFER_MS,
	};
	add_hosts(s, f);
	if (!s->hosts.count)
		return err_set(e, ERR_MISSING, "plan %s: hosts.yaml has no host of it", plan);
	pull_stages(&s->stages, s->hosts.count, &usual);
	return sheet_add_window(s, r, e);
}

/* --- its offer --- */

static int64_t hosts_of(const struct offer *o, int64_t all)
{
	switch (o->share) {
	case OFFER_HOSTS:
		return MIN(o->n, all);
	case OFFER_PERCENT:
		return (all * o->n + 99) / 100;
	case OFFER_ALL:
		return all;
	case OFFER_NONE:
		break;
	}
	return 0;
}

/* --- how far it may go now --- */

struct reach {
	size_t count;
	size_t *order;          /* by rank: which of the hosts */
	enum home_agent *heard; /* of the version that is offered */
	bool *busy;             /* the version before reached it, and may be on trial there */
	int64_t now;            /* how many it reaches already */
	size_t missing, failed; /* of these */
	bool proven;            /* somebody of the plan runs it */
};

static void reach_free(struct reach *r)
{
	free_ptr(&r->order);
	free_ptr(&r->heard);
	free_ptr(&r->busy);
}

static bool is_same(const struct stage *s, const struct offer *o)
{
	return s->has_agent && strcmp(s->agent.version, o->version) == 0;
}

static const char *id_at(const struct stage *s, size_t i)
{
	return ((const struct stage_host *)s->hosts.items)[i].id;
}

/* One that hosts.yaml does not have any more is waited for by nobody. */
static bool hear_host(
	struct reach *r, size_t i, const struct offer *o, const struct stage *s, bool was_reached, struct err *e)
{
	cleanup(home_host_free) struct home_host h = {0};
	const struct host *host = fleet_find(o->home->fleet, str_of(id_at(s, i)));
	struct err ignored;
	int64_t offered, before;

	if (!host) {
		r->heard[i] = HOME_AGENT_FAILED;
		return true;
	}
	if (!home_read(&h, o->home, host, e) || !version_read(&offered, str_of(o->version), e))
		return false;
	r->heard[i] = home_agent(&h, offered);
	r->proven = r->proven || r->heard[i] == HOME_AGENT_RUNS;
	r->busy[i] = was_reached && version_read(&before, str_of(s->agent.version), &ignored) &&
		     home_agent(&h, before) == HOME_AGENT_UNKNOWN;
	return true;
}

static bool reach_hear(struct reach *r, const struct offer *o, const struct stage *s, struct err *e)
{
	size_t count = r->count = s->hosts.count;
	cleanup(free_ptr) size_t *rank = mem_new(count + 1, sizeof *rank);
	cleanup(free_ptr) size_t *rank_before = mem_new(count + 1, sizeof *rank_before);
	bool another = s->has_agent && !is_same(s, o);

	r->order = mem_new(count + 1, sizeof *r->order);
	r->heard = mem_new(count + 1, sizeof *r->heard);
	r->busy = mem_new(count + 1, sizeof *r->busy);
	r->now = is_same(s, o) ? s->agent.hosts : 0;
	stage_agent_ranks(rank, s, o->version);
	if (another)
		stage_agent_ranks(rank_before, s, s->agent.version);
	for (size_t i = 0; i < count; i++) {
		r->order[rank[i]] = i;
		if (!hear_host(r, i, o, s, another && (int64_t)rank_before[i] < s->agent.hosts, e))
			return false;
	}
	for (size_t k = 0; k < (size_t)r->now; k++) {
		enum home_agent is = r->heard[r->order[k]];
		r->missing += is == HOME_AGENT_UNKNOWN;
		r->failed += is == HOME_AGENT_FAILED && fleet_find(o->home->fleet, str_of(id_at(s, r->order[k])));
	}
	return true;
}

/* The largest number, up to `wanted`, by which no more than `most` may be on trial at once. */
static int64_t reach_most(const struct reach *r, int64_t wanted, size_t most)
{
	size_t open = 0;
	int64_t to = 0;

	for (size_t i = 0; i < r->count; i++)
		open += r->busy[i] && r->heard[i] == HOME_AGENT_UNKNOWN;
	for (; to < wanted; to++) {
		size_t i = r->order[to];
		bool may_try = r->heard[i] == HOME_AGENT_UNKNOWN && !r->busy[i];
		if (may_try && ++open > most)
			break;
	}
	return MAX(to, r->now);
}

static void name_those(struct buf *why, const struct reach *r, const struct stage *s, enum home_agent what)
{
	size_t named = 0;

	for (size_t k = 0; k < (size_t)r->now; k++)
		if (r->heard[r->order[k]] == what)
			buf_form(why, "%s%s", named++ ? ", " : " ", id_at(s, r->order[k]));
}

/* Where it stays as it is, `why` says what for. */
static bool narrow(
	int64_t *to, enum offer_end *end, struct buf *why, const struct offer *o, const struct stage *s, struct err *e)
{
	cleanup(reach_free) struct reach r = {0};
	size_t half = waves_on_trial_max(s->hosts.count);
	int64_t wanted = *to;

	if (!reach_hear(&r, o, s, e))
		return false;
	*to = r.now;
	*end = OFFER_REFUSED;
	if (s->hosts.count == 1 && !s->windows.count && r.heard[0] != HOME_AGENT_RUNS) {
		buf_text(why, "the only host of its plan: a trial would blind the plan; give the plan a window or say "
			      "--allow-blind");
		return true;
	}
	if ((int64_t)r.failed > o->max_failed) {
		buf_form(why, "agent %s did not stay on", o->version);
		name_those(why, &r, s, HOME_AGENT_FAILED);
		buf_text(why, ": --none takes the offer back, --max-failed goes on in spite of it");
		return true;
	}
	*end = OFFER_WAITS;
	if ((int64_t)r.missing > o->max_unreachable) {
		buf_text(why, "more when receipts say that it stayed on");
		name_those(why, &r, s, HOME_AGENT_UNKNOWN);
		return true;
	}
	*to = reach_most(&r, wanted, o->share == OFFER_ALL && !r.proven ? 1 : half);
	if (*to >= wanted)
		*end = OFFER_WHOLE;
	else if (*to == r.now)
		buf_form(why, "agent %s may be on trial where it was offered: more when receipts say how it went",
			s->agent.version);
	else
		buf_form(why, "more when receipts say that it stayed");
	return true;
}

/* Fewer than before is always right. */
static bool decide_hosts(
	int64_t *to, enum offer_end *end, struct buf *why, const struct offer *o, const struct stage *s, struct err *e)
{
	*to = hosts_of(o, (int64_t)s->hosts.count);
	*end = OFFER_WHOLE;
	if (o->share == OFFER_NONE || o->blind || (is_same(s, o) && *to <= s->agent.hosts))
		return true;
	return narrow(to, end, why, o, s, e);
}

/* --- what is said, and changed --- */

static void say(struct buf *out, const struct stage *s)
{
	if (s->has_agent)
		buf_form(out, "agent %s to %lld of %zu hosts", s->agent.version, (long long)s->agent.hosts,
			s->hosts.count);
	else
		buf_text(out, "no agent");
}

static bool is_listed(const struct stage *s, const char *id)
{
	const struct stage_host *h = s->hosts.items;

	for (size_t i = 0; i < s->hosts.count; i++)
		if (strcmp(h[i].id, id) == 0)
			return true;
	return false;
}

/* Hosts that came after the rollout began: the next one has them. */
static void say_left(struct buf *out, const struct stage *s, const struct fleet *f)
{
	size_t left = 0;

	for (size_t i = 0; i < f->hosts.count; i++)
		left += strcmp(fleet_host(f, i)->plan, s->plan) == 0 && !is_listed(s, fleet_host(f, i)->id);
	if (left)
		buf_form(out, "; %zu more of the plan are not in rollout %s, and get none", left, s->rollout);
}

static void set_agent(struct stage *s, const struct offer *o, int64_t hosts)
{
	free_ptr(&s->agent.version);
	s->has_agent = o->share != OFFER_NONE;
	s->agent = (struct stage_agent){0};
	if (s->has_agent)
		s->agent = (struct stage_agent){str_dup(str_of(o->version)), hosts};
}

static void change(struct sheet *p, struct buf *words, const struct offer *o, int64_t hosts)
{
	cleanup(buf_free) struct buf before = {0}, after = {0};
	bool none_yet = hosts == 0 && o->share != OFFER_NONE; /* the version before stays where it is offered */

	say(&before, &p->stage);
	if (!none_yet)
		set_agent(&p->stage, o, hosts);
	say(&after, &p->stage);
	p->changed = !str_eq(buf_str(&before), buf_str(&after));
	buf_form(words, "%s: " STR_FMT, p->plan, STR_ARG(buf_str(&after)));
	if (p->changed)
		buf_form(words, " (was: " STR_FMT ")", STR_ARG(buf_str(&before)));
	else
		buf_text(words, ", as before");
}

bool offer_plan(enum offer_end *end, struct sheets *all, struct buf *words, const struct offer *o,
	const struct repository *r, const struct fleet *f, const char *plan, struct err *e)
{
	cleanup(buf_free) struct buf why = {0};
	struct sheet *p = sheet_of(all, plan);
	int64_t hosts;
	bool there;

	*end = OFFER_WHOLE;
	if (!sheet_read(&p->stage, &there, all, r, p, e))
		return false;
	if (!there && o->share == OFFER_NONE) {
		buf_form(words, "%s: no agent\n", plan);
		return true;
	}
	if ((!there && !make_stage(&p->stage, f, r, plan, e)) || !decide_hosts(&hosts, end, &why, o, &p->stage, e))
		return false;
	change(p, words, o, hosts);
	if (why.len)
		buf_form(words, "; " STR_FMT, STR_ARG(buf_str(&why)));
	say_left(words, &p->stage, f);
	buf_byte(words, '\n');
	return true;
}

static bool was_reached(const struct stage *s, const size_t *rank, const char *id)
{
	for (size_t i = 0; i < s->hosts.count; i++)
		if (strcmp(id_at(s, i), id) == 0)
			return (int64_t)rank[i] < s->agent.hosts;
	return false;
}

void offer_keep(struct stage *to, struct stage *before)
{
	size_t count = to->hosts.count;
	cleanup(free_ptr) size_t *rank = mem_new(count + 1, sizeof *rank);
	cleanup(free_ptr) size_t *order = mem_new(count + 1, sizeof *order);
	cleanup(free_ptr) size_t *rank_before = mem_new(before->hosts.count + 1, sizeof *rank_before);
	int64_t hosts = 0;

	if (!before->has_agent)
		return;
	stage_agent_ranks(rank, to, before->agent.version);
	stage_agent_ranks(rank_before, before, before->agent.version);
	for (size_t i = 0; i < count; i++)
		order[rank[i]] = i;
	while (hosts < MIN(before->agent.hosts, (int64_t)count) &&
		was_reached(before, rank_before, id_at(to, order[hosts])))
		hosts++;
	to->has_agent = true;
	to->agent = before->agent;
	to->agent.hosts = hosts;
	before->agent = (struct stage_agent){0};
	before->has_agent = false;
}
