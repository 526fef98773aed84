/* The orders that change what runs: update and undo. They hold the store's lock, which apply inherits. */
#include <stdlib.h>
#include <time.h>

#include "agent/apply/apply.h"
#include "agent/receive/orders.h"
#include "agent/receive/papers.h"
#include "agent/receive/payload.h"
#include "agent/store/lease.h"
#include "agent/store/staging.h"

enum { LOCK_TRIES = 10, LOCK_NAP_MS = 20 };

/* --- the lock --- */

static bool busy(const struct follow *f, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};
	char text[256];

	if (!ledger_load(&l, f->store, e))
		return false;
	if (!l.has_attempt)
		return err_set(e, ERR_BUSY, "another session is sending an update");
	apply_busy_text(text, &l);
	return err_set(e, ERR_BUSY, "%s", text);
}

/* Followers look at the lock for a moment: that is not busy yet. An attempt that nobody works on is taken up on the
 * way. */
static bool take_lock(int *lock, struct ledger *l, const struct follow *f, struct err *e)
{
	static const struct timespec nap = {.tv_nsec = LOCK_NAP_MS * 1000000L};
	cleanup(fd_close) int fd = -1;
	bool taken = false;

	for (int i = 0; i < LOCK_TRIES && !taken; i++) {
		if (i)
			nanosleep(&nap, NULL);
		if (!store_lock(&fd, &taken, f->store, e))
			return false;
	}
	if (!taken)
		return busy(f, e);
	if (!ledger_load(l, f->store, e))
		return false;
	if (l->has_attempt)
		return follow_launch(f, fd, e) && busy(f, e);
	*lock = fd;
	fd = -1;
	return true;
}

static bool start_and_follow(const struct follow *f, int *lock, struct err *e)
{
	if (!follow_launch(f, *lock, e))
		return false;
	fd_close(lock);
	return follow_apply(f, e);
}

/* --- update --- */

static bool check_marks(const struct ledger *l, const struct order *o, struct err *e)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, o->release);
	if (marks_has(&l->guilty, o->release))
		return err_set(e, ERR_REFUSED,
			"release %.12s was tried and found guilty; `fleet-agent allow %.12s` on the host lets it in",
			hex, hex);
	if (marks_has(&l->held, o->release))
		return err_set(e, ERR_REFUSED,
			"release %.12s was taken back and is held; `fleet-agent allow %.12s` on the host lets it in",
			hex, hex);
	return true;
}

static bool read_papers(
	struct permitted *out, const struct follow *f, const struct order *o, int64_t number, struct err *e)
{
	cleanup(papers_free) struct papers p = {.order = o, .store = f->store, .plan = f->config->plan};
	cleanup(trust_free) struct trust *t = NULL;
	struct frame sent = {0};

	if (o->papers.count && !session_expect(f->session, &sent, FRAME_PAPERS, e))
		return false;
	return papers_read(&p, sent.body, e) && trustdir_open(&t, f->store, f->config, clock_now(), e) &&
	       papers_obey(t, &p, e) && papers_permit(out, t, &p, number, e);
}

static char *copy(const char *text)
{
	return text ? str_dup(str_of(text)) : NULL;
}

static void note_attempt(struct ledger *l, const struct follow *f, const struct order *o, const struct permitted *m)
{
	l->attempt = (struct attempt){
		.release = o->release,
		.payload = o->payload,
		.payload_sha256 = o->payload_sha256,
		.payload_length = o->payload_length,
		.base = o->base,
		.who = copy(o->who),
	};
	l->attempt.receipt.rollout = copy(o->rollout);
	l->attempt.receipt.release_number = m->manifest.number;
	l->attempt.receipt.bytes_in = (int64_t)f->session->bytes_in;
}

static bool current_number(int64_t *out, const struct store *s, struct digest current, struct err *e)
{
	cleanup(release_close) struct release r = {0};

	if (!release_open(&r, s, current, e))
		return false;
	*out = r.manifest.number;
	return true;
}

static bool stage(
	struct permitted *m, const struct follow *f, const struct order *o, struct digest current, struct err *e)
{
	int64_t number;

	return current_number(&number, f->store, current, e) && read_papers(m, f, o, number, e) &&
	       payload_check(f->store, o, &m->manifest, e) &&
	       payload_receive(f->session, f->store, o, &m->manifest, e) &&
	       staging_manifest_save(f->store, o->release, buf_str(&m->bytes), e);
}

bool order_update(const struct follow *f, const struct order *o, struct err *e)
{
	cleanup(permitted_free) struct permitted m = {0};
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(fd_close) int lock = -1;
	struct digest current;

	if (!take_lock(&lock, &l, f, e) || !release_current(&current, f->store, e))
		return false;
	if (digest_eq(current, o->release))
		return follow_receipt(f, e);
	if (!check_marks(&l, o, e) || !lease_take(f->store, o->rollout, o->who, o->lease_ms, o->take, e))
		return false;
	if (!stage(&m, f, o, current, e))
		return false;
	note_attempt(&l, f, o, &m);
	permitted_free(&m);
	return apply_begin(&l, f->config, f->store, STEP_FETCH, e) && start_and_follow(f, &lock, e);
}

/* --- undo --- */

bool order_undo(const struct follow *f, const struct order *o, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(fd_close) int lock = -1;

	if (!take_lock(&lock, &l, f, e) || !lease_take(f->store, o->rollout, o->who, o->lease_ms, o->take, e))
		return false;
	return apply_begin_undo(&l, f->config, f->store, o->rollout, o->who, e) && start_and_follow(f, &lock, e);
}
