/* pause and abort: a wish in the database, heeded by the fleetctl that drives; or, if none does, carried out at once. */
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "fleetctl/command.h"
#include "fleetctl/rollout/drive.h"
#include "fleetctl/rollout/pull_command.h"

static bool wish(struct db *db, const struct rollout_row *row, bool driven, bool abort, const struct show *show, struct err *e)
{
	enum rollout_state to = abort ? ROLLOUT_ABORTED : ROLLOUT_PAUSED;
	if (row->state != ROLLOUT_RUNNING && (!abort || rollout_over((enum rollout_state)row->state)))
		return err_set(e, ERR_USAGE, "rollout %s is already %s", row->id, rollout_words[row->state]);
	if (driven && row->state == ROLLOUT_RUNNING) {
		show_note(show, "rollout %s: asked to %s; hosts on trial are waited for", row->id, abort ? "abort" : "pause");
		return db_ask(db, row->id, abort ? "abort" : "pause", e);
	}
	const char *why = abort ? "aborted while nobody drove it" : "paused while nobody drove it";
	cleanup(free_ptr) char *told = path_form("%s, by %s", why, drive_who());
	if (!db_rollout_set(db, row->id, to, why, told, e))
		return false;
	show_note(show, "rollout %s: %s", row->id, rollout_words[to]);
	if (!abort)
		show_note(show, "to go on: fleetctl rollout resume %s", row->id);
	return true;
}

/* Before anything is read: what is driven by nobody then stays as it is read. */
static bool is_driven(bool *out, struct db *db, struct err *e)
{
	*out = !db_lock(db, drive_who(), e);
	return !*out || e->code == ERR_BUSY;
}

static int run_either(const struct command *me, int argc, char **argv, bool abort)
{
	struct common common = { 0 };
	const char *id = NULL;
	struct pull_words pulling = PULL_WORDS;
	bool back = false;
	struct opt table[] = {
		{ "ROLLOUT", 0, OPT_ARG, &id, NULL, "its id (the newest)" },
		PULL_KEY_OPTS(pulling),
		COMMON_OPTS(common),
		{ abort ? "back" : NULL, 0, abort ? OPT_FLAG : OPT_END, &back, NULL, "hosts that pull and committed it go back, too; also when it is over" },
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &common, argc, argv, &show, &code))
		return code;
	cleanup(fleet_free) struct fleet f = { .at = -1 };
	cleanup(db_close) struct db *db = NULL;
	cleanup(rollout_row_free) struct rollout_row row = { 0 };
	struct member_row *m = NULL;
	size_t count = 0;
	bool driven = false;
	bool good = fleet_open(&f, common.fleet, &e) && db_open(&db, &f, &e) && is_driven(&driven, db, &e);
	bool known = good && db_rollout_get(db, id, &row, &m, &count, &e) && row.state != ROLLOUT_REBUILT;
	if (known ? strcmp(row.action, PULL_ACTION) == 0 : good && id && pull_command_follows(&f, id))
		good = pull_command_stop(&show, &f, db, &pulling, known ? row.id : id, abort, back, &e);
	else if (good && !row.id)
		good = false; /* db_rollout_get says why */
	else
		good = good && (!back || err_set(&e, ERR_USAGE, "--back is for rollouts of hosts that pull; `fleetctl rollout undo` takes the others back")) &&
			wish(db, &row, driven, abort, &show, &e);
	for (size_t i = 0; i < count; i++)
		member_row_free(&m[i]);
	free(m);
	if (!good)
		return command_fail(&show, &e);
	if (show.json) {
		doc *d = show_doc(&show);
		doc_set_text(d, "rollout", row.id ? row.id : id);
		show_json(d);
	}
	return 0;
}

static int run_pause(const struct command *me, int argc, char **argv)
{
	return run_either(me, argc, argv, false);
}

static int run_abort(const struct command *me, int argc, char **argv)
{
	return run_either(me, argc, argv, true);
}

const struct command cmd_rollout_pause = {
	"rollout pause", "[ROLLOUT]", "Begin no further host; those on trial are waited for", NULL, run_pause,
};
const struct command cmd_rollout_abort = {
	"rollout abort", "[ROLLOUT]", "End a rollout for good; committed hosts keep what they run", NULL, run_abort,
};
