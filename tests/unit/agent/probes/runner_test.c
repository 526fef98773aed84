/* The runner: real scripts, real releases that are swapped under it. Nothing here waits for a time to pass that the
 * runner does not wait for itself; whoever must be seen dead holds a FIFO, which ends when its last writer does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/probes/runner.h"
#include "agent/probes/schedule.h"
#include "base/clock.h"

enum { PATIENCE_S = 90, NOBODY = 65534 }; /* then the test is killed */

struct room {
	char path[40];
	struct config config;
	struct store store;
	int results;
	struct runner *runner;
	struct buf said; /* every line with its end */
	int lines;
};

static void hear(void *ctx, const char *line)
{
	struct room *r = ctx;

	buf_form(&r->said, "%s\n", line);
	r->lines++;
}

static int room_open(void **state)
{
	struct room *r = mem_new(1, sizeof *r);
	struct err e = {0};

	*state = r;
	strcpy(r->path, "/tmp/runner_test.XXXXXX");
	if (!mkdtemp(r->path))
		return -1;
	r->config = (struct config){
		.id = str_dup(STR("ber-D")),
		.plan = str_dup(STR("plan-D")),
		.state = path_form("%s/state", r->path),
		.results = path_form("%s/results", r->path),
	};
	alarm(PATIENCE_S);
	return store_make(r->config.state, &e) && store_open(&r->store, r->config.state, &e) &&
			       fs_mkdir(AT_FDCWD, r->config.results, 0755, &e) &&
			       fs_open_dir(&r->results, AT_FDCWD, r->config.results, &e)
		       ? 0
		       : -1;
}

static int room_close(void **state)
{
	struct room *r = *state;
	struct err e = {0};

	alarm(0);
	runner_close(&r->runner);
	store_close(&r->store);
	fd_close(&r->results);
	config_free(&r->config);
	buf_free(&r->said);
	bool removed = fs_remove_tree(AT_FDCWD, r->path, &e);
	free(r);
	return removed ? 0 : -1;
}

/* --- releases --- */

struct script {
	const char *path, *text;
};

static struct digest tree_of(const struct room *r, const struct script *script)
{
	struct digest bundle;
	char hex[DIGEST_HEX + 1];
	struct err e = {0};

	random_bytes(bundle.bytes, sizeof bundle.bytes);
	digest_hex(hex, bundle);
	cleanup(free_ptr) char *tree = path_form("trees/%s", hex);
	assert_true(fs_mkdir(r->store.dir, tree, 0755, &e));
	for (; script && script->path; script++) {
		cleanup(free_ptr) char *path = path_form("%s/%s", tree, script->path);
		cleanup(free_ptr) char *text = path_form("#!/bin/sh\n%s\n", script->text);
		assert_true(fs_write(r->store.dir, path, str_of(text), 0755, &e));
	}
	return bundle;
}

/* `probes`: rows of the plan's YAML. Not current yet. */
static struct digest release_make(const struct room *r, const char *probes, const struct script *script)
{
	cleanup(free_ptr) char *yaml = path_form("plan: plan-D\nscripts: [common]\nprobes: [%s]\n", probes);
	cleanup(manifest_free) struct manifest m = {.number = 1};
	cleanup(buf_free) struct buf text = {0};
	struct err e = {0};

	if (!plan_read(&m.plan, str_of(yaml), NULL, &e))
		fail_msg("%s", e.text);
	m.bundle.sha256 = tree_of(r, script);
	manifest_write(&text, &m);
	struct digest id = manifest_id(buf_str(&text));
	if (!release_add(&r->store, id, buf_str(&text), &e))
		fail_msg("%s", e.text);
	return id;
}

static void swap_to(const struct room *r, struct digest id)
{
	struct err e = {0};

	if (!release_swap(&r->store, id, &e))
		fail_msg("%s", e.text);
}

static struct digest swapped(const struct room *r, const char *probes, const struct script *script)
{
	struct digest id = release_make(r, probes, script);

	swap_to(r, id);
	return id;
}

static void put(const struct room *r, const char *path, const char *text)
{
	struct err e = {0};

	assert_true(fs_write(r->results, path, str_of(text), 0644, &e));
}

static void assert_text(const struct room *r, const char *path, const char *expected)
{
	cleanup(buf_free) struct buf got = {0};
	struct err e = {0};

	assert_true(fs_read(&got, r->results, path, &e));
	buf_byte(&got, 0);
	assert_string_equal(got.data, expected);
}

/* --- running --- */

static void begin(struct room *r)
{
	struct err e = {0};

	if (!runner_open(&r->runner, &r->config, hear, r, &e))
		fail_msg("%s", e.text);
}

static void turn(struct room *r)
{
	struct err e = {0};

	if (!runner_step(r->runner, &e))
		fail_msg("%s", e.text);
}

/* Until there is a record of a run of that release that began later than `after_ms`. */
static struct record run_of(struct room *r, const char *probe, struct digest release, int64_t after_ms)
{
	struct record got = {0};
	struct err e = {0};

	for (turn(r);; turn(r)) {
		if (record_read(&got, r->results, probe, &e) && digest_eq(got.release, release) &&
			got.started_ms > after_ms)
			return got;
		record_free(&got);
		assert_false(runner_wait(r->runner, -1));
	}
}

static void until_run(struct room *r, const char *probe, struct digest release)
{
	struct record got = run_of(r, probe, release, -1);

	record_free(&got);
}

/* A FIFO in the results. The script writes a line and keeps it open, as do its children. */
static int held_by_script(const struct room *r)
{
	assert_int_equal(mkfifoat(r->results, "fifo", 0600), 0);
	return openat(r->results, "fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

static void until_held(struct room *r, int fifo)
{
	char c;

	for (turn(r); read(fifo, &c, 1) != 1; turn(r))
		runner_wait(r->runner, fifo);
}

static void assert_nobody_holds(int fifo)
{
	struct pollfd p = {fifo, POLLIN, 0};
	char bytes[64];

	do
		assert_int_equal(poll(&p, 1, PATIENCE_S * 1000), 1);
	while (read(fifo, bytes, sizeof bytes) > 0);
	assert_int_equal(read(fifo, bytes, sizeof bytes), 0);
}

#define WRITE                                                                                                          \
	"echo up >\"$FLEET_OUT/.$FLEET_PROBE.x\"; mv \"$FLEET_OUT/.$FLEET_PROBE.x\" "                                  \
	"\"$FLEET_OUT/$FLEET_PROBE.prom\"; "
#define HANG  "trap '' TERM; exec 9>\"$FLEET_OUT/fifo\"; sleep 1000 & echo x >&9; wait; sleep 1000"
#define A_ROW "{name: a, run: a.sh, every: 1h, timeout: 50m}"

/* --- sentences --- */

static void a_probe_runs_at_once_and_what_became_of_it_is_noted(void **state)
{
	struct room *r = *state;
	struct digest id = swapped(r, A_ROW, (struct script[]){{"a.sh", WRITE "exit 0"}, {0}});
	char boot[40];

	clock_boot_id(boot);
	int64_t before_ms = clock_boot_ms();
	begin(r);
	cleanup(record_free) struct record got = run_of(r, "a", id, -1);
	assert_string_equal(got.boot, boot);
	assert_in_range(got.started_ms, before_ms, clock_boot_ms());
	assert_in_range(got.ended_ms, got.started_ms, clock_boot_ms());
	assert_int_equal(got.status, 0);
	assert_false(got.timed_out);
	assert_true(got.wrote);
	assert_null(record_lacks(&got, id, boot, before_ms));
	assert_text(r, "a.prom", "up\n");
	assert_int_equal(r->lines, 0);
}

static void it_runs_in_the_real_tree_of_its_release_with_the_probes_contract(void **state)
{
	struct room *r = *state;
	const char *script = "{ pwd -P; echo \"$0 $*\"; env; } >\"$FLEET_OUT/$FLEET_PROBE.prom\"";
	struct digest id = swapped(r, "{name: a, run: a.sh, args: [x, 'y z'], every: 1h, timeout: 50m}",
		(struct script[]){{"a.sh", script}, {0}});
	cleanup(release_close) struct release release = {0};
	cleanup(buf_free) struct buf got = {0};
	char hex[DIGEST_HEX + 1];
	struct err e = {0};

	assert_true(release_open(&release, &r->store, id, &e));
	begin(r);
	until_run(r, "a", id);
	assert_true(fs_read(&got, r->results, "a.prom", &e));
	digest_hex(hex, id);
	buf_byte(&got, 0);
	cleanup(free_ptr) char *first = path_form("%s\n%s/a.sh x y z\n", release.tree, release.tree);
	assert_true(str_starts(buf_str(&got), first));
	const char *expected[] = {"\nFLEET_ID=ber-D\n", "\nFLEET_PLAN=plan-D\n", "\nFLEET_PROBE=a\n",
		"\nFLEET_TIMEOUT_MS=3000000\n", "\nLANG=C\n", "\nTZ=UTC\n"};
	for (size_t i = 0; i < COUNT_OF(expected); i++)
		assert_non_null(strstr(got.data, expected[i]));
	cleanup(free_ptr) char *of_release = path_form(
		"\nFLEET_RELEASE=%s\nFLEET_RELEASE_DIR=%s\nFLEET_OUT=%s\n", hex, release.tree, r->config.results);
	for (char *line = of_release; line[1]; line = strchr(line + 1, '\n')) {
		cleanup(free_ptr) char *whole = str_dup(str_bytes(line, (size_t)(strchr(line + 1, '\n') - line + 1)));
		assert_non_null(strstr(got.data, whole));
	}
}

static void a_failing_probe_that_wrote_has_still_written(void **state)
{
	struct room *r = *state;
	struct digest id = swapped(r, A_ROW, (struct script[]){{"a.sh", WRITE "exit 1"}, {0}});

	begin(r);
	cleanup(record_free) struct record got = run_of(r, "a", id, -1);
	assert_int_equal(got.status, 1);
	assert_true(got.wrote);
}

static void a_result_of_an_earlier_run_is_not_written_by_this_one(void **state)
{
	struct room *r = *state;
	struct digest id = swapped(r, A_ROW, (struct script[]){{"a.sh", "echo fine; exit 0"}, {0}});

	put(r, "a.prom", "old\n");
	begin(r);
	cleanup(record_free) struct record got = run_of(r, "a", id, -1);
	assert_int_equal(got.status, 0);
	assert_false(got.wrote);
	assert_text(r, "a.prom", "old\n");
	assert_string_equal(r->said.data, "probe a: exit 0, but it wrote no result\n");
}

static void a_result_written_in_place_counts_too(void **state)
{
	struct room *r = *state;
	struct digest id = swapped(r, A_ROW, (struct script[]){{"a.sh", "echo new >\"$FLEET_OUT/a.prom\""}, {0}});

	put(r, "a.prom", "old\n");
	assert_int_equal(utimensat(r->results, "a.prom", (struct timespec[]){{1, 0}, {1, 0}}, 0), 0);
	begin(r);
	cleanup(record_free) struct record got = run_of(r, "a", id, -1);
	assert_true(got.wrote);
}

static void a_hanging_probe_is_killed_with_its_children_and_leaves_no_half_result(void **state)
{
	struct room *r = *state;
	struct digest id = swapped(r, "{name: a, run: a.sh, every: 1h, timeout: 2s}",
		(struct script[]){{"a.sh", "echo stuck; : >\"$FLEET_OUT/.a.prom.abc123\"; " HANG}, {0}});
	cleanup(fd_close) int fifo = held_by_script(r);

	begin(r);
	until_held(r, fifo);
	cleanup(record_free) struct record got = run_of(r, "a", id, -1);
	assert_true(got.timed_out);
	assert_false(got.wrote);
	assert_int_equal(got.status, 128 + 9);
	assert_nobody_holds(fifo);
	assert_false(fs_exists(r->results, ".a.prom.abc123"));
	assert_true(str_starts(buf_str(&r->said), "probe a: hung, killed after 2."));
	assert_true(str_ends(buf_str(&r->said), "s: stuck\n"));
}

static void the_other_probes_go_on_beside_a_hanging_one(void **state)
{
	struct room *r = *state;
	struct digest id = swapped(r, A_ROW ", {name: b, run: b.sh, every: 1h, timeout: 50m}",
		(struct script[]){{"a.sh", HANG}, {"b.sh", WRITE}, {0}});
	cleanup(fd_close) int fifo = held_by_script(r);

	begin(r);
	until_held(r, fifo);
	until_run(r, "b", id);
	assert_false(fs_exists(r->results, "a.run"));
}

static void a_new_releases_probes_start_at_once_and_never_beside_their_old_runs(void **state)
{
	struct room *r = *state;
	const char *lock = "exec 8>\"$FLEET_OUT/one\"; flock -n 8 || : >\"$FLEET_OUT/two\"; ";
	cleanup(free_ptr) char *hangs = path_form("%s%s", lock, HANG);
	cleanup(free_ptr) char *writes = path_form("%s%s", lock, WRITE);
	cleanup(fd_close) int fifo = held_by_script(r);
	struct digest old = swapped(r, A_ROW, (struct script[]){{"a.sh", hangs}, {0}});

	begin(r);
	until_held(r, fifo);
	struct digest new = swapped(r, A_ROW, (struct script[]){{"a.sh", writes}, {0}});
	assert_false(digest_eq(old, new));
	cleanup(record_free) struct record got = run_of(r, "a", new, -1);
	assert_true(got.wrote);
	assert_false(fs_exists(r->results, "two"));
	assert_nobody_holds(fifo);
	assert_int_equal(r->lines, 0);
}

static void a_swap_to_the_same_release_runs_its_probes_again(void **state)
{
	struct room *r = *state;
	struct digest id = swapped(r, A_ROW, (struct script[]){{"a.sh", WRITE}, {0}});

	begin(r);
	cleanup(record_free) struct record first = run_of(r, "a", id, -1);
	swap_to(r, id);
	cleanup(record_free) struct record second = run_of(r, "a", id, first.started_ms);
	assert_true(second.wrote);
}

static void files_of_removed_probes_vanish_and_others_stay(void **state)
{
	struct room *r = *state;
	const struct script scripts[] = {{"a.sh", WRITE}, {"b.sh", WRITE}, {0}};
	struct digest both = swapped(r, A_ROW ", {name: b, run: b.sh, every: 1h, timeout: 50m}", scripts);

	put(r, "other.prom", "not a probe's\n");
	begin(r);
	until_run(r, "a", both);
	until_run(r, "b", both);
	until_run(r, "a", swapped(r, A_ROW, scripts));
	assert_false(fs_exists(r->results, "b.run"));
	assert_false(fs_exists(r->results, "b.prom"));
	assert_true(fs_exists(r->results, "a.prom"));
	assert_true(fs_exists(r->results, "other.prom"));
}

static void a_removed_probe_that_still_ran_is_killed_and_its_result_goes(void **state)
{
	struct room *r = *state;
	cleanup(fd_close) int fifo = held_by_script(r);

	swapped(r, A_ROW, (struct script[]){{"a.sh", WRITE HANG}, {0}});
	begin(r);
	until_held(r, fifo);
	assert_true(fs_exists(r->results, "a.prom"));
	until_run(r, "b",
		swapped(r, "{name: b, run: b.sh, every: 1h, timeout: 50m}", (struct script[]){{"b.sh", WRITE}, {0}}));
	assert_nobody_holds(fifo);
	assert_false(fs_exists(r->results, "a.prom"));
	assert_false(fs_exists(r->results, "a.run"));
}

static void what_an_earlier_runner_left_of_removed_probes_vanishes(void **state)
{
	struct room *r = *state;

	put(r, "gone.run", "{}");
	put(r, "gone.prom", "");
	swapped(r, "", NULL);
	begin(r);
	turn(r);
	assert_false(fs_exists(r->results, "gone.run"));
	assert_false(fs_exists(r->results, "gone.prom"));
}

static void a_release_without_probes_sleeps_until_current_moves(void **state)
{
	struct room *r = *state;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	swapped(r, "", NULL);
	begin(r);
	turn(r);
	struct digest id = swapped(r, A_ROW, (struct script[]){{"a.sh", WRITE}, {0}});
	assert_false(runner_wait(r->runner, ends[0])); /* the swap woke it */
	until_run(r, "a", id);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_true(runner_wait(r->runner, ends[0])); /* the stop woke it */
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(r->lines, 0);
}

static void a_second_runner_refuses_with_a_sentence_while_the_first_lives(void **state)
{
	struct room *r = *state;
	struct runner *second = NULL;
	struct err e = {0};

	swapped(r, "", NULL);
	begin(r);
	assert_false(runner_open(&second, &r->config, hear, r, &e));
	assert_null(second);
	assert_int_equal(e.code, ERR_BUSY);
	assert_non_null(strstr(e.text, "another runner runs the probes of "));
	assert_non_null(strstr(e.text, r->config.results));
	runner_close(&r->runner);
	assert_true(runner_open(&second, &r->config, hear, r, &e));
	runner_close(&second);
}

static void an_unreadable_manifest_is_one_line_and_the_next_change_is_waited_for(void **state)
{
	struct room *r = *state;
	struct digest bad = release_make(r, A_ROW, (struct script[]){{"a.sh", WRITE}, {0}});
	char hex[DIGEST_HEX + 1];
	struct err e = {0};

	digest_hex(hex, bad);
	cleanup(free_ptr) char *path = path_form("releases/%s/manifest.json", hex);
	assert_true(fs_write(r->store.dir, path, STR("{}"), 0644, &e));
	swap_to(r, bad);
	begin(r);
	turn(r);
	turn(r);
	assert_int_equal(r->lines, 1);
	assert_true(str_starts(buf_str(&r->said), "no probes run until `current` moves: release: "));
	assert_false(fs_exists(r->results, "a.run"));
	until_run(r, "a", swapped(r, A_ROW, (struct script[]){{"a.sh", WRITE}, {0}}));
	assert_int_equal(r->lines, 1);
}

static void without_a_current_release_it_waits_for_one(void **state)
{
	struct room *r = *state;

	begin(r);
	turn(r);
	turn(r);
	assert_int_equal(r->lines, 1);
	until_run(r, "a", swapped(r, A_ROW, (struct script[]){{"a.sh", WRITE}, {0}}));
}

static void when_the_state_folder_goes_there_is_no_way_on(void **state)
{
	struct room *r = *state;
	cleanup(free_ptr) char *aside = path_form("%s/aside", r->path);
	struct err e = {0};

	swapped(r, "", NULL);
	begin(r);
	turn(r);
	assert_int_equal(rename(r->config.state, aside), 0);
	assert_false(runner_wait(r->runner, -1));
	assert_false(runner_step(r->runner, &e));
	assert_int_equal(e.code, ERR_MISSING);
}

/* Fails with the same and with other words, works, works: that is two lines. */
static void a_line_is_said_only_when_a_probe_turns(void **state)
{
	struct room *r = *state;
	const char *script = WRITE "echo x >>\"$FLEET_OUT/count\"; n=$(wc -l <\"$FLEET_OUT/count\"); echo up; "
				   "[ $n -gt 2 ] || { printf 'much\\nno \\033answer %s\\n\\n' $n >&2; exit 1; }";
	struct digest id =
		swapped(r, "{name: a, run: a.sh, every: 1s, timeout: 900ms}", (struct script[]){{"a.sh", script}, {0}});
	int64_t last_ms = -1;

	begin(r);
	for (int i = 0; i < 4; i++) {
		cleanup(record_free) struct record got = run_of(r, "a", id, last_ms);
		last_ms = got.started_ms;
	}
	assert_string_equal(r->said.data, "probe a: exit 1: no ?answer 1\nprobe a: well again\n");
}

static void a_probe_that_cannot_be_started_is_noted_and_said(void **state)
{
	struct room *r = *state;
	struct digest id = swapped(r, A_ROW, NULL);

	begin(r);
	cleanup(record_free) struct record got = run_of(r, "a", id, -1);
	assert_int_equal(got.status, RECORD_NOT_STARTED);
	assert_false(got.wrote);
	assert_int_equal(r->lines, 1);
	assert_non_null(strstr(r->said.data, "/a.sh: cannot be run: No such file or directory\n"));
}

static void at_the_end_what_runs_is_killed_with_its_children(void **state)
{
	struct room *r = *state;
	cleanup(fd_close) int fifo = held_by_script(r);

	swapped(r, A_ROW, (struct script[]){{"a.sh", HANG}, {0}});
	begin(r);
	until_held(r, fifo);
	runner_close(&r->runner);
	assert_nobody_holds(fifo);
	assert_int_equal(r->lines, 0);
}

static void nothing_but_results_is_left_in_their_folder(void **state)
{
	struct room *r = *state;
	cleanup(fs_names_free) struct fs_names names = {0};
	struct err e = {0};

	until_run((begin(r), r), "a", swapped(r, A_ROW, (struct script[]){{"a.sh", WRITE ": >\"$TMPDIR/x\""}, {0}}));
	runner_close(&r->runner);
	assert_true(fs_names(&names, r->results, "", &e));
	assert_int_equal(names.count, 3);
	assert_string_equal(names.name[0], "a.prom");
	assert_string_equal(names.name[1], "a.run");
	assert_string_equal(names.name[2], "probes.lock");
}

/* Opening a FIFO to read waits for who writes. */
static void let_go(const struct room *r, char probe)
{
	char path[] = "gate.?";

	path[strlen(path) - 1] = probe;
	cleanup(fd_close) int fd = openat(r->results, path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
}

/* One of each run. */
static int scratch_folders(const struct room *r)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	struct err e = {0};
	int n = 0;

	assert_true(fs_names(&names, r->results, "", &e));
	for (size_t i = 0; i < names.count; i++)
		n += str_starts(str_of(names.name[i]), ".run-");
	return n;
}

static void six_probes_take_their_turns_four_at_a_time(void **state)
{
	struct room *r = *state;
	cleanup(buf_free) struct buf rows = {0};
	const char *script = "cat \"$FLEET_OUT/gate.$FLEET_PROBE\"; " WRITE;
	char gate[] = "gate.?";

	for (char c = 'a'; c <= 'f'; c++) {
		buf_form(&rows, "%s{name: %c, run: s, every: 1h, timeout: 50m}", c == 'a' ? "" : ", ", c);
		gate[5] = c;
		assert_int_equal(mkfifoat(r->results, gate, 0600), 0);
	}
	struct digest id = swapped(r, rows.data, (struct script[]){{"s", script}, {0}});
	begin(r);
	turn(r);
	assert_int_equal(scratch_folders(r), SCHEDULE_PARALLEL);
	for (char c = 'a'; c <= 'f'; c++) {
		let_go(r, c);
		until_run(r, (char[]){c, 0}, id);
	}
	assert_int_equal(scratch_folders(r), 0);
}

static void root_runs_no_scripts_for_somebody_else(void **state)
{
	struct room *r = *state;
	struct runner *runner = NULL;
	struct err e = {0};

	if (geteuid() != 0)
		skip();
	assert_int_equal(fchown(r->results, NOBODY, NOBODY), 0);
	assert_false(runner_open(&runner, &r->config, hear, r, &e));
	assert_int_equal(e.code, ERR_REFUSED);
	assert_non_null(strstr(e.text, "sudo -u '#65534' fleet-agent probes"));
}

#define SENTENCE(f) cmocka_unit_test_setup_teardown(f, room_open, room_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE(a_probe_runs_at_once_and_what_became_of_it_is_noted),
		SENTENCE(it_runs_in_the_real_tree_of_its_release_with_the_probes_contract),
		SENTENCE(a_failing_probe_that_wrote_has_still_written),
		SENTENCE(a_result_of_an_earlier_run_is_not_written_by_this_one),
		SENTENCE(a_result_written_in_place_counts_too),
		SENTENCE(a_hanging_probe_is_killed_with_its_children_and_leaves_no_half_result),
		SENTENCE(the_other_probes_go_on_beside_a_hanging_one),
		SENTENCE(a_new_releases_probes_start_at_once_and_never_beside_their_old_runs),
		SENTENCE(a_swap_to_the_same_release_runs_its_probes_again),
		SENTENCE(files_of_removed_probes_vanish_and_others_stay),
		SENTENCE(a_removed_probe_that_still_ran_is_killed_and_its_result_goes),
		SENTENCE(what_an_earlier_runner_left_of_removed_probes_vanishes),
		SENTENCE(a_release_without_probes_sleeps_until_current_moves),
		SENTENCE(a_second_runner_refuses_with_a_sentence_while_the_first_lives),
		SENTENCE(an_unreadable_manifest_is_one_line_and_the_next_change_is_waited_for),
		SENTENCE(without_a_current_release_it_waits_for_one),
		SENTENCE(when_the_state_folder_goes_there_is_no_way_on),
		SENTENCE(a_line_is_said_only_when_a_probe_turns),
		SENTENCE(a_probe_that_cannot_be_started_is_noted_and_said),
		SENTENCE(at_the_end_what_runs_is_killed_with_its_children),
		SENTENCE(nothing_but_results_is_left_in_their_folder),
		SENTENCE(six_probes_take_their_turns_four_at_a_time),
		SENTENCE(root_runs_no_scripts_for_somebody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
