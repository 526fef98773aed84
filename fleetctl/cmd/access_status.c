#include <stdio.h>

#include "fleetctl/command.h"
#include "fleetctl/push/ask.h"
#include "fleetctl/push/renew.h"
#include "fleetctl/repo/access.h"
#include "fleetctl/rollout/rollout.h"

struct wanted {
	int64_t number; /* 0: not signed */
	struct digest sha256;
};
struct heard {
	bool live;
	struct err err;
	bool has_access, has_sources, has_trial;
	struct document_held access, sources;
};
struct asking {
	struct fleet fleet;
	struct repository repository;
	struct login *login;
	struct loop *loop;
	struct chosen chosen;
	struct heard *heard;
	struct wanted access, sources;
	const struct show *show;
	size_t done;
};

static void asking_free(struct asking *a)
{
	loop_free(&a->loop);
	free_ptr(&a->heard);
	chosen_free(&a->chosen);
	login_free(&a->login);
	repository_free(&a->repository);
	fleet_free(&a->fleet);
}

/* What is not signed yet is wanted of nobody. */
static bool load_wanted(struct asking *a, struct err *e)
{
	cleanup(buf_free) struct buf access = BUF_MAX(ACCESS_FILE_MAX);
	cleanup(buf_free) struct buf sources = BUF_MAX(ORIGINS_FILE_MAX);
	cleanup(access_free) struct access list = { 0 };
	cleanup(origins_free) struct origins origins = { 0 };
	struct err why = { 0 };
	if (!repository_open(&a->repository, a->fleet.dir, e))
		return e->code == ERR_MISSING;
	if (access_signed(&access, &a->repository, ACCESS_PATH, &why)) {
		if (!access_read(&list, buf_str(&access), ACCESS_PATH, e))
			return false;
		a->access = (struct wanted){ list.number, digest_of(buf_str(&access)) };
	}
	if (access_signed(&sources, &a->repository, SOURCES_PATH, &why)) {
		if (!origins_read(&origins, buf_str(&sources), SOURCES_PATH, e))
			return false;
		a->sources = (struct wanted){ origins.number, digest_of(buf_str(&sources)) };
	}
	return why.code == ERR_NONE || why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text);
}

static void ended(void *ctx, size_t i, const struct talk_end *end)
{
	struct asking *a = ctx;
	const struct hello *h = &end->hello;
	a->heard[i] = (struct heard){ .live = end->has_hello, .err = end->err };
	if (end->has_hello)
		a->heard[i] = (struct heard){ true, end->err, h->has_access, h->has_sources, h->has_trial, h->access, h->sources };
	show_waits(a->show, "asking the hosts", ++a->done, a->chosen.count);
}

/* --- what is told --- */

static bool is_current(const struct asking *a, const struct heard *h)
{
	struct hello hello = { .access = h->access, .sources = h->sources };
	return renew_papers_are(&(struct renew_papers){ a->access.sha256, a->sources.sha256 }, &hello);
}

static void say_one(char out[64], bool has, const struct document_held *held, const struct wanted *w)
{
	bool current = !w->number || (has && digest_eq(held->sha256, w->sha256));
	if (!has)
		snprintf(out, 64, "%s%s", "enrolled", w->number ? " (behind)" : "");
	else
		snprintf(out, 64, "%d%s", (int)held->number, current ? "" : " (behind)");
}

static void print(const struct asking *a)
{
	struct table t = { .show = a->show, .columns = 4 };
	static const char *const heads[] = { "HOST", "ACCESS", "SOURCES", "STATE" };
	for (size_t i = 0; i < COUNT_OF(heads); i++)
		table_cell(&t, DIM, "%s", heads[i]);
	for (size_t i = 0; i < a->chosen.count; i++) {
		const struct heard *h = &a->heard[i];
		char access[64] = "-", sources[64] = "-";
		if (h->live) {
			say_one(access, h->has_access, &h->access, &a->access);
			say_one(sources, h->has_sources, &h->sources, &a->sources);
		}
		table_cell(&t, PLAIN, "%s", a->chosen.host[i]->id);
		table_cell(&t, PLAIN, "%s", access);
		table_cell(&t, PLAIN, "%s", sources);
		if (!h->live)
			table_cell(&t, YELLOW, "%s", h->err.text);
		else
			table_cell(&t, is_current(a, h) ? GREEN : YELLOW, "%s", h->has_trial ? "on trial" : is_current(a, h) ? "current" : "behind");
	}
	table_print(&t);
}

static doc *document_doc(bool has, const struct document_held *held)
{
	char hex[DIGEST_HEX + 1];
	if (!has)
		return NULL;
	doc *d = doc_object();
	digest_hex(hex, held->sha256);
	doc_set_int(d, "number", held->number);
	doc_set_text(d, "sha256", hex);
	return d;
}

static void print_json(const struct asking *a)
{
	doc *whole = show_doc(a->show), *list = doc_list();
	doc_set_int(whole, "access", a->access.number);
	doc_set_int(whole, "sources", a->sources.number);
	for (size_t i = 0; i < a->chosen.count; i++) {
		const struct heard *h = &a->heard[i];
		doc *d = doc_object();
		doc_set_text(d, "host", a->chosen.host[i]->id);
		doc_set_bool(d, "live", h->live);
		doc_set_text(d, "error", h->err.code ? h->err.text : NULL);
		doc_set(d, "access", document_doc(h->has_access, &h->access));
		doc_set(d, "sources", document_doc(h->has_sources, &h->sources));
		doc_set_bool(d, "current", h->live && is_current(a, h));
		doc_set_bool(d, "trial", h->has_trial);
		doc_add(list, d);
	}
	doc_set(whole, "hosts", list);
	show_json(whole);
}

static int run(const struct command *me, int argc, char **argv)
{
	struct common common = { 0 };
	struct opt_words selectors = { 0 };
	const char *identity = NULL;
	struct opt table[] = {
		{ "HOSTS", 0, OPT_REST, &selectors, NULL, "ids, globs, plan=NAME, site=NAME, LABEL=VALUE (all)" },
		{ "identity", 'i', OPT_TEXT, &identity, "FILE", "SSH key (default: fleet.yaml, then ssh-agent)" },
		COMMON_OPTS(common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &common, argc, argv, &show, &code))
		return code;
	cleanup(asking_free) struct asking a = { .fleet = { .at = -1 }, .repository = { .at = -1 }, .show = &show };
	struct str all = STR("all");
	struct opt_words everything = { &all, 1 };
	bool good = fleet_open(&a.fleet, common.fleet, &e) && load_wanted(&a, &e) &&
		select_hosts(&a.chosen, &a.fleet, selectors.count ? &selectors : &everything, &e) &&
		login_open(&a.login, identity ? identity : a.fleet.ssh.identity, &e);
	opt_words_free(&selectors);
	if (!good)
		return command_fail(&show, &e);
	a.loop = loop_new();
	a.heard = mem_new(a.chosen.count + 1, sizeof *a.heard);
	show_waits(&show, "asking the hosts", 0, a.chosen.count);
	if (!ask_all(&(struct ask){ &a.fleet, a.login, a.loop, &a.chosen, NULL, ended, &a }, &e)) {
		show_waits(&show, NULL, 0, 0);
		return command_fail(&show, &e);
	}
	if (show.json)
		print_json(&a);
	else
		print(&a);
	for (size_t i = 0; i < a.chosen.count; i++)
		code = show_worse(code, a.heard[i].live ? 0 : exit_of(a.heard[i].err.code));
	return code;
}

const struct command cmd_access_status = {
	"access status", "[HOSTS...]", "Which access list and sources each host follows, and whether they are the signed ones",
	"\"enrolled\": nothing was pushed there yet; the keys of its enrolment may come in.", run,
};
