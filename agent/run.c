/* One script of a release, run as all of them are. */
#include "agent/run.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>

#define RUN_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
enum { COPY_MAX = 64 * KIB, COPIES_MAX = 128, ENV_COUNT = 12 };

/* --- the scratch folder --- */

static bool make_scratch(char **out, const struct config *c, struct err *e)
{
	cleanup(free_ptr) char *name = path_form("%s/.run-XXXXXX", c->results);

	if (!fs_mkdir(AT_FDCWD, c->results, 0755, e))
		return err_in(e, "results");
	if (!mkdtemp(name))
		return err_sys(e, "%s", name);
	*out = name;
	name = NULL;
	return true;
}

/* Results are small files of text; what is not is left out. */
static void copy_result(int to, int from, const char *name)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(COPY_MAX);
	cleanup(fd_close) int fd = -1;
	struct err e;

	if (fs_read(&bytes, from, name, &e) && fs_create(&fd, to, name, 0644, &e))
		(void)!fs_put(fd, buf_str(&bytes), &e);
}

static bool copy_results(const char *out, const struct config *c, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	cleanup(fd_close) int to = -1;
	cleanup(fd_close) int from = -1;

	if (!fs_mkdir(AT_FDCWD, out, 0755, e) || !fs_open_dir(&to, AT_FDCWD, out, e) ||
		!fs_open_dir(&from, AT_FDCWD, c->results, e) || !fs_names(&names, from, "", e))
		return false;
	for (size_t i = 0; i < MIN(names.count, (size_t)COPIES_MAX); i++)
		if (names.name[i][0] != '.')
			copy_result(to, from, names.name[i]);
	return true;
}

/* --- what the script is given --- */

static char **make_argv(const struct run *r)
{
	size_t count = r->args ? r->args->count : 0;
	char **argv = mem_new(count + 2, sizeof *argv);

	argv[0] = path_form("%s/%s", r->release->tree, r->script);
	for (size_t i = 0; i < count; i++)
		argv[i + 1] = str_dup(str_of(((char **)r->args->items)[i]));
	return argv;
}

static char **make_env(const struct run *r, const char *scratch, const char *out)
{
	char **env = mem_new(ENV_COUNT + 1, sizeof *env);
	char hex[DIGEST_HEX + 1];
	size_t n = 0;

	digest_hex(hex, r->release->id);
	env[n++] = path_form("PATH=" RUN_PATH);
	env[n++] = path_form("LANG=C");
	env[n++] = path_form("TZ=UTC");
	env[n++] = path_form("HOME=%s", scratch);
	env[n++] = path_form("TMPDIR=%s", scratch);
	env[n++] = path_form("FLEET_ID=%s", r->config->id);
	env[n++] = path_form("FLEET_PLAN=%s", r->config->plan);
	env[n++] = path_form("FLEET_RELEASE=%s", hex);
	env[n++] = path_form("FLEET_RELEASE_DIR=%s", r->release->tree);
	env[n++] = path_form("FLEET_OUT=%s", out);
	env[n++] = path_form("FLEET_PROBE=%s", r->name);
	env[n++] = path_form("FLEET_TIMEOUT_MS=%lld", (long long)r->timeout_ms);
	return env;
}

static void words_free(char ***words)
{
	for (size_t i = 0; *words && (*words)[i]; i++)
		free((*words)[i]);
	free(*words);
	*words = NULL;
}

bool run_prepare(struct run_job *out, const struct run *r, struct err *e)
{
	cleanup(run_job_free) struct run_job job = {0};

	if (!make_scratch(&job.scratch, r->config, e))
		return false;
	cleanup(free_ptr) char *copy = path_form("%s/out", job.scratch);
	if (r->aside && !copy_results(copy, r->config, e))
		return false;
	job.argv = make_argv(r);
	job.env = make_env(r, job.scratch, r->aside ? copy : r->config->results);
	job.job = (struct proc_job){
		.argv = job.argv,
		.env = job.env,
		.cwd = r->release->tree_fd,
		.timeout_ms = r->timeout_ms,
		.output_max = RUN_OUTPUT_MAX,
	};
	*out = job;
	job = (struct run_job){0};
	return true;
}

void run_job_free(struct run_job *job)
{
	struct err e;

	words_free(&job->argv);
	words_free(&job->env);
	if (job->scratch)
		(void)!fs_remove_tree(AT_FDCWD, job->scratch, &e);
	free_ptr(&job->scratch);
}

/* Whoever interrupts leaves no process behind. */
bool run_until(struct proc_end *out, const struct proc_job *job, int stop, struct err *e)
{
	struct proc *p = NULL;
	bool stopped = false;

	if (!proc_start(&p, job, e))
		return false;
	while (!stopped && !proc_step(p)) {
		struct pollfd fd[] = {{stop, POLLIN, 0}, {proc_fd(p), POLLIN, 0}};
		stopped = poll(fd, COUNT_OF(fd), (int)MIN(proc_left_ms(p), INT_MAX)) > 0 && fd[0].revents;
	}
	proc_finish(&p, out);
	return !stopped || err_set(e, ERR_STOPPED, "interrupted");
}
