/* access.yaml, fleet/access.json, and the lines that sshd reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "manifests/access.h"

#define ANN "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHiAopYvtSZsXxxTLdwnxSilpeoEAmyQaf2CgXHhA1p3"
#define BOB "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJkSMxsxJgXFYUDJARKPvRPKqbYu9at0ppZJpwwWAWOy"

static const char yaml[] = "operators:\n"
			   "  - {name: ann, key: '" ANN " ann@laptop', may: [look, roll]}\n"
			   "  - {name: bob, key: '" BOB "', may: look}\n"
			   "deadline: 90s\n";

static void read_ok(struct access *out, const char *text)
{
	struct err e = {0};

	if (!access_read_yaml(out, str_of(text), "access.yaml", &e))
		fail_msg("%s", e.text);
}

static void people_write_it_as_yaml(void **state)
{
	(void)state;
	cleanup(access_free) struct access a = {0};

	read_ok(&a, yaml);
	const struct operator *o = a.operators.items;
	assert_int_equal(a.operators.count, 2);
	assert_string_equal(o[0].name, "ann");
	assert_string_equal(o[0].key, ANN);
	assert_int_equal(o[0].may, MAY_LOOK | MAY_ROLL);
	assert_int_equal(o[1].may, MAY_LOOK);
	assert_int_equal(a.deadline_ms, 90000);
	assert_int_equal(a.number, 0);
}

static void what_is_written_reads_back_the_same(void **state)
{
	(void)state;
	cleanup(access_free) struct access a = {0}, again = {0};
	cleanup(buf_free) struct buf first = {0}, second = {0};
	struct err e = {0};

	read_ok(&a, yaml);
	a.number = 7;
	access_write(&first, &a);
	if (!access_read(&again, buf_str(&first), ACCESS_PATH, &e))
		fail_msg("%s", e.text);
	assert_int_equal(again.number, 7);
	assert_int_equal(again.deadline_ms, 90000);
	access_write(&second, &again);
	assert_string_equal(first.data, second.data);
}

static void each_operator_has_one_command_and_nothing_else(void **state)
{
	(void)state;
	cleanup(access_free) struct access a = {0};
	cleanup(buf_free) struct buf keys = {0};

	read_ok(&a, yaml);
	access_keys(&keys, &a, "/usr/bin/serve", "1234");
	assert_string_equal(keys.data,
		"restrict,command=\"/usr/bin/serve --operator ann --may look,roll --access 1234\" " ANN " ann\n"
		"restrict,command=\"/usr/bin/serve --operator bob --may look --access 1234\" " BOB " bob\n");
}

static void a_mistake_has_its_line(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{"operators:\n  - {name: ann, key: ssh-ed25519 AAAA, may: [look]}\n", "access.yaml:2: operator ann: key: "},
		{"operators:\n  - {name: ann, key: '" ANN "', may: [look, rol]}\n", "access.yaml:2: operators[0].may"},
		{"operators:\n  - {name: ann, key: '" ANN "', may: []}\n", "access.yaml:2: operator ann: may is empty"},
		{"operators:\n  - {name: ann, key: '" ANN "'}\n", "access.yaml:2: operators[0]: \"may\" is missing"},
		{"operators:\n  - {name: 'a b', key: '" ANN "', may: roll}\n", "access.yaml:2: operators[0].name"},
		{"operators:\n  - {name: 'a\"', key: '" ANN "', may: roll}\n", "access.yaml:2: operators[0].name"},
		{"operators:\n  - {name: ann, key: '" ANN "', may: roll}\n  - {name: ann, key: '" BOB "', may: roll}\n",
			"access.yaml:3: operators[1].name: \"ann\" is there already (line 2)"},
		{"operators:\n  - {name: ann, key: '" ANN "', may: roll}\n  - {name: bob, key: '" ANN " x', may: look}\n",
			"access.yaml:3: operator bob has the key of operator ann"},
		{"operators:\n  - {name: ann, key: '" ANN "', may: look}\n", "access.yaml:1: operators: nobody may roll"},
		{"operators: []\n", "access.yaml:1: operators: nobody may roll"},
		{"operators:\n  - {name: ann, key: '" ANN "', may: roll}\nnumber: 7\n", "access.yaml:3: "},
		{"operators:\n  - {name: ann, key: '" ANN "', may: roll}\ndeadline: 0s\n", "access.yaml:3: deadline"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct access a = {0};
		struct err e = {0};
		if (access_read_yaml(&a, str_of(rows[i][0]), "access.yaml", &e))
			fail_msg("taken: %s", rows[i][0]);
		if (!str_starts(str_of(e.text), rows[i][1]))
			fail_msg("%s", e.text);
		assert_null(a.operators.items);
	}
}

/* What a stranger's JSON might try: each would be a line of authorized_keys, or two. */
static void json_that_would_be_another_line_is_refused(void **state)
{
	(void)state;
	static const char *const keys[] = {
		ANN " ann\\nssh-ed25519 AAAA",
		"command=\\\"sh\\\" " ANN,
		ANN " ann",
		" " ANN,
		"ssh-ed25519 AAAAC3Nz",
	};

	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		cleanup(buf_free) struct buf json = {0};
		struct access a = {0};
		struct err e = {0};
		buf_form(&json,
			"{\"format\":1,\"number\":1,\"operators\":[{\"name\":\"ann\",\"key\":\"%s\",\"may\":[\"roll\"]}]}",
			keys[i]);
		if (access_read(&a, buf_str(&json), ACCESS_PATH, &e))
			fail_msg("taken: %s", keys[i]);
		assert_true(e.code == ERR_SYNTAX || e.code == ERR_UNSAFE);
		assert_null(a.operators.items);
	}
}

static void json_without_a_number_is_refused(void **state)
{
	(void)state;
	struct access a = {0};
	struct err e = {0};

	assert_false(access_read(&a,
		STR("{\"format\":1,\"operators\":[{\"name\":\"ann\",\"key\":\"" ANN "\",\"may\":[\"roll\"]}]}"), ACCESS_PATH, &e));
	assert_false(access_read(&a,
		STR("{\"format\":1,\"number\":0,\"operators\":[{\"name\":\"ann\",\"key\":\"" ANN "\",\"may\":[\"roll\"]}]}"),
		ACCESS_PATH, &e));
	assert_false(access_read(&a,
		STR("{\"format\":2,\"number\":1,\"operators\":[{\"name\":\"ann\",\"key\":\"" ANN "\",\"may\":[\"roll\"]}]}"),
		ACCESS_PATH, &e));
}

static void a_command_that_would_end_its_quotes_is_refused(void **state)
{
	(void)state;
	struct err e = {0};

	assert_true(access_check_serve("/usr/lib/fleet-agent/fleet-agent serve", &e));
	assert_false(access_check_serve("/usr/bin/x\" ", &e));
	assert_false(access_check_serve("/usr/bin/x\\", &e));
	assert_false(access_check_serve("/usr/bin/x\ny", &e));
	assert_false(access_check_serve("serve", &e));
	assert_false(access_check_serve("", &e));
}

static void changes_are_said_in_words(void **state)
{
	(void)state;
	static const char then[] = "operators:\n"
				   "  - {name: ann, key: '" BOB "', may: [roll]}\n"
				   "  - {name: cid, key: '" ANN "', may: [look]}\n"
				   "deadline: 2m\n";
	cleanup(access_free) struct access old = {0}, new = {0};
	cleanup(buf_free) struct buf words = {0};

	read_ok(&old, yaml);
	read_ok(&new, then);
	access_changes(&words, &old, &new);
	assert_string_equal(words.data, "- operator bob\n"
					"operator ann may: look, roll -> roll\n"
					"operator ann has another key\n"
					"+ operator cid may look\n"
					"deadline: 90s -> 2m\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_write_it_as_yaml),
		cmocka_unit_test(what_is_written_reads_back_the_same),
		cmocka_unit_test(each_operator_has_one_command_and_nothing_else),
		cmocka_unit_test(a_mistake_has_its_line),
		cmocka_unit_test(json_that_would_be_another_line_is_refused),
		cmocka_unit_test(json_without_a_number_is_refused),
		cmocka_unit_test(a_command_that_would_end_its_quotes_is_refused),
		cmocka_unit_test(changes_are_said_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
