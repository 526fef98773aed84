/* fleet-agent probes: run the plan's probes on schedule; or, for a person, one of them now. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/command.h"
#include "agent/probes/runner.h"
#include "agent/store/linked.h"

static const char all[] = "all";

/* --- on schedule --- */

static void say(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "fleet-agent probes: %s\n", line);
}

static bool open_stop(int *out, struct err *e)
{
	sigset_t stops;

	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGHUP);
	sigprocmask(SIG_BLOCK, &stops, NULL);
	*out = signalfd(-1, &stops, SFD_CLOEXEC);
	return *out >= 0 || err_sys(e, "signals");
}

/* Another agent is linked than when we began. */
static bool is_succeeded(const struct host *h, struct digest linked)
{
	struct digest now;
	struct err e;

	return getenv("FLEET_LAUNCHER") && linked_current(&now, &h->store, &e) && !digest_eq(now, linked);
}

/* By the launcher, who knows which agent is to run; argv[0] is the command, what was before it is the program. */
static bool become_next(char **argv, struct err *e)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(getenv("FLEET_LAUNCHER"), argv - 1);
	return err_sys(e, "%s", getenv("FLEET_LAUNCHER"));
}

static bool run_on_schedule(const struct host *h, char **argv, struct err *e)
{
	cleanup(runner_close) struct runner *r = NULL;
	cleanup(fd_close) int stop = -1;
	struct digest linked;

	if (!linked_current(&linked, &h->store, e) || !open_stop(&stop, e) || !runner_open(&r, &h->config, say, NULL, e))
		return false;
	for (;;) {
		if (!runner_step(r, e))
			return false;
		if (runner_wait(r, stop))
			return true;
		if (is_succeeded(h, linked)) {
			runner_close(&r);
			return become_next(argv, e);
		}
	}
}

/* --- once --- */

struct once {
	const struct host *host;
	struct release release;
	int stop;
	size_t failed;
};

static void once_free(struct once *o)
{
	release_close(&o->release);
	fd_close(&o->stop);
}

/* Aside: the results are the runner's, who may be at this very probe. */
static bool try_probe(struct proc_end *end, const struct once *o, const struct probe *p, struct err *e)
{
	cleanup(run_job_free) struct run_job job = {0};
	cleanup(fd_close) int out = -1;
	struct run run = {
		.config = &o->host->config,
		.release = &o->release,
		.script = p->run,
		.args = &p->args,
		.name = p->name,
		.aside = true,
		.timeout_ms = p->timeout_ms,
	};

	if (!run_prepare(&job, &run, e))
		return false;
	cleanup(free_ptr) char *path = path_form("%s/out", job.scratch);
	if (!fs_open_dir(&out, AT_FDCWD, path, e))
		return false;
	struct record_mark before = record_mark(out, p->name);
	if (!run_until(end, &job.job, o->stop, e))
		return false;
	struct record_mark after = record_mark(out, p->name);
	return runner_judge(end, record_replaced(&before, &after), e);
}

/* False: interrupted. */
static bool show_probe(struct once *o, const struct probe *p, struct err *e)
{
	struct proc_end end = {0};
	char took[32];
	bool well = try_probe(&end, o, p, e);
	bool stopped = !well && e->code == ERR_STOPPED;

	if (well)
		err_set(e, ERR_NONE, STR_FMT, STR_ARG(runner_last_line(buf_str(&end.output))));
	shape_ms_text(took, end.took_ms);
	if (!stopped) {
		printf("%-7s %-16s %-8s %s\n", well ? "ok" : "failed", p->name, took, e->text);
		fflush(stdout);
	}
	o->failed += !well;
	buf_free(&end.output);
	return !stopped;
}

static bool may_run(const struct config *c, struct err *e)
{
	cleanup(fd_close) int results = -1;

	return fs_mkdir(AT_FDCWD, c->results, 0755, e) && fs_open_dir(&results, AT_FDCWD, c->results, e) &&
	       runner_user(results, e);
}

static bool unknown_probe(const struct list *probes, const char *name, struct err *e)
{
	const struct probe *p = probes->items;
	cleanup(buf_free) struct buf known = {0};

	for (size_t i = 0; i < probes->count; i++)
		buf_form(&known, "%s%s", i ? ", " : "", p[i].name);
	return err_set(e, ERR_USAGE, "no probe '%s' in this release; it has %s", name,
		known.len ? buf_str(&known).data : "none");
}

static bool once_begin(struct once *o, struct err *e)
{
	struct digest current;

	return may_run(&o->host->config, e) && open_stop(&o->stop, e) &&
	       release_current(&current, &o->host->store, e) && release_open(&o->release, &o->host->store, current, e);
}

static bool run_once(size_t *failed, const struct host *h, const char *name, struct err *e)
{
	cleanup(once_free) struct once o = {.host = h, .stop = -1};
	bool every = strcmp(name, all) == 0, found = every;

	if (!once_begin(&o, e))
		return false;
	const struct list *probes = &o.release.manifest.plan.probes;
	const struct probe *p = probes->items;
	for (size_t i = 0; i < probes->count; i++) {
		if (!every && strcmp(p[i].name, name) != 0)
			continue;
		found = true;
		if (!show_probe(&o, &p[i], e))
			return false;
	}
	*failed = o.failed;
	return found || unknown_probe(probes, name, e);
}

static int run(const struct command *me, int argc, char **argv)
{
	const char *once = NULL;
	struct where w = {0};
	const struct opt table[] = {
		{"once", 0, OPT_TEXT, &once, "NAME",
			"run this probe now, or `all`, and show what it says; results stay"},
		WHERE_OPTS(w),
		{0},
	};
	cleanup(host_close) struct host h = {0};
	size_t failed = 0;
	struct err e;
	int code;

	if (!command_begin(me, table, argc, argv, &code))
		return code;
	if (!host_open(&h, &w, &e) || !(once ? run_once(&failed, &h, once, &e) : run_on_schedule(&h, argv, &e)))
		return command_fail(me, &e);
	return failed ? COMMAND_FAILED : COMMAND_OK;
}

const struct command cmd_probes = {"probes", "[--once NAME | --once all]", "Run the plan's probes on schedule", run};
