/* Receipts that came home, forged: by who keeps them, by a host with a key of its own, by a card that was copied. The first byte says whether
 * they are heard over SSH or read from a folder, the second what else was heard. Then come the receipts, a NUL between them; the first
 * letter of each says who signed it: 'c' the host, and it names the one before; 's' the host, as it is; 'n' another key that the receipt
 * names, 'o' one that it does not; else nobody.
 * Of a folder, a line with the file's name stands in front. What is remembered and what is believed carries the host's own signature. */
#include <stdio.h>

#include "base/hex.h"
#include "fleetctl/receipts/home.h"
#include "tests/fuzz/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOST "ber-D"
enum { HEARD_MAX = 3 * RECEIPTS_KEPT };

struct keys {
	struct secret_key *own, *other;
	struct public_key public, stranger;
	char hex[DIGEST_HEX + 1];
};

static const struct keys *keys(void)
{
	static const uint8_t seed[2][32] = {{1}, {2}};
	static struct keys k; /* made once: they never change */
	struct err e;

	if (!k.own) {
		must(secret_of_seed(&k.own, seed[0], &e) && secret_of_seed(&k.other, seed[1], &e) && secret_public(&k.public, k.own, &e) &&
			secret_public(&k.stranger, k.other, &e));
		snprintf(k.hex, sizeof k.hex, "%s", k.public.value);
	}
	return &k;
}

/* --- what came --- */

struct heard {
	struct buf link[HEARD_MAX];
	size_t count;
	struct digest newest;
};

static void chained(struct buf *out, struct heard *h, struct str statement, const struct public_key *by)
{
	cleanup(receipt_free) struct receipt r = {0};
	struct err e;

	if (!receipt_read(&r, statement, &e)) {
		buf_add(out, statement);
		return;
	}
	r.previous = h->newest;
	must(hex_read(r.key, sizeof r.key, str_of(by->value)));
	receipt_write(out, &r);
}

static void add_sealed(struct heard *h, struct str text)
{
	cleanup(buf_free) struct buf statement = BUF_MAX(RECEIPT_SEALED_MAX);
	struct buf *out = &h->link[h->count++];
	char how = text.len ? text.data[0] : 'r';
	struct str body = text.len ? str_bytes(text.data + 1, text.len - 1) : STR(""), rest;
	struct err e;

	*out = BUF_MAX(RECEIPT_SEALED_MAX);
	if (!strchr("csno", how)) {
		buf_add(out, body);
	} else {
		if (how == 'c' || how == 'n')
			chained(&statement, h, body, how == 'c' ? &keys()->public : &keys()->stranger);
		else
			buf_add(&statement, str_cut(body, '\n', &rest));
		if (!receipt_seal(out, buf_str(&statement), how == 'c' || how == 's' ? keys()->own : keys()->other, &e))
			buf_clear(out);
	}
	h->newest = receipt_digest(buf_str(out));
}

static void heard_free(struct heard *h)
{
	for (size_t i = 0; i < h->count; i++)
		buf_free(&h->link[i]);
}

/* --- what is thought of it --- */

static bool is_own(struct str sealed)
{
	struct err e;

	return receipt_verify(sealed, &keys()->public, &e);
}

static void check_kept(const struct chain_heard *heard, const struct link_row *keep, size_t kept)
{
	for (size_t i = 0; i < kept; i++) {
		bool found = is_own(heard->newest) && digest_eq(keep[i].digest, receipt_digest(heard->newest));
		for (size_t k = 0; !found && k < heard->links; k++)
			found = is_own(buf_str(&heard->link[k])) && digest_eq(keep[i].digest, receipt_digest(buf_str(&heard->link[k])));
		must(found && (i == 0 || keep[i - 1].number < keep[i].number));
	}
}

static bool all_own(const struct chain_heard *heard)
{
	bool own = is_own(heard->newest);

	for (size_t i = 0; i < heard->links; i++)
		own = own && is_own(buf_str(&heard->link[i]));
	return own;
}

static void judge(const struct chain_heard *heard)
{
	cleanup(free_ptr) struct link_row *keep = NULL, *more = NULL;
	struct chain_found found = {0}, again = {0};
	size_t kept = 0, least = 0;
	struct err e = {0};

	chain_judge(&found, &keep, &kept, heard, NULL, 0);
	check_kept(heard, keep, kept);
	must((found.say == CHAIN_VERIFIED) == !found.text[0]);
	must(!chain_believe(&found, &e) || !heard->key || is_own(heard->newest));
	must(found.say != CHAIN_FORGED || kept == 0);
	if (found.say != CHAIN_VERIFIED || !all_own(heard))
		return;
	/* what was good is good when it is heard again; an older copy of the card is noticed, and a receipt that changed since is a fork */
	chain_judge(&again, &more, &least, heard, keep, kept);
	must(again.say == CHAIN_VERIFIED && again.to == found.to);
	if (heard->links) {
		struct chain_heard older = *heard;
		older.newest = buf_str(&heard->link[--older.links]);
		free_ptr(&more);
		chain_judge(&again, &more, &least, &older, keep, kept);
		must(again.say == CHAIN_BACK || again.to == found.to);
	}
	keep[kept - 1].digest.bytes[0] ^= 1;
	free_ptr(&more);
	chain_judge(&again, &more, &least, heard, keep, kept);
	must(again.say == CHAIN_FORK && least == 0);
}

static void over_ssh(uint8_t more, struct str rest)
{
	static struct heard h; /* large: emptied below */

	h.newest = (struct digest){0};
	h.count = 0;
	while (rest.len && h.count < HEARD_MAX)
		add_sealed(&h, room_part(&rest));
	if (h.count) {
		const struct chain_heard heard = {.host = HOST,
			.key = more & 4 ? NULL : keys()->hex,
			.link = h.link,
			.links = h.count - 1,
			.newest = buf_str(&h.link[h.count - 1]),
			.claims = more & 2 ? more / 8 : 0,
			.whole = more & 1};
		judge(&heard);
	}
	heard_free(&h);
}

/* --- from a folder --- */

static void put_all(const struct room *r, struct str rest)
{
	static struct heard h; /* large: emptied below */

	h.newest = (struct digest){0};
	h.count = 0;
	must(mkdirat(r->dir, HOST, 0755) == 0);
	while (rest.len && h.count < HEARD_MAX) {
		struct str part = room_part(&rest), text, name = str_cut(part, '\n', &text);
		cleanup(free_ptr) char *file = path_form(HOST "/" STR_FMT, STR_ARG(name));
		add_sealed(&h, text);
		if (name.len && name.len < 100 && !memchr(name.data, '/', name.len) && name.data[0] != '.')
			room_put(r, file, buf_str(&h.link[h.count - 1]));
	}
	heard_free(&h);
}

static void from_folder(uint8_t more, struct str rest)
{
	struct room r;
	struct host host = {.id = (char *)HOST};
	cleanup(home_host_free) struct home_host read = {0};
	cleanup(receipt_free) struct receipt newest = {0};
	struct str sealed;
	struct err e = {0};

	room_make(&r);
	put_all(&r, rest);
	const struct home home = {.dir = r.path};
	must(home_read(&read, &home, &host, &e)); /* not pinned: no database is asked */
	must(read.count <= 2 * RECEIPTS_KEPT && (!read.believed || read.count));
	if (home_newest(&newest, &sealed, &read))
		must(strcmp(newest.host, HOST) == 0 && sealed.len <= RECEIPT_SEALED_MAX);
	if (read.count) {
		const struct chain_heard heard = {.host = HOST,
			.key = keys()->hex,
			.link = read.sealed,
			.links = read.count - 1,
			.newest = buf_str(&read.sealed[read.count - 1]),
			.since = more,
			.whole = true};
		judge(&heard);
	}
	room_end(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (data[0] % 2)
		from_folder(data[1], str_bytes(data + 2, size - 2));
	else
		over_ssh(data[1], str_bytes(data + 2, size - 2));
	return 0;
}
