/* Another agent. It is linked when it has passed its own test, and stays when it has answered over a new connection: by then the
 * launcher started it, it read the state, it spoke to a source or a controller, and it writes the receipt itself. Who goes back
 * where it cannot even start: the launcher and guard. */
#include <fcntl.h>

#include "agent/apply/alive.h"
#include "agent/apply/confirm.h"
#include "agent/apply/steps.h"
#include "agent/boot/heal.h"
#include "agent/guard/record.h"
#include "agent/store/linked.h"
#include "agent/store/staging.h"
#include "base/proc.h"
#include "base/version.h"

enum {
	TEST_MS = 2 * 60 * 1000,
	GUARD_SLACK_MS = 10 * 60 * 1000, /* apply's own deadlines come first */
	SAID_MAX = 2 * KIB,
	OFTEN_MS = 2 * 60 * 1000, /* probes that can be waited for */
	ALIVE_POLL_MS = 1000,
};
#define ALIVE "alive"

bool apply_begin_program(struct ledger *l, const struct config *c, const struct store *s, const struct program *p,
	struct str document, struct err *e)
{
	struct digest id = digest_of(document);

	l->attempt.self = true;
	l->attempt.release = id;
	l->attempt.worked = true; /* whoever brought it has come somehow */
	l->attempt.receipt.self = true;
	l->attempt.receipt.release_number = p->number;
	return staging_manifest_save(s, id, document, e) && apply_begin(l, c, s, STEP_FETCH, e);
}

static enum apply_say red(struct apply *a, const char *check, const char *text, struct err *e)
{
	struct receipt_check *c = apply_extra_check(a, check, CHECK_LOCAL);

	c->after = CHECK_RED;
	health_say(c, "%s", text);
	return steps_red(c, e);
}

/* --- swap --- */

/* By the new program, in a folder of its own. */
static bool passes_its_test(struct apply *a, const char *tree, struct buf *said, struct err *e)
{
	cleanup(free_ptr) char *program = path_form("%s/" PROGRAM_AGENT, tree);
	char version[VERSION_SIZE];
	char *argv[] = {program, (char *)"self-test", (char *)"--as", version, (char *)"--config-dir", a->config->dir,
		(char *)"--state-dir", a->store->path, NULL};
	struct proc_job job = {.argv = argv, .cwd = -1, .timeout_ms = TEST_MS, .output_max = SAID_MAX};
	struct proc_end end = {0};

	version_text(version, a->ledger.attempt.receipt.release_number);
	if (!proc_run(&end, &job, e))
		return false;
	*said = end.output;
	return (!end.timed_out && end.status == 0) || err_set(e, ERR_FAILED, "its self-test %s",
		end.timed_out ? "does not end" : "fails");
}

static bool says_its_version(struct apply *a, const char *tree, struct err *e)
{
	cleanup(free_ptr) char *file = path_form("%s/" PROGRAM_VERSION, tree);
	cleanup(buf_free) struct buf text = BUF_MAX(VERSION_SIZE);
	int64_t number;

	if (!fs_read(&text, AT_FDCWD, file, e) || !version_read(&number, str_trim(buf_str(&text)), e))
		return false;
	return number == a->ledger.attempt.receipt.release_number ||
	       err_set(e, ERR_FOREIGN, "its bundle says version " STR_FMT, STR_ARG(str_trim(buf_str(&text))));
}

static enum apply_say test(struct apply *a, struct digest bundle, struct err *e)
{
	cleanup(buf_free) struct buf said = {0};
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, bundle);
	cleanup(free_ptr) char *tree = path_form("%s/trees/%s", a->store->path, hex);
	apply_tell(a, 0, 0, "the new agent tests itself");
	if (says_its_version(a, tree, e) && passes_its_test(a, tree, &said, e))
		return APPLY_DONE;
	cleanup(free_ptr) char *text = path_form("%s: " STR_FMT, e->text, STR_ARG(str_trim(buf_str(&said))));
	return red(a, "self-test", text, e);
}

/* Whether the plan's probes live, which run as the linked agent. */
static bool is_alive(struct buf *wrong, struct apply *a, int64_t since_ms)
{
	cleanup(release_close) struct release r = {0};
	struct digest current;
	struct err e;

	if (release_current(&current, a->store, &e) && release_open(&r, a->store, current, &e))
		return alive_look(wrong, a->config, &r, since_ms, OFTEN_MS);
	buf_text(wrong, e.text);
	return false;
}

/* Where nobody ran them before, that is not the new agent's fault. */
static void look_before(struct apply *a)
{
	cleanup(buf_free) struct buf unheard = BUF_MAX(SAID_MAX);

	if (is_alive(&unheard, a, 0))
		apply_extra_check(a, ALIVE, CHECK_LOCAL)->before = CHECK_GREEN;
}

static bool link_it(struct apply *a, struct digest bundle, struct err *e)
{
	struct guard_trial trial = {.left_ms = PROGRAM_CONFIRM_MS + GUARD_SLACK_MS, .starts = GUARD_STARTS};
	enum heal_agent found;

	if (!heal_linked(&found, a->store, e) || !linked_current(&a->ledger.attempt.from, a->store, e))
		return false;
	linked_way(trial.back, sizeof trial.back, a->ledger.attempt.from);
	look_before(a);
	a->ledger.attempt.swapped_ms = clock_boot_ms();
	return apply_save(a, e) && guard_begin(a->store->dir, GUARD_AGENT, &trial, e) &&
	       linked_swap(a->store, bundle, e);
}

enum apply_say program_step_swap(struct apply *a, struct err *e)
{
	cleanup(tried_free) struct tried tried = {0};
	struct digest linked;

	if (!tried_open(&tried, a, e) || !linked_current(&linked, a->store, e))
		return APPLY_FAILED;
	if (!digest_eq(linked, tried.bundle.sha256)) {
		enum apply_say tested = test(a, tried.bundle.sha256, e);
		if (tested != APPLY_DONE)
			return tested;
		if (!link_it(a, tried.bundle.sha256, e))
			return APPLY_FAILED;
	}
	a->hand_over = !linked_is_us(a->store, tried.bundle.sha256);
	return APPLY_DONE;
}

/* --- confirm --- */

static struct receipt_check *find_alive(struct apply *a)
{
	struct list *checks = &a->ledger.attempt.receipt.checks;
	struct receipt_check *c = checks->items;

	for (size_t i = 0; i < checks->count; i++)
		if (strcmp(c[i].name, ALIVE) == 0)
			return &c[i];
	return NULL;
}

/* An agent that is reached but runs no probe leaves the plan blind. */
static enum apply_say wait_alive(struct apply *a, struct err *e)
{
	cleanup(buf_free) struct buf wrong = BUF_MAX(SAID_MAX);
	struct receipt_check *c = find_alive(a);

	if (!c)
		return APPLY_DONE;
	if (is_alive(&wrong, a, a->ledger.attempt.swapped_ms)) {
		c->after = CHECK_GREEN;
		return APPLY_DONE;
	}
	if (attempt_left_ms(&a->ledger.attempt) > 0)
		return steps_wait(a, ALIVE_POLL_MS);
	return red(a, ALIVE, wrong.data ? wrong.data : "", e);
}

enum apply_say program_step_confirm(struct apply *a, struct err *e)
{
	cleanup(tried_free) struct tried tried = {0};
	struct digest linked;

	if (!tried_open(&tried, a, e) || !linked_current(&linked, a->store, e))
		return APPLY_FAILED;
	if (!digest_eq(linked, tried.bundle.sha256))
		return red(a, "starts", "it did not come through its first starts, or was not heard of in time", e);
	if (a->ledger.attempt.boots_left == 0)
		return red(a, "reboots", "the host was restarted again and again during the trial", e);
	enum apply_say reached = confirm_wait(a, "nobody reached it over a new connection before the deadline", e);
	return reached == APPLY_DONE ? wait_alive(a, e) : reached;
}

/* --- the end --- */

enum apply_say program_step_commit(struct apply *a, struct err *e)
{
	(void)e;
	marks_drop(&a->ledger.guilty, a->ledger.attempt.release);
	steps_end(a, VERDICT_PASS, "the new agent runs, and was reached over a new connection");
	return APPLY_DONE;
}

static bool is_guilty(const struct list *checks)
{
	const struct receipt_check *c = checks->items;

	for (size_t i = 0; i < checks->count; i++)
		if (c[i].after == CHECK_RED && c[i].class == CHECK_LOCAL)
			return true;
	return false;
}

/* It did not start, or failed its test: guilty. That nobody reached it may have been the network. */
enum apply_say program_step_back(struct apply *a, struct err *e)
{
	struct attempt *t = &a->ledger.attempt;
	bool guilty = is_guilty(&t->receipt.checks);

	if (!linked_swap(a->store, t->from, e))
		return APPLY_FAILED;
	apply_tell(a, 0, 0, "the agent before is linked again");
	if (guilty)
		marks_add(&a->ledger.guilty, t->release);
	if (health_first_red(&t->receipt.checks))
		steps_end(a, guilty ? VERDICT_FAIL : VERDICT_ENVIRONMENT, NULL);
	return APPLY_DONE;
}
