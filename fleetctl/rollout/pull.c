/* A rollout without a controller. */
#include "fleetctl/rollout/pull.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "fleetctl/command.h"
#include "fleetctl/repo/sign.h"
#include "fleetctl/rollout/pull_home.h"
#include "keys/secret.h"

/* --- the documents --- */

/* One plan's, as it stands and as it shall be. */
struct sheet {
	char *plan, *role, *path;
	struct stage stage;
	struct buf bytes;
	bool changed;
	size_t seen, missing; /* members gone through, and those of them that may take it and have not ended */
};
struct sheets {
	struct sheet *sheet;
	size_t count;
};

static void sheets_free(struct sheets *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct sheet *p = &all->sheet[i];
		free(p->plan);
		free(p->role);
		free(p->path);
		stage_free(&p->stage);
		buf_free(&p->bytes);
	}
	free_ptr(&all->sheet);
}

static struct sheet *sheet_of(struct sheets *all, const char *plan)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->sheet[i].plan, plan) == 0)
			return &all->sheet[i];
	all->sheet = mem_grow(all->sheet, all->count + 1, sizeof *all->sheet);
	all->sheet[all->count] = (struct sheet){
		.plan = str_dup(str_of(plan)),
		.role = path_form("rollout-%s", plan),
		.path = path_form("%s/rollout.json", plan),
		.bytes = BUF_MAX(STAGE_BYTES_MAX),
	};
	return &all->sheet[all->count++];
}

/* The seek went well, and led to no target. */
static bool is_nobodys(struct trust *t)
{
	struct trust_target target;
	struct trust_want want;
	struct err why;

	return trust_next(t, &want, &why) == TRUST_DONE && !trust_found(t, &target);
}

/* What is signed now; *there false: nothing yet. */
static bool read_sheet(struct stage *out, bool *there, const struct repository *r, const struct sheet *p, struct err *e)
{
	static const struct trust_time never = {0, true};
	cleanup(trust_free) struct trust *t = NULL;
	cleanup(buf_free) struct buf bytes = BUF_MAX(STAGE_BYTES_MAX);

	if (!repository_trust(&t, r, never, 0, e))
		return false;
	*there = repository_target(&bytes, r, t, p->path, e);
	if (!*there)
		return is_nobodys(t);
	return stage_read(out, buf_str(&bytes), e) || err_in(e, "%s", p->path);
}

static bool write_sheets(struct sheets *all, struct sign_document *document, size_t *count, struct err *e)
{
	*count = 0;
	for (size_t i = 0; i < all->count; i++) {
		struct sheet *p = &all->sheet[i];
		if (!p->changed)
			continue;
		p->stage.counter++;
		buf_clear(&p->bytes);
		stage_write(&p->bytes, &p->stage);
		if (!buf_ok(&p->bytes, e) || !stage_check(&p->stage, e))
			return err_in(e, "%s", p->path);
		document[(*count)++] = (struct sign_document){p->role, p->path, buf_str(&p->bytes)};
	}
	return true;
}

/* All that changed, under one snapshot and timestamp: hosts see all of it or nothing. */
static bool sign_sheets(struct pull_drive *d, struct sheets *all, struct err *e)
{
	cleanup(free_ptr) struct sign_document *document = mem_new(all->count + 1, sizeof *document);
	cleanup(free_ptr) char *dir = d->keys ? str_dup(str_of(d->keys)) : signer_folder(d->fleet->name);
	cleanup(signers_free) struct signers signers = {0};
	cleanup(sign_free) struct sign *sign = NULL;
	struct sign_job job = {.fleet_dir = d->fleet->dir, .document = document};

	if (!write_sheets(all, document, &job.documents, e))
		return false;
	if (!job.documents)
		return true;
	bool done = command_signing_time(&job.now, e) &&
		    signers_open(&signers, dir, NULL, passphrase_ask, d->passphrase, e) &&
		    sign_compute(&sign, &job, &signers, e) && sign_write(sign, &signers, e);
	d->news = d->news || done;
	return done;
}

/* --- beginning --- */

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

static void add_host(struct stage *s, const struct host *h)
{
	struct stage_host *host = s->hosts.items = mem_grow(s->hosts.items, s->hosts.count + 1, sizeof *host);

	host[s->hosts.count++] = (struct stage_host){str_dup(str_of(h->id)), h->site ? str_dup(str_of(h->site)) : NULL};
}

static bool add_window(struct stage *s, const struct repository *r, const char *plan, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);
	cleanup(manifest_free) struct manifest m = {0};

	if (!repository_release(&text, r, plan, s->release, e) || !manifest_read(&m, buf_str(&text), NULL, e))
		return false;
	if (!m.plan.has_window)
		return true;
	struct window *w = s->windows.items = mem_new(1, sizeof *w);
	*w = m.plan.window;
	w->zone = str_dup(str_of(m.plan.window.zone));
	s->windows.count = 1;
	return true;
}

/* One whose rollout is still open is not overwritten by accident: it is aborted first. */
static bool open_sheet(struct sheet *p, const struct pull_drive *d, const struct pull_wishes *w,
	const struct rollout_target *t, struct err *e)
{
	cleanup(stage_free) struct stage before = {0};
	bool there;

	if (!read_sheet(&before, &there, d->repository, p, e))
		return false;
	if (there && before.state == STAGE_GO && before.open < (int64_t)before.stages.count)
		return err_set(e, ERR_REFUSED,
			"rollout %s of plan %s has reached %lld of %zu hosts: `fleetctl rollout resume %s` goes on, "
			"`fleetctl rollout abort %s` ends it",
			before.rollout, p->plan, (long long)stage_reaches(&before), before.hosts.count, before.rollout,
			before.rollout);
	p->changed = true;
	p->stage = (struct stage){
		.plan = str_dup(str_of(p->plan)),
		.rollout = str_dup(str_of(d->row.id)),
		.counter = before.counter,
		.release = t->release,
		.number = t->number,
		.open = 1,
		.defer_ms = w->defer_ms,
	};
	return w->any_time || add_window(&p->stage, d->repository, p->plan, e);
}

static bool make_sheets(struct sheets *all, const struct pull_drive *d, const struct pull_wishes *w,
	const struct rollout_target *target, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		if (target[i].deferred)
			continue;
		struct sheet *p = sheet_of(all, target[i].host->plan);
		if (!p->changed && !open_sheet(p, d, w, &target[i], e))
			return false;
		add_host(&p->stage, target[i].host);
	}
	for (size_t i = 0; i < all->count; i++)
		pull_stages(&all->sheet[i].stage.stages, all->sheet[i].stage.hosts.count, &d->options.waves);
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
	return sign_sheets(d, &all, e) ||
	       (err_in(e, "rollout %s is not begun", d->row.id),
		       !db_rollout_set(d->db, d->row.id, ROLLOUT_ABORTED, e->text, &(struct err){0}), false);
}

/* --- going on --- */

bool pull_load(struct pull_drive *d, const char *id, struct err *e)
{
	if (!db_rollout_get(d->db, id, &d->row, &d->member, &d->count, e))
		return false;
	if (strcmp(d->row.action, PULL_ACTION) != 0)
		return err_set(e, ERR_USAGE, "rollout %s is not one of hosts that pull", d->row.id);
	if (d->row.state == ROLLOUT_DONE || d->row.state == ROLLOUT_ABORTED)
		return err_set(e, ERR_USAGE, "rollout %s is %s: start a new one with `fleetctl rollout start --pull`",
			d->row.id, rollout_words[d->row.state]);
	return rollout_options_read(&d->options, str_of(d->row.options), e);
}

static bool load_sheets(struct sheets *all, const struct pull_drive *d, struct err *e)
{
	for (size_t i = 0; i < d->count; i++) {
		struct sheet *p = sheet_of(all, d->member[i].plan);
		bool there;
		if (p->stage.plan)
			continue;
		if (!read_sheet(&p->stage, &there, d->repository, p, e))
			return false;
		if (!there || strcmp(p->stage.rollout, d->row.id) != 0)
			return err_set(e, ERR_REFUSED, "plan %s follows %s%s now, not %s", p->plan,
				there ? "rollout " : "no rollout", there ? p->stage.rollout : "", d->row.id);
	}
	return true;
}

static void set_text(char **to, const char *text)
{
	free(*to);
	*to = text ? str_dup(str_of(text)) : NULL;
}

static enum member_state state_of(const struct receipt *r)
{
	static const enum member_state of[] = {
		[VERDICT_PASS] = MEMBER_COMMITTED,
		[VERDICT_UNPROVEN] = MEMBER_COMMITTED,
		[VERDICT_FAIL] = MEMBER_ROLLED_BACK,
		[VERDICT_ENVIRONMENT] = MEMBER_RUNNING, /* it tries again by itself, later and later */
		[VERDICT_UNDONE] = MEMBER_UNDONE,
		[VERDICT_REFUSED] = MEMBER_RUNNING,
	};

	return (size_t)r->verdict < COUNT_OF(of) ? of[r->verdict] : MEMBER_RUNNING;
}

static bool note_receipt(
	struct pull_drive *d, struct member_row *m, const struct receipt *r, struct str bytes, struct err *e)
{
	enum member_state state = state_of(r);
	struct str rest, statement = str_cut(bytes, '\n', &rest);

	if (m->receipt && strlen(m->receipt) == statement.len && memcmp(m->receipt, statement.data, statement.len) == 0)
		return true;
	m->state = (int)state;
	m->bytes_in = r->bytes_in;
	m->ended = r->time;
	free(m->receipt);
	m->receipt = str_dup(statement);
	set_text(&m->code, r->code);
	set_text(&m->text, r->text);
	cleanup(free_ptr) char *line = path_form("%s: %s", verdict_words[r->verdict], r->text ? r->text : "");
	show_note(d->show, "%s: %s", m->host, line);
	return db_event(d->db, d->row.id, m->host, line, e) && db_member_set(d->db, d->row.id, m, e);
}

static bool look_at(struct pull_drive *d, struct member_row *m, struct err *e)
{
	cleanup(receipt_free) struct receipt r = {0};
	cleanup(buf_free) struct buf bytes = {0};
	const struct host *h = fleet_find(d->fleet, str_of(m->host));
	char doubt[300];
	bool found;

	if (!h)
		return true;
	if (!pull_home(&r, &bytes, &found, doubt, d->fleet, d->db, h, d->row.id, e))
		return false;
	if (doubt[0])
		show_note(d->show, "%s: its receipt is not believed: %s", m->host, doubt);
	return !found || note_receipt(d, m, &r, buf_str(&bytes), e);
}

/* A plan's members stand in the order of their ranks. */
static bool is_reached(struct sheet *p)
{
	return (int64_t)p->seen++ < stage_reaches(&p->stage);
}

static bool look_at_all(struct pull_drive *d, struct sheets *all, struct err *e)
{
	for (size_t i = 0; i < d->count; i++) {
		struct sheet *p = sheet_of(all, d->member[i].plan);
		if (!is_reached(p))
			continue;
		if (!look_at(d, &d->member[i], e))
			return false;
		p->missing += !member_ended((enum member_state)d->member[i].state);
	}
	return true;
}

/* What those that are missing leave room for: they may come back in the middle of it. False: not yet. */
static bool open_next(struct pull_drive *d, struct sheet *p)
{
	struct stage *s = &p->stage;
	int64_t half = (int64_t)waves_on_trial_max(s->hosts.count), reached = stage_reaches(s);
	struct stage_share *share = s->stages.items;
	bool late = d->options.max_unreachable >= 0 && (int64_t)p->missing > d->options.max_unreachable;

	if (s->open == (int64_t)s->stages.count || late)
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
		if (!db_member_set(d->db, d->row.id, m, e))
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
	if (d->row.state == (int)to)
		return true;
	d->row.state = (int)to;
	set_text(&d->row.reason, why);
	return db_rollout_set(d->db, d->row.id, to, why, e);
}

static void set_sheets(struct sheets *all, enum stage_state to, bool back)
{
	for (size_t i = 0; i < all->count; i++) {
		struct stage *s = &all->sheet[i].stage;
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
	return sign_sheets(d, all, e) && set_state(d, ROLLOUT_HALTED, why, e);
}

/* First signed, then noted: what was signed and not noted is found in the repository by the next look. */
static bool go_on(struct pull_drive *d, struct sheets *all, struct err *e)
{
	bool done = true;

	for (size_t i = 0; i < all->count; i++) {
		struct sheet *p = &all->sheet[i];
		bool last = p->stage.open == (int64_t)p->stage.stages.count;
		done = done && last && !p->missing;
		if (!last)
			(void)open_next(d, p);
	}
	return sign_sheets(d, all, e) && note_reached(d, all, e) &&
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

	if (!d->fleet->receipts)
		return err_set(e, ERR_USAGE,
			"fleet.yaml: receipts is missing: the folder where hosts' receipts come home, without which "
			"nobody "
			"knows how the last stage went");
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

bool pull_stop(struct pull_drive *d, enum stage_state to, bool back, struct err *e)
{
	cleanup(sheets_free) struct sheets all = {0};

	if (!load_sheets(&all, d, e))
		return false;
	set_sheets(&all, to, back);
	return sign_sheets(d, &all, e) &&
	       set_state(d, to == STAGE_ABORTED ? ROLLOUT_ABORTED : ROLLOUT_PAUSED,
		       back ? "aborted; hosts that committed it go back" : "stopped by an operator", e);
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
