/* The asker's side: a job, and what came of it. */
#include "sources/post.h"

#include <unistd.h>

#include "base/proc.h"
#include "sources/post_job.h"

enum { OUTPUT_MAX = 16 * KIB, BRING_MS = 5 * 60 * 1000, GATHER_MS = 3600 * 1000, GRACE_MS = 5 * 1000, JOB_MAX = 16 * MIB };

/* The last line is the answer; what stands before it came on stderr. */
static struct str last_line(struct str text)
{
	text = str_trim(text);
	const char *end = text.len ? memrchr(text.data, '\n', text.len) : NULL;

	return end ? str_bytes(end + 1, text.len - (size_t)(end + 1 - text.data)) : text;
}

static bool read_done(struct str text, struct err *e)
{
	cleanup(doc_free) doc *d = NULL;
	struct post_done done = {0};
	enum err_code code = ERR_FAILED;

	if (!doc_read(&d, last_line(text), e) || !shape_read(&done, post_done_shape, d, &(struct shape_from){0}, e))
		return err_set(e, ERR_FAILED, "fleet-post-git ended without an answer: %.300s", text.len ? text.data : "it met a limit");
	if (done.code) {
		(void)!err_code_of(&code, done.code);
		err_set(e, code, "%s", done.text ? done.text : "");
	}
	bool good = !done.code;
	shape_free(&done, post_done_shape);
	return good;
}

static bool run(const char *helper, const struct post_job *job, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(JOB_MAX);
	cleanup(doc_free) doc *d = shape_write(job, post_job_shape);
	char *argv[] = {(char *)helper, NULL};
	struct proc_end end = {0};

	doc_line(&text, d);
	const struct proc_job how = {
		.argv = argv,
		.env = environ,
		.cwd = -1,
		.input = buf_str(&text),
		.timeout_ms = job->access.total_ms + GRACE_MS,
		.output_max = OUTPUT_MAX,
	};
	if (!buf_ok(&text, e) || !proc_run(&end, &how, e))
		return false;
	bool ok = end.timed_out ? err_set(e, ERR_TIMEOUT, "%s: it took longer than was allowed", job->access.url)
				: read_done(buf_str(&end.output), e);
	buf_free(&end.output);
	return ok;
}

static struct post_job job_of(const struct post *p, int64_t total_ms)
{
	size_t keys = 0;

	while (p->host_keys && p->host_keys[keys])
		keys++;
	return (struct post_job){
		.access = {.url = (char *)p->url,
			.key = (char *)p->key,
			.host_keys = {(void *)p->host_keys, keys},
			.agent = !p->key,
			.connect_ms = p->connect_ms ? p->connect_ms : POST_CONNECT_MS,
			.idle_ms = p->idle_ms ? p->idle_ms : POST_IDLE_MS,
			.total_ms = total_ms},
		.branch = (char *)(p->branch ? p->branch : POST_BRANCH),
		.dir = (char *)p->dir,
	};
}

bool post_bring(const struct post *p, const char *host, const char *from, int64_t first, int64_t last, int64_t when,
	struct err *e)
{
	struct post_job job = job_of(p, BRING_MS);

	job.host = (char *)host;
	job.from = (char *)from;
	job.first = first;
	job.last = last;
	job.when = MAX(when, 0);
	return git_access_check(&job.access, e) && run(p->helper, &job, e);
}

bool post_gather(const struct post *p, const char *to, const char *const *hosts, size_t count, struct err *e)
{
	struct post_job job = job_of(p, GATHER_MS);

	job.to = (char *)to;
	job.hosts = (struct list){(void *)hosts, count};
	return git_access_check(&job.access, e) && run(p->helper, &job, e);
}
