/* A rollout without a controller, once it is begun. */
#include "fleetctl/rollout/pull.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"

enum { STOP_TRIES = 3 };

bool pull_load(struct pull_drive *d, const char *id, struct err *e)
{
	if (!db_rollout_get(d->db, id, &d->row, &d->member, &d->count, e))
		return false;
	if (strcmp(d->row.action, PULL_ACTION) != 0)
		return err_set(e, ERR_USAGE, "rollout %s is not one of hosts that pull", d->row.id);
	return rollout_options_read(&d->options, str_of(d->row.options), e);
}

bool pull_goes_on(const struct pull_drive *d, struct err *e)
{
	return !rollout_over((enum rollout_state)d->row.state) ||
	       err_set(e, ERR_USAGE, "rollout %s is %s: start a new one with `fleetctl rollout start --pull`",
		       d->row.id, rollout_words[d->row.state]);
}

void pull_adopt(struct pull_drive *d, const char *id)
{
	d->row = (struct rollout_row){
		.id = str_dup(str_of(id)), .action = str_dup(STR(PULL_ACTION)), .state = ROLLOUT_REBUILT};
	d->count = d->fleet->hosts.count;
	d->member = mem_new(d->count + 1, sizeof *d->member);
	for (size_t i = 0; i < d->count; i++)
		d->member[i].plan = str_dup(str_of(fleet_host(d->fleet, i)->plan));
	d->adopted = true;
}

/* Of each plan in it. `elses` are told apart. */
static bool read_sheets(struct sheets *all, const struct pull_drive *d, struct err *e)
{
	for (size_t i = 0; i < d->count; i++) {
		struct sheet *p = sheet_of(all, d->member[i].plan);
		bool there;
		if (p->stage.plan || p->elses)
			continue;
		if (!sheet_read(&p->stage, &there, all, d->repository, p, e))
			return false;
		p->elses = !there || strcmp(p->stage.rollout, d->row.id) != 0;
	}
	return true;
}

static bool load_sheets(struct sheets *all, const struct pull_drive *d, struct err *e)
{
	if (!read_sheets(all, d, e))
		return false;
	for (size_t i = 0; i < all->count; i++) {
		const struct sheet *p = &all->sheet[i];
		if (p->elses)
			return err_set(e, ERR_REFUSED,
				"plan %s follows %s%s now, not %s: end this one with `fleetctl rollout abort %s`",
				p->plan, p->stage.rollout ? "rollout " : "no rollout",
				p->stage.rollout ? p->stage.rollout : "", d->row.id, d->row.id);
	}
	return true;
}

static void set_text(char **to, const char *text)
{
	free(*to);
	*to = text ? str_dup(str_of(text)) : NULL;
}

/* A plan's members stand in the order of their ranks. */
static bool is_reached(struct sheet *p)
{
	return (int64_t)p->seen++ < stage_reaches(&p->stage);
}

static bool look_at_all(struct pull_drive *d, struct sheets *all, struct err *e)
{
	cleanup(home_close) struct home home = {0};

	if (!home_open(&home, d->fleet, d->db, e))
		return false;
	for (size_t i = 0; i < d->count; i++) {
		struct sheet *p = sheet_of(all, d->member[i].plan);
		if (!is_reached(p))
			continue;
		if (!pull_hear(d, &home, &d->member[i], e))
			return false;
		p->missing += !member_ended((enum member_state)d->member[i].state);
	}
	return true;
}

/* A host that polls twice a day is not unreachable because it has not spoken yet: nobody is left behind unless it is
 * asked for. */
static bool is_late(const struct pull_drive *d, const struct sheet *p)
{
	return (int64_t)p->missing > MAX(d->options.max_unreachable, 0);
}

/* What those that are missing leave room for: they may come back in the middle of it. False: not yet. */
static bool open_next(struct pull_drive *d, struct sheet *p)
{
	struct stage *s = &p->stage;
	int64_t half = (int64_t)waves_on_trial_max(s->hosts.count), reached = stage_reaches(s);
	struct stage_share *share = s->stages.items;

	if (s->open == (int64_t)s->stages.count || is_late(d, p))
		return false;
	int64_t to = MIN(share[s->open].hosts, reached + half - (int64_t)p->missing);
	if (to <= reached || (to < share[s->open].hosts && s->stages.count == STAGES_MAX))
		return false;
	if (to < share[s->open].hosts) {
		s->stages.items = share = mem_grow(share, s->stages.count + 1, sizeof *share);
		memmove(share + s->open + 1, share + s->open, (s->stages.count - (size_t)s->open) * sizeof *share);
		share[s->open].hosts = to;
		s->stages.count++;
	}
	s->open++;
	p->changed = true;
	show_note(d->show, "plan %s: stage %lld of %zu, %lld of %zu hosts", p->plan, (long long)s->open,
		s->stages.count, (long long)stage_reaches(s), s->hosts.count);
	return true;
}

static bool note_reached(struct pull_drive *d, struct sheets *all, struct err *e)
{
	for (size_t i = 0; i < all->count; i++)
		all->sheet[i].seen = 0;
	for (size_t i = 0; i < d->count; i++) {
		struct member_row *m = &d->member[i];
		if (!is_reached(sheet_of(all, m->plan)) || m->ordered)
			continue;
		m->ordered = true;
		if (!db_member_set(d->db, d->row.id, m, NULL, e))
			return false;
	}
	return true;
}

static size_t failed(const struct pull_drive *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->count; i++)
		n += member_failed((enum member_state)d->member[i].state);
	return n;
}

static bool set_state(struct pull_drive *d, enum rollout_state to, const char *why, struct err *e)
{
	bool same = d->row.reason && why ? strcmp(d->row.reason, why) == 0 : d->row.reason == why;

	if (d->row.state == (int)to && same)
		return true;
	d->row.state = (int)to;
	set_text(&d->row.reason, why);
	if (d->adopted)
		return true;
	cleanup(free_ptr) char *told = path_form("%s%s%s", rollout_words[to], why ? ": " : "", why ? why : "");
	return db_rollout_set(d->db, d->row.id, to, why, told, e);
}

static void set_sheets(struct sheets *all, enum stage_state to, bool back)
{
	for (size_t i = 0; i < all->count; i++) {
		struct stage *s = &all->sheet[i].stage;
		if (all->sheet[i].elses)
			continue;
		all->sheet[i].changed = all->sheet[i].changed || s->state != (int)to || s->back != back;
		s->state = (int)to;
		s->back = back;
	}
}

static bool halt(struct pull_drive *d, struct sheets *all, struct err *e)
{
	cleanup(free_ptr) char *why =
		path_form("%zu failed, %lld are allowed", failed(d), (long long)d->options.max_failed);

	set_sheets(all, STAGE_HELD, false);
	return sheets_sign(&d->news, all, &d->keys, e) && set_state(d, ROLLOUT_HALTED, why, e);
}

/* First signed, then noted: what was signed and not noted is found in the repository by the next look. */
static bool go_on(struct pull_drive *d, struct sheets *all, struct err *e)
{
	bool done = true;

	for (size_t i = 0; i < all->count; i++) {
		struct sheet *p = &all->sheet[i];
		bool last = p->stage.open == (int64_t)p->stage.stages.count;
		done = done && last && !is_late(d, p);
		if (!last)
			(void)open_next(d, p);
	}
	return sheets_sign(&d->news, all, &d->keys, e) && note_reached(d, all, e) &&
	       set_state(d, done ? ROLLOUT_DONE : ROLLOUT_RUNNING, NULL, e);
}

/* By an operator, perhaps while another fleetctl looks on: what is signed says so. */
static bool is_stopped(struct pull_drive *d, const struct sheets *all)
{
	static const enum rollout_state of[] = {
		[STAGE_GO] = ROLLOUT_RUNNING, [STAGE_HELD] = ROLLOUT_PAUSED, [STAGE_ABORTED] = ROLLOUT_ABORTED};

	for (size_t i = 0; i < all->count; i++)
		if (all->sheet[i].stage.state != STAGE_GO) {
			d->row.state = (int)of[all->sheet[i].stage.state];
			return true;
		}
	return false;
}

bool pull_look(struct pull_drive *d, bool go, struct err *e)
{
	cleanup(sheets_free) struct sheets all = {0};

	if (d->fleet->receipts.kind == HOME_NONE)
		return err_set(e, ERR_USAGE,
			"fleet.yaml: receipts is missing: where hosts' receipts come home, without which nobody knows "
			"how "
			"the last stage went");
	if (!load_sheets(&all, d, e) || !look_at_all(d, &all, e))
		return false;
	if ((int64_t)failed(d) > d->options.max_failed)
		return halt(d, &all, e);
	if (go)
		set_sheets(&all, STAGE_GO, false);
	if (is_stopped(d, &all))
		return true;
	return go_on(d, &all, e);
}

bool pull_settled(bool *out, struct pull_drive *d, struct err *e)
{
	cleanup(sheets_free) struct sheets all = {0};

	*out = false;
	if (rollout_over((enum rollout_state)d->row.state) || d->fleet->receipts.kind == HOME_NONE)
		return true;
	if (!load_sheets(&all, d, e))
		return false;
	for (size_t i = 0; i < all.count; i++)
		if (all.sheet[i].stage.state != STAGE_GO ||
			all.sheet[i].stage.open < (int64_t)all.sheet[i].stage.stages.count)
			return true;
	if (!look_at_all(d, &all, e))
		return false;
	bool done = (int64_t)failed(d) <= d->options.max_failed;
	for (size_t i = 0; i < all.count; i++)
		done = done && !is_late(d, &all.sheet[i]);
	if (done && !set_state(d, ROLLOUT_DONE, NULL, e))
		return false;
	*out = done;
	return true;
}

/* How many plans still follow it: none where it was noted and never signed, as when fleetctl was killed between both,
 * or where others have taken its place. */
static size_t count_ours(const struct pull_drive *d, const struct sheets *all)
{
	size_t ours = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct sheet *p = &all->sheet[i];
		ours += !p->elses;
		if (p->elses && !d->adopted)
			show_note(d->show, "plan %s follows %s%s now, and stays as it is", p->plan,
				p->stage.rollout ? "rollout " : "no rollout", p->stage.rollout ? p->stage.rollout : "");
	}
	return ours;
}

/* What is over may still be taken back, and nothing else. */
static bool may_stop(const struct pull_drive *d, enum stage_state to, bool back, struct err *e)
{
	bool over = rollout_over((enum rollout_state)d->row.state) && !d->adopted;

	return !over || (to == STAGE_ABORTED && back) ||
	       err_set(e, ERR_USAGE, "rollout %s is already %s%s", d->row.id, rollout_words[d->row.state],
		       to == STAGE_ABORTED ? "; `fleetctl rollout undo` takes it back where it was committed" : "");
}

static bool stop_once(struct pull_drive *d, enum stage_state to, bool back, struct err *e)
{
	cleanup(sheets_free) struct sheets all = {0};

	if (!read_sheets(&all, d, e))
		return false;
	size_t ours = count_ours(d, &all);
	if (!ours && to == STAGE_ABORTED && !back && !d->adopted)
		return set_state(d, ROLLOUT_ABORTED, "no plan follows it", e);
	if (!ours)
		return err_set(e, ERR_REFUSED, "no plan follows rollout %s: there is nobody who would hear of it%s%s",
			d->row.id, d->adopted ? "" : "; end it with `fleetctl rollout abort` ",
			d->adopted ? "" : d->row.id);
	set_sheets(&all, to, back);
	return sheets_sign(&d->news, &all, &d->keys, e) &&
	       set_state(d, to == STAGE_ABORTED ? ROLLOUT_ABORTED : ROLLOUT_PAUSED,
		       back ? "aborted; hosts that committed it go back" : "stopped by an operator", e);
}

bool pull_stop(struct pull_drive *d, enum stage_state to, bool back, struct err *e)
{
	if (!may_stop(d, to, back, e))
		return false;
	for (int tries = STOP_TRIES; tries > 1;
		tries--) /* who signs the next stage in this moment does not win over it */
		if (stop_once(d, to, back, e))
			return true;
		else if (e->code != ERR_BUSY)
			return false;
	return stop_once(d, to, back, e);
}

int pull_exit(const struct pull_drive *d)
{
	cleanup(free_ptr) const struct member_row **m = mem_new(d->count + 1, sizeof *m);

	for (size_t i = 0; i < d->count; i++)
		m[i] = &d->member[i];
	return rollout_exit(&d->row, m, d->count);
}

void pull_drive_free(struct pull_drive *d)
{
	for (size_t i = 0; i < d->count; i++)
		member_row_free(&d->member[i]);
	free_ptr(&d->member);
	d->count = 0;
	rollout_row_free(&d->row);
}
