#include "fleetctl/receipts/rebuild.h"

#include <stdlib.h>

#define NOT_KNOWN "rebuilt from receipts of its hosts: who began it, hosts that it did not reach, waves, limits and pauses are not known"

static const char *const lost_for_good[] = {
	"who began a rollout and with which limits, which hosts were left out of it, when it was paused, resumed or aborted",
	"rollouts older than the receipts that hosts keep, and those of hosts that did not answer",
	"which receipts were seen before: a copied card, or receipts that were removed, are noticed from here on",
};

struct told_rollout {
	struct rollout_row row;
	struct member_row *member;
	size_t count;
};

static enum member_state state_of(const struct receipt *r)
{
	static const enum member_state of[] = {
		[VERDICT_PASS] = MEMBER_COMMITTED, [VERDICT_UNPROVEN] = MEMBER_COMMITTED, [VERDICT_FAIL] = MEMBER_ROLLED_BACK,
		[VERDICT_ENVIRONMENT] = MEMBER_ROLLED_BACK, [VERDICT_UNDONE] = MEMBER_UNDONE, [VERDICT_REFUSED] = MEMBER_FAILED,
	};
	return (size_t)r->verdict < COUNT_OF(of) ? of[r->verdict] : MEMBER_FAILED;
}

static struct told_rollout *rollout_of(struct rebuild *r, const struct receipt *receipt)
{
	for (size_t i = 0; i < r->rollouts; i++)
		if (strcmp(r->rollout[i].row.id, receipt->rollout) == 0)
			return &r->rollout[i];
	r->rollout = mem_grow(r->rollout, r->rollouts + 1, sizeof *r->rollout);
	r->rollout[r->rollouts] = (struct told_rollout){ .row = {
		.id = str_dup(str_of(receipt->rollout)), .who = str_dup(STR("somebody")), .state = ROLLOUT_REBUILT,
		.action = str_dup(receipt->verdict == VERDICT_UNDONE ? STR("undo") : STR("update")), .reason = str_dup(STR(NOT_KNOWN)),
		.options = str_dup(STR("{}")), .started = receipt->time, .ended = receipt->time,
	} };
	return &r->rollout[r->rollouts++];
}

/* A later receipt of the same rollout is how it ended: they come oldest first. */
static struct member_row *member_of(struct told_rollout *t, const struct receipt *receipt)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->member[i].host, receipt->host) == 0) {
			member_row_free(&t->member[i]);
			return &t->member[i];
		}
	t->member = mem_grow(t->member, t->count + 1, sizeof *t->member);
	return &t->member[t->count++];
}

static void add(struct rebuild *r, const struct receipt *receipt, struct str sealed, const char *from)
{
	struct told_rollout *t = rollout_of(r, receipt);
	struct member_row *m = member_of(t, receipt);
	enum member_state state = state_of(receipt);
	struct str seal;
	*m = (struct member_row){
		.host = str_dup(str_of(receipt->host)), .plan = str_dup(str_of(receipt->plan)), .state = (int)state, .release = receipt->release,
		.number = receipt->release_number, .ordered = true, .from = from[0] ? str_dup(str_of(from)) : NULL, .bytes_in = receipt->bytes_in,
		.tries = 1, .started = receipt->time - receipt->took_ms / 1000, .ended = receipt->time,
		.receipt = str_dup(str_cut(sealed, '\n', &seal)),
	};
	if (member_failed(state)) {
		m->code = str_dup(str_of(err_word(receipt_code(receipt) ? receipt_code(receipt) : ERR_FAILED)));
		m->text = str_dup(str_of(receipt->text ? receipt->text : verdict_words[receipt->verdict]));
	}
	t->row.started = MIN(t->row.started, m->started);
	t->row.ended = MAX(t->row.ended, m->ended);
	r->receipts++;
}

/* `before`: what ran before this one, as the receipt before says; empty: not known. */
static void learn_one(struct rebuild *r, const struct chain_heard *heard, struct str sealed, char before[DIGEST_HEX + 1])
{
	cleanup(receipt_free) struct receipt receipt = { 0 };
	cleanup(public_free) struct public_key key = { 0 };
	struct err ignored;
	if (!receipt_read(&receipt, sealed, &ignored))
		return;
	if (heard->key && (!public_of(&key, KEY_ED25519, str_of(heard->key), &ignored) || !receipt_verify(sealed, &key, &ignored)))
		return;
	if (strcmp(receipt.host, heard->host) != 0)
		return;
	if (receipt.rollout && receipt.rollout[0] && !receipt.access && !receipt.self)
		add(r, &receipt, sealed, before);
	digest_hex(before, receipt.current);
}

void rebuild_learn(struct rebuild *r, const struct chain_heard *heard)
{
	char before[DIGEST_HEX + 1] = "";
	size_t had = r->receipts;
	for (size_t i = 0; i < heard->links; i++)
		learn_one(r, heard, buf_str(&heard->link[i]), before);
	learn_one(r, heard, heard->newest, before);
	r->hosts += r->receipts > had;
}

static int by_start(const void *a, const void *b)
{
	const struct told_rollout *l = a, *r = b;
	return l->row.started == r->row.started ? strcmp(l->row.id, r->row.id) : l->row.started < r->row.started ? -1 : 1;
}

bool rebuild_write(struct rebuild *r, struct db *db, struct err *e)
{
	if (r->rollouts)
		qsort(r->rollout, r->rollouts, sizeof *r->rollout, by_start);
	for (size_t i = 0; i < r->rollouts; i++)
		if (!db_rebuilt(db, &r->rollout[i].row, r->rollout[i].member, r->rollout[i].count, e))
			return false;
	return true;
}

doc *rebuild_doc(const struct rebuild *r)
{
	doc *d = doc_object(), *unknown = doc_list();
	doc_set_text(d, "lost", r->lost);
	doc_set_text(d, "why", r->lost ? r->why.text : NULL);
	doc_set_int(d, "rollouts", (int64_t)r->rollouts);
	doc_set_int(d, "receipts", (int64_t)r->receipts);
	doc_set_int(d, "hosts", (int64_t)r->hosts);
	for (size_t i = 0; i < COUNT_OF(lost_for_good); i++)
		doc_add_str(unknown, str_of(lost_for_good[i]));
	doc_set(d, "not_known", unknown);
	return d;
}

void rebuild_say(const struct rebuild *r, const struct show *show)
{
	if (r->lost)
		show_note(show, "%s\nit lies in %s now", r->why.text, r->lost);
	else
		show_note(show, "nothing is wrong with this folder's database: it is completed");
	show_note(show, "%zu rollout%s by %zu receipts of %zu hosts; not known:", r->rollouts, r->rollouts == 1 ? "" : "s", r->receipts, r->hosts);
	for (size_t i = 0; i < COUNT_OF(lost_for_good); i++)
		show_note(show, "  %s", lost_for_good[i]);
}

void rebuild_free(struct rebuild *r)
{
	for (size_t i = 0; i < r->rollouts; i++) {
		for (size_t k = 0; k < r->rollout[i].count; k++)
			member_row_free(&r->rollout[i].member[k]);
		free(r->rollout[i].member);
		rollout_row_free(&r->rollout[i].row);
	}
	free_ptr(&r->rollout);
	free_ptr(&r->lost);
	r->rollouts = 0;
}
