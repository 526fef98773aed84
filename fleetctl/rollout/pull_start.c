/* The beginning of a rollout without a controller. */
#include <stdlib.h>

#include "base/clock.h"
#include "fleetctl/rollout/before.h"
#include "fleetctl/rollout/pull.h"
#include "fleetctl/rollout/pull_offer.h"

void pull_stages(struct list *out, size_t hosts, const struct wave_options *w)
{
	size_t half = waves_on_trial_max(hosts), reached = 0, count = 0;
	struct stage_share *share = mem_new(STAGES_MAX + 1, sizeof *share);

	for (size_t i = 0; i <= w->count; i++) {
		size_t to = i ? (hosts * (size_t)w->percent[i - 1] + 99) / 100 : MIN((size_t)w->canary, hosts);
		while (reached < to && count < STAGES_MAX) {
			reached = MIN(to, reached + half);
			share[count++] = (struct stage_share){(int64_t)reached};
		}
	}
	*out = (struct list){share, count};
}

/* Where nobody looked since its last receipts came home, this does. */
static bool is_settled(const struct pull_drive *d, const char *id)
{
	cleanup(pull_drive_free) struct pull_drive old = {
		.show = d->show, .fleet = d->fleet, .repository = d->repository, .db = d->db};
	struct err e;
	bool done = false;

	return pull_load(&old, id, &e) && pull_settled(&done, &old, &e) && done;
}

static bool is_free(const struct pull_drive *d, const struct stage *before, struct err *e)
{
	struct err why;

	return before_over(d->db, before, &why) || is_settled(d, before->rollout) ||
	       err_set(e, why.code, "%s", why.text);
}

static bool read_before(struct sheets *all, struct sheet *p, const struct pull_drive *d, struct err *e)
{
	bool there;

	return sheet_read(&p->before, &there, all, d->repository, p, e) && (!there || is_free(d, &p->before, e));
}

static bool open_sheet(struct sheet *p, const struct pull_drive *d, const struct pull_wishes *w,
	const struct rollout_target *t, struct err *e)
{
	p->changed = true;
	p->stage = (struct stage){
		.plan = str_dup(str_of(p->plan)),
		.rollout = str_dup(str_of(d->row.id)),
		.counter = p->before.counter,
		.release = t->release,
		.number = t->number,
		.open = 1,
		.defer_ms = w->defer_ms,
	};
	return w->any_time || sheet_add_window(&p->stage, d->repository, e);
}

static bool make_sheets(struct sheets *all, const struct pull_drive *d, const struct pull_wishes *w,
	const struct rollout_target *target, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		if (target[i].deferred)
			continue;
		struct sheet *p = sheet_of(all, target[i].host->plan);
		if (!p->changed && (!read_before(all, p, d, e) || !open_sheet(p, d, w, &target[i], e)))
			return false;
		sheet_add_host(&p->stage, target[i].host);
	}
	for (size_t i = 0; i < all->count; i++) {
		struct stage *s = &all->sheet[i].stage;
		pull_stages(&s->stages, s->hosts.count, &d->options.waves);
		offer_keep(s, &all->sheet[i].before);
	}
	return all->count || err_set(e, ERR_REFUSED, "no host is left to try it: all are deferred");
}

static int64_t stage_of(const struct stage *s, size_t rank)
{
	const struct stage_share *share = s->stages.items;
	int64_t i = 0;

	while (i < (int64_t)s->stages.count && share[i].hosts <= (int64_t)rank)
		i++;
	return i;
}

static void add_members(struct pull_drive *d, const struct sheet *p)
{
	size_t count = p->stage.hosts.count;
	cleanup(free_ptr) size_t *rank = mem_new(count + 1, sizeof *rank);
	const struct stage_host *host = p->stage.hosts.items;

	stage_ranks(rank, &p->stage);
	d->member = mem_grow(d->member, d->count + count + 1, sizeof *d->member);
	for (size_t i = 0; i < count; i++)
		d->member[d->count + rank[i]] = (struct member_row){
			.host = str_dup(str_of(host[i].id)),
			.plan = str_dup(str_of(p->plan)),
			.wave = stage_of(&p->stage, rank[i]),
			.release = p->stage.release,
			.number = p->stage.number,
			.ordered = (int64_t)rank[i] < stage_reaches(&p->stage),
		};
	d->count += count;
}

bool pull_start(struct pull_drive *d, const struct pull_wishes *w, const struct rollout_target *target, size_t count,
	const char *who, struct err *e)
{
	cleanup(sheets_free) struct sheets all = {0};
	cleanup(doc_free) doc *kept = rollout_options_doc(&d->options);
	cleanup(buf_free) struct buf text = {0};
	int64_t now = clock_now().unix_s;

	doc_line(&text, kept);
	d->row = (struct rollout_row){
		.id = rollout_new_id(now),
		.who = str_dup(str_of(who)),
		.action = str_dup(str_of(PULL_ACTION)),
		.options = buf_take(&text),
		.started = now,
	};
	if (!make_sheets(&all, d, w, target, count, e))
		return false;
	for (size_t i = 0; i < all.count; i++)
		add_members(d, &all.sheet[i]);
	if (!db_rollout_add(d->db, &d->row, d->member, d->count, e))
		return false;
	if (sheets_sign(&d->news, &all, &d->keys, e))
		return true;
	struct err none;
	err_in(e, "rollout %s is not begun", d->row.id);
	(void)!db_rollout_set(d->db, d->row.id, ROLLOUT_ABORTED, e->text, e->text, &none);
	return false;
}
