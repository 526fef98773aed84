/* What receipts that came home say of one host of a rollout. */
#include <stdlib.h>

#include "base/fs.h"
#include "fleetctl/rollout/pull.h"

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
	return db_member_set(d->db, d->row.id, m, line, e);
}

/* It had the release before its turn came, by another rollout or a push: nothing of this one will ever come from it. */
static bool note_same(struct pull_drive *d, struct member_row *m, int64_t number, struct err *e)
{
	cleanup(free_ptr) char *line =
		path_form("%s: receipt %lld says that it runs already", member_words[MEMBER_SAME], (long long)number);

	m->state = MEMBER_SAME;
	set_text(&m->code, NULL);
	set_text(&m->text, NULL);
	show_note(d->show, "%s: %s", m->host, line);
	return db_member_set(d->db, d->row.id, m, line, e);
}

/* Where an earlier one ended badly, nothing comes either; whether somebody has allowed it since, no receipt says. */
static void say_blamed(const struct pull_drive *d, const struct member_row *m, const struct home_host *h)
{
	cleanup(receipt_free) struct receipt r = {0};
	struct str sealed;

	if (home_tried(&r, &sealed, h, NULL, m->release) && (r.verdict == VERDICT_FAIL || r.verdict == VERDICT_UNDONE))
		show_note(d->show,
			"%s: nothing of this rollout; receipt %lld said of this release: %s. It is not tried there "
			"again: sign a newer "
			"one, or on the host: `fleet-agent allow`",
			m->host, (long long)r.number, verdict_words[r.verdict]);
}

static bool judge(struct pull_drive *d, struct member_row *m, const struct home_host *h, struct err *e)
{
	cleanup(receipt_free) struct receipt r = {0};
	struct str sealed;
	int64_t number;
	bool tried = home_tried(&r, &sealed, h, d->row.id, m->release);

	if (tried && !note_receipt(d, m, &r, sealed, e))
		return false;
	if (member_ended((enum member_state)m->state))
		return true;
	if (home_runs(&number, h, m->release))
		return note_same(d, m, number, e);
	if (!tried)
		say_blamed(d, m, h);
	return true;
}

bool pull_hear(struct pull_drive *d, const struct home *home, struct member_row *m, struct err *e)
{
	cleanup(home_host_free) struct home_host h = {0};
	const struct host *host = fleet_find(d->fleet, str_of(m->host));

	if (!host)
		return true;
	if (!home_read(&h, home, host, e))
		return false;
	if (h.doubt[0])
		show_note(d->show, "%s: its receipts are not believed: %s", m->host, h.doubt);
	if (h.found.say == CHAIN_UNPINNED && h.count && !m->receipt)
		show_note(d->show, "%s: its receipts cannot be verified: %s", m->host, h.found.text);
	return judge(d, m, &h, e);
}
