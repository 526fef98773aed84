#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fleetctl/command.h"
#include "fleetctl/fleet/fleet.h"
#include "fleetctl/repo/repository.h"

enum { DAY_S = 86400 };

static void print(const struct show *show, const struct repository_facts *f, int64_t now)
{
	struct table roles = { .show = show, .columns = 3 }, releases = { .show = show, .columns = 4 }, agents = { .show = show, .columns = 3 };
	for (size_t i = 0; i < f->roles; i++) {
		int64_t days = (f->role[i].expires - now) / DAY_S;
		table_cell(&roles, PLAIN, "%s", f->role[i].role);
		table_cell(&roles, PLAIN, "version %d", (int)f->role[i].version);
		table_cell(&roles, days < 7 ? YELLOW : PLAIN, "%d days left", (int)days);
	}
	for (size_t i = 0; i < f->permitteds; i++) {
		const struct repository_permitted *p = &f->permitted[i];
		char id[DIGEST_HEX + 1], size[32];
		digest_hex(id, p->id);
		shape_bytes_text(size, p->bundle_length);
		table_cell(&releases, PLAIN, "%s", p->plan);
		table_cell(&releases, p->current ? GREEN : PLAIN, "%d%s", (int)p->number, p->current ? " current" : "");
		table_cell(&releases, PLAIN, "%s", id);
		table_cell(&releases, PLAIN, "bundle %s", size);
	}
	for (size_t i = 0; i < f->programs; i++) {
		char size[32];
		shape_bytes_text(size, f->program[i].bundle.length);
		table_cell(&agents, PLAIN, "agent for %s", f->program[i].platform);
		table_cell(&agents, PLAIN, "%s", f->program[i].version);
		table_cell(&agents, PLAIN, "bundle %s", size);
	}
	table_print(&roles);
	table_print(&releases);
	table_print(&agents);
	printf("all signatures, digests and bundles are good\n");
}

static doc *agents_doc(const struct repository_facts *f)
{
	doc *list = doc_list();
	for (size_t i = 0; i < f->programs; i++) {
		const struct program *p = &f->program[i];
		doc *d = doc_object();
		char hex[DIGEST_HEX + 1];
		digest_hex(hex, p->bundle.sha256);
		doc_set_text(d, "platform", p->platform);
		doc_set_text(d, "version", p->version);
		doc_set_text(d, "bundle", hex);
		doc_set_int(d, "length", p->bundle.length);
		doc_add(list, d);
	}
	return list;
}

static void print_json(const struct show *show, const struct repository_facts *f)
{
	doc *whole = show_doc(show), *roles = doc_list(), *releases = doc_list();
	for (size_t i = 0; i < f->roles; i++) {
		doc *d = doc_object();
		doc_set_text(d, "role", f->role[i].role);
		doc_set_int(d, "version", (int64_t)f->role[i].version);
		doc_set_int(d, "expires", f->role[i].expires);
		doc_add(roles, d);
	}
	for (size_t i = 0; i < f->permitteds; i++) {
		const struct repository_permitted *p = &f->permitted[i];
		doc *d = doc_object();
		char hex[DIGEST_HEX + 1];
		doc_set_text(d, "plan", p->plan);
		doc_set_int(d, "number", p->number);
		digest_hex(hex, p->id);
		doc_set_text(d, "release", hex);
		digest_hex(hex, p->bundle);
		doc_set_text(d, "bundle", hex);
		doc_set_int(d, "length", p->bundle_length);
		doc_set_bool(d, "current", p->current);
		doc_add(releases, d);
	}
	doc_set(whole, "roles", roles);
	doc_set(whole, "releases", releases);
	doc_set(whole, "agents", agents_doc(f));
	show_json(whole);
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
	cleanup(fleet_free) struct fleet f = { .at = -1 };
	cleanup(repository_free) struct repository r = { .at = -1 };
	cleanup(repository_facts_free) struct repository_facts facts = { 0 };
	struct moment now = clock_now();
	if (!fleet_open(&f, common.fleet, &e) || !repository_open(&r, f.dir, &e))
		return command_fail(&show, &e);
	if (!repository_verify(&facts, &r, (struct trust_time){ now.unix_s, true }, &e)) {
		code = command_fail(&show, &e);
		return code == 2 ? 7 : code; /* a file that is absent or no metadata at all is not what was signed either */
	}
	if (show.json)
		print_json(&show, &facts);
	else
		print(&show, &facts, now.unix_s);
	return 0;
}

const struct command cmd_verify = {
	"verify", NULL, "Read the repository as a host would, from its first root to every bundle",
	"The exit code is 7 when a signature, a version, a date or a digest is not right; the file is named.", run,
};
