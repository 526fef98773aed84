/* What every trial from outside begins with. */
#include "agent/take/begin.h"

#include <time.h>

#include "agent/store/bundle.h"

enum { LOCK_TRIES = 10, LOCK_NAP_MS = 20, RESERVE = 1 * MIB, OVERHEAD = 64 * KIB };

bool begin_lock(int *lock, bool *taken, const struct store *s, struct err *e)
{
	static const struct timespec nap = {.tv_nsec = LOCK_NAP_MS * 1000000L};

	*taken = false;
	for (int i = 0; i < LOCK_TRIES && !*taken; i++) {
		if (i)
			nanosleep(&nap, NULL);
		if (!store_lock(lock, taken, s, e))
			return false;
	}
	return true;
}

bool begin_allowed(const struct ledger *l, struct digest release, struct err *e)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, release);
	if (marks_has(&l->guilty, release))
		return err_set(e, ERR_REFUSED,
			"release %.12s was tried and found guilty; `fleet-agent allow %.12s` on the host lets it in",
			hex, hex);
	if (marks_has(&l->held, release))
		return err_set(e, ERR_REFUSED,
			"release %.12s was taken back and is held; `fleet-agent allow %.12s` on the host lets it in",
			hex, hex);
	return true;
}

int64_t begin_payload_most(const struct bundle_named *b)
{
	return b->length + b->length / 128 + OVERHEAD;
}

bool begin_room(const struct store *s, const struct bundle_named *b, int64_t rest, struct err *e)
{
	int64_t room = bundle_has(s, b->sha256) ? 0 : b->length;

	return store_needs(s, (uint64_t)(rest + room + b->length + RESERVE), "this update", e);
}
