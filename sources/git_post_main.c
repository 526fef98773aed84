/* fleet-post-git: one job on its stdin, what came of it on its stdout. Not for people. A host brings its receipts, an operator
 * gathers those of all. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/sandbox.h"
#include "sources/git_gather.h"
#include "sources/git_link.h"
#include "sources/git_post.h"

enum { JOB_MAX = 16 * MIB };

static const struct sandbox box = {.memory = 2 * GIB, .written = 2 * GIB, .files = 64, .writes = true};

static bool work(struct post_done *done, const struct post_job *job, struct err *e)
{
	if (!fs_mkdir(AT_FDCWD, job->dir, 0700, e) || !git_link_pins(job->dir, &job->access, e) || !git_lib_begin(job->dir, e))
		return false;
	return job->host ? git_post(&done->count, job, e) : git_gather(&done->count, job, e);
}

static bool read_job(struct post_job *out, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(JOB_MAX);
	cleanup(doc_free) doc *d = NULL;

	return fs_read_fd(&text, STDIN_FILENO, e) && doc_read(&d, buf_str(&text), e) &&
	       shape_read(out, post_job_shape, d, &(struct shape_from){0}, e);
}

int main(void)
{
	struct post_job job = {0};
	struct post_done done = {0};
	struct err why = {0};
	cleanup(buf_free) struct buf text = {0};

	bool ok = sandbox_enter(&box, &why) && read_job(&job, &why) && work(&done, &job, &why);
	if (!ok) {
		done.code = str_dup(str_of(err_word(why.code)));
		done.text = str_dup(str_of(why.text));
	}
	cleanup(doc_free) doc *d = shape_write(&done, post_done_shape);
	doc_line(&text, d);
	printf("%s\n", buf_str(&text).data);
	shape_free(&done, post_done_shape);
	shape_free(&job, post_job_shape);
	git_libgit2_shutdown();
	return ok ? 0 : 1;
}
