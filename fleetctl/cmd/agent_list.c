/* agent list: what was added, what is signed of it, and how many hosts were last heard to run it. */
#include <stdio.h>
#include <stdlib.h>

#include "fleetctl/command.h"
#include "fleetctl/db/db.h"
#include "fleetctl/repo/agents.h"
#include "wire/message.h"

struct lists {
	struct fleet fleet;
	struct repository repository;
	struct db *db;
	struct programs added, signed_now; /* a platform may stand in one of both alone */
	struct line *line;
	size_t lines;
};
struct line {
	const struct program *added, *now; /* NULL: not there */
	size_t hosts, run;                 /* of that platform, as far as they were heard; those of the version that is signed */
};

static void lists_free(struct lists *l)
{
	free_ptr(&l->line);
	programs_free(&l->added);
	programs_free(&l->signed_now);
	db_close(&l->db);
	repository_free(&l->repository);
	fleet_free(&l->fleet);
}

static bool open_signed(struct lists *l, struct err *e)
{
	struct err why = { 0 };
	if (repository_open(&l->repository, l->fleet.dir, &why) && programs_signed(&l->signed_now, &l->repository, &why))
		return true;
	return why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text);
}

static const char *platform_of(const struct line *l)
{
	return l->added ? l->added->platform : l->now->platform;
}

static void make_lines(struct lists *l)
{
	l->line = mem_new(l->added.count + l->signed_now.count + 1, sizeof *l->line);
	for (size_t i = 0; i < l->added.count; i++)
		l->line[l->lines++] = (struct line){ &l->added.at[i], programs_of(&l->signed_now, l->added.at[i].platform), 0, 0 };
	for (size_t i = 0; i < l->signed_now.count; i++)
		if (!programs_of(&l->added, l->signed_now.at[i].platform))
			l->line[l->lines++] = (struct line){ NULL, &l->signed_now.at[i], 0, 0 };
}

static void count_host(struct lists *l, const struct hello *h)
{
	for (size_t i = 0; i < l->lines; i++) {
		struct line *at = &l->line[i];
		if (!h->platform || strcmp(platform_of(at), h->platform) != 0)
			continue;
		at->hosts++;
		at->run += at->now && h->agent && strcmp(h->agent, at->now->version) == 0;
	}
}

static bool count_hosts(struct lists *l, struct err *e)
{
	for (size_t i = 0; i < l->fleet.hosts.count; i++) {
		struct seen_row row = { 0 };
		struct hello h = { 0 };
		struct err other;
		if (!db_seen_get(l->db, fleet_host(&l->fleet, i)->id, &row, e))
			return false;
		if (row.hello && message_read(&h, hello_shape, str_of(row.hello), "hello", &other))
			count_host(l, &h);
		shape_free(&h, hello_shape);
		seen_row_free(&row);
	}
	return true;
}

/* --- what is told --- */

static bool is_signed(const struct line *l)
{
	return l->now && (!l->added || (l->added->number == l->now->number && digest_eq(l->added->bundle.sha256, l->now->bundle.sha256)));
}

static void print(const struct show *show, const struct lists *l)
{
	struct table t = { .show = show, .columns = 5 };
	static const char *const heads[] = { "PLATFORM", "VERSION", "SIGNED", "BUNDLE", "HOSTS" };
	for (size_t i = 0; i < COUNT_OF(heads); i++)
		table_cell(&t, DIM, "%s", heads[i]);
	for (size_t i = 0; i < l->lines; i++) {
		const struct line *at = &l->line[i];
		char size[32];
		shape_bytes_text(size, (at->added ? at->added : at->now)->bundle.length);
		table_cell(&t, PLAIN, "%s", platform_of(at));
		table_cell(&t, PLAIN, "%s", at->added ? at->added->version : "-");
		table_cell(&t, is_signed(at) ? GREEN : YELLOW, "%s", is_signed(at) ? "yes" : at->now ? at->now->version : "no");
		table_cell(&t, PLAIN, "%s", size);
		table_cell(&t, PLAIN, "%zu of %zu", at->run, at->hosts);
	}
	table_print(&t);
	if (!l->lines)
		show_note(show, "no agent was added: hosts keep the one of their package (fleetctl agent add)");
}

static doc *line_doc(const struct line *l)
{
	const struct program *p = l->added ? l->added : l->now;
	char hex[DIGEST_HEX + 1];
	doc *d = doc_object();
	digest_hex(hex, p->bundle.sha256);
	doc_set_text(d, "platform", p->platform);
	doc_set_text(d, "version", l->added ? l->added->version : NULL);
	doc_set_text(d, "signed", l->now ? l->now->version : NULL);
	doc_set_bool(d, "current", is_signed(l));
	doc_set_text(d, "bundle", hex);
	doc_set_int(d, "length", p->bundle.length);
	doc_set_int(d, "hosts", (int64_t)l->hosts);
	doc_set_int(d, "run", (int64_t)l->run);
	return d;
}

static void print_json(const struct show *show, const struct lists *l)
{
	doc *d = show_doc(show), *list = doc_list();
	for (size_t i = 0; i < l->lines; i++)
		doc_add(list, line_doc(&l->line[i]));
	doc_set(d, "agents", list);
	show_json(d);
}

static int run(const struct command *me, int argc, char **argv)
{
	struct common common = { 0 };
	struct opt table[] = { COMMON_OPTS(common), { 0 } };
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &common, argc, argv, &show, &code))
		return code;
	cleanup(lists_free) struct lists l = { .fleet = { .at = -1 }, .repository = { .at = -1 } };
	if (!fleet_open(&l.fleet, common.fleet, &e) || !agents_read(&l.added, &l.fleet, &e) || !open_signed(&l, &e) || !db_open(&l.db, &l.fleet, &e))
		return command_fail(&show, &e);
	make_lines(&l);
	if (!count_hosts(&l, &e))
		return command_fail(&show, &e);
	if (show.json)
		print_json(&show, &l);
	else
		print(&show, &l);
	return 0;
}

const struct command cmd_agent_list = {
	"agent list", NULL, "The agents that were added, what is signed of them, and how many hosts run that",
	"HOSTS: of those of the platform, as far as they were ever heard, how many ran the signed version when they were heard last.", run,
};
