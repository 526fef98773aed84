/* How many trials may still be begun from outside. */
#include "agent/store/quota.h"

enum { MINUTE_MS = 60 * 1000, DAY_MS = 24 * 60 * MINUTE_MS };

/* What has come back since it was last counted. The remainder stays: counting often loses nothing. */
static void give_back(struct quota *q, int64_t part_ms, int64_t boot_ms, const char *boot)
{
	bool same_boot = q->boot && str_is(str_of(q->boot), boot) && q->since_ms <= boot_ms;

	if (!same_boot) {
		free_ptr(&q->boot);
		q->boot = str_dup(str_of(boot));
		q->since_ms = boot_ms;
		return;
	}
	int64_t back = MIN((boot_ms - q->since_ms) / part_ms, q->taken);
	q->taken -= back;
	q->since_ms = q->taken ? q->since_ms + back * part_ms : boot_ms;
}

bool quota_take(struct ledger *l, int64_t a_day, int64_t boot_ms, const char *boot, struct err *e)
{
	struct quota *q = &l->quota;
	int64_t part_ms = DAY_MS / a_day;

	give_back(q, part_ms, boot_ms, boot);
	if (q->taken >= a_day)
		return err_set(e, ERR_REFUSED,
			"%lld trials were begun here within a day, and agent.json allows no more (trials_per_day); "
			"the next in %lld min",
			(long long)q->taken, (long long)((q->since_ms + part_ms - boot_ms) / MINUTE_MS + 1));
	q->taken++;
	l->has_quota = true;
	return true;
}
