/* A script of a release run by another user. */
#include "agent/script.h"

#include <unistd.h>

#include "base/handover.h"

enum {
	ARGS_MAX = 64,
	ASK_WAIT_MS = 10 * 1000,      /* the caller writes at once */
	ANSWER_WAIT_MS = 30 * 1000,   /* beyond the script's own time: starting, killing, sweeping up */
	TIMEOUT_MAX_MS = 24 * 3600 * 1000,
};

/* --- what is asked, and what is answered --- */

struct ask {
	struct digest release;
	char *script, *name;
	struct list args; /* char * */
	bool aside;
	int64_t timeout_ms;
};
static const struct shape_field ask_shape[] = {
	{"release", SHAPE_HEX, offsetof(struct ask, release), .bytes = 32, .required = true},
	{"script", SHAPE_PATH, offsetof(struct ask, script), .required = true},
	{"name", SHAPE_NAME, offsetof(struct ask, name), .required = true},
	{"args", SHAPE_LIST, offsetof(struct ask, args), .item = SHAPE_TEXT, .max = ARGS_MAX},
	{"aside", SHAPE_BOOL, offsetof(struct ask, aside)},
	{"timeout_ms", SHAPE_INT, offsetof(struct ask, timeout_ms), .required = true, .min = 1, .max = TIMEOUT_MAX_MS},
	{0},
};

struct answer {
	char *failed; /* it could not be started: why */
	bool timed_out, cut;
	int64_t status, took_ms;
	char *output;
};
static const struct shape_field answer_shape[] = {
	{"failed", SHAPE_TEXT, offsetof(struct answer, failed), .clean = true},
	{"timed_out", SHAPE_BOOL, offsetof(struct answer, timed_out)},
	{"cut", SHAPE_BOOL, offsetof(struct answer, cut)},
	{"status", SHAPE_INT, offsetof(struct answer, status), .max = 255},
	{"took_ms", SHAPE_INT, offsetof(struct answer, took_ms), .max = INT64_MAX},
	{"output", SHAPE_TEXT, offsetof(struct answer, output), .max = RUN_OUTPUT_MAX, .clean = true, .lines = true},
	{0},
};

static void ask_free(struct ask *a)
{
	shape_free(a, ask_shape);
}

static void answer_free(struct answer *a)
{
	shape_free(a, answer_shape);
}

static bool say(int socket, const void *what, const struct shape_field *shape, struct err *e)
{
	cleanup(doc_free) doc *d = shape_write(what, shape);
	cleanup(buf_free) struct buf line = BUF_MAX(HANDOVER_WORDS_MAX);

	doc_line(&line, d);
	return buf_ok(&line, e) && handover_send(socket, buf_str(&line), NULL, 0, e);
}

static bool hear(void *out, int socket, const struct shape_field *shape, int64_t wait_ms, struct err *e)
{
	cleanup(buf_free) struct buf line = {0};
	cleanup(doc_free) doc *d = NULL;
	const struct shape_from from = {.file = "the script's socket", .open = true};

	return handover_take(socket, &line, NULL, 0, wait_ms, e) && doc_read(&d, buf_str(&line), e) &&
	       shape_read(out, shape, d, &from, e);
}

/* --- who asks --- */

static bool ask_unit(struct proc_end *out, const struct run *r, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/script.sock", r->config->run);
	cleanup(fd_close) int socket = -1;
	cleanup(answer_free) struct answer a = {0};
	struct ask ask = { /* borrowed: not freed */
		.release = r->release->id,
		.script = (char *)r->script,
		.name = (char *)r->name,
		.args = r->args ? *r->args : (struct list){0},
		.aside = r->aside,
		.timeout_ms = r->timeout_ms,
	};

	if (!handover_connect(&socket, path, e))
		return err_in(e, "scripts run as another user: systemctl start fleet-agent-script.socket");
	if (!say(socket, &ask, ask_shape, e) || !hear(&a, socket, answer_shape, r->timeout_ms + ANSWER_WAIT_MS, e))
		return err_in(e, "%s", r->name);
	if (a.failed)
		return err_set(e, ERR_FAILED, "%s", a.failed);
	*out = (struct proc_end){
		.timed_out = a.timed_out, .cut = a.cut, .status = (int)a.status, .took_ms = a.took_ms};
	out->output = BUF_MAX(RUN_OUTPUT_MAX);
	buf_text(&out->output, a.output ? a.output : "");
	return true;
}

static bool run_here(struct proc_end *out, const struct run *r, struct err *e)
{
	cleanup(run_job_free) struct run_job job = {0};

	return run_prepare(&job, r, e) && proc_run(out, &job.job, e);
}

bool script_run(struct proc_end *out, const struct run *r, struct err *e)
{
	return r->config->run ? ask_unit(out, r, e) : run_here(out, r, e);
}

/* --- who runs it --- */

static bool run_asked(struct proc_end *end, const struct ask *a, int socket, const struct config *c,
	const struct store *s, struct err *e)
{
	cleanup(release_close) struct release release = {0};
	cleanup(run_job_free) struct run_job job = {0};
	struct run run = {
		.config = c,
		.release = &release,
		.script = a->script,
		.args = &a->args,
		.name = a->name,
		.aside = a->aside,
		.timeout_ms = a->timeout_ms,
	};

	return release_open(&release, s, a->release, e) && run_prepare(&job, &run, e) &&
	       run_until(end, &job.job, socket, e);
}

bool script_serve(int socket, const struct config *c, const struct store *s, struct err *e)
{
	cleanup(ask_free) struct ask ask = {0};
	struct proc_end end = {0};
	struct err why = {0};

	if (!hear(&ask, socket, ask_shape, ASK_WAIT_MS, e))
		return false;
	bool ran = run_asked(&end, &ask, socket, c, s, &why);
	buf_byte(&end.output, 0);
	struct answer a = {
		.failed = ran ? NULL : why.text,
		.timed_out = end.timed_out,
		.cut = end.cut,
		.status = end.status,
		.took_ms = end.took_ms,
		.output = end.output.data,
	};
	bool told = say(socket, &a, answer_shape, e);
	buf_free(&end.output);
	return told;
}
