#include "fleetctl/rollout/rollout.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/hex.h"
#include "fleetctl/rollout/options.h"

enum { TICK_MS = 200 };

/* --- made and loaded --- */

static size_t plan_at(const struct rollout *r, const char *plan)
{
	size_t i = 0;
	while (i < r->plans && strcmp(r->plan[i].plan, plan) != 0)
		i++;
	return i;
}

static void link_members(struct rollout *r)
{
	r->plan = mem_new(r->count + 1, sizeof *r->plan);
	for (size_t i = 0; i < r->count; i++) {
		struct member *m = &r->member[i];
		m->rollout = r;
		m->host = fleet_find(r->fleet, str_of(m->row.host));
		m->plan = plan_at(r, m->row.plan);
		if (m->plan == r->plans)
			r->plan[r->plans++].plan = m->row.plan;
	}
	for (size_t i = 0; i < r->fleet->hosts.count; i++)
		r->plan[plan_at(r, fleet_host(r->fleet, i)->plan)].hosts++; /* behind the last: plans that are not in this rollout */
}

char *rollout_new_id(int64_t now)
{
	uint8_t random[2];
	char text[24], hex[5];
	random_bytes(random, sizeof random);
	hex_write(hex, random, sizeof random);
	clock_text(text, now);
	/* 2026-11-23T20:29:20Z: r-20261123-202920-5f3a */
	return path_form("r-%.4s%.2s%.2s-%.2s%.2s%.2s-%s", text, text + 5, text + 8, text + 11, text + 14, text + 17, hex);
}

static void member_row_make(struct member_row *m, const struct rollout_target *t, int wave)
{
	*m = (struct member_row){
		.host = str_dup(str_of(t->host->id)), .plan = str_dup(str_of(t->host->plan)), .wave = wave,
		.release = t->release, .number = t->number,
	};
	if (t->deferred) {
		m->state = MEMBER_DEFERRED;
		m->code = str_dup(str_of(err_word(ERR_REFUSED)));
		m->text = str_dup(str_of(t->deferred));
	}
}

bool rollout_new(struct rollout *r, const char *action, const struct rollout_options *options,
	const struct rollout_target *target, size_t count, const char *who, struct err *e)
{
	cleanup(free_ptr) struct wave_host *order = mem_new(count + 1, sizeof *order);
	cleanup(free_ptr) struct member_row *rows = mem_new(count + 1, sizeof *rows);
	cleanup(doc_free) doc *kept = rollout_options_doc(options);
	cleanup(buf_free) struct buf text = { 0 };
	int64_t now = clock_now().unix_s;
	size_t tried = 0, next = 0;
	doc_line(&text, kept);
	/* canary, shares and limits count over the hosts that are tried */
	for (size_t i = 0; i < count; i++)
		if (!target[i].deferred)
			order[tried++] = (struct wave_host){ target[i].host->id, target[i].host->plan, target[i].host->site, i, 0 };
	waves_order(order, tried, &options->waves);
	r->options = *options;
	r->row = (struct rollout_row){
		.id = rollout_new_id(now), .who = str_dup(str_of(who)), .action = str_dup(str_of(action)),
		.options = buf_take(&text), .started = now,
	};
	r->member = mem_new(count + 1, sizeof *r->member);
	r->count = count;
	for (size_t i = 0; i < tried; i++)
		member_row_make(&r->member[next++].row, &target[order[i].index], order[i].wave);
	for (size_t i = 0; i < count; i++)
		if (target[i].deferred)
			member_row_make(&r->member[next++].row, &target[i], 0);
	for (size_t i = 0; i < count; i++)
		rows[i] = r->member[i].row;
	link_members(r);
	return db_rollout_add(r->db, &r->row, rows, count, e);
}

bool rollout_load(struct rollout *r, const char *id, struct err *e)
{
	cleanup(free_ptr) struct member_row *rows = NULL;
	size_t count = 0;
	bool good = db_rollout_get(r->db, id, &r->row, &rows, &count, e);
	r->member = mem_new(count + 1, sizeof *r->member);
	r->count = count;
	for (size_t i = 0; i < count; i++)
		r->member[i].row = rows[i];
	if (good && rollout_over((enum rollout_state)r->row.state))
		good = err_set(e, ERR_USAGE, "rollout %s is %s: start a new one with `fleetctl rollout start`", r->row.id, rollout_words[r->row.state]);
	if (!good || !rollout_options_read(&r->options, str_of(r->row.options), e))
		return false;
	link_members(r);
	for (size_t i = 0; i < count; i++) {
		struct member *m = &r->member[i];
		if (m->row.state == MEMBER_RUNNING)
			m->row.state = MEMBER_WAITING; /* what it really runs, its hello says */
		if (m->host || member_ended((enum member_state)m->row.state))
			continue;
		m->row.state = MEMBER_DEFERRED;
		free_ptr(&m->row.code);
		free(m->row.text);
		m->row.text = str_dup(STR("is no longer in hosts.yaml"));
		if (!db_member_set(r->db, r->row.id, &m->row, "deferred: is no longer in hosts.yaml", e))
			return false;
	}
	return true;
}

void rollout_free(struct rollout *r)
{
	for (size_t i = 0; i < r->count; i++) {
		member_drop(&r->member[i]);
		member_row_free(&r->member[i].row);
	}
	timer_close(&r->tick);
	free_ptr(&r->member);
	free_ptr(&r->plan);
	rollout_row_free(&r->row);
	r->count = r->plans = 0;
}

/* --- what is written, and told --- */

static void tell(const struct rollout *r, const struct member *m, const char *text)
{
	if (text && r->calls.event)
		r->calls.event(r->calls.ctx, m, text);
}

static void note(struct rollout *r, const char *text)
{
	struct err e;
	if (!db_event(r->db, r->row.id, NULL, text, &e))
		r->err = e;
	tell(r, NULL, text);
}

static void stop_with(struct rollout *r, enum rollout_state ending, const char *why)
{
	if (r->ending != ROLLOUT_RUNNING && r->ending != ending && ending != ROLLOUT_ABORTED)
		return; /* the first reason stands; more of the same only brings its count up to date; an abort is for good */
	r->ending = ending;
	snprintf(r->why, sizeof r->why, "%s", why);
}

static void hold_to_limits(struct rollout *r)
{
	struct rollout_counts c = rollout_count(r);
	char why[200];
	if ((int64_t)c.failed > r->options.max_failed) {
		snprintf(why, sizeof why, "%zu host%s failed, --max-failed is %d", c.failed, c.failed == 1 ? "" : "s", (int)r->options.max_failed);
		stop_with(r, ROLLOUT_HALTED, why);
	}
	size_t away = c.of[MEMBER_UNREACHABLE];
	if (r->options.max_unreachable >= 0 && (int64_t)away > r->options.max_unreachable) {
		snprintf(why, sizeof why, "%zu host%s unreachable, --max-unreachable is %d", away, away == 1 ? "" : "s", (int)r->options.max_unreachable);
		stop_with(r, ROLLOUT_HALTED, why);
	}
}

static void go(struct rollout *r);

void rollout_member_changed(struct rollout *r, struct member *m, const char *event)
{
	struct err e;
	if (!db_member_set(r->db, r->row.id, &m->row, event, &e))
		r->err = e;
	tell(r, m, event);
	if (m->row.state == MEMBER_RUNNING)
		return;
	hold_to_limits(r);
	if (r->tick)
		timer_in(r->tick, 0); /* go on from the loop, not from within a conversation */
}

/* --- whose turn it is --- */

static bool proves(enum member_state s)
{
	return s == MEMBER_COMMITTED || s == MEMBER_SAME || s == MEMBER_UNDONE || !member_ended(s);
}

static void tally(struct rollout *r)
{
	for (size_t i = 0; i < r->plans; i++)
		r->plan[i] = (struct plan_tally){ .plan = r->plan[i].plan, .hosts = r->plan[i].hosts };
	for (size_t i = 0; i < r->count; i++) {
		const struct member_row *o = &r->member[i].row;
		struct plan_tally *t = &r->plan[r->member[i].plan];
		t->on_trial += o->state == MEMBER_RUNNING || (o->state == MEMBER_WAITING && o->ordered);
		t->away += o->state == MEMBER_UNREACHABLE || o->state == MEMBER_FAILED;
		t->proven = t->proven || (o->wave == 0 && proves((enum member_state)o->state));
	}
}

static bool may_try(const struct plan_tally *t)
{
	size_t healthy = t->hosts > t->away ? t->hosts - t->away : 0;
	return t->on_trial < waves_on_trial_max(healthy);
}

/* A plan whose canaries all proved nothing sends its next host ahead: one dead host stops nobody. */
static bool send_another_canary(struct rollout *r)
{
	bool sent = false;
	if (r->options.waves.canary == 0)
		return false;
	tally(r);
	for (size_t i = 0; i < r->count; i++) {
		struct member *m = &r->member[i];
		if (m->row.state != MEMBER_WAITING || r->plan[m->plan].proven)
			continue;
		m->row.wave = 0;
		r->plan[m->plan].proven = sent = true;
		rollout_member_changed(r, m, "becomes the canary: the one before it proved nothing");
	}
	return sent;
}

static int lowest_open_wave(const struct rollout *r)
{
	int wave = -1;
	for (size_t i = 0; i < r->count; i++)
		if (!member_ended((enum member_state)r->member[i].row.state) && (wave < 0 || r->member[i].row.wave < wave))
			wave = (int)r->member[i].row.wave;
	return wave;
}

/* Of a rollout that goes on: the wave before the next, so that it is soaked for; -1 when there was none, or the next has
 * begun already. */
static int wave_reached(const struct rollout *r)
{
	int next = lowest_open_wave(r);
	bool begun = false, before = false;
	for (size_t i = 0; i < r->count; i++) {
		const struct member_row *m = &r->member[i].row;
		begun = begun || (m->wave == next && m->started);
		before = before || (m->wave < next && m->started);
	}
	return before && !begun ? next - 1 : -1;
}

static void begin_wave(struct rollout *r, int wave)
{
	size_t hosts = 0;
	char text[100];
	for (size_t i = 0; i < r->count; i++)
		hosts += r->member[i].row.wave == wave && r->member[i].row.state != MEMBER_DEFERRED;
	r->wave = wave;
	if (wave == 0)
		snprintf(text, sizeof text, "canary: %zu host%s", hosts, hosts == 1 ? "" : "s");
	else
		snprintf(text, sizeof text, "wave %d (%d%%): %zu host%s", wave, r->options.waves.percent[wave - 1], hosts, hosts == 1 ? "" : "s");
	note(r, text);
}

/* False: the soak is not over. */
static bool soaked(struct rollout *r)
{
	if (r->wave < 0 || r->options.soak_ms == 0)
		return true;
	if (!r->soak_until) {
		char wait[32], text[64];
		shape_ms_text(wait, r->options.soak_ms);
		snprintf(text, sizeof text, "soaking for %s", wait);
		note(r, text);
		r->soak_until = clock_boot_ms() + r->options.soak_ms;
	}
	if (clock_boot_ms() < r->soak_until)
		return false;
	r->soak_until = 0;
	return true;
}

static void finish(struct rollout *r)
{
	struct err e;
	enum rollout_state end = r->ending == ROLLOUT_RUNNING ? ROLLOUT_DONE : r->ending;
	if (r->over)
		return;
	r->over = true;
	if (end == ROLLOUT_PAUSED && lowest_open_wave(r) < 0 && !r->err.code) {
		end = ROLLOUT_DONE; /* the stop came when there was nothing left to begin */
		r->why[0] = 0;
	}
	r->row.state = (int)end;
	free(r->row.reason);
	r->row.reason = r->why[0] ? str_dup(str_of(r->why)) : NULL;
	cleanup(free_ptr) char *text = path_form("%s%s%s", rollout_words[end], r->why[0] ? ": " : "", r->why);
	if (!db_rollout_set(r->db, r->row.id, end, r->row.reason, text, &e))
		r->err = e;
	tell(r, NULL, text);
	if (r->calls.changed)
		r->calls.changed(r->calls.ctx, r);
	loop_stop(r->loop);
}

static void start_those_who_may(struct rollout *r)
{
	size_t running = rollout_count(r).trial;
	int64_t now = clock_boot_ms();
	tally(r);
	for (size_t i = 0; i < r->count && running < (size_t)r->options.parallel; i++) {
		struct member *m = &r->member[i];
		struct plan_tally *t = &r->plan[m->plan];
		bool lost = m->row.ordered; /* these are asked what became of it, whoever else may begin: it starts no trial */
		if (m->row.state != MEMBER_WAITING || m->not_before > now)
			continue;
		if (!lost && (r->ending != ROLLOUT_RUNNING || m->row.wave > r->wave || !may_try(t)))
			continue;
		t->on_trial += !lost;
		member_start(m);
		running++;
	}
}

static bool lost_ones(const struct rollout *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->member[i].row.state == MEMBER_WAITING && r->member[i].row.ordered)
			return true;
	return false;
}

static void go(struct rollout *r)
{
	if (r->over)
		return;
	if (r->err.code)
		stop_with(r, ROLLOUT_PAUSED, r->err.text);
	int wave = lowest_open_wave(r);
	if (r->ending == ROLLOUT_RUNNING && wave > 0 && r->wave <= 0 && send_another_canary(r))
		wave = 0;
	if (wave > r->wave && r->ending == ROLLOUT_RUNNING) {
		if (!soaked(r))
			return;
		begin_wave(r, wave);
	}
	start_those_who_may(r);
	if (rollout_count(r).trial)
		return;
	if (r->ending == ROLLOUT_RUNNING ? wave < 0 : !lost_ones(r) || r->stops > 1)
		finish(r);
}

/* --- driven --- */

static void heed_wishes(struct rollout *r)
{
	struct err e;
	cleanup(free_ptr) char *wish = NULL;
	if (!db_asked(r->db, r->row.id, &wish, &e))
		r->err = e;
	else if (wish && strcmp(wish, "abort") == 0)
		stop_with(r, ROLLOUT_ABORTED, "asked by `fleetctl rollout abort`");
	else if (wish)
		stop_with(r, ROLLOUT_PAUSED, "asked by `fleetctl rollout pause`");
}

static void tick(void *ctx)
{
	struct rollout *r = ctx;
	heed_wishes(r);
	go(r);
	if (r->over)
		return;
	if (r->calls.changed)
		r->calls.changed(r->calls.ctx, r);
	timer_in(r->tick, TICK_MS);
}

static void asked_to_stop(void *ctx)
{
	struct rollout *r = ctx;
	if (r->over)
		return;
	r->stops++;
	if (r->stops == 1) {
		stop_with(r, ROLLOUT_PAUSED, "interrupted");
		note(r, "interrupted: hosts on trial are waited for; once more to leave at once");
		timer_in(r->tick, 0);
		return;
	}
	for (size_t i = 0; i < r->count; i++)
		member_drop(&r->member[i]);
	finish(r);
}

bool rollout_run(struct rollout *r, struct err *e)
{
	r->wave = wave_reached(r);
	r->began_ms = clock_boot_ms();
	r->ending = ROLLOUT_RUNNING;
	r->row.state = ROLLOUT_RUNNING;
	if (!db_rollout_set(r->db, r->row.id, ROLLOUT_RUNNING, NULL, r->goes_on[0] ? r->goes_on : NULL, e))
		return false;
	hold_to_limits(r); /* what was halted stays so until a limit is raised: nobody is put on trial to find that out */
	r->tick = timer_new(r->loop, tick, r);
	timer_in(r->tick, 0);
	loop_on_stop(r->loop, asked_to_stop, r);
	loop_run(r->loop);
	for (size_t i = 0; i < r->count; i++)
		member_drop(&r->member[i]);
	timer_close(&r->tick);
	if (!r->err.code)
		return true;
	*e = r->err;
	return false;
}
