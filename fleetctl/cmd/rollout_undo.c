#include <stdlib.h>

#include "fleetctl/command.h"
#include "fleetctl/rollout/drive.h"
#include "fleetctl/rollout/pull_command.h"

struct undone {
	struct rollout_target *target;
	size_t count;
};

/* The hosts that a rollout brought to its release, or may have. */
static bool targets_of(struct undone *u, const struct drive *d, const char *id, struct err *e)
{
	struct rollout_row row = { 0 };
	struct member_row *m = NULL;
	size_t count = 0;
	bool good = db_rollout_get(d->db, id, &row, &m, &count, e);
	u->target = mem_new(count + 1, sizeof *u->target);
	for (size_t i = 0; i < count; i++) {
		const struct host *h = fleet_find(&d->fleet, str_of(m[i].host));
		bool may_have_it = m[i].state == MEMBER_COMMITTED || (m[i].ordered && !member_ended((enum member_state)m[i].state));
		if (h && may_have_it)
			u->target[u->count++] = (struct rollout_target){ .host = h, .release = m[i].release, .number = m[i].number };
	}
	if (good && strcmp(row.action, "undo") == 0)
		good = err_set(e, ERR_USAGE, "rollout %s is itself an undo; name the rollout to undo: `fleetctl rollout status --all`", row.id);
	else if (good && u->count == 0)
		good = err_set(e, ERR_USAGE, "rollout %s brought its release to no host: nothing to undo; name another: `fleetctl rollout status --all`", row.id);
	for (size_t i = 0; i < count; i++)
		member_row_free(&m[i]);
	free(m);
	rollout_row_free(&row);
	return good;
}

/* Hosts that pull are connected to by nobody: what they obey says that they go back. */
static bool undo_pulled(bool *is, const struct show *show, const char *fleet, const struct pull_words *w, const char *id, struct err *e)
{
	cleanup(fleet_free) struct fleet f = { .at = -1 };
	cleanup(db_close) struct db *db = NULL;
	if (!fleet_open(&f, fleet, e) || !db_open(&db, &f, e))
		return false;
	*is = pull_command_is(db, id);
	return !*is || pull_command_stop(show, &f, db, w, id, true, true, e);
}

static int tell_pulled(const struct show *show)
{
	if (show->json)
		show_json(show_doc(show));
	return 0;
}

static int run(const struct command *me, int argc, char **argv)
{
	struct common common = { 0 };
	const char *id = NULL, *identity = NULL;
	bool take = false, pulled = false;
	struct pull_words pulling = PULL_WORDS;
	struct opt table[] = {
		{ "ROLLOUT", 0, OPT_ARG, &id, NULL, "its id (the newest)" },
		{ "take", 0, OPT_FLAG, &take, NULL, "take hosts over from another operator's rollout" },
		{ "identity", 'i', OPT_TEXT, &identity, "FILE", "SSH key (default: fleet.yaml, then ssh-agent)" },
		PULL_KEY_OPTS(pulling),
		COMMON_OPTS(common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &common, argc, argv, &show, &code))
		return code;
	if (!undo_pulled(&pulled, &show, common.fleet, &pulling, id, &e))
		return command_fail(&show, &e);
	if (pulled)
		return tell_pulled(&show);
	struct drive d = { .fleet = { .at = -1 } };
	struct undone u = { 0 };
	/* One wave, no canary, and one failure stops nobody: going back costs no network and is wanted everywhere. */
	struct rollout_options o = {
		.waves = { .percent = { 100 }, .count = 1 }, .max_failed = INT32_MAX, .max_unreachable = -1, .allow_blind = true, .take = take,
	};
	bool good = drive_open(&d, &show, common.fleet, identity, &e) && targets_of(&u, &d, id, &e);
	o.parallel = d.fleet.defaults.parallel;
	good = good && rollout_new(&d.rollout, "undo", &o, u.target, u.count, drive_who(), &e);
	if (good)
		show_note(&show, "rollout %s: undo on %zu host%s", d.rollout.row.id, u.count, u.count == 1 ? "" : "s");
	code = good ? drive_run(&d) : command_fail(&show, &e);
	free(u.target);
	drive_close(&d);
	return code;
}

const struct command cmd_rollout_undo = {
	"rollout undo", "[ROLLOUT]", "Take the hosts of a rollout back to the release before",
	"Hosts that pull hear of it with their next poll, as of `rollout abort --back`.\n"
	"The release that is undone is held on each host: it is not taken again until a newer number comes, or `fleet-agent allow` there.", run,
};
