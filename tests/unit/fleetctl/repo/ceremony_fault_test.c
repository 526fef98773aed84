/* The power goes off before every durable operation of a collected signing, one after the other: a reader has the old
 * repository or the new one, both whole, and collecting once more ends in the new one. Runs in a build with
 * FLEET_FAULT. */
#include "base/fault.h"
#include "tests/unit/fleetctl/repo/yard.h"

#ifdef FLEET_FAULT
#include <sys/wait.h>
#include <unistd.h>

#include "fleetctl/repo/collect.h"
#include "fleetctl/repo/keyset_edit.h"
#include "fleetctl/repo/transcript.h"

enum { OPERATIONS_MAX = 400 };

static void must(bool good, const struct yard *y)
{
	if (!good)
		fail_msg("%s", y->why.text);
}

/* In the process that may die: as `sign --collect` with one answer. */
static bool collect(struct yard *y, const char *request, const char *answer, struct err *e)
{
	struct sign_release release = {&y->manifest[0], y->tar[0]};
	struct buf asked = BUF_MAX(REQUEST_MAX), answered = BUF_MAX(ANSWER_MAX), notes = {0};
	struct signers here = {0};
	struct request r = {0};
	struct sign *s = NULL;
	char *log = path_form("%s/" TRANSCRIPT_FILE, y->fleet);
	const struct transcript_step step = {"sign --collect", STR("x"), NULL, NULL};

	bool good = fs_read(&asked, AT_FDCWD, request, e) && fs_read(&answered, AT_FDCWD, answer, e) &&
		    request_read(&r, buf_str(&asked), e) && answer_add(&r, &notes, buf_str(&answered), e) &&
		    signers_open(&here, y->keys, "", NULL, NULL, e);
	struct sign_job job = {
		.fleet_dir = y->fleet, .release = &release, .releases = 1, .now = y->now, .asked = r.sign};
	good = good && sign_compute(&s, &job, &here, e) && collect_take(s, &r, e) && sign_seal(s, &here, e) &&
	       transcript_add(log, &step, e) && sign_put(s, e);
	sign_free(&s);
	signers_free(&here);
	request_free(&r);
	buf_free(&asked);
	buf_free(&answered);
	buf_free(&notes);
	free(log);
	return good;
}

/* FAULT_STATUS: it died; 0: it was done. */
static int run_until(struct yard *y, const char *request, const char *answer, int at)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct err e = {0};
		char number[16];
		snprintf(number, sizeof number, "%d", at);
		setenv("FLEET_FAULT_AT", number, 1);
		if (collect(y, request, answer, &e))
			_exit(0);
		fprintf(stderr, "collect: %s\n", e.text);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void write_request(struct yard *y, const char *bob, const char *request, const char *answer)
{
	struct sign_release release = {&y->manifest[0], y->tar[0]};
	struct sign_job job = {.fleet_dir = y->fleet, .release = &release, .releases = 1, .now = y->now};
	struct buf bytes = BUF_MAX(REQUEST_MAX);
	struct signers here = {0}, there = {0};
	struct request r = {0};
	struct sign *s = NULL;

	must(signers_open(&here, y->keys, "", NULL, NULL, &y->why) &&
			signers_open(&there, bob, "", NULL, NULL, &y->why) && sign_compute(&s, &job, NULL, &y->why) &&
			request_compose(&bytes, s, &here, "tower", NULL, 0, y->now, &y->why) &&
			request_read(&r, buf_str(&bytes), &y->why) && sign_part(r.sign, &here, &y->why),
		y);
	buf_clear(&bytes);
	request_write(&bytes, &r);
	must(fs_write(AT_FDCWD, request, buf_str(&bytes), 0644, &y->why) && sign_part(r.sign, &there, &y->why), y);
	buf_clear(&bytes);
	answer_write(&bytes, &r);
	must(fs_write(AT_FDCWD, answer, buf_str(&bytes), 0644, &y->why), y);
	sign_free(&s);
	request_free(&r);
	signers_free(&here);
	signers_free(&there);
	buf_free(&bytes);
}

static void a_power_cut_leaves_the_old_or_the_new_repository_and_collecting_again_ends_it(void **state)
{
	(void)state;
	cleanup(yard_free) struct yard y;
	yard_make(&y);
	yard_keys(&y);
	cleanup(free_ptr) char *bob = path_form("%s/bob", y.top);
	cleanup(free_ptr) char *request = path_form("%s/request", y.top);
	cleanup(free_ptr) char *answer = path_form("%s/answer", y.top);
	char *keys = y.keys;
	int died = 0;

	yard_release(&y, "plan-D", "soracom.io", STR("bundle one"));
	yard_sign(&y);
	y.keys = bob;
	yard_key(&y, "bob", "root");
	y.keys = keys;
	must(keyset_set_threshold(y.fleet, "root", 2, &y.why), &y);
	write_request(&y, bob, request, answer);
	for (int at = 1; at < OPERATIONS_MAX; at++) {
		int code = run_until(&y, request, answer, at);
		if (yard_verify(&y, NULL) != ERR_NONE)
			fail_msg("operation %d: %s", at, y.why.text);
		/* Once the root stands there it is signed, and collecting again says so; its timestamp may be the old
		 * one, which is as good: hosts ask for a next root each day. */
		if (code == 0 || (code == 1 && yard_version(&y, "root") == 2))
			break;
		assert_int_equal(code, FAULT_STATUS);
		died++;
	}
	assert_true(died > 5);
	assert_int_equal(yard_version(&y, "root"), 2);
	assert_int_equal(run_until(&y, request, answer, OPERATIONS_MAX), 1); /* it is done: superseded */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_power_cut_leaves_the_old_or_the_new_repository_and_collecting_again_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void)
{
	puts("nothing to do: built without FLEET_FAULT");
	return 0;
}
#endif
