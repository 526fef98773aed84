#include "fleetctl/rollout/pull_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "fleetctl/command.h"
#include "keys/secret.h"

enum { PUBLISH_MS = 3600 * 1000, PUBLISH_SAID_MAX = 16 * KIB };

bool pull_command_is(struct db *db, const char *id)
{
	struct rollout_row row = {0};
	struct member_row *m = NULL;
	size_t count = 0;
	struct err e;

	bool is = db_rollout_get(db, id, &row, &m, &count, &e) && strcmp(row.action, PULL_ACTION) == 0;
	for (size_t i = 0; i < count; i++)
		member_row_free(&m[i]);
	free(m);
	rollout_row_free(&row);
	return is;
}

static bool names(const struct repository *r, const char *plan, const char *id)
{
	cleanup(free_ptr) char *role = path_form("rollout-%s", plan), *path = path_form("%s/rollout.json", plan);
	cleanup(buf_free) struct buf bytes = BUF_MAX(STAGE_BYTES_MAX);
	cleanup(stage_free) struct stage s = {0};
	struct err e;

	return repository_document(&bytes, r, role, path, &e) && stage_read(&s, buf_str(&bytes), &e) && strcmp(s.rollout, id) == 0;
}

bool pull_command_follows(const struct fleet *f, const char *id)
{
	cleanup(repository_free) struct repository r = {.at = -1};
	struct err e;
	bool found = false;

	if (!repository_open(&r, f->dir, &e))
		return false;
	for (size_t i = 0; i < f->hosts.count && !found; i++) {
		const char *plan = fleet_host(f, i)->plan;
		bool again = i > 0 && strcmp(plan, fleet_host(f, i - 1)->plan) == 0;
		found = !again && names(&r, plan, id);
	}
	return found;
}

/* --- publishing --- */

/* By the command itself, as a person would: with its own looks at the repository. Where it fails, or fleet.yaml names
 * no place, it is left to the operator, and said. */
void pull_publish(bool *news, const struct show *show, const struct fleet *f)
{
	cleanup(free_ptr) char *dir = str_dup(str_of(f->dir));
	char *argv[] = {"/proc/self/exe", "publish", "--fleet", dir, NULL};
	const struct proc_job job = {
		.argv = argv, .env = environ, .cwd = -1, .timeout_ms = PUBLISH_MS, .output_max = PUBLISH_SAID_MAX};
	struct proc_end end = {0};
	struct err e;

	if (!*news)
		return;
	bool run = f->publish.count && proc_run(&end, &job, &e);
	struct str rest = buf_str(&end.output);
	while (rest.len) {
		struct str line = str_cut(rest, '\n', &rest);
		show_note(show, STR_FMT, STR_ARG(line));
	}
	if (!run || end.status != 0)
		show_note(show, "hosts see nothing of this until repository/ is published: fleetctl publish");
	*news = !run || end.status != 0;
	buf_free(&end.output);
}

static void publish(struct pull_drive *p)
{
	pull_publish(&p->news, p->show, p->fleet);
}

/* --- what is told --- */

static void tell(const struct pull_drive *p)
{
	char summary[200];

	rollout_summary(summary, p->member, p->count);
	if (p->show->json) {
		doc *d = rollout_doc(&p->row, p->member, p->count);
		show_json(d);
		return;
	}
	printf("rollout %s: %s: %s%s%s\n", p->row.id, rollout_words[p->row.state], summary, p->row.reason ? ": " : "",
		p->row.reason ? p->row.reason : "");
	if (p->row.state == ROLLOUT_RUNNING)
		show_note(p->show, "when receipts have come home: fleetctl rollout resume %s", p->row.id);
}

static void nap(int64_t ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000 * 1000000)};

	nanosleep(&t, NULL);
}

/* Once, or until it ends. */
static bool look(struct pull_drive *p, const struct pull_words *w, bool go, struct err *e)
{
	if (!pull_look(p, go, e))
		return false;
	publish(p);
	while (w->every_ms && p->row.state == ROLLOUT_RUNNING) {
		show_note(p->show, "rollout %s: waits for receipts, looks again every %llds", p->row.id,
			(long long)(w->every_ms / 1000));
		nap(w->every_ms);
		if (pull_look(p, false, e))
			publish(p);
		else if (e->code != ERR_UNREACHABLE && e->code != ERR_TIMEOUT && e->code != ERR_BUSY)
			return false;
		else
			show_note(p->show, "rollout %s: %s", p->row.id, e->text);
	}
	return true;
}

/* --- the commands --- */

int pull_command_start(struct drive *d, const struct pull_words *w, const struct rollout_options *o,
	const struct rollout_target *target, size_t count)
{
	cleanup(passphrase_free) struct passphrase passphrase = {.fd = (int)w->passphrase_fd};
	cleanup(pull_drive_free) struct pull_drive p = {
		.show = d->show,
		.fleet = &d->fleet,
		.repository = &d->repository,
		.db = d->db,
		.keys = {&d->fleet, w->keys, &passphrase},
		.options = *o,
	};
	struct pull_wishes wishes = {w->any_time, w->defer_ms};
	struct err e;

	secret_guard_process();
	if (!pull_start(&p, &wishes, target, count, drive_who(), &e))
		return command_fail(d->show, &e);
	publish(&p);
	if (w->every_ms && !look(&p, w, false, &e))
		return command_fail(d->show, &e);
	tell(&p);
	return w->every_ms ? pull_exit(&p) : 0;
}

int pull_command_resume(
	struct drive *d, const struct pull_words *w, const char *id, int64_t max_failed, int64_t max_unreachable)
{
	cleanup(passphrase_free) struct passphrase passphrase = {.fd = (int)w->passphrase_fd};
	cleanup(pull_drive_free) struct pull_drive p = {
		.show = d->show,
		.fleet = &d->fleet,
		.repository = &d->repository,
		.db = d->db,
		.keys = {&d->fleet, w->keys, &passphrase},
	};
	struct err e;

	secret_guard_process();
	if (!pull_load(&p, id, &e) || !pull_goes_on(&p, &e))
		return command_fail(d->show, &e);
	if (max_failed >= 0)
		p.options.max_failed = max_failed;
	if (max_unreachable >= 0)
		p.options.max_unreachable = max_unreachable;
	if (!look(&p, w, true, &e))
		return command_fail(d->show, &e);
	tell(&p);
	return pull_exit(&p);
}

/* Its documents are what hosts obey, whether or not the database here knows of it. */
static bool load_to_stop(struct pull_drive *p, const char *id, struct err *e)
{
	if (pull_load(p, id, e))
		return true;
	bool rebuilt = p->row.id && p->row.state == ROLLOUT_REBUILT;
	if (!id || e->code != ERR_USAGE || (p->row.id && !rebuilt))
		return false;
	pull_drive_free(p);
	pull_adopt(p, id);
	return true;
}

bool pull_command_stop(const struct show *show, const struct fleet *f, struct db *db, const struct pull_words *w,
	const char *id, bool abort, bool back, struct err *e)
{
	cleanup(passphrase_free) struct passphrase passphrase = {.fd = (int)w->passphrase_fd};
	cleanup(repository_free) struct repository r = {.at = -1};
	cleanup(pull_drive_free) struct pull_drive p = {
		.show = show,
		.fleet = f,
		.repository = &r,
		.db = db,
		.keys = {f, w->keys, &passphrase},
	};

	secret_guard_process();
	if (!repository_open(&r, f->dir, e) || !load_to_stop(&p, id, e) ||
		!pull_stop(&p, abort ? STAGE_ABORTED : STAGE_HELD, back, e))
		return false;
	publish(&p);
	show_note(show, "rollout %s: %s; hosts hear of it with their next poll", p.row.id, rollout_words[p.row.state]);
	return true;
}
