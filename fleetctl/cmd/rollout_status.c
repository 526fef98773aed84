#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fleetctl/command.h"
#include "fleetctl/rollout/drive.h"

static void print_event(const struct event_row *v)
{
	char at[24];
	clock_text(at, v->at);
	printf("%s  %s%s%s\n", at, v->host ? v->host : "", v->host ? ": " : "", v->text);
}

static bool history(struct db *db, const char *id, doc *into, struct err *e)
{
	struct event_row *v = NULL;
	size_t count = 0;
	bool good = db_events(db, id, &v, &count, e);
	doc *list = doc_list();
	for (size_t i = 0; i < count; i++) {
		doc *d = doc_object();
		doc_set_int(d, "at", v[i].at);
		doc_set_text(d, "host", v[i].host);
		doc_set_text(d, "text", v[i].text);
		doc_add(list, d);
		if (!into)
			print_event(&v[i]);
		event_row_free(&v[i]);
	}
	free(v);
	if (into)
		doc_set(into, "history", list);
	else
		doc_free(&list);
	return good;
}

static bool show_all(struct db *db, const struct show *show, struct err *e)
{
	struct rollout_row *r = NULL;
	size_t count = 0;
	struct table t = { .show = show, .columns = 5 };
	bool good = db_rollouts(db, &r, &count, 1000, e);
	doc *list = doc_list();
	for (size_t i = 0; i < count; i++) {
		char at[24];
		clock_text(at, r[i].started);
		doc_add(list, rollout_doc(&r[i], NULL, 0));
		if (!show->json) {
			table_cell(&t, PLAIN, "%s", r[i].id);
			table_cell(&t, PLAIN, "%s", r[i].action);
			table_cell(&t, PLAIN, "%s", rollout_words[r[i].state]);
			table_cell(&t, PLAIN, "%s", at);
			table_cell(&t, PLAIN, "%s%s%s", r[i].who, r[i].reason ? ": " : "", r[i].reason ? r[i].reason : "");
		}
		rollout_row_free(&r[i]);
	}
	free(r);
	doc *whole = show_doc(show);
	doc_set(whole, "rollouts", list);
	if (good && show->json)
		show_json(doc_ref(whole));
	else if (good)
		table_print(&t);
	doc_free(&whole);
	return good;
}

static bool show_one(struct db *db, const struct show *show, const char *id, bool with_history, int *code, struct err *e)
{
	cleanup(rollout_row_free) struct rollout_row row = { 0 };
	struct member_row *m = NULL;
	size_t count = 0;
	bool good = db_rollout_get(db, id, &row, &m, &count, e);
	if (good) {
		doc *d = rollout_doc(&row, m, count), *whole = show_doc(show);
		int64_t exit_code = 0;
		*code = doc_int(doc_get(d, "exit"), &exit_code) ? (int)exit_code : 1;
		if (!show->json)
			rollout_print(show, &row, m, count);
		if (with_history)
			good = history(db, row.id, show->json ? d : NULL, e);
		doc_set(whole, "rollout", d);
		if (show->json && good)
			show_json(doc_ref(whole));
		doc_free(&whole);
	}
	for (size_t i = 0; i < count; i++)
		member_row_free(&m[i]);
	free(m);
	return good;
}

static int run(const struct command *me, int argc, char **argv)
{
	struct common common = { 0 };
	const char *id = NULL;
	bool with_history = false, all = false;
	struct opt table[] = {
		{ "ROLLOUT", 0, OPT_ARG, &id, NULL, "its id (the newest)" },
		{ "history", 0, OPT_FLAG, &with_history, NULL, "everything that happened, in order" },
		{ "all", 0, OPT_FLAG, &all, NULL, "all rollouts, a line each" },
		COMMON_OPTS(common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &common, argc, argv, &show, &code))
		return code;
	cleanup(fleet_free) struct fleet f = { .at = -1 };
	cleanup(db_close) struct db *db = NULL;
	bool good = fleet_open(&f, common.fleet, &e) && db_open(&db, &f, &e) &&
		(all ? show_all(db, &show, &e) : show_one(db, &show, id, with_history, &code, &e));
	return good ? code : command_fail(&show, &e);
}

const struct command cmd_rollout_status = {
	"rollout status", "[ROLLOUT]", "Where each host of a rollout stands, and what happened",
	"The exit code is that of the rollout: 0 only when every host committed or had it already.", run,
};
