/* What the card gives back of what this Pi wrote there, rotten or rewritten: the guard's record, the ledger, what pulling remembers, the
 * lease, the clock's floor, the set in force, the configuration, links, receipts, and a ledger made of them. The first byte says which; where a checksum stands in
 * front it is made right, so that what is tried is what it guards. What is accepted is written again as the same; what is refused is
 * nothing; and no link leads out of the state folder. */
#include <stdio.h>

#include "agent/boot/regain.h"
#include "agent/guard/record.h"
#include "agent/pull/memory.h"
#include "agent/store/access.h"
#include "agent/store/lease.h"
#include "agent/store/ledger.h"
#include "agent/store/linked.h"
#include "agent/store/quota.h"
#include "agent/store/receipts.h"
#include "agent/store/release.h"
#include "agent/store/trustdir.h"
#include "tests/fuzz/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { POLL_MS = 6 * 3600 * 1000, A_DAY = 24 };
#define BOOT_HERE "@boot"

/* What only counts in this boot: where the input says "@boot", it is this one. */
static void add_with_boot(struct buf *out, struct str text)
{
	char boot[40];

	clock_boot_id(boot);
	while (text.len) {
		const char *at = memmem(text.data, text.len, BOOT_HERE, strlen(BOOT_HERE));
		size_t before = at ? (size_t)(at - text.data) : text.len, used = at ? before + strlen(BOOT_HERE) : before;
		buf_add(out, str_bytes(text.data, before));
		buf_text(out, at ? boot : "");
		text = str_bytes(text.data + used, text.len - used);
	}
}

static struct store store_of(const struct room *r)
{
	return (struct store){.dir = r->dir, .path = (char *)r->path};
}

/* --- the guard's record --- */

static uint32_t crc32(struct str s)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < s.len; i++) {
		crc ^= (unsigned char)s.data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static bool leads_inside(enum guard_what what, const char *back)
{
	const char *begins = what == GUARD_AGENT ? "../trees/" : "releases/";

	return (what == GUARD_AGENT && strcmp(back, GUARD_PACKAGED) == 0) ||
	       (str_starts(str_of(back), begins) && strlen(back) == strlen(begins) + DIGEST_HEX);
}

/* What it leads to is there, or, where little time is left, is gone. */
static void guard_back(const struct room *r, struct guard_record *g, enum guard_what what)
{
	const struct guard_trial t = g->trial[what];
	cleanup(free_ptr) char *there = path_form(what == GUARD_AGENT ? "agent/%s" : "%s/tree", t.back);
	bool packaged = strcmp(t.back, GUARD_PACKAGED) == 0, made = false;
	char target[512];
	struct err e = {0};

	must(t.left_ms >= 0 && (!*t.back || leads_inside(what, t.back)));
	(void)guard_overdue(g, what);
	if (*t.back && !packaged && t.left_ms > 1000)
		must((made = fs_mkdir(r->dir, there, 0755, &e)));
	if (!guard_go_back(g, what, r->dir, &e)) {
		must(e.code == ERR_MISSING && !made && !packaged && *t.back && !fs_exists(r->dir, guard_links[what]));
		return;
	}
	must(!guard_overdue(g, what) && !*g->trial[what].back);
	if (made)
		must(fs_readlink(target, r->dir, guard_links[what], &e) && strcmp(target, t.back) == 0);
}

static void guard(const struct room *r, struct str body)
{
	cleanup(buf_free) struct buf text = {0};
	struct guard_record g, again;
	struct err e = {0};

	buf_add(&text, body);
	buf_form(&text, "crc %08x\n", crc32(body));
	must(mkdirat(r->dir, "agent", 0755) == 0);
	room_put(r, GUARD_FILE, buf_str(&text));
	if (!guard_read(&g, r->dir, &e)) {
		must(e.code != ERR_NONE);
		return;
	}
	must(guard_write(&g, r->dir, &e) && guard_read(&again, r->dir, &e) && memcmp(&g, &again, sizeof g) == 0);
	guard_wake(&g, "another boot", 1000);
	guard_wake(&g, "another boot", 2000);
	for (int what = 0; what < GUARD_TRIALS; what++)
		guard_back(r, &g, (enum guard_what)what);
	must(guard_came_through(r->dir, &e));
}

/* --- the ledger --- */

static void wake(struct ledger *l)
{
	char name[48];

	attempt_text(name, &l->attempt);
	must(attempt_left_ms(&l->attempt) >= 0);
	attempt_wake(&l->attempt);
	must(attempt_left_ms(&l->attempt) >= 0 && l->attempt.boots_left >= 0);
}

static bool truncate_to(const struct room *r, const char *file, off_t size)
{
	cleanup(fd_close) int fd = openat(r->dir, file, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && ftruncate(fd, size) == 0;
}

static void ledger(const struct room *r, struct str body)
{
	const struct store s = store_of(r);
	cleanup(ledger_free) struct ledger l = {0}, again = {0};
	cleanup(buf_free) struct buf text = {0};
	char hex[DIGEST_HEX + 1];
	struct err e = {0};

	cleanup(buf_free) struct buf here = {0};
	add_with_boot(&here, body);
	digest_hex(hex, digest_of(buf_str(&here)));
	buf_form(&text, "%s\n", hex);
	buf_add(&text, buf_str(&here));
	room_put(r, "state", buf_str(&text));
	room_put(r, "ballast", STR(""));
	must(truncate_to(r, "ballast", MIB)); /* there already: to make it anew each time would be most of the work */
	if (!ledger_load(&l, &s, &e)) {
		must(e.code == ERR_MISSING && ledger_damaged(&s));
		return;
	}
	int64_t sequence = l.sequence;
	must(ledger_save(&l, &s, &e) && !ledger_damaged(&s) && ledger_load(&again, &s, &e));
	must(again.sequence == sequence + 1 && again.step == l.step && again.has_attempt == l.has_attempt);
	must(again.guilty.count == l.guilty.count && again.held.count == l.held.count && again.receipt == l.receipt);
	if (l.has_attempt)
		wake(&l);
	(void)!quota_take(&l, A_DAY, 1000, "a boot", &e);
	must(l.quota.taken <= INT64_MAX && ledger_save(&l, &s, &e));
}

/* --- what pulling remembers --- */

/* As pull_state_save seals it: over the document without the sum. */
static void seal(struct buf *out, struct str body)
{
	cleanup(buf_free) struct buf plain = {0};
	cleanup(doc_free) doc *d = NULL;
	char hex[DIGEST_HEX + 1];
	struct err none;

	if (!doc_read(&d, body, &none) || doc_kind(d) != DOC_OBJECT || doc_get(d, "sum")) {
		buf_add(out, body);
		return;
	}
	doc_pretty(&plain, d);
	digest_hex(hex, digest_of(buf_str(&plain)));
	doc_set_text(d, "sum", hex);
	doc_pretty(out, d);
}

static void pull_state(const struct room *r, struct str body)
{
	const struct store s = store_of(r);
	const struct pull_last never = {.at_ms = -1, .root_ms = -1};
	cleanup(pull_state_free) struct pull_state p = {0}, again = {0};
	cleanup(buf_free) struct buf text = {0}, before = {0}, after = {0};
	struct err e = {0};

	seal(&text, body);
	room_put(r, "pull.json", buf_str(&text));
	must(pull_state_load(&p, &s, &e));
	if (pull_state_damaged(&s)) {
		must(!p.marks.items && !p.counter && !p.failures && !p.boot); /* as new */
		return;
	}
	must(pull_state_save(&p, &s, &e) && fs_read(&before, r->dir, "pull.json", &e) && !pull_state_damaged(&s));
	must(pull_state_load(&again, &s, &e));
	must(pull_state_save(&again, &s, &e) && fs_read(&after, r->dir, "pull.json", &e) && str_eq(buf_str(&before), buf_str(&after)));
	must(pull_due_ms(&p, &never, "ber-D", POLL_MS, "another boot", 1000) <= POLL_MS);
	pull_failed(&p, "ber-D", POLL_MS, "this boot", 1000);
	int64_t due = pull_due_ms(&p, &never, "ber-D", POLL_MS, "this boot", 1000);
	must(due >= 0 && due <= POLL_MS);
}

static void pull_last(const struct room *r, struct str body)
{
	const struct store s = store_of(r);
	const struct pull_state fine = {0};
	cleanup(pull_last_free) struct pull_last p = {0};
	cleanup(buf_free) struct buf text = {0};
	int64_t now = clock_boot_ms();
	char boot[40];

	add_with_boot(&text, body);
	room_put(r, "pull.last", buf_str(&text));
	pull_last_load(&p, &s);
	clock_boot_id(boot);
	must(p.boot ? strcmp(p.boot, boot) == 0 : p.at_ms == -1 && p.root_ms == -1 && !p.say && !p.why);
	int64_t due = pull_due_ms(&fine, &p, "ber-D", POLL_MS, boot, now);
	must(due >= 0 && due <= POLL_MS);
	pull_last_save(&p, &s);
}

/* --- the lease, the floor --- */

static void lease(const struct room *r, struct str body)
{
	const struct store s = store_of(r);
	cleanup(lease_free) struct lease l = {0}, ours = {0};
	cleanup(buf_free) struct buf text = {0};
	struct err e = {0};

	add_with_boot(&text, body);
	room_put(r, "lease", buf_str(&text));
	bool held = lease_read(&l, &s);
	must(held ? l.rollout && l.left_ms > 0 && l.left_ms <= LEASE_MS_MAX : !l.rollout && !l.who);
	bool mine = held && strcmp(l.rollout, "one") == 0;
	must(lease_take(&s, "one", "ann", 60000, false, &e) == (!held || mine));
	must(lease_take(&s, "one", "ann", 60000, true, &e) && lease_read(&ours, &s) && strcmp(ours.rollout, "one") == 0);
	must(lease_drop(&s, "one", &e) && !lease_read(&(struct lease){0}, &s));
}

static void floor_of(const struct room *r, struct str body)
{
	const struct store s = store_of(r);
	cleanup(buf_free) struct buf text = {0}, there = {0};
	struct str rest, line = str_cut(body, '\n', &rest);
	char hex[DIGEST_HEX + 1];
	uint64_t n = 0;
	struct err e = {0};

	digest_hex(hex, digest_of(line));
	buf_add(&text, line);
	buf_form(&text, "\n%s\n", hex);
	must(mkdirat(r->dir, "trust", 0755) == 0);
	room_put(r, "trust/floor", rest.len ? body : buf_str(&text));
	must(trustdir_raise_floor(&s, 1900000000, &e) && fs_read(&there, r->dir, "trust/floor", &e));
	line = str_cut(buf_str(&there), '\n', &rest);
	must(str_number(&n, line, INT64_MAX) && n >= 1900000000); /* whatever it was, it is not below now */
}

/* --- who may come in, and from where --- */

/* Two documents, of which the link names the digest, or not. */
static void set_in_force(const struct room *r, struct str body)
{
	const struct store s = store_of(r);
	cleanup(access_set_free) struct access_set set = {0}, next = {0};
	struct str sources = body, access = room_part(&sources);
	struct digest both[2] = {{{0}}};
	char hex[DIGEST_HEX + 1], path[2 * DIGEST_HEX], file[3 * DIGEST_HEX];
	struct err e = {0};

	if (!access.len && !sources.len)
		return; /* that is no set */
	if (access.len)
		both[0] = digest_of(access);
	if (sources.len)
		both[1] = digest_of(sources);
	digest_hex(hex, digest_of(str_bytes(both, sizeof both)));
	snprintf(path, sizeof path, "access/%s", hex);
	must(mkdirat(r->dir, "access", 0755) == 0 && mkdirat(r->dir, path, 0755) == 0 && symlinkat(hex, r->dir, "access/current") == 0);
	snprintf(file, sizeof file, "%s/access.json", path);
	if (access.len)
		room_put(r, file, access);
	snprintf(file, sizeof file, "%s/sources.json", path);
	if (sources.len)
		room_put(r, file, sources);
	if (!access_open(&set, &s, &e))
		must(e.code != ERR_NONE);
	else if (set.damaged)
		must(!set.has_access && !set.has_sources && !set.access.operators.count);
	else
		must(set.has_access == (access.len > 0) && set.has_sources == (sources.len > 0));
	if (!access_next(&next, &set, access.len ? access : (struct str){0}, sources.len ? sources : (struct str){0}, &e))
		must(e.code != ERR_NONE);
	else
		must(set.damaged || digest_eq(next.id, set.id)); /* the same documents are the same set */
}

/* --- who this Pi is --- */

static void config(const struct room *r, struct str body)
{
	const struct store s = store_of(r);
	cleanup(config_free) struct config c = {0}, again = {0};
	cleanup(origins_free) struct origins from = {0};
	cleanup(buf_free) struct buf first = {0}, second = {0};
	struct err e = {0};

	room_put(r, "agent.json", body);
	if (!config_load(&c, r->path, NULL, &e)) {
		must(e.code != ERR_NONE);
		return;
	}
	must(c.id && c.plan && c.trials_per_day > 0 && c.serve && c.state && !c.damaged);
	must(config_save(&c, &e) && fs_read(&first, r->dir, "agent.json", &e) && config_load(&again, r->path, NULL, &e));
	must(config_save(&again, &e) && fs_read(&second, r->dir, "agent.json", &e) && str_eq(buf_str(&first), buf_str(&second)));
	if (!access_sources(&from, &s, &c, &e))
		must(e.code != ERR_NONE);
}

/* --- links --- */

static void links(const struct room *r, struct str body)
{
	static const char *const at[] = {"current", "agent/current", "access/current"};
	const struct store s = store_of(r);
	struct digest release, bundle, set;
	cleanup(free_ptr) char *target = str_dup(body);
	struct err e = {0};

	must(mkdirat(r->dir, "agent", 0755) == 0 && mkdirat(r->dir, "access", 0755) == 0);
	for (size_t i = 0; i < COUNT_OF(at); i++)
		if (symlinkat(target, r->dir, at[i]) != 0)
			return; /* the kernel wants none that is empty or long */
	if (release_current(&release, &s, &e))
		must(strlen(target) == strlen("releases/") + DIGEST_HEX && !strchr(target + strlen("releases/"), '/'));
	if (linked_current(&bundle, &s, &e))
		must(strlen(target) == strlen("../trees/") + DIGEST_HEX && !strchr(target + strlen("../trees/"), '/'));
	if (access_current(&set, &s, &e))
		must(digest_zero(set) || strlen(target) == DIGEST_HEX);
}

/* --- what it stated, and what runs --- */

static void receipts(const struct room *r, struct str rest)
{
	const struct store s = store_of(r);
	cleanup(buf_free) struct buf newest = {0};
	struct digest digest = {0}, last;
	int64_t count = 0, number;
	struct err e = {0};

	must(mkdirat(r->dir, "receipts", 0755) == 0);
	while (rest.len && count < RECEIPTS_KEPT) {
		struct str sealed = room_part(&rest);
		char file[32];
		snprintf(file, sizeof file, "receipts/%lld.json", (long long)++count);
		room_put(r, file, sealed);
		digest = receipt_digest(sealed);
	}
	int64_t damaged = receipts_damaged(&s, count, digest);
	must(damaged >= 0 && damaged <= count);
	receipts_last(&number, &last, &s);
	must(number == count && (!count || digest_eq(last, digest)));
	must(!count || receipts_newest(&newest, &s, count, &e));
}

/* Both copies of the ledger are lost: it is made anew of receipts, each under the number on its first line, signed by the host where the
 * next letter is an 's'. */
static void regained(const struct room *r, struct str rest)
{
	static const char key_file[] = "# fleet public key: ed25519 cecc1507dc1ddd7295951c290888f095adb9044d1b73d696e6df065d683bd4fc\n"
				       "-----BEGIN PRIVATE KEY-----\n"
				       "MC4CAQAwBQYDK2VwBCIEIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
				       "-----END PRIVATE KEY-----\n";
	static const uint8_t seed[32] = {1};
	const struct store s = store_of(r);
	cleanup(secret_free) struct secret_key *key = NULL;
	cleanup(ledger_free) struct ledger l = {0}, again = {0};
	bool said = false;
	struct err e = {0};

	must(mkdirat(r->dir, "receipts", 0700) == 0 && secret_of_seed(&key, seed, &e));
	room_put(r, "receipts/key", str_of(key_file));
	while (rest.len) {
		struct str text, line, behind, number = str_cut(room_part(&rest), '\n', &text);
		cleanup(buf_free) struct buf sealed = {0};
		char file[64];
		line = str_cut(text.len ? str_bytes(text.data + 1, text.len - 1) : STR(""), '\n', &behind);
		if (!text.len || text.data[0] != 's' || !receipt_seal(&sealed, line, key, &e))
			buf_add(&sealed, text);
		snprintf(file, sizeof file, "receipts/" STR_FMT ".json", (int)MIN(number.len, (size_t)20), number.data ? number.data : "");
		if (!strchr(file + strlen("receipts/"), '/'))
			room_put(r, file, buf_str(&sealed));
	}
	must(regain_ledger(&l, &said, &s, &e) && l.receipt >= 0 && l.receipt <= RECEIPT_NUMBER_MAX && !l.has_attempt);
	must(l.guilty.count <= RECEIPTS_KEPT && l.held.count <= RECEIPTS_KEPT && !l.has_previous); /* no release is there */
	must(ledger_save(&l, &s, &e) && ledger_load(&again, &s, &e) && again.receipt == l.receipt && again.guilty.count == l.guilty.count);
}

static void release(const struct room *r, struct str body)
{
	const struct store s = store_of(r);
	cleanup(release_close) struct release open = {0};
	cleanup(buf_free) struct buf text = {0};
	struct digest id = manifest_id(body);
	char hex[DIGEST_HEX + 1], path[2 * DIGEST_HEX], file[3 * DIGEST_HEX];
	struct err e = {0};

	digest_hex(hex, id);
	snprintf(path, sizeof path, "releases/%s", hex);
	must(mkdirat(r->dir, "releases", 0755) == 0 && mkdirat(r->dir, path, 0755) == 0);
	snprintf(file, sizeof file, "%s/manifest.json", path);
	room_put(r, file, body);
	must(release_manifest(&text, &s, id, &e) && str_eq(buf_str(&text), body));
	must(!release_open(&open, &s, id, &e) && !open.tree); /* there is no tree */
	room_put(r, file, STR("rotten"));
	must(!release_manifest(&text, &s, id, &e));
}

static void (*const kinds[])(const struct room *r, struct str body) = {
	guard, ledger, pull_state, pull_last, lease, floor_of, set_in_force, config, links, receipts, release, regained,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct room r;

	if (size < 1)
		return 0;
	room_make(&r);
	kinds[data[0] % COUNT_OF(kinds)](&r, str_bytes(data + 1, size - 1));
	room_end(&r);
	return 0;
}
