/* Runs the probes of the current release on schedule. */
#include "agent/probes/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/probes/schedule.h"
#include "base/clock.h"

enum outcome { UNKNOWN, WELL, ILL };
enum { LINE_MAX_LEN = 300 };

struct live {
	struct proc *proc; /* NULL: free */
	struct run_job job;
	size_t probe;
	int64_t started_ms;
	struct record_mark before;
};
struct runner {
	const struct config *config;
	runner_say *say;
	void *ctx;
	struct store store;
	int results, lock, watch;
	int state;              /* the state folder's events, among those of `watch` */
	char boot[40];
	struct digest id;       /* of what was current last, readable or not */
	bool moved;             /* `current` was replaced, perhaps by its like */
	struct release release; /* tree NULL: none, nothing is scheduled */
	struct schedule schedule;
	enum outcome *last; /* of each probe */
	struct live live[SCHEDULE_PARALLEL];
};

static const struct probe *probe_at(const struct runner *r, size_t i)
{
	return (const struct probe *)r->release.manifest.plan.probes.items + i;
}

/* --- how it went --- */

struct str runner_last_line(struct str said)
{
	said = str_trim(said);
	for (size_t i = said.len; i > 0; i--)
		if (said.data[i - 1] == '\n')
			return str_bytes(said.data + i, MIN(said.len - i, (size_t)LINE_MAX_LEN));
	return str_bytes(said.data, MIN(said.len, (size_t)LINE_MAX_LEN));
}

bool runner_judge(const struct proc_end *end, bool wrote, struct err *e)
{
	struct str line = runner_last_line(buf_str(&end->output));
	const char *between = line.len ? ": " : "";
	char took[32];

	shape_ms_text(took, end->took_ms);
	if (end->timed_out)
		return err_set(e, ERR_TIMEOUT, "hung, killed after %s%s" STR_FMT, took, between, STR_ARG(line));
	if (end->status > 128)
		return err_set(e, ERR_FAILED, "signal %d%s" STR_FMT, end->status - 128, between, STR_ARG(line));
	if (end->status)
		return err_set(e, ERR_FAILED, "exit %d%s" STR_FMT, end->status, between, STR_ARG(line));
	return wrote || err_set(e, ERR_FAILED, "exit 0, but it wrote no result");
}

/* `why` of an ill one. A network that stays down fills no log. */
static void tell(struct runner *r, size_t i, enum outcome now, const struct err *why)
{
	enum outcome before = r->last[i];
	const char *name = probe_at(r, i)->name;
	struct err line;

	r->last[i] = now;
	if (before == now || (before == UNKNOWN && now == WELL))
		return;
	if (now == WELL)
		err_set(&line, ERR_NONE, "probe %s: well again", name);
	else
		err_set(&line, ERR_FAILED, "probe %s: %s", name, why->text);
	r->say(r->ctx, line.text);
}

static bool note(const struct runner *r, const struct live *l, const struct proc_end *end, bool wrote, struct err *e)
{
	struct record record = {
		.release = r->release.id,
		.boot = (char *)r->boot,
		.started_ms = l->started_ms,
		.ended_ms = clock_boot_ms(),
		.status = end->status,
		.timed_out = end->timed_out,
		.wrote = wrote,
	};

	return record_write(r->results, probe_at(r, l->probe)->name, &record, e) || err_in(e, "its record");
}

/* Ends what still runs. One that was cut short by us is noted, since it may have written, but not judged. */
static void finish(struct runner *r, struct live *l, bool by_itself)
{
	const char *name = probe_at(r, l->probe)->name;
	struct proc_end end = {0};
	struct err why;

	proc_finish(&l->proc, &end);
	run_job_free(&l->job);
	if (end.timed_out || end.status > 128)
		record_tidy(r->results, name);
	struct record_mark after = record_mark(r->results, name);
	bool wrote = record_replaced(&l->before, &after);
	bool well = note(r, l, &end, wrote, &why) && runner_judge(&end, wrote, &why);
	if (by_itself)
		tell(r, l->probe, well ? WELL : ILL, &why);
	schedule_ended(&r->schedule, l->probe);
	buf_free(&end.output);
}

/* --- starting --- */

static bool launch(const struct runner *r, struct live *l, struct err *e)
{
	const struct probe *p = probe_at(r, l->probe);
	struct run run = {
		.config = r->config,
		.release = &r->release,
		.script = p->run,
		.args = &p->args,
		.name = p->name,
		.timeout_ms = p->timeout_ms,
	};

	return run_prepare(&l->job, &run, e) && proc_start(&l->proc, &l->job.job, e);
}

static void start(struct runner *r, size_t i)
{
	struct live *l = r->live;
	struct err why, lost;

	while (l->proc)
		l++;
	*l = (struct live){
		.probe = i,
		.started_ms = clock_boot_ms(),
		.before = record_mark(r->results, probe_at(r, i)->name),
	};
	schedule_started(&r->schedule, i, l->started_ms);
	if (launch(r, l, &why))
		return;
	run_job_free(&l->job);
	schedule_ended(&r->schedule, i);
	(void)!note(r, l, &(struct proc_end){.status = RECORD_NOT_STARTED}, false, &lost);
	tell(r, i, ILL, &why);
}

/* --- the release --- */

static bool is_probe(const struct list *probes, const char *name)
{
	const struct probe *p = probes->items;

	for (size_t i = 0; i < probes->count; i++)
		if (strcmp(p[i].name, name) == 0)
			return true;
	return false;
}

/* Also what a runner before us left. */
static void forget_removed(const struct runner *r)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	struct err e;

	if (!record_names(&names, r->results, &e))
		return;
	for (size_t i = 0; i < names.count; i++)
		if (!is_probe(&r->release.manifest.plan.probes, names.name[i]))
			record_forget(r->results, names.name[i]);
}

static void end_all(struct runner *r)
{
	for (size_t i = 0; i < COUNT_OF(r->live); i++)
		if (r->live[i].proc)
			finish(r, &r->live[i], false);
}

static void leave_release(struct runner *r)
{
	end_all(r);
	schedule_free(&r->schedule);
	free_ptr(&r->last);
	release_close(&r->release);
}

static void take_release(struct runner *r)
{
	struct err e;

	leave_release(r);
	r->moved = false;
	r->id = (struct digest){0};
	if (!release_current(&r->id, &r->store, &e) || !release_open(&r->release, &r->store, r->id, &e)) {
		err_in(&e, "no probes run until `current` moves");
		r->say(r->ctx, e.text);
		return;
	}
	const struct list *probes = &r->release.manifest.plan.probes;
	r->last = mem_new(MAX(probes->count, 1), sizeof *r->last);
	schedule_begin(&r->schedule, probes, clock_boot_ms());
	forget_removed(r);
}

/* The name in an event says which of the state's files was renamed into its place. */
static bool look_at_events(struct runner *r, struct err *e)
{
	_Alignas(struct inotify_event) char bytes[4 * KIB];

	for (;;) {
		ssize_t n = read(r->watch, bytes, sizeof bytes);
		if (n <= 0)
			return true;
		const struct inotify_event *event;
		for (char *at = bytes; at < bytes + n; at += sizeof *event + event->len) {
			event = (const void *)at;
			if (event->wd != r->state && event->wd >= 0)
				continue; /* another agent: it has woken who looks at that */
			if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED))
				return err_set(e, ERR_MISSING, "the state folder %s has gone", r->store.path);
			if ((event->mask & IN_Q_OVERFLOW) || (event->len && strcmp(event->name, "current") == 0))
				r->moved = true;
		}
	}
}

/* The event may come after the start of a probe: `current` itself is what counts. */
static bool elsewhere(const struct runner *r)
{
	struct digest id;
	struct err e;

	return release_current(&id, &r->store, &e) && !digest_eq(id, r->id);
}

/* --- the loop --- */

bool runner_step(struct runner *r, struct err *e)
{
	size_t i;

	if (!look_at_events(r, e))
		return false;
	for (i = 0; i < COUNT_OF(r->live); i++)
		if (r->live[i].proc && proc_step(r->live[i].proc))
			finish(r, &r->live[i], true);
	while (r->moved || schedule_due(&i, &r->schedule, clock_boot_ms())) {
		if (r->moved || elsewhere(r))
			take_release(r);
		else
			start(r, i);
	}
	return true;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 ? a : MIN(a, b);
}

bool runner_wait(struct runner *r, int stop)
{
	struct pollfd fd[2 + SCHEDULE_PARALLEL] = {{stop, POLLIN}, {r->watch, POLLIN}};
	int64_t ms = schedule_wait_ms(&r->schedule, clock_boot_ms());
	nfds_t count = 2;

	for (size_t i = 0; i < COUNT_OF(r->live); i++) {
		const struct proc *p = r->live[i].proc;
		if (!p)
			continue;
		fd[count++] = (struct pollfd){proc_fd(p), POLLIN};
		ms = sooner(ms, proc_left_ms(p));
	}
	return poll(fd, count, (int)MIN(ms, INT_MAX)) > 0 && fd[0].revents;
}

bool runner_user(int results, struct err *e)
{
	struct stat st;

	if (fstat(results, &st) != 0)
		return err_sys(e, "results");
	if (geteuid() != 0 || st.st_uid == 0)
		return true;
	return err_set(e, ERR_REFUSED, "scripts of a release are not run as root: sudo -u '#%u' fleet-agent probes",
		(unsigned)st.st_uid);
}

static bool open_results(struct runner *r, struct err *e)
{
	const char *path = r->config->results;
	bool taken;

	if (!fs_mkdir(AT_FDCWD, path, 0755, e) || !fs_open_dir(&r->results, AT_FDCWD, path, e) ||
		!runner_user(r->results, e) || !fs_lock(&r->lock, &taken, r->results, "probes.lock", false, e))
		return err_in(e, "results");
	return taken || err_set(e, ERR_BUSY, "another runner runs the probes of %s (it holds probes.lock)", path);
}

/* Before the first look at `current`: what moves in between is seen. */
static bool open_watch(struct runner *r, struct err *e)
{
	const uint32_t mask = IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

	cleanup(free_ptr) char *agent = path_form("%s/agent", r->store.path);

	r->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	r->state = r->watch < 0 ? -1 : inotify_add_watch(r->watch, r->store.path, mask);
	if (r->state < 0)
		return err_sys(e, "watch %s", r->store.path);
	(void)!inotify_add_watch(r->watch, agent, IN_MOVED_TO | IN_DELETE | IN_ONLYDIR); /* none is there before the first */
	return true;
}

bool runner_open(struct runner **out, const struct config *config, runner_say *say, void *ctx, struct err *e)
{
	cleanup(runner_close) struct runner *r = mem_new(1, sizeof *r);

	*r = (struct runner){.config = config, .say = say, .ctx = ctx, .moved = true};
	r->results = r->lock = r->watch = -1;
	clock_boot_id(r->boot);
	if (!store_open(&r->store, config->state, e) || !open_results(r, e) || !open_watch(r, e))
		return false;
	*out = r;
	r = NULL;
	return true;
}

void runner_close(struct runner **r)
{
	struct runner *old = *r;

	if (!old)
		return;
	leave_release(old);
	fd_close(&old->watch);
	fd_close(&old->lock);
	fd_close(&old->results);
	store_close(&old->store);
	free_ptr(r);
}
