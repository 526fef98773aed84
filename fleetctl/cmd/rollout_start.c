#include <stdlib.h>

#include "fleetctl/command.h"
#include "fleetctl/repo/repository.h"
#include "fleetctl/rollout/before.h"
#include "fleetctl/rollout/drive.h"
#include "fleetctl/rollout/pull_command.h"

struct wishes {
	struct common common;
	struct opt_words selectors;
	const char *waves, *release, *identity;
	int64_t canary, max_failed, max_unreachable, parallel, soak_ms;
	bool allow_blind, take;
	bool pull;
	struct pull_words pulling;
};

static void wishes_free(struct wishes *w)
{
	opt_words_free(&w->selectors);
}

struct targets {
	struct rollout_target *target;
	size_t count;
};

static size_t hosts_of_plan(const struct fleet *f, const char *plan)
{
	size_t n = 0;
	for (size_t i = 0; i < f->hosts.count; i++)
		n += strcmp(fleet_host(f, i)->plan, plan) == 0;
	return n;
}

/* One host's plan: the current release, or the permitted one that --release names. */
static bool target_make(struct rollout_target *t, const struct drive *d, const struct wishes *w, const struct host *h, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);
	cleanup(manifest_free) struct manifest m = { 0 };
	struct digest wanted;
	if (w->release && !digest_read(&wanted, str_of(w->release)))
		return err_set(e, ERR_USAGE, "--release %s: expected the 64 digits of a release's id", w->release);
	if (w->release ? !repository_release(&text, &d->repository, h->plan, wanted, e) : !repository_current(&text, &d->repository, h->plan, e))
		return err_in(e, "plan %s", h->plan);
	if (!manifest_read(&m, buf_str(&text), NULL, e))
		return false;
	*t = (struct rollout_target){ .host = h, .release = manifest_id(buf_str(&text)), .number = m.number };
	/* who pulls waits for the window by himself */
	bool open = m.plan.has_window && ((w->pull && !w->pulling.any_time) || window_is_open(&m.plan.window, clock_now().unix_s));
	if (hosts_of_plan(&d->fleet, h->plan) == 1 && !w->allow_blind && !open)
		t->deferred = "the only host of its plan: a trial would blind the plan; wait for its window or say --allow-blind";
	return true;
}

/* The repository is read once a plan, not once a host. */
static const struct rollout_target *of_same_plan(const struct targets *t, const char *plan)
{
	for (size_t i = t->count; i-- > 0;)
		if (strcmp(t->target[i].host->plan, plan) == 0)
			return &t->target[i];
	return NULL;
}

static bool targets_make(struct targets *t, const struct drive *d, const struct wishes *w, struct err *e)
{
	cleanup(chosen_free) struct chosen c = { 0 };
	if (!select_hosts(&c, &d->fleet, &w->selectors, e))
		return false;
	t->target = mem_new(c.count + 1, sizeof *t->target);
	for (size_t i = 0; i < c.count; i++) {
		const struct rollout_target *like = of_same_plan(t, c.host[i]->plan);
		if (like) {
			t->target[i] = *like;
			t->target[i].host = c.host[i];
		}
		else if (!target_make(&t->target[i], d, w, c.host[i], e))
			return false;
		t->count++;
	}
	return true;
}

/* Nobody is pushed to where hosts of the plan may take a release by themselves at the same time. Plans are looked at once, in the
 * order in which they come. */
static bool is_free(const struct targets *t, const struct drive *d, struct err *e)
{
	for (size_t i = 0; i < t->count; i++) {
		const char *plan = t->target[i].host->plan;
		const struct targets before = { t->target, i };
		if (!of_same_plan(&before, plan) && !before_push(d->db, &d->repository, plan, e))
			return false;
	}
	return true;
}

static void say_deferred(const struct show *show, const struct targets *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->target[i].deferred)
			show_note(show, "%s: deferred: %s", t->target[i].host->id, t->target[i].deferred);
}

static int run(const struct command *me, int argc, char **argv)
{
	cleanup(wishes_free) struct wishes w = { .canary = 1, .max_failed = 0, .max_unreachable = -1, .pulling = PULL_WORDS };
	struct opt table[] = {
		{ "HOSTS", 0, OPT_REST, &w.selectors, NULL, "ids, globs, plan=NAME, site=NAME, LABEL=VALUE, all", .required = true },
		{ "canary", 0, OPT_COUNT, &w.canary, "N", "hosts that go first, at least one of every plan (1; 0: none)", .max = 100000 },
		{ "waves", 0, OPT_TEXT, &w.waves, "LIST", "shares reached wave by wave (10%,50%,100%)" },
		{ "max-failed", 0, OPT_COUNT, &w.max_failed, "N", "halt when more than N hosts failed (0)", .max = 100000 },
		{ "max-unreachable", 0, OPT_COUNT, &w.max_unreachable, "N", "halt when more than N are unreachable (never)", .max = 100000 },
		{ "parallel", 0, OPT_COUNT, &w.parallel, "N", "hosts at once (fleet.yaml's default)", .min = 1, .max = 1024 },
		{ "soak", 0, OPT_MS, &w.soak_ms, "TIME", "wait between waves (0s)" },
		{ "release", 0, OPT_TEXT, &w.release, "ID", "a permitted release instead of the current one" },
		{ "allow-blind", 0, OPT_FLAG, &w.allow_blind, NULL, "also plans that have only one host" },
		{ "take", 0, OPT_FLAG, &w.take, NULL, "take hosts over from another operator's rollout" },
		{ "pull", 0, OPT_FLAG, &w.pull, NULL, "hosts take it by themselves: sign who may, stage by stage, and connect to none" },
		PULL_START_OPTS(w.pulling),
		PULL_OPTS(w.pulling),
		{ "identity", 'i', OPT_TEXT, &w.identity, "FILE", "SSH key (default: fleet.yaml, then ssh-agent)" },
		COMMON_OPTS(w.common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &w.common, argc, argv, &show, &code))
		return code;
	struct drive d = { .fleet = { .at = -1 } };
	struct targets t = { 0 };
	struct rollout_options o = {
		.waves = { .canary = w.canary }, .max_failed = w.max_failed, .max_unreachable = w.max_unreachable,
		.soak_ms = w.soak_ms, .allow_blind = w.allow_blind, .take = w.take,
	};
	bool good = wave_options_read(&o.waves, w.waves ? w.waves : "10%,50%,100%", &e) &&
		drive_open(&d, &show, w.common.fleet, w.identity, &e) && targets_make(&t, &d, &w, &e);
	o.parallel = w.parallel ? w.parallel : d.fleet.defaults.parallel;
	if (good && w.pull) {
		say_deferred(&show, &t);
		code = pull_command_start(&d, &w.pulling, &o, t.target, t.count);
		free(t.target);
		drive_close(&d);
		return code;
	}
	good = good && is_free(&t, &d, &e) && rollout_new(&d.rollout, "update", &o, t.target, t.count, drive_who(), &e);
	if (good) {
		show_note(&show, "rollout %s: %zu host%s", d.rollout.row.id, t.count, t.count == 1 ? "" : "s");
		say_deferred(&show, &t);
	}
	code = good ? drive_run(&d) : command_fail(&show, &e);
	free(t.target);
	drive_close(&d);
	return code;
}

const struct command cmd_rollout_start = {
	"rollout start", "HOSTS...", "Take hosts to their plan's current release, in waves, within limits",
	"Examples:\n"
	"  fleetctl rollout start all --canary 2 --waves 10%,50%,100% --soak 5m\n"
	"  fleetctl rollout start plan=plan-D,site=berlin rack=a\n"
	"^C pauses: hosts on trial are waited for, and the command that goes on is printed.",
	run,
};
