/* Staying with an apply until it has ended. */
#include "agent/receive/follow.h"

#include <time.h>

#include "agent/apply/progress.h"
#include "agent/receive/said.h"
#include "agent/store/receipts.h"

enum {
	NAP_MIN_MS = 5, /* a short trial is not made longer by us, a long one not disturbed */
	NAP_MAX_MS = 200,
	SAY_MS = 200, /* lines that come close together go in one packet */
	TELL_MS = 10 * 1000,
	RESTARTS_MAX = 3,
};

struct at {
	uint64_t offset; /* in progress */
	int64_t told_ms;
	int restarts;
	bool ended;
};

bool follow_receipt(const struct follow *f, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(buf_free) struct buf receipt = {0};
	cleanup(buf_free) struct buf out = {0};

	if (!ledger_load(&l, f->store, e) || !receipts_newest(&receipt, f->store, l.receipt, e))
		return false;
	frame_write(&out, FRAME_RECEIPT, buf_str(&receipt));
	return buf_ok(&out, e) && session_send(f->session, buf_str(&out), e);
}

static bool send_lines(const struct follow *f, struct at *at, struct err *e)
{
	cleanup(buf_free) struct buf lines = BUF_MAX(64 * KIB);
	cleanup(buf_free) struct buf out = BUF_MAX(128 * KIB);

	progress_read(&lines, f->store, &at->offset);
	for (struct str rest = buf_str(&lines); rest.len;) {
		struct str line = str_cut(rest, '\n', &rest);
		frame_write(&out, FRAME_STATE, line);
	}
	if (!out.len)
		return true;
	at->told_ms = clock_boot_ms();
	return buf_ok(&out, e) && session_send(f->session, buf_str(&out), e);
}

static bool send_step(const struct follow *f, struct at *at, const struct ledger *l, struct err *e)
{
	cleanup(free_ptr) char *step = str_dup(str_of(step_words[l->step]));
	bool asks = l->step == STEP_CONFIRM;
	struct state say = {
		.step = step,
		.left_ms = attempt_left_ms(&l->attempt),
		.nonce = asks ? l->attempt.nonce : NULL,
	};

	at->told_ms = clock_boot_ms();
	return session_state(f->session, &say, e);
}

bool follow_launch(const struct follow *f, int lock, struct err *e)
{
	said_clear(f->said);
	return f->launch(f->config, f->store, lock, f->said, e);
}

static bool gave_up(const struct follow *f, struct err *e)
{
	cleanup(buf_free) struct buf why = {0};

	if (!said_last(&why, f->said))
		buf_text(&why, "it said nothing");
	return err_set(e, ERR_FAILED, "apply ended %d times before it was done: " STR_FMT "; the next start goes on",
		RESTARTS_MAX + 1, STR_ARG(buf_str(&why)));
}

/* It was killed: what it began is taken up again, but not for ever. */
static bool take_up(const struct follow *f, struct at *at, struct err *e)
{
	cleanup(fd_close) int lock = -1;
	bool taken;

	if (!store_lock(&lock, &taken, f->store, e))
		return false;
	if (!taken)
		return true;
	if (at->restarts++ == RESTARTS_MAX)
		return gave_up(f, e);
	return follow_launch(f, lock, e);
}

static bool look(const struct follow *f, struct at *at, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};
	bool running = store_is_locked(f->store);

	if (running && clock_boot_ms() - at->told_ms < SAY_MS)
		return true;
	if (!send_lines(f, at, e))
		return false;
	if (running && clock_boot_ms() - at->told_ms < TELL_MS)
		return true;
	if (!ledger_load(&l, f->store, e))
		return false;
	if (running)
		return l.has_attempt ? send_step(f, at, &l, e) : true;
	at->ended = !l.has_attempt;
	return at->ended || take_up(f, at, e);
}

static void nap(int64_t began_ms)
{
	int64_t ms = MIN(NAP_MIN_MS + (clock_boot_ms() - began_ms) / 16, (int64_t)NAP_MAX_MS);
	struct timespec t = {.tv_nsec = (long)(ms * 1000000)};

	nanosleep(&t, NULL);
}

bool follow_apply(const struct follow *f, struct err *e)
{
	int64_t began_ms = clock_boot_ms();
	struct at at = {.told_ms = began_ms};
	cleanup(ledger_free) struct ledger l = {0};

	if (!ledger_load(&l, f->store, e))
		return false;
	while (l.has_attempt && !at.ended) {
		if (!look(f, &at, e))
			return false;
		if (!at.ended)
			nap(began_ms);
	}
	return follow_receipt(f, e);
}
