/* An offer: how many hosts of a plan, and of which version. */
#include "fleetctl/rollout/pull_offer.h"

#include <stdlib.h>

#include "base/clock.h"
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
				"%s is signed for %s, but %s for %s, and an offer names one version: add the build that is missing, and sign it",
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
static bool make_stage(struct stage *s, const struct fleet *f, const struct repository *r, const char *plan, struct err *e)
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
	case OFFER_HOSTS: return MIN(o->n, all);
	case OFFER_PERCENT: return (all * o->n + 99) / 100;
	case OFFER_ALL: return all;
	case OFFER_NONE: break;
	}
	return 0;
}

static void say(struct buf *out, const struct stage *s)
{
	if (s->has_agent)
		buf_form(out, "agent %s to %lld of %zu hosts", s->agent.version, (long long)s->agent.hosts, s->hosts.count);
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

static void set_agent(struct stage *s, const struct offer *o)
{
	free_ptr(&s->agent.version);
	s->has_agent = o->share != OFFER_NONE;
	s->agent = (struct stage_agent){0};
	if (s->has_agent)
		s->agent = (struct stage_agent){str_dup(str_of(o->version)), hosts_of(o, (int64_t)s->hosts.count)};
}

bool offer_plan(struct sheets *all, struct buf *words, const struct offer *o, const struct fleet *f, const struct repository *r,
	const char *plan, struct err *e)
{
	cleanup(buf_free) struct buf before = {0}, after = {0};
	struct sheet *p = sheet_of(all, plan);
	bool there;

	if (!sheet_read(&p->stage, &there, r, p, e))
		return false;
	if (!there && o->share == OFFER_NONE) {
		buf_form(words, "%s: no agent\n", plan);
		return true;
	}
	if (!there && !make_stage(&p->stage, f, r, plan, e))
		return false;
	say(&before, &p->stage);
	set_agent(&p->stage, o);
	say(&after, &p->stage);
	p->changed = !str_eq(buf_str(&before), buf_str(&after));
	buf_form(words, "%s: " STR_FMT, plan, STR_ARG(buf_str(&after)));
	if (p->changed)
		buf_form(words, " (was: " STR_FMT ")", STR_ARG(buf_str(&before)));
	else
		buf_text(words, ", as before");
	say_left(words, &p->stage, f);
	buf_byte(words, '\n');
	return true;
}
