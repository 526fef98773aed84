#include "fleetctl/rollout/drive.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "fleetctl/command.h"

const char *drive_who(void)
{
	static char who[160];
	char machine[64] = "";
	const struct passwd *p = getpwuid(getuid());
	gethostname(machine, sizeof machine - 1);
	snprintf(who, sizeof who, "%s@%s", p ? p->pw_name : "somebody", machine);
	return who;
}

bool drive_open(struct drive *d, const struct show *show, const char *fleet, const char *identity, struct err *e)
{
	d->show = show;
	d->live = (struct live){ .show = show };
	if (!fleet_open(&d->fleet, fleet, e) || !repository_open(&d->repository, d->fleet.dir, e))
		return false;
	if (!login_open(&d->login, identity ? identity : d->fleet.ssh.identity, e))
		return false;
	if (!db_open(&d->db, &d->fleet, e) || !db_lock(d->db, drive_who(), e))
		return false;
	d->loop = loop_new();
	d->rollout = (struct rollout){
		.fleet = &d->fleet, .repository = &d->repository, .db = d->db, .login = d->login, .loop = d->loop,
		.calls = live_calls(&d->live),
	};
	return true;
}

void drive_close(struct drive *d)
{
	rollout_free(&d->rollout);
	loop_free(&d->loop);
	db_close(&d->db);
	login_free(&d->login);
	repository_free(&d->repository);
	fleet_free(&d->fleet);
}

void rollout_summary(char out[200], const struct member_row *member, size_t count)
{
	size_t of[MEMBER_DEFERRED + 1] = { 0 };
	int at = 0;
	for (size_t i = 0; i < count; i++)
		of[member[i].state]++;
	for (int s = 0; s <= MEMBER_DEFERRED; s++)
		if (of[s])
			at += snprintf(out + at, 200 - (size_t)at, "%s%zu %s", at ? ", " : "", of[s], member_words[s]);
	snprintf(out + at, 200 - (size_t)at, " of %zu", count);
}

static doc *member_doc(const struct member_row *m)
{
	char hex[DIGEST_HEX + 1];
	doc *d = doc_object(), *receipt = NULL;
	struct err ignored;
	digest_hex(hex, m->release);
	doc_set_text(d, "host", m->host);
	doc_set_text(d, "plan", m->plan);
	doc_set_int(d, "wave", m->wave);
	doc_set_text(d, "state", member_words[m->state]);
	doc_set_text(d, "release", hex);
	doc_set_int(d, "number", m->number);
	doc_set_text(d, "from", m->from);
	doc_set_text(d, "code", m->code);
	doc_set_text(d, "text", m->text);
	doc_set_int(d, "bytes_in", m->bytes_in);
	doc_set_int(d, "bytes_out", m->bytes_out);
	doc_set_int(d, "tries", m->tries);
	doc_set_int(d, "started", m->started);
	doc_set_int(d, "ended", m->ended);
	struct str seal, statement = str_cut(str_of(m->receipt), '\n', &seal);
	if (statement.len && doc_read(&receipt, statement, &ignored))
		doc_set(d, "receipt", receipt);
	return d;
}

static int exit_of_rows(const struct rollout_row *row, const struct member_row *member, size_t count)
{
	cleanup(free_ptr) const struct member_row **list = mem_new(count + 1, sizeof *list);
	for (size_t i = 0; i < count; i++)
		list[i] = &member[i];
	return rollout_exit(row, list, count);
}

static void add_members(doc *d, const struct member_row *member, size_t count)
{
	doc *hosts = doc_list(), *counts = doc_object();
	int64_t of[MEMBER_DEFERRED + 1] = { 0 };
	for (size_t i = 0; i < count; i++) {
		of[member[i].state]++;
		doc_add(hosts, member_doc(&member[i]));
	}
	for (int s = 0; s <= MEMBER_DEFERRED; s++)
		doc_set_int(counts, member_words[s], of[s]);
	doc_set(d, "counts", counts);
	doc_set(d, "hosts", hosts);
}

doc *rollout_doc(const struct rollout_row *row, const struct member_row *member, size_t count)
{
	doc *d = doc_object();
	doc_set_text(d, "id", row->id);
	doc_set_text(d, "action", row->action);
	doc_set_text(d, "state", rollout_words[row->state]);
	doc_set_text(d, "reason", row->reason);
	doc_set_text(d, "who", row->who);
	doc_set_int(d, "started", row->started);
	doc_set_int(d, "ended", row->ended);
	if (!member)
		return d;
	doc_set_int(d, "exit", exit_of_rows(row, member, count));
	add_members(d, member, count);
	return d;
}

void rollout_print(const struct show *show, const struct rollout_row *row, const struct member_row *member, size_t count)
{
	char summary[200];
	struct table t = { .show = show, .columns = 6 };
	static const char *const heads[] = { "HOST", "PLAN", "WAVE", "STATE", "BYTES", "" };
	for (size_t i = 0; i < COUNT_OF(heads); i++)
		table_cell(&t, DIM, "%s", heads[i]);
	for (size_t i = 0; i < count; i++) {
		const struct member_row *m = &member[i];
		enum paint p = m->state == MEMBER_COMMITTED || m->state == MEMBER_UNDONE ? GREEN : member_failed((enum member_state)m->state) ? RED : PLAIN;
		table_cell(&t, PLAIN, "%s", m->host);
		table_cell(&t, PLAIN, "%s %d", m->plan, (int)m->number);
		table_cell(&t, PLAIN, m->wave ? "%d" : "canary", (int)m->wave);
		table_cell(&t, p, "%s", member_words[m->state]);
		table_cell(&t, PLAIN, "%d", (int)(m->bytes_in + m->bytes_out));
		table_cell(&t, PLAIN, "%s", m->text ? m->text : "");
	}
	rollout_summary(summary, member, count);
	printf("rollout %s (%s) by %s: %s%s%s\n", row->id, row->action, row->who, rollout_words[row->state], row->reason ? ": " : "", row->reason ? row->reason : "");
	table_print(&t);
	printf("%s\n", summary);
}

/* What a person may do next, to be pasted. */
static void say_next(const struct drive *d, int code)
{
	const struct rollout *r = &d->rollout;
	if (r->row.state == ROLLOUT_PAUSED)
		show_note(d->show, "to go on: fleetctl rollout resume %s", r->row.id);
	else if (r->row.state == ROLLOUT_HALTED) {
		show_note(d->show, "look: fleetctl rollout status %s --history\ngo on in spite of it: fleetctl rollout resume %s --max-failed N",
			r->row.id, r->row.id);
		if (rollout_count(r).of[MEMBER_COMMITTED])
			show_note(d->show, "take it back where it was committed: fleetctl rollout undo %s", r->row.id);
	}
	else if (code == 4)
		show_note(d->show, "again, for those that were away or deferred: fleetctl rollout start %s", "all");
}

int drive_run(struct drive *d)
{
	struct rollout *r = &d->rollout;
	struct err e = { 0 };
	char summary[200];
	bool good = rollout_run(r, &e);
	live_end(&d->live, r);
	cleanup(free_ptr) struct member_row *rows = mem_new(r->count + 1, sizeof *rows);
	for (size_t i = 0; i < r->count; i++)
		rows[i] = r->member[i].row;
	r->row.ended = clock_now().unix_s;
	int code = exit_of_rows(&r->row, rows, r->count);
	if (d->show->json && good) { /* else command_fail's is the one document */
		doc *whole = show_doc(d->show);
		doc_set(whole, "rollout", rollout_doc(&r->row, rows, r->count));
		show_json(whole);
	}
	rollout_summary(summary, rows, r->count);
	show_note(d->show, "rollout %s: %s", r->row.id, summary);
	say_next(d, code);
	return good ? code : command_fail(d->show, &e);
}
