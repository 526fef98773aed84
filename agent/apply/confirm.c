/* The word that a trial waits for: it can only be said by who came in over a new connection. */
#include "agent/apply/confirm.h"

#include "agent/apply/steps.h"
#include "base/hex.h"

enum { CONFIRM_POLL_MS = 200, NONCE_BYTES = 16 };

static bool make_nonce(struct apply *a, struct err *e)
{
	uint8_t bytes[NONCE_BYTES];
	char hex[2 * NONCE_BYTES + 1];

	if (a->ledger.attempt.nonce)
		return true;
	random_bytes(bytes, sizeof bytes);
	hex_write(hex, bytes, sizeof bytes);
	a->ledger.attempt.nonce = str_dup(str_of(hex));
	if (!fs_remove(a->store->dir, "confirm", e) || !apply_save(a, e))
		return false;
	apply_tell(a, 0, 0, "waiting to be reached over a new connection");
	return true;
}

static bool was_confirmed(const struct apply *a)
{
	cleanup(buf_free) struct buf text = BUF_MAX(KIB);
	struct err e;

	return fs_read(&text, a->store->dir, "confirm", &e) &&
	       str_is(str_trim(buf_str(&text)), a->ledger.attempt.nonce);
}

enum apply_say confirm_wait(struct apply *a, const char *missing, struct err *e)
{
	if (!make_nonce(a, e))
		return APPLY_FAILED;
	if (was_confirmed(a))
		return APPLY_DONE;
	if (attempt_left_ms(&a->ledger.attempt) > 0)
		return steps_wait(a, CONFIRM_POLL_MS);
	struct receipt_check *c = apply_extra_check(a, "confirm", CHECK_PATH);
	c->before = CHECK_GREEN;
	c->after = CHECK_RED;
	health_say(c, "%s", missing);
	return steps_red(c, e);
}
