/* The receipts of one host, held against the key that hosts.yaml pins and against what was seen before. */
#include "fleetctl/receipts/chain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hex.h"

/* What is to be done, where it is the same for several. */
#define RENEW "`fleet-agent enrol --force --new-key` on the one that shall stay, then `fleetctl host pin --replace`"

const char *const chain_words[] = {
#define X(say, word, believed) word,
	CHAIN_SAYS(X)
#undef X
	NULL
};
static const bool believed[] = {
#define X(say, word, believed) believed,
	CHAIN_SAYS(X)
#undef X
};

struct judging {
	struct chain_found found;
	const struct chain_heard *heard;
	struct public_key key;
	const struct link_row *held;
	size_t count;
	struct link_row *keep; /* what came now and is signed */
	size_t kept;
	int64_t newest;
	int64_t before; /* the last one of the key before this one */
};

/* The worst stays, and of two alike the first. */
static bool worse(struct judging *j, enum chain_say say)
{
	if (say <= j->found.say)
		return false;
	j->found.say = say;
	return true;
}

static void find(struct judging *j, enum chain_say say, const char *form, ...) printf_like(3, 4);
static void find(struct judging *j, enum chain_say say, const char *form, ...)
{
	va_list args;
	if (!worse(j, say))
		return;
	va_start(args, form);
	vsnprintf(j->found.text, sizeof j->found.text, form, args);
	va_end(args);
}

static const struct link_row *row_of(const struct link_row *row, size_t count, int64_t number)
{
	for (size_t i = 0; i < count; i++)
		if (row[i].number == number)
			return &row[i];
	return NULL;
}

static const struct link_row *known(const struct judging *j, int64_t number)
{
	const struct link_row *now = row_of(j->keep, j->kept, number);
	return now ? now : row_of(j->held, j->count, number);
}

/* --- one receipt --- */

/* Signed by the key that it names itself: honest, but of a key that nobody vouches for. */
static bool signs_itself(struct str sealed, const struct receipt *r)
{
	cleanup(public_free) struct public_key k = { 0 };
	struct err ignored;
	return public_ed25519(&k, r->key, &ignored) && receipt_verify(sealed, &k, &ignored);
}

static bool is_signed(struct judging *j, struct str sealed, const struct receipt *r)
{
	struct err why;
	char hex[DIGEST_HEX + 1];
	if (receipt_verify(sealed, &j->key, &why))
		return true;
	if (!signs_itself(sealed, r)) {
		find(j, CHAIN_FORGED, "receipt %lld: %s", (long long)r->number, why.text);
		return false;
	}
	hex_write(hex, r->key, sizeof r->key);
	find(j, CHAIN_NEW_KEY, "signed by another key than hosts.yaml has: its state was made anew, or it is another card;"
		" compare `fleet-agent status` there with %s, then `fleetctl host pin --replace %s`", hex, j->heard->host);
	return false;
}

static void say_fork(struct judging *j, int64_t number, const struct link_row *seen, struct digest shown)
{
	char before[DIGEST_HEX + 1], now[DIGEST_HEX + 1], when[24] = "just now";
	if (!worse(j, CHAIN_FORK))
		return;
	j->found.from = j->found.to = number;
	j->found.seen = seen->digest;
	j->found.shown = shown;
	j->found.seen_at = seen->at;
	digest_hex(before, seen->digest);
	digest_hex(now, shown);
	if (seen->at)
		clock_text(when, seen->at);
	snprintf(j->found.text, sizeof j->found.text, "receipt %lld was %.12s (seen %s) and is now %.12s: two hosts write with one key,"
		" as after the copy of a card; " RENEW, (long long)number, before, when, now);
}

static bool judge_one(struct judging *j, struct str sealed)
{
	cleanup(receipt_free) struct receipt r = { 0 };
	struct err why;
	if (!receipt_read(&r, sealed, &why)) {
		find(j, CHAIN_FORGED, "%s", why.text);
		return false;
	}
	if (!is_signed(j, sealed, &r))
		return false;
	bool again = r.number == j->newest && j->kept;
	if (strcmp(r.host, j->heard->host) != 0 || (r.number <= j->newest && !again)) {
		find(j, CHAIN_FORGED, "receipt %lld is no part of this chain: it is of host %s, and comes after number %lld",
			(long long)r.number, r.host, (long long)j->newest);
		return false;
	}
	struct digest is = receipt_digest(sealed);
	const struct link_row *same = known(j, r.number), *before = known(j, r.number - 1);
	bool follows = before && digest_eq(before->digest, r.previous);
	if (same && !digest_eq(same->digest, is))
		say_fork(j, r.number, same, is);
	if (before && !follows)
		say_fork(j, r.number - 1, before, r.previous);
	if (again)
		return true;
	bool checked = j->heard->whole || (follows && before->checked);
	j->keep = mem_grow(j->keep, j->kept + 1, sizeof *j->keep);
	j->keep[j->kept++] = (struct link_row){ r.number, is, 0, checked };
	j->newest = r.number;
	return true;
}

/* --- all of them --- */

static void say_gap(struct judging *j, int64_t from, int64_t to)
{
	bool old = to <= j->newest - RECEIPTS_KEPT;
	if (!worse(j, CHAIN_GAP))
		return;
	j->found.from = from;
	j->found.to = to;
	snprintf(j->found.text, sizeof j->found.text, "receipts %lld to %lld %s; from here on the chain is checked again", (long long)from,
		(long long)to, old ? "are older than those that a host keeps: nobody asked in time" : "are missing: somebody or a bad card removed them there");
}

/* Below this nothing is expected any more: it was checked, or is older than what a host keeps. */
static int64_t floor_of(const struct judging *j)
{
	int64_t floor = 0;
	for (size_t i = 0; i < j->count; i++)
		floor = j->held[i].checked ? MAX(floor, j->held[i].number) : floor;
	return floor || j->before ? MAX(floor, j->before) : MAX(MAX(j->heard->claims, j->newest) - RECEIPTS_KEPT, j->heard->since);
}

/* Numbers of both lists together, ascending: what is missing between, and since when nothing is. */
static void judge_numbers(struct judging *j)
{
	int64_t floor = floor_of(j), last = 0, run = 0;
	for (size_t h = 0, k = 0; h < j->count || k < j->kept;) {
		bool held = k == j->kept || (h < j->count && j->held[h].number < j->keep[k].number);
		int64_t n = held ? j->held[h++].number : j->keep[k++].number, due = MAX(last, floor) + 1;
		if (j->heard->whole && n > due)
			say_gap(j, due, n - 1);
		if (!run || n > last + 1)
			run = n;
		last = MAX(last, n);
	}
	if (j->heard->whole && j->heard->claims > j->newest)
		say_gap(j, j->newest + 1, j->heard->claims);
	if (last > j->newest) {
		char when[24];
		const struct link_row *seen = row_of(j->held, j->count, last);
		clock_text(when, seen->at);
		find(j, CHAIN_BACK, "its newest receipt is %lld, but %lld was seen %s: an older copy of its card runs; " RENEW,
			(long long)j->newest, (long long)last, when);
	}
	if (j->found.say != CHAIN_VERIFIED && j->found.say != CHAIN_BACK)
		return;
	j->found.from = j->found.say == CHAIN_VERIFIED ? run : j->newest;
	j->found.to = j->newest;
}

/* Of a host whose key is new, the receipts that its old one signed come first: another chain, which the pinned key says
 * nothing about. */
static bool is_of_before(struct judging *j, struct str sealed)
{
	cleanup(receipt_free) struct receipt r = { 0 };
	struct err ignored;
	bool first = !j->count && !j->kept;
	if (!first || !receipt_read(&r, sealed, &ignored) || receipt_verify(sealed, &j->key, &ignored) || !signs_itself(sealed, &r))
		return false;
	j->before = r.number;
	return true;
}

static void judge_all(struct judging *j)
{
	struct err why;
	if (!public_of(&j->key, KEY_ED25519, str_of(j->heard->key), &why)) {
		find(j, CHAIN_FORGED, "hosts.yaml: receipt_key of %s: %s", j->heard->host, why.text);
		return;
	}
	bool good = true;
	for (size_t i = 0; good && i < j->heard->links; i++) {
		struct str sealed = buf_str(&j->heard->link[i]);
		good = is_of_before(j, sealed) || judge_one(j, sealed);
	}
	if (good && judge_one(j, j->heard->newest))
		judge_numbers(j);
}

void chain_judge(struct chain_found *out, struct link_row **keep, size_t *kept, const struct chain_heard *heard,
	const struct link_row *held, size_t count)
{
	struct judging j = { .heard = heard, .held = held, .count = count };
	if (heard->key)
		judge_all(&j);
	else
		find(&j, CHAIN_UNPINNED, "hosts.yaml has no receipt_key for it: `fleetctl host pin %s`", heard->host);
	bool good = j.found.say == CHAIN_VERIFIED || j.found.say == CHAIN_GAP;
	*kept = good ? j.kept : 0;
	*keep = j.keep;
	*out = j.found;
	public_free(&j.key);
}

/* --- with what is remembered --- */

bool chain_check(struct chain_found *out, struct db *db, const struct chain_heard *heard, struct err *e)
{
	cleanup(free_ptr) struct link_row *held = NULL;
	cleanup(free_ptr) struct link_row *keep = NULL;
	size_t count = 0, kept = 0;
	if (heard->key && !db_links(db, heard->host, heard->key, &held, &count, e))
		return false;
	chain_judge(out, &keep, &kept, heard, held, count);
	out->new_chain = heard->key && count == 0 && kept && db_links_of_other_key(db, heard->host, heard->key);
	return !kept || db_links_add(db, heard->host, heard->key, keep, kept, e);
}

bool chain_since(int64_t *out, struct db *db, const char *host, const char *key, struct err *e)
{
	cleanup(free_ptr) struct link_row *held = NULL;
	size_t count = 0;
	if (!db_links(db, host, key, &held, &count, e))
		return false;
	*out = 0;
	for (size_t i = 0; i < count; i++)
		*out = held[i].checked ? MAX(*out, held[i].number) : *out;
	return true;
}

struct chain_heard chain_heard(const struct host *h, const struct talk_end *end, bool whole)
{
	return (struct chain_heard){
		.host = h->id, .key = h->receipt_key, .link = end->link, .links = end->links, .newest = buf_str(&end->receipt_text),
		.claims = end->hello.has_trial ? 0 : end->hello.receipt, .whole = whole,
	};
}

bool chain_believe(const struct chain_found *f, struct err *e)
{
	return believed[f->say] || err_set(e, ERR_SIGNATURE, "its receipt is not believed: %s", f->text);
}
