/* How results look: tables, colours, ages, JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "fleetctl/show/show.h"

/* --- what stdout got; a file: never a terminal --- */

struct caught {
	FILE *file;
	int was;
};

static void catch_begin(struct caught *c)
{
	fflush(stdout);
	c->was = dup(STDOUT_FILENO);
	c->file = tmpfile();
	assert_non_null(c->file);
	assert_true(dup2(fileno(c->file), STDOUT_FILENO) >= 0);
}

static void catch_end(struct caught *c, struct buf *out)
{
	struct err e = {0};

	fflush(stdout);
	dup2(c->was, STDOUT_FILENO);
	close(c->was);
	lseek(fileno(c->file), 0, SEEK_SET);
	assert_true(fs_read_fd(out, fileno(c->file), &e));
	fclose(c->file);
}

static void two_rows(struct table *t)
{
	table_cell(t, DIM, "HOST");
	table_cell(t, DIM, "STATE");
	table_cell(t, PLAIN, "ber-D");
	table_cell(t, GREEN, "%s %d", "committed", 7);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
	cleanup(buf_free) struct buf out = {0};
	struct show s = {.width = 8};
	struct table t = {.show = &s, .columns = 2};
	struct caught c;

	(void)state;
	two_rows(&t);
	catch_begin(&c);
	table_print(&t);
	catch_end(&c, &out);
	/* not a terminal: nothing is cut */
	assert_string_equal(buf_str(&out).data, "HOST   STATE\nber-D  committed 7\n");
	assert_int_equal(t.cells, 0);
	assert_ptr_equal(t.show, &s);
}

static void colour_is_where_it_was_asked_and_only_there(void **state)
{
	cleanup(buf_free) struct buf out = {0};
	struct show s = {.color = true};
	struct table t = {.show = &s, .columns = 2};
	struct caught c;

	(void)state;
	two_rows(&t);
	catch_begin(&c);
	table_print(&t);
	catch_end(&c, &out);
	assert_non_null(strstr(buf_str(&out).data, "\033[32mcommitted 7\033[0m\n"));
	assert_non_null(strstr(buf_str(&out).data, "\nber-D  \033[32m"));
	assert_string_equal(paint_on(false, RED), "");
	assert_string_equal(paint_off(false), "");
}

static void a_host_cannot_paint_our_terminal(void **state)
{
	cleanup(buf_free) struct buf out = {0};
	struct show s = {0};
	struct table t = {.show = &s, .columns = 2};
	struct caught c;

	(void)state;
	table_cell(&t, PLAIN, "%s", "\033[2Jx\n\t\177");
	table_cell(&t, PLAIN, "%s", "\xc3\xa4");
	table_cell(&t, PLAIN, "%s", "");
	table_cell(&t, PLAIN, "%s", "y");
	catch_begin(&c);
	table_print(&t);
	catch_end(&c, &out);
	/* and characters are counted, not bytes */
	assert_string_equal(buf_str(&out).data, "?[2Jx???  \xc3\xa4\n          y\n");
}

static void when_to_colour_is_the_users_word(void **state)
{
	struct caught c;
	cleanup(buf_free) struct buf out = {0};
	struct show automatic, never, always, forced;

	(void)state;
	unsetenv("CLICOLOR_FORCE");
	setenv("NO_COLOR", "1", 1);
	catch_begin(&c);
	automatic = show_make("status", false, 0);
	always = show_make("status", false, 1);
	unsetenv("NO_COLOR");
	setenv("CLICOLOR_FORCE", "1", 1);
	forced = show_make("status", true, 0);
	never = show_make("status", false, 2);
	unsetenv("CLICOLOR_FORCE");
	catch_end(&c, &out);
	assert_false(automatic.color);
	assert_true(always.color);
	assert_true(forced.color);
	assert_false(forced.live); /* nothing moves beside JSON */
	assert_false(never.color);
}

static void an_age_is_said_in_its_largest_unit(void **state)
{
	static const struct {
		int64_t at;
		const char *age;
	} rows[] = {{0, "never"}, {1000000, "0 s ago"}, {999881, "119 s ago"}, {999880, "2 min ago"}, {992801, "119 min ago"},
		{992800, "2 h ago"}, {827201, "47 h ago"}, {827200, "2 days ago"}, {1000001, "in the future"}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char age[32];
		show_age(age, rows[i].at, 1000000);
		assert_string_equal(age, rows[i].age);
	}
}

static void json_is_one_document_with_its_schema(void **state)
{
	cleanup(buf_free) struct buf out = {0};
	struct show s = {.command = "status", .json = true};
	struct caught c;

	(void)state;
	doc *d = show_doc(&s);
	doc_set_text(d, "x", "a\nb");
	catch_begin(&c);
	show_json(d);
	catch_end(&c, &out);
	assert_string_equal(buf_str(&out).data, "{\"schema\":1,\"command\":\"status\",\"x\":\"a\\nb\"}\n");
}

static void on_a_terminal_a_text_without_room_stands_below(void **state)
{
	struct show s = {.width = 24};
	struct table t = {.show = &s, .columns = 2};
	int master, terminal, was = dup(STDOUT_FILENO);
	char got[200] = "";

	(void)state;
	assert_int_equal(openpty(&master, &terminal, NULL, NULL, NULL), 0);
	fflush(stdout);
	dup2(terminal, STDOUT_FILENO);
	table_cell(&t, PLAIN, "ber-D");
	table_cell(&t, PLAIN, "all checks hold");
	table_cell(&t, PLAIN, "tyo-D");
	table_cell(&t, PLAIN, "no connection to 10.0.0.2 port 22");
	table_print(&t);
	fflush(stdout);
	dup2(was, STDOUT_FILENO);
	close(was);
	assert_true(read(master, got, sizeof got - 1) > 0);
	close(terminal);
	close(master);
	assert_string_equal(got, "ber-D  all checks hold\r\ntyo-D  \r\n    no connection to\r\n    10.0.0.2 port 22\r\n");
}

static void the_gravest_exit_code_stands_for_all(void **state)
{
	(void)state;
	assert_int_equal(show_worse(0, 0), 0);
	assert_int_equal(show_worse(0, 4), 4);
	assert_int_equal(show_worse(4, 7), 7);
	assert_int_equal(show_worse(9, 8), 8);
	assert_int_equal(show_worse(1, 7), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
		cmocka_unit_test(colour_is_where_it_was_asked_and_only_there),
		cmocka_unit_test(a_host_cannot_paint_our_terminal),
		cmocka_unit_test(when_to_colour_is_the_users_word),
		cmocka_unit_test(an_age_is_said_in_its_largest_unit),
		cmocka_unit_test(json_is_one_document_with_its_schema),
		cmocka_unit_test(on_a_terminal_a_text_without_room_stands_below),
		cmocka_unit_test(the_gravest_exit_code_stands_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
