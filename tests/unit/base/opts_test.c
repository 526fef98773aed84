/* Options are read by a table, and a mistake names the cure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/opts.h"

static const char *const colours[] = {"auto", "always", "never", NULL};

struct given {
	bool dry, quiet;
	const char *fleet, *folder, *second;
	int64_t canary, wait_ms;
	int colour;
	struct opt_words tags, rest;
};

static void given_free(struct given *g)
{
	opt_words_free(&g->tags);
	opt_words_free(&g->rest);
}

enum { ARGV_MAX = 16 };

/* `line` is the command line after the command, its words apart by one space. */
static bool read_line(struct given *g, const char *line, struct err *e)
{
	const struct opt table[] = {
		{"dry-run", 'n', OPT_FLAG, &g->dry, .help = "change nothing"},
		{"quiet", 'q', OPT_FLAG, &g->quiet, .help = "say less"},
		{"fleet", 'f', OPT_TEXT, &g->fleet, .value = "FOLDER", .help = "the fleet"},
		{"canary", 'c', OPT_COUNT, &g->canary, .value = "N", .help = "how many first", .min = 1, .max = 100},
		{"wait", 0, OPT_MS, &g->wait_ms, .value = "TIME", .help = "how long", .max = 60000},
		{"tag", 't', OPT_WORDS, &g->tags, .value = "TAG", .help = "which"},
		{"colour", 0, OPT_WORD, &g->colour, .words = colours, .help = "when"},
		{"FOLDER", 0, OPT_ARG, &g->folder, .help = "what to send"},
		{"SECOND", 0, OPT_ARG, &g->second, .help = "more of it"},
		{"HOST", 0, OPT_REST, &g->rest, .help = "where"},
		{0},
	};
	static char words[1000]; /* options borrow from argv: it outlives the call */
	char *argv[ARGV_MAX] = {(char *)"fleetctl"};
	int argc = 1;

	*g = (struct given){.canary = 1};
	strcpy(words, line);
	for (char *at = words; line[0] && at; argc++) {
		argv[argc] = at;
		at = strchr(at, ' ');
		if (at)
			*at++ = 0;
	}
	return opts_read(table, argc, argv, e);
}

static void taken(struct given *g, const char *line)
{
	struct err e = {0};

	if (!read_line(g, line, &e))
		fail_msg("%s: %s", line, e.text);
}

static void refused(const char *line, const char *sentence)
{
	cleanup(given_free) struct given g;
	struct err e = {0};

	assert_false(read_line(&g, line, &e));
	assert_int_equal(e.code, ERR_USAGE);
	assert_string_equal(e.text, sentence);
}

static void an_empty_command_line_changes_nothing(void **state)
{
	cleanup(given_free) struct given g;

	(void)state;
	taken(&g, "");
	assert_false(g.dry);
	assert_null(g.fleet);
	assert_int_equal(g.canary, 1);
	assert_int_equal(g.rest.count, 0);
}

static void values_stand_behind_or_after_an_equals_sign(void **state)
{
	static const char *const lines[] = {
		"--fleet home --canary 5 --wait 10s --colour never --dry-run",
		"--fleet=home --canary=5 --wait=10s --colour=never -n",
		"-f home -c 5 --wait 10s --colour never -n",
		"-fhome -nc5 --wait 10000ms --colour never",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		cleanup(given_free) struct given g;
		taken(&g, lines[i]);
		assert_string_equal(g.fleet, "home");
		assert_int_equal(g.canary, 5);
		assert_int_equal(g.wait_ms, 10000);
		assert_int_equal(g.colour, 2);
		assert_true(g.dry);
		assert_false(g.quiet);
	}
}

static void a_value_may_be_empty_or_begin_with_a_dash(void **state)
{
	cleanup(given_free) struct given g;

	(void)state;
	taken(&g, "--fleet=");
	assert_string_equal(g.fleet, "");
	taken(&g, "--fleet --dry-run");
	assert_string_equal(g.fleet, "--dry-run");
	assert_false(g.dry);
	taken(&g, "--fleet=a=b");
	assert_string_equal(g.fleet, "a=b");
}

static void options_and_arguments_may_be_mixed(void **state)
{
	cleanup(given_free) struct given g;

	(void)state;
	taken(&g, "one -n two -c 3 three - four");
	assert_string_equal(g.folder, "one");
	assert_string_equal(g.second, "two");
	assert_int_equal(g.canary, 3);
	assert_true(g.dry);
	assert_int_equal(g.rest.count, 3);
	assert_true(str_is(g.rest.word[0], "three"));
	assert_true(str_is(g.rest.word[1], "-"));
	assert_true(str_is(g.rest.word[2], "four"));
}

static void two_dashes_end_the_options(void **state)
{
	cleanup(given_free) struct given g;

	(void)state;
	taken(&g, "-q -- -n --");
	assert_true(g.quiet);
	assert_false(g.dry);
	assert_string_equal(g.folder, "-n");
	assert_string_equal(g.second, "--");
}

static void words_are_gathered_from_commas_and_repetition(void **state)
{
	cleanup(given_free) struct given g;

	(void)state;
	taken(&g, "--tag a,b -t c --tag=d");
	assert_int_equal(g.tags.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_true(str_eq(g.tags.word[i], str_bytes(&"abcd"[i], 1)));
	opt_words_free(&g.tags);
	opt_words_free(&g.tags);
	assert_int_equal(g.tags.count, 0);
}

static void a_word_that_is_empty_is_refused(void **state)
{
	(void)state;
	refused("--tag a,,b", "--tag: 'a,,b' has an empty word");
	refused("--tag a,", "--tag: 'a,' has an empty word");
	refused("--tag=", "--tag: '' has an empty word");
}

static void an_unknown_option_names_the_nearest(void **state)
{
	(void)state;
	refused("--canry 5", "unknown option --canry; did you mean --canary?");
	refused("--dryrun", "unknown option --dryrun; did you mean --dry-run?");
	refused("--can=5", "unknown option --can; did you mean --canary?");
	refused("--zzz", "unknown option --zzz");
	refused("--folder", "unknown option --folder");
	refused("--FOLDER", "unknown option --FOLDER");
	refused("--=5", "unknown option --");
	refused("-x", "unknown option -x");
	refused("-nx", "unknown option -x");
	refused("-h", "unknown option -h");
}

static void a_value_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	refused("--canary x", "--canary: 'x' is not a whole number");
	refused("--canary=", "--canary: '' is not a whole number");
	refused("-c 1.5", "--canary: '1.5' is not a whole number");
	refused("-c --1", "--canary: '--1' is not a whole number");
	refused("-c 9223372036854775808", "--canary: '9223372036854775808' is not a whole number");
	refused("-c 0", "--canary: 0 is not between 1 and 100");
	refused("-c -5", "--canary: -5 is not between 1 and 100");
	refused("-c 101", "--canary: 101 is not between 1 and 100");
	refused("--wait 10", "--wait: '10' is not a length of time like 500ms, 10s, 2m, 6h or 7d");
	refused("--wait 2m", "--wait: 2m is not between 0ms and 60000ms");
	refused("--colour nevr", "--colour: 'nevr' is unknown; did you mean never?");
	refused("--colour 7", "--colour: '7' is none of auto, always, never");
}

static void a_value_too_few_or_too_many_is_refused(void **state)
{
	(void)state;
	refused("--canary", "--canary needs a value: N");
	refused("-nc", "--canary needs a value: N");
	refused("--dry-run=yes", "--dry-run takes no value");
}

static void a_number_may_go_below_zero_where_the_table_says_so(void **state)
{
	int64_t n = 0;
	const struct opt table[] = {
		{"shift", 's', OPT_COUNT, &n, .min = INT64_MIN},
		{0},
	};
	char *argv[] = {(char *)"x", (char *)"-s", (char *)"-12"};
	struct err e = {0};

	(void)state;
	assert_true(opts_read(table, 3, argv, &e));
	assert_int_equal(n, -12);
}

static void what_is_required_is_missed_by_name(void **state)
{
	const char *fleet = NULL, *folder = NULL;
	const struct opt table[] = {
		{"fleet", 0, OPT_TEXT, &fleet, .required = true},
		{"FOLDER", 0, OPT_ARG, &folder, .required = true},
		{0},
	};
	char *argv[] = {(char *)"x", (char *)"a", (char *)"--fleet", (char *)"b"};
	struct err e = {0};

	(void)state;
	assert_true(opts_read(table, 4, argv, &e));
	assert_false(opts_read(table, 2, argv, &e));
	assert_int_equal(e.code, ERR_USAGE);
	assert_string_equal(e.text, "--fleet is missing");
	argv[1] = argv[2];
	argv[2] = argv[3];
	assert_false(opts_read(table, 3, argv, &e));
	assert_string_equal(e.text, "FOLDER is missing");
}

static void an_argument_too_many_is_refused(void **state)
{
	const char *folder = NULL;
	const struct opt table[] = {{"FOLDER", 0, OPT_ARG, &folder, .help = ""}, {0}};
	char *argv[] = {(char *)"x", (char *)"a", (char *)"b"};
	struct err e = {0};

	(void)state;
	assert_false(opts_read(table, 3, argv, &e));
	assert_string_equal(e.text, "one argument too many: 'b'");
	assert_true(opts_read(table, 0, argv, &e));
}

static void help_shows_every_row_in_columns(void **state)
{
	const struct opt table[] = {
		{"dry-run", 'n', OPT_FLAG, NULL, .help = "change nothing"},
		{"canary", 0, OPT_COUNT, NULL, .value = "N", .help = "how many first", .required = true},
		{"colour", 0, OPT_WORD, NULL, .words = colours, .help = "when"},
		{"FOLDER", 0, OPT_ARG, NULL, .help = "what to send"},
		{"HOST", 0, OPT_REST, NULL, .help = "where"},
		{0},
	};
	cleanup(buf_free) struct buf out = {0};

	(void)state;
	opts_help(&out, table);
	assert_string_equal(buf_str(&out).data, "  FOLDER                          what to send\n"
						"  HOST...                         where\n"
						"  -n, --dry-run                   change nothing\n"
						"      --canary N                  how many first (required)\n"
						"      --colour auto|always|never  when\n");
}

static void a_near_miss_finds_its_word(void **state)
{
	static const char *const words[] = {"start", "status", "stop", "rollout", "ls", "publish", NULL};
	static const struct {
		const char *typed, *meant;
	} rows[] = {
		{"status", "status"},
		{"sttaus", "status"},
		{"statsu", "status"},
		{"stattus", "status"},
		{"roll", "rollout"},
		{"rolout", "rollout"},
		{"stat", "status"},
		{"sl", "ls"},
		{"lsx", "ls"},
		{"pubilsh", "publish"},
		{"p", "publish"},
		{"strt", "start"},
		{"stpo", "stop"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *near = opts_nearest(str_of(rows[i].typed), words);
		if (!near || strcmp(near, rows[i].meant) != 0)
			fail_msg("%s: %s", rows[i].typed, near ? near : "nothing");
	}
}

static void a_word_far_from_all_finds_none(void **state)
{
	static const char *const words[] = {"status", "ls", "rollout", NULL};
	char long_word[200];

	(void)state;
	memset(long_word, 's', sizeof long_word);
	assert_null(opts_nearest(STR("deploy"), words));
	assert_null(opts_nearest(STR("xy"), words));
	assert_null(opts_nearest((struct str){0}, words));
	assert_null(opts_nearest(STR("statusxxx"), words));
	assert_null(opts_nearest(STR("status\0\0\0"), words));
	assert_null(opts_nearest(str_bytes(long_word, sizeof long_word), words));
	assert_null(opts_nearest(STR("ls"), NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_command_line_changes_nothing),
		cmocka_unit_test(values_stand_behind_or_after_an_equals_sign),
		cmocka_unit_test(a_value_may_be_empty_or_begin_with_a_dash),
		cmocka_unit_test(options_and_arguments_may_be_mixed),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(words_are_gathered_from_commas_and_repetition),
		cmocka_unit_test(a_word_that_is_empty_is_refused),
		cmocka_unit_test(an_unknown_option_names_the_nearest),
		cmocka_unit_test(a_value_that_does_not_fit_is_refused),
		cmocka_unit_test(a_value_too_few_or_too_many_is_refused),
		cmocka_unit_test(a_number_may_go_below_zero_where_the_table_says_so),
		cmocka_unit_test(what_is_required_is_missed_by_name),
		cmocka_unit_test(an_argument_too_many_is_refused),
		cmocka_unit_test(help_shows_every_row_in_columns),
		cmocka_unit_test(a_near_miss_finds_its_word),
		cmocka_unit_test(a_word_far_from_all_finds_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
