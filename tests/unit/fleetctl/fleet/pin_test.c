/* A receipt key goes into hosts.yaml as people write it, and nothing else changes. */
#include "tests/unit/fleetctl/folder.h"

#include "fleetctl/fleet/pin.h"

#define OLD "1111111111111111111111111111111111111111111111111111111111111111"
#define NEW "2222222222222222222222222222222222222222222222222222222222222222"

static void assert_pinned(const char *before, const char *after)
{
	cleanup(buf_free) struct buf out = BUF_MAX(64 * KIB);
	struct err e = {0};

	assert_done(pin_text(&out, str_of(before), "ber-D", NEW, &e));
	assert_string_equal(out.data, after);
}

static void it_is_added_to_an_entry_in_one_line(void **state)
{
	(void)state;
	assert_pinned("# ours\n- {id: ber-D, plan: plan-D, address: a}\n- {id: ber-E, plan: plan-E, address: b}\n",
		"# ours\n- {id: ber-D, plan: plan-D, address: a, receipt_key: '" NEW "'}\n- {id: ber-E, plan: plan-E, address: b}\n");
	assert_pinned("- {id: x, plan: p, address: b}\n\n# the last\n- {id: ber-D, plan: plan-D,\n   labels: {rack: a}} # in Berlin\n# end\n",
		"- {id: x, plan: p, address: b}\n\n# the last\n- {id: ber-D, plan: plan-D,\n   labels: {rack: a}, receipt_key: '" NEW
		"'} # in Berlin\n# end\n");
}

static void it_is_added_to_an_entry_of_many_lines(void **state)
{
	(void)state;
	assert_pinned("- id: ber-D   # one\n  plan: plan-D\n  address: a\n- id: ber-E\n  plan: p\n  address: b\n",
		"- id: ber-D   # one\n  receipt_key: '" NEW "'\n  plan: plan-D\n  address: a\n- id: ber-E\n  plan: p\n  address: b\n");
	assert_pinned("- plan: plan-D\n  id: ber-D\n  labels:\n    rack: a\n",
		"- plan: plan-D\n  id: ber-D\n  receipt_key: '" NEW "'\n  labels:\n    rack: a\n");
}

static void it_takes_the_place_of_another(void **state)
{
	(void)state;
	assert_pinned("- {id: ber-D, receipt_key: '" OLD "', plan: p}\n", "- {id: ber-D, receipt_key: '" NEW "', plan: p}\n");
	assert_pinned("- {id: ber-D, receipt_key: " OLD "}\n", "- {id: ber-D, receipt_key: '" NEW "'}\n");
	assert_pinned("- id: ber-D\n  receipt_key: \"" OLD "\"\n  plan: p\n", "- id: ber-D\n  receipt_key: '" NEW "'\n  plan: p\n");
	assert_pinned("- {id: a, receipt_key: '" OLD "'}\n- {id: ber-D, plan: p}\n",
		"- {id: a, receipt_key: '" OLD "'}\n- {id: ber-D, plan: p, receipt_key: '" NEW "'}\n");
}

static void assert_left_alone(const char *text, enum err_code code)
{
	cleanup(buf_free) struct buf out = BUF_MAX(64 * KIB);
	struct err e = {0};

	assert_false(pin_text(&out, str_of(text), "ber-D", NEW, &e));
	if (e.code != code)
		fail_msg("%s", e.text);
}

static void what_cannot_be_edited_safely_is_left_to_a_person(void **state)
{
	struct folder *f = *state;
	cleanup(fleet_free) struct fleet fleet = {.at = -1};
	cleanup(buf_free) struct buf after = {0};
	struct err e = {0};

	assert_left_alone("- {id: ber-D, plan: p} # }\n", ERR_SYNTAX);
	assert_left_alone("- {id: ber-E, plan: p}\n", ERR_MISSING);
	assert_left_alone("[]\n", ERR_MISSING);
	assert_left_alone("- {id: ber-D\n", ERR_SYNTAX);
	const char *text = "- {id: ber-D, plan: plan-D, address: a} # }\n";
	folder_put(f, "hosts.yaml", text);
	assert_done(fleet_open(&fleet, f->path, &e));
	assert_false(fleet_pin(&fleet, "ber-D", NEW, &e));
	assert_non_null(strstr(e.text, "receipt_key: '" NEW "'"));
	folder_read(&after, f, "hosts.yaml");
	assert_string_equal(after.data, text);
}

static void a_key_that_is_none_is_refused_with_its_line(void **state)
{
	static const char *const bad[] = {"abc", "'" OLD "1'", "'g" OLD "'", "'ssh-ed25519 AAAA'"};
	struct folder *f = *state;

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct fleet fleet = {.at = -1};
		cleanup(free_ptr) char *text = path_form("# ours\n- {id: ber-D, plan: p, address: a, receipt_key: %s}\n", bad[i]);
		struct err e = {0};
		folder_put(f, "hosts.yaml", text);
		assert_false(fleet_open(&fleet, f->path, &e));
		assert_int_equal(e.code, ERR_SYNTAX);
		assert_non_null(strstr(e.text, "hosts.yaml:2: [0].receipt_key: expected 64 hexadecimal digits"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_added_to_an_entry_in_one_line),
		cmocka_unit_test(it_is_added_to_an_entry_of_many_lines),
		cmocka_unit_test(it_takes_the_place_of_another),
		sentence(what_cannot_be_edited_safely_is_left_to_a_person),
		sentence(a_key_that_is_none_is_refused_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
