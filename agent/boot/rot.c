/* What else lies on the disk of this Pi. */
#include "agent/boot/rot.h"

#include <stdarg.h>
#include <stdio.h>

#include "agent/guard/record.h"
#include "agent/pull/memory.h"
#include "agent/store/access.h"
#include "agent/store/receipts.h"
#include "agent/store/trustdir.h"
#include "base/clock.h"
#include "base/hex.h"

struct rot {
	char *told;
	size_t size;
	const struct config *config;
	const struct store *store;
	struct ledger *ledger; /* NULL: lost */
};

static void tell(struct rot *r, const char *form, ...) printf_like(2, 3);
static void tell(struct rot *r, const char *form, ...)
{
	size_t len = strlen(r->told);
	va_list args;

	va_start(args, form);
	vsnprintf(r->told + len, r->size - len, form, args);
	va_end(args);
}

static bool check_ledger(struct rot *r, struct err *e)
{
	const char *damaged = ledger_damaged(r->store);

	if (!r->ledger)
		return err_set(e, ERR_IO, "the state cannot be read: nothing new is tried");
	if (!damaged)
		return true;
	if (!ledger_save(r->ledger, r->store, e))
		return err_in(e, "%s is damaged", damaged);
	tell(r, "; %s was damaged, and made again", damaged);
	return true;
}

/* Only root can write there. */
static bool check_config(struct rot *r, struct err *e)
{
	(void)e;
	if (r->config->damaged)
		tell(r, "; " CONFIG_FILE " is damaged (%.200s): its copy of the enrolment, " CONFIG_FILE ".2, is used", r->config->damaged);
	return true;
}

static bool check_access(struct rot *r, struct err *e)
{
	cleanup(access_set_free) struct access_set set = {0};
	bool healed;

	if (!access_open(&set, r->store, e))
		return false;
	if (set.damaged)
		tell(r, "; access/current is damaged: the next poll or push brings it again");
	if (!access_heal(&healed, r->store, r->config, e))
		return err_in(e, "access/current");
	if (healed)
		tell(r, "; access/current/authorized_keys was damaged, and made again");
	return true;
}

static bool check_trust(struct rot *r, struct err *e)
{
	cleanup(buf_free) struct buf names = BUF_MAX(KIB);

	if (!trustdir_damaged(&names, r->store, r->config, e))
		return err_in(e, "nothing new is taken: trust");
	if (names.len)
		tell(r, "; trust: damaged, and asked for again: " STR_FMT, STR_ARG(buf_str(&names)));
	return true;
}

static bool check_pull(struct rot *r, struct err *e)
{
	(void)e;
	if (pull_state_damaged(r->store))
		tell(r, "; pull.json is damaged: the next poll begins it anew");
	return true;
}

static bool has_trial(const struct guard_record *r)
{
	return *r->trial[GUARD_RELEASE].back || *r->trial[GUARD_AGENT].back;
}

/* With nothing on trial there is nothing to lead back to. */
static bool check_guard(struct rot *r, struct err *e)
{
	cleanup(fd_close) int turn = -1;
	struct guard_record found;
	struct err why;

	if (!r->ledger || !fs_exists(r->store->dir, GUARD_FILE))
		return true;
	if (guard_read(&found, r->store->dir, &why)) {
		if (!has_trial(&found))
			return true;
		if (!guard_end(r->store->dir, GUARD_RELEASE, e) || !guard_end(r->store->dir, GUARD_AGENT, e))
			return err_in(e, GUARD_FILE);
		tell(r, "; guard had a trial that nobody knows of: it is over");
		return true;
	}
	if (!guard_turn(&found, &turn, r->store->dir, e) || !guard_write(&found, r->store->dir, e))
		return err_in(e, GUARD_FILE);
	tell(r, "; guard was damaged, and made again");
	return true;
}

/* Bytes of a key that rotted may well be another key. */
static bool is_other_key(const struct rot *r)
{
	cleanup(buf_free) struct buf text = {0};
	cleanup(receipt_free) struct receipt newest = {0};
	char key[DIGEST_HEX + 1], sealed[DIGEST_HEX + 1];
	struct err e;

	if (!receipts_key(key, r->store, &e))
		return true;
	if (!receipts_bytes(&text, r->store, r->ledger->receipt, &e) || !receipt_read(&newest, buf_str(&text), &e))
		return false;
	hex_write(sealed, newest.key, sizeof newest.key);
	return strcmp(key, sealed) != 0;
}

static bool check_receipts(struct rot *r, struct err *e)
{
	int64_t damaged = r->ledger ? receipts_damaged(r->store, r->ledger->receipt, r->ledger->receipt_digest) : 0;

	(void)e;
	if (damaged)
		tell(r, "; receipts/%lld.json is damaged: it stays a gap in what this host stated", (long long)damaged);
	if (r->ledger && r->ledger->receipt && is_other_key(r))
		tell(r, "; receipts/key is not what sealed the newest receipt: another signs from now on");
	return true;
}

void rot_check(char *told, size_t size, const struct config *c, const struct store *s, struct ledger *l)
{
	static bool (*const checks[])(struct rot *, struct err *) = {
		check_ledger, check_config, check_access, check_trust, check_pull, check_guard, check_receipts};
	struct rot r = {told, size, c, s, l};

	for (size_t i = 0; i < COUNT_OF(checks); i++) {
		struct err e;
		if (!checks[i](&r, &e))
			tell(&r, "; %s", e.text);
	}
}
