/* What happens on a host. */
#include "tests/fault/story.h"

#include "tests/fault/tape.h"

#define WELL  "checks:\n- {name: ok, run: checks/ok.sh, class: local}\ntrial: {settle: 0s, deadline: 20s}\n"
#define HOOKS "hooks: {start: hooks/start.sh, stop: hooks/stop.sh}\n"
#define TOUCH "checks:\n- {name: ok, run: checks/ok.sh, class: local}\ntrial: {settle: 0s, deadline: 20s, touches: [network]}\n"
#define ANN   "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHiAopYvtSZsXxxTLdwnxSilpeoEAmyQaf2CgXHhA1p3"

/* --- what is there before --- */

static void scripts(struct world *w, const char *start, const char *stop)
{
	tower_script(&w->t, "hooks/start.sh", start);
	tower_script(&w->t, "hooks/stop.sh", stop);
}

static void scripts_of(struct world *w, int64_t number)
{
	cleanup(free_ptr) char *text = path_form("#!/bin/sh\n# %lld\n", (long long)number);

	scripts(w, text, text);
}

/* Tried and committed by a controller, so that the host has seen a repository. */
static void committed(struct world *w, int64_t number)
{
	cleanup(answer_free) struct answer a = {0};

	scripts_of(w, number);
	must(w->t.store.path || store_open(&w->t.store, w->t.config.state, e));
	tower_update(&w->t, world_release(w, number, HOOKS WELL), &a);
	assert_verdict(a, VERDICT_PASS);
}

static void pull_now(struct world *w)
{
	char *argv[] = {w->agent, "pull", "--now", "--config-dir", w->t.at.config, NULL};
	cleanup(buf_free) struct buf said = {0};

	if (program_run(w, argv, (struct str){0}, NULL) == 0)
		return;
	program_said(&said, w);
	fail_msg("pull: %s", buf_str(&said).data);
}

/* The same, and pulled: this host knows the rollout's role too. */
static void pulled(struct world *w, int64_t number)
{
	scripts_of(w, number);
	world_release(w, number, HOOKS WELL);
	world_publish(w);
	pull_now(w);
}

static void first_by_push(struct world *w)
{
	scripts_of(w, 1);
	world_frames(w, world_release(w, 1, HOOKS WELL));
}

static void update_by_push(struct world *w)
{
	committed(w, 1);
	scripts_of(w, 2);
	world_frames(w, world_release(w, 2, HOOKS WELL));
}

static void bad_by_push(struct world *w)
{
	committed(w, 1);
	scripts(w, "#!/bin/sh\nexit 1\n", "#!/bin/sh\n"); /* red at once: no deadline is waited for */
	world_frames(w, world_release(w, 2, HOOKS WELL));
}

static void undo(struct world *w)
{
	committed(w, 1);
	committed(w, 2);
}

static void first_by_pull(struct world *w)
{
	scripts_of(w, 1);
	world_release(w, 1, HOOKS WELL);
	world_publish(w);
}

static void update_by_pull(struct world *w)
{
	pulled(w, 1);
	scripts_of(w, 2);
	world_release(w, 2, HOOKS WELL);
	world_publish(w);
}

static void bad_by_pull(struct world *w)
{
	pulled(w, 1);
	scripts(w, "#!/bin/sh\nexit 1\n", "#!/bin/sh\n");
	world_release(w, 2, HOOKS WELL);
	world_publish(w);
}

static void confirmed_by_pull(struct world *w)
{
	pulled(w, 1);
	scripts_of(w, 2);
	world_release(w, 2, HOOKS TOUCH);
	world_publish(w);
}

static void new_keys(struct world *w)
{
	pulled(w, 1);
	must(secret_new(&w->stamp, e));
	w->new_root = true;
	world_publish(w);
}

static void list_ann(struct world *w, int deadline_ms)
{
	pulled(w, 1);
	buf_form(&w->access, "{\"format\":1,\"number\":1,\"operators\":[{\"name\":\"ann\",\"may\":[\"roll\"],"
			     "\"key\":\"" ANN "\"}],\"deadline_ms\":%d}", deadline_ms);
}

static void access_list(struct world *w)
{
	list_ann(w, 20000);
	world_publish(w);
}

/* The source that it moves to does not answer, so it is taken back. */
static void bad_access_list(struct world *w)
{
	list_ann(w, 1000);
	buf_text(&w->sources, "{\"format\":1,\"number\":1,\"sources\":[{\"kind\":\"folder\",\"url\":\"/nonexistent\"}]}");
	world_publish(w);
}

static void another_agent(struct world *w)
{
	pulled(w, 1);
	world_launch(w);
	world_next_agent(w, WORLD_NEXT);
	world_publish(w);
}

/* It fails its test: what is in the bundle is not what was signed for. */
static void bad_agent(struct world *w)
{
	pulled(w, 1);
	world_launch(w);
	world_next_agent(w, "97.0.0");
	world_publish(w);
}

/* A mirror that has not heard of what this host has seen. */
static void older_source(struct world *w)
{
	pulled(w, 1);
	world_publish(w);
	pull_now(w);
	world_publish_old(w, w->t.version - 1);
}

static const struct story in_between; /* what is cut off, where a story begins in a trial */

/* Killed when the new release had just been linked: what the next start finds. */
static void in_trial(struct world *w)
{
	cleanup(buf_free) struct buf text = BUF_MAX(256 * MIB);
	struct tape tape = {0};
	long at = 0;

	update_by_push(w);
	world_save(w);
	program_record(w, true);
	assert_int_equal(story_run(w, &in_between, NULL), 0);
	program_record(w, false);
	must(fs_read(&text, AT_FDCWD, w->log, e) && tape_read(&tape, buf_str(&text), w->t.dir, e));
	for (size_t i = 0; i < tape.count; i++)
		if (tape.op[i].kind == OP_RENAME && tape.op[i].rest && strcmp(tape.op[i].rest, "state/current") == 0)
			at = tape.op[i].number;
	tape_free(&tape);
	cleanup(free_ptr) char *fault = path_form("FLEET_FAULT_AT=%ld:after", at);
	world_restore(w);
	(void)story_run(w, &in_between, fault);
	program_reboot(w);
}

/* Two releases, so that there is something to fall back to, which must not happen. */
static void well(struct world *w)
{
	pulled(w, 1);
	scripts_of(w, 2);
	world_release(w, 2, HOOKS WELL);
	world_publish(w);
	pull_now(w);
}

/* Nobody comes in by it, so it is taken back. */
static void access_by_push(struct world *w)
{
	list_ann(w, 1000);
	world_publish(w);
	world_frames_access(w);
}

static void undo_by_push(struct world *w)
{
	undo(w);
	world_frames_undo(w);
}

/* The agent that runs was signed and linked, and is not the packaged one. */
static void linked_agent(struct world *w)
{
	another_agent(w);
	pull_now(w);
}

static void nothing(struct world *w)
{
	world_clear(w);
}

static void nothing_but_papers(struct world *w)
{
	cleanup(free_ptr) char *keys = path_form("%s/keys", w->t.dir);

	first_by_pull(w);
	must(fs_write(AT_FDCWD, keys, STR(ANN "\n"), 0600, e));
	world_clear(w);
}

/* A file of what runs is another, and the link to its tree is gone. */
static void rot(struct world *w)
{
	committed(w, 1);
	cleanup(free_ptr) char *tree = path_form("%s/current/tree/", w->t.at.state);
	cleanup(free_ptr) char *link = path_form("%s/current/tree", w->t.at.state);
	cleanup(free_ptr) char *folder = path_form("%s/hooks", tree);

	assert_int_equal(chmod(folder, 0755), 0);
	cleanup(free_ptr) char *file = path_form("%s/start.sh", folder);
	must(fs_write(AT_FDCWD, file, STR("#!/bin/sh\n# 9\n"), 0755, e));
	assert_int_equal(chmod(folder, 0555), 0);
	must(fs_remove(AT_FDCWD, link, e));
}

const struct story stories[] = {
	{"enrolment", nothing, "enrol", 0, VERDICT_ENROLLED, .once = true},
	{"enrolment with keys and metadata", nothing_but_papers, ENROL_WHOLE, 0, VERDICT_ENROLLED, .once = true},
	{"enrolment again", well, ENROL_ANEW, 0, VERDICT_ENROLLED, .once = true, .anew = true},
	{"enrolment again in a trial", in_trial, ENROL_ANEW, 0, VERDICT_ENROLLED, .once = true, .anew = true},
	{"first release by push", first_by_push, "serve", 1, VERDICT_PASS},
	{"update by push", update_by_push, "serve", 2, VERDICT_PASS},
	{"bad release by push", bad_by_push, "serve", 1, VERDICT_FAIL},
	{"undo", undo, "rollback", 1, VERDICT_UNDONE, .once = true},
	{"undo by push", undo_by_push, "serve", 1, VERDICT_UNDONE, .once = true},
	{"first release by pull", first_by_pull, "pull", 1, VERDICT_PASS},
	{"update by pull", update_by_pull, "pull", 2, VERDICT_PASS},
	{"bad release by pull", bad_by_pull, "pull", 1, VERDICT_FAIL, .code = 9},
	{"update that is confirmed", confirmed_by_pull, "pull", 2, VERDICT_PASS, .follow = true},
	{"new keys of a role", new_keys, "pull", 1, VERDICT_PASS},
	{"access list", access_list, "pull", 1, VERDICT_PASS, .follow = true},
	{"access list by push", access_by_push, "serve", 1, VERDICT_FAIL},
	{"bad access list", bad_access_list, "pull", 1, VERDICT_FAIL, .code = 9},
	{"another agent", another_agent, "pull", 1, VERDICT_PASS, .follow = true, .waits_long = true},
	{"bad agent", bad_agent, "pull", 1, VERDICT_FAIL, .code = 9},
	{"an older source", older_source, "pull", 1, VERDICT_PASS, .code = 1},
	{"a start", well, "boot", 2, VERDICT_PASS},
	{"a start with a linked agent", linked_agent, "boot", 1, VERDICT_PASS},
	{"a start in a trial", in_trial, "boot", 2, VERDICT_PASS, .then = "serve"},
	{"healing at boot", rot, "boot", 1, VERDICT_PASS, .hurt = true},
};
static const struct story in_between = {"cut off", update_by_push, "serve", 2, VERDICT_PASS};
const size_t story_count = COUNT_OF(stories);

/* --- telling it --- */

void story_begin(struct world *w, const struct story *s, const char *build)
{
	world_open(w, build);
	program_reboot(w);
	s->begin(w);
	world_save(w);
}

static int run(struct world *w, const char *word, const char *fault)
{
	cleanup(free_ptr) char *root = path_form("%s/root.json", w->t.dir);
	char *config = w->t.at.config;
	cleanup(free_ptr) char *metadata = path_form("%s/repo/metadata", w->t.dir), *keys = path_form("%s/keys", w->t.dir);
	char *enrol[20] = {w->agent, "enrol", "--id", "ber-D", "--plan", TOWER_PLAN, "--root", root, "--config-dir", config,
		"--state-dir", w->t.at.state, "--results", w->t.at.results, "--allow-volatile"};
	char *whole[] = {"--metadata", metadata, "--keys", keys};
	char *pull[] = {w->agent, "pull", "--now", "--config-dir", config, NULL};
	char *other[] = {w->agent, (char *)(uintptr_t)word, "--config-dir", config, NULL};
	bool is_serve = strcmp(word, "serve") == 0;
	bool enrols = str_starts(str_of(word), "enrol");
	if (strcmp(word, ENROL_ANEW) == 0)
		enrol[15] = "--force";
	if (strcmp(word, ENROL_WHOLE) == 0)
		memcpy(&enrol[15], whole, sizeof whole);
	if (w->packaged && strcmp(word, "boot") == 0)
		other[0] = w->packaged; /* as its unit */
	char **argv = enrols ? enrol : strcmp(word, "pull") == 0 ? pull : other;

	return program_run(w, argv, is_serve ? buf_str(&w->frames) : (struct str){0}, fault);
}

int story_run(struct world *w, const struct story *s, const char *fault)
{
	return run(w, s->word, fault);
}

const char *story_then(const struct story *s)
{
	return s->then ? s->then : s->word;
}

int story_run_then(struct world *w, const struct story *s)
{
	return run(w, story_then(s), NULL);
}
