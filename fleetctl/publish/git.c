/* A git remote: fleet-push-git does it, told what goes where; what is there is looked at first. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "fleetctl/publish/lead.h"
#include "fleetctl/publish/publish.h"
#include "sources/git_job.h"
#include "sources/git_layout.h"
#include "sources/helper.h"

#define PACKAGED "/usr/lib/fleetctl"
enum { OUTPUT_MAX = 256 * KIB, TOTAL_MS = 3600 * 1000, TIMESTAMP_MAX = 64 * KIB, NAME_SIZE = 256 };

/* The last line is the answer; what stands before it came on stderr. */
static struct str last_line(struct str text)
{
	text = str_trim(text);
	const char *end = text.len ? memrchr(text.data, '\n', text.len) : NULL;

	return end ? str_bytes(end + 1, text.len - (size_t)(end + 1 - text.data)) : text;
}

static bool read_done(struct git_job_done *out, struct str text, struct err *e)
{
	cleanup(doc_free) doc *d = NULL;
	enum err_code code = ERR_FAILED;

	if (!doc_read(&d, last_line(text), e) || !shape_read(out, git_job_done_shape, d, &(struct shape_from){0}, e))
		return err_set(e, ERR_FAILED, "fleet-push-git ended without an answer: %.300s", text.len ? text.data : "it met a limit");
	if (!out->code)
		return true;
	(void)!err_code_of(&code, out->code);
	err_set(e, code, "%s", out->text ? out->text : "");
	shape_free(out, git_job_done_shape);
	return false;
}

static bool run_job(struct git_job_done *out, const struct git_job *job, struct err *e)
{
	cleanup(free_ptr) char *helper = NULL;
	cleanup(buf_free) struct buf text = BUF_MAX(256 * MIB);
	cleanup(doc_free) doc *d = shape_write(job, git_job_shape);
	struct proc_end end = {0};

	if (!helper_find(&helper, "fleet-push-git", PACKAGED, e))
		return false;
	doc_line(&text, d);
	char *argv[] = {helper, NULL};
	const struct proc_job run = {
		.argv = argv,
		.env = environ,
		.cwd = -1,
		.input = buf_str(&text),
		.timeout_ms = TOTAL_MS,
		.output_max = OUTPUT_MAX,
	};
	if (!buf_ok(&text, e) || !proc_run(&end, &run, e))
		return false;
	bool ok = end.timed_out ? err_set(e, ERR_TIMEOUT, "%s: an hour has passed", job->access.url)
				: read_done(out, buf_str(&end.output), e);
	buf_free(&end.output);
	return ok;
}

/* --- the job --- */

/* "anna@laptop": who publishes, for the other operators. */
static char *who_am_i(void)
{
	const struct passwd *me = getpwuid(getuid());
	char host[NAME_SIZE] = "";

	if (gethostname(host, sizeof host - 1) != 0)
		host[0] = 0;
	return path_form("%s@%s", me ? me->pw_name : "somebody", host[0] ? host : "somewhere");
}

/* A patch of no plan is an agent's, and fetched by nobody but who wants it. */
static struct git_job_file as_file(const struct content *c)
{
	bool may_be = c->kind == CONTENT_PATCH || c->kind == CONTENT_TARGET;

	return (struct git_job_file){
		.path = c->path,
		.alone = c->kind == CONTENT_BUNDLE || (c->kind == CONTENT_PATCH && !c->plan) || (may_be && c->size > GIT_INLINE_MAX),
		.plan = c->plan,
	};
}

static void fill_files(struct git_job *job, const struct contents *c)
{
	struct git_job_file *file = mem_new(c->count + 1, sizeof *file);

	for (size_t i = 0; i < c->count; i++)
		file[i] = as_file(&c->at[i]);
	job->file = (struct list){file, c->count};
}

static struct git_job job_of(const struct publish *p)
{
	const struct fleet_place *place = p->place;

	return (struct git_job){
		.access = {.url = place->url,
			.key = place->identity,
			.ca = place->ca,
			.host_keys = place->host_keys,
			.agent = !place->identity,
			.connect_ms = p->fleet->defaults.connect_ms,
			.idle_ms = p->fleet->defaults.silence_ms,
			.total_ms = TOTAL_MS},
		.branch = place->branch ? place->branch : (char *)"main",
		.when = p->now,
		.history = place->history,
		.grace_s = p->prune ? 0 : place->grace_ms / 1000,
	};
}

static bool check_lead(const struct publish *p, const struct git_job_done *seen, struct err *e)
{
	cleanup(buf_free) struct buf ours = BUF_MAX(TIMESTAMP_MAX);

	if (!seen->commit)
		return true;
	if (!seen->timestamp)
		return err_set(e, ERR_FOREIGN, "%s: the branch holds something else than a repository of a fleet: take an empty one", p->place->url);
	return fs_read(&ours, p->repository->at, "metadata/timestamp.json", e) &&
	       lead_check(buf_str(&ours), str_of(seen->timestamp), p->place->url, seen->who, e);
}

static bool push(struct publish_report *out, const struct publish *p, struct git_job *job, const struct git_job_done *seen, struct err *e)
{
	cleanup(free_ptr) char *who = who_am_i(), *words = path_form("publish to %s\n", p->place->name);
	cleanup(free_ptr) char *from = realpath(p->repository->dir, NULL);
	struct git_job_done done = {0};

	job->push = true;
	job->from = from;
	job->who = who;
	job->words = words;
	words[strlen(words) - 1] = 0; /* one line */
	job->expect = seen->commit;
	fill_files(job, p->contents);
	bool ok = run_job(&done, job, e);
	free_ptr(&job->file.items);
	if (!ok)
		return false;
	out->changed = done.changed;
	out->added = (size_t)done.payloads;
	out->removed = (size_t)done.removed;
	snprintf(out->commit, sizeof out->commit, "%s", done.commit ? done.commit : "");
	shape_free(&done, git_job_done_shape);
	return true;
}

bool publish_git(struct publish_report *out, const struct publish *p, struct err *e)
{
	cleanup(free_ptr) char *dir = path_form("%s/" FLEET_STATE "/publish/%s", p->fleet->dir, p->place->name);
	struct git_job job = job_of(p);
	struct git_job_done seen = {0};
	struct publish_report report = {0};

	job.dir = dir;
	if (!fs_mkdir(p->fleet->at, FLEET_STATE "/publish", 0700, e) || !run_job(&seen, &job, e))
		return false;
	bool ok = check_lead(p, &seen, e) && (p->dry || push(&report, p, &job, &seen, e));
	if (ok && p->dry)
		snprintf(report.commit, sizeof report.commit, "%s", seen.commit ? seen.commit : "");
	shape_free(&seen, git_job_done_shape);
	if (ok)
		*out = report;
	return ok;
}
