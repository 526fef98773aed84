#include "fleetctl/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fleetctl/rollout/rollout.h"

static void print_help(const struct command *me, const struct opt *table)
{
	cleanup(buf_free) struct buf b = { 0 };
	buf_form(&b, "usage: fleetctl %s%s%s [options]\n\n%s.\n\n", me->name, me->args ? " " : "", me->args ? me->args : "", me->summary);
	opts_help(&b, table);
	if (me->more)
		buf_form(&b, "\n%s\n", me->more);
	fputs(b.data, stdout);
}

/* For completion scripts: the options, one a line. */
static void print_words(const struct opt *table)
{
	for (const struct opt *o = table; o->kind != OPT_END; o++)
		if (o->kind != OPT_ARG && o->kind != OPT_REST)
			printf("--%s\n", o->name);
}

bool command_begin(const struct command *me, const struct opt *table, const struct common *c, int argc, char **argv,
	struct show *show, int *exit_code)
{
	struct err e;
	*exit_code = 0;
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			print_help(me, table);
			return false;
		}
		if (strcmp(argv[i], "--complete-options") == 0) {
			print_words(table);
			return false;
		}
	}
	bool good = opts_read(table, argc, argv, &e);
	*show = show_make(me->name, c->json, c->color);
	if (good)
		return true;
	command_fail(show, &e);
	fprintf(stderr, "Try: fleetctl %s --help\n", me->name);
	*exit_code = 2;
	return false;
}

int command_fail(const struct show *show, const struct err *e)
{
	fprintf(stderr, "fleetctl %s: %s\n", show->command, e->text);
	if (show->json) {
		doc *d = doc_object();
		doc_set_text(d, "code", err_word(e->code));
		doc_set_text(d, "text", e->text);
		doc *whole = show_doc(show);
		doc_set(whole, "error", d);
		show_json(whole);
	}
	return exit_of(e->code);
}

bool command_signing_time(int64_t *unix_s, struct err *e)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t n;
	*unix_s = clock_now().unix_s;
	if (!epoch || !*epoch)
		return true;
	if (!str_number(&n, str_of(epoch), INT32_MAX * (uint64_t)8))
		return err_set(e, ERR_USAGE, "SOURCE_DATE_EPOCH=%s: expected seconds since 1970", epoch);
	*unix_s = (int64_t)n;
	return true;
}
