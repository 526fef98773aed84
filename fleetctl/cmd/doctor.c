/* doctor: what hosts will say of the repository, before they are asked, and how many days each role has left. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fleetctl/command.h"
#include "fleetctl/fleet/fleet.h"
#include "fleetctl/repo/doctor.h"

static const int exit_codes[] = { [DOCTOR_WELL] = 0, [DOCTOR_SOON] = 10, [DOCTOR_BROKEN] = 7 };
static const enum paint paints[] = { [DOCTOR_WELL] = GREEN, [DOCTOR_SOON] = YELLOW, [DOCTOR_BROKEN] = RED };

static void print(const struct show *show, const struct doctor_report *d)
{
	static const char *const heads[] = { "ROLE", "VERSION", "DAYS LEFT", "UNTIL" };
	struct table t = { .show = show, .columns = COUNT_OF(heads) };
	for (size_t i = 0; d->roles && i < COUNT_OF(heads); i++)
		table_cell(&t, DIM, "%s", heads[i]);
	for (size_t i = 0; i < d->roles; i++) {
		const struct doctor_role *r = &d->role[i];
		char date[24];
		clock_text(date, r->expires);
		table_cell(&t, PLAIN, "%s", r->role);
		table_cell(&t, PLAIN, "%llu", (unsigned long long)r->version);
		table_cell(&t, paints[r->verdict], "%lld", (long long)r->days);
		table_cell(&t, PLAIN, "%.10s", date);
	}
	table_print(&t);
	for (size_t i = 0; i < d->troubles; i++) {
		const struct doctor_trouble *p = &d->trouble[i];
		printf("%s%s%s: %s\n  next: %s\n", paint_on(show->color, paints[p->verdict]), doctor_words[p->verdict],
			paint_off(show->color), p->why.text, p->next);
	}
	if (d->verdict != DOCTOR_BROKEN)
		printf("%llu root%s to start from, %zu releases: all signatures, digests and bundles are good\n",
			(unsigned long long)d->anchors, d->anchors == 1 ? "" : "s", d->facts.permitteds);
}

static void print_json(const struct show *show, const struct doctor_report *d)
{
	doc *whole = show_doc(show), *roles = doc_list(), *troubles = doc_list();
	for (size_t i = 0; i < d->roles; i++) {
		const struct doctor_role *r = &d->role[i];
		doc *row = doc_object();
		doc_set_text(row, "role", r->role);
		doc_set_int(row, "version", (int64_t)r->version);
		doc_set_int(row, "expires", r->expires);
		doc_set_int(row, "days_left", r->days);
		doc_set_text(row, "state", doctor_words[r->verdict]);
		doc_add(roles, row);
	}
	for (size_t i = 0; i < d->troubles; i++) {
		const struct doctor_trouble *p = &d->trouble[i];
		doc *row = doc_object();
		doc_set_text(row, "state", doctor_words[p->verdict]);
		doc_set_text(row, "code", err_word(p->why.code));
		doc_set_text(row, "text", p->why.text);
		doc_set_text(row, "next", p->next);
		doc_add(troubles, row);
	}
	doc_set_text(whole, "state", doctor_words[d->verdict]);
	doc_set_int(whole, "anchors", (int64_t)d->anchors);
	doc_set_int(whole, "releases", (int64_t)d->facts.permitteds);
	doc_set(whole, "roles", roles);
	doc_set(whole, "troubles", troubles);
	show_json(whole);
}

/* --- for Prometheus: its text format 0.0.4; a node exporter's textfile collector takes it --- */

static int64_t expires_of(const struct doctor_role *r) { return r->expires; }
static int64_t days_of(const struct doctor_role *r) { return r->days; }
static int64_t version_of(const struct doctor_role *r) { return (int64_t)r->version; }

static const struct gauge {
	const char *name, *help;
	int64_t (*of)(const struct doctor_role *r);
} gauges[] = {
	{ "fleet_role_expires_timestamp_seconds", "When the signed metadata of a role ends.", expires_of },
	{ "fleet_role_days_left", "Whole days until then; below zero it has ended.", days_of },
	{ "fleet_role_version", "The version of a role's metadata.", version_of },
};

static void print_one(const char *name, const char *help, long long value)
{
	printf("# HELP %s %s\n# TYPE %s gauge\n%s %lld\n", name, help, name, name, value);
}

static void print_prometheus(const struct doctor_report *d)
{
	for (size_t g = 0; g < COUNT_OF(gauges); g++) {
		printf("# HELP %s %s\n# TYPE %s gauge\n", gauges[g].name, gauges[g].help, gauges[g].name);
		for (size_t i = 0; i < d->roles; i++) /* names are of [A-Za-z0-9._-]: nothing to escape */
			printf("%s{role=\"%s\"} %lld\n", gauges[g].name, d->role[i].role, (long long)gauges[g].of(&d->role[i]));
	}
	print_one("fleet_repository_good", "Whether every host can follow the repository.", d->verdict != DOCTOR_BROKEN);
	print_one("fleet_repository_releases", "Releases that hosts may run.", (long long)d->facts.permitteds);
	print_one("fleet_repository_anchors", "Roots from which a host can start.", (long long)d->anchors);
}

static int run(const struct command *me, int argc, char **argv)
{
	struct common common = { 0 };
	struct doctor_wish wish = { .days = DOCTOR_DAYS, .online_days = DOCTOR_ONLINE_DAYS };
	bool prometheus = false;
	struct opt table[] = {
		{ "days", 0, OPT_COUNT, &wish.days, "N", "root, targets and plans should have N days left (14)", .max = 3650 },
		{ "online-days", 0, OPT_COUNT, &wish.online_days, "N", "and snapshot and timestamp N (5)", .max = 3650 },
		{ "prometheus", 0, OPT_FLAG, &prometheus, NULL, "as Prometheus reads it" },
		COMMON_OPTS(common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &common, argc, argv, &show, &code))
		return code;
	cleanup(fleet_free) struct fleet f = { .at = -1 };
	cleanup(repository_free) struct repository r = { .at = -1 };
	cleanup(doctor_free) struct doctor_report d = { 0 };
	if (prometheus && show.json) {
		err_set(&e, ERR_USAGE, "--json and --prometheus: one of them");
		return command_fail(&show, &e);
	}
	if (!fleet_open(&f, common.fleet, &e) || !repository_open(&r, f.dir, &e))
		return command_fail(&show, &e);
	wish.now = clock_now().unix_s;
	doctor_repository(&d, &r, &wish);
	doctor_places(&d, &f);
	if (prometheus)
		print_prometheus(&d);
	else if (show.json)
		print_json(&show, &d);
	else
		print(&show, &d);
	return exit_codes[d.verdict];
}

const struct command cmd_doctor = {
	"doctor", NULL, "Can every host follow the repository, and for how many days?",
	"Reads it as hosts do, from each root that was ever shipped, through every permitted manifest to its bundle.\n"
	"The exit code is 7 when something is broken or has expired, 10 when a role has fewer days left than it should.", run,
};
