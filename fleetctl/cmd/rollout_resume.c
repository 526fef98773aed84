#include <stdio.h>
#include <stdlib.h>

#include "fleetctl/command.h"
#include "fleetctl/rollout/before.h"
#include "fleetctl/rollout/drive.h"
#include "fleetctl/rollout/pull_command.h"

/* It may put hosts on trial whose plans others began to pull for meanwhile. */
static bool is_free(const struct rollout *r, struct err *e)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct member_row *m = &r->member[i].row;
		if (!member_ended((enum member_state)m->state) && !before_push(r->db, r->repository, m->plan, e))
			return false;
	}
	return true;
}

static bool load(struct drive *d, const char *id, int64_t max_failed, int64_t max_unreachable, struct err *e)
{
	struct rollout *r = &d->rollout;
	if (!rollout_load(r, id, e) || (strcmp(r->row.action, "undo") != 0 && !is_free(r, e)))
		return false;
	if (max_failed >= 0)
		r->options.max_failed = max_failed;
	if (max_unreachable >= 0)
		r->options.max_unreachable = max_unreachable;
	snprintf(r->goes_on, sizeof r->goes_on, "goes on, by %s, from what the hosts really run; limits: %lld failed, %lld unreachable (-1: any)",
		drive_who(), (long long)r->options.max_failed, (long long)r->options.max_unreachable);
	return true;
}

static int run(const struct command *me, int argc, char **argv)
{
	struct common common = { 0 };
	const char *id = NULL, *identity = NULL;
	int64_t max_failed = -1, max_unreachable = -1;
	struct pull_words pulling = PULL_WORDS;
	struct opt table[] = {
		{ "ROLLOUT", 0, OPT_ARG, &id, NULL, "its id (the newest)" },
		{ "max-failed", 0, OPT_COUNT, &max_failed, "N", "another limit than it was started with", .max = 100000 },
		{ "max-unreachable", 0, OPT_COUNT, &max_unreachable, "N", "another limit than it was started with", .max = 100000 },
		PULL_OPTS(pulling),
		{ "identity", 'i', OPT_TEXT, &identity, "FILE", "SSH key (default: fleet.yaml, then ssh-agent)" },
		COMMON_OPTS(common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &common, argc, argv, &show, &code))
		return code;
	struct drive d = { .fleet = { .at = -1 } };
	bool good = drive_open(&d, &show, common.fleet, identity, &e);
	if (good && pull_command_is(d.db, id)) {
		code = pull_command_resume(&d, &pulling, id, max_failed, max_unreachable);
		drive_close(&d);
		return code;
	}
	good = good && load(&d, id, max_failed, max_unreachable, &e);
	if (good)
		show_note(&show, "rollout %s: going on from what the hosts really run", d.rollout.row.id);
	code = good ? drive_run(&d) : command_fail(&show, &e);
	drive_close(&d);
	return code;
}

const struct command cmd_rollout_resume = {
	"rollout resume", "[ROLLOUT]", "Go on with a rollout that was paused, halted, or killed", NULL, run,
};
