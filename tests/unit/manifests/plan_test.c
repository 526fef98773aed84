/* plans/PLAN.yaml: what operators write, and what they mistype. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "manifests/plan.h"

static const char example[] = /* of the design, section 2 */
	"plan: plan-D\n"
	"scripts: [common, plan-D]                         # folders of scripts/, laid over each other\n"
	"probes:\n"
	"  - {name: dns, run: probes/dns.sh, args: [soracom.io], every: 60s, timeout: 20s}\n"
	"hooks: {start: hooks/start.sh, stop: hooks/stop.sh}\n"
	"checks:\n"
	"  - {name: syntax, run: checks/syntax.sh, class: local, timeout: 10s}\n"
	"  - {name: alive, class: work}                    # built in\n"
	"  - {name: dns, run: probes/dns.sh, args: [soracom.io], class: path, samples: 3}\n"
	"trial: {settle: 10s, deadline: 2m, touches: []}   # touches: network, ssh, agent\n"
	"poll: {every: 6h}\n"
	"window: {zone: Europe/Berlin, days: mon-fri, from: '02:00', to: '04:00'}     # optional\n"
	"link: {apn: soracom.io, class: s1.minimum, kbit: 32}\n"
	"budget: {month: 20MB, reserve: 2MB}\n";

static void read_ok(struct plan *out, const char *yaml)
{
	struct err e = {0};

	if (!plan_read(out, str_of(yaml), "plans/plan-D.yaml", &e))
		fail_msg("%s", e.text);
}

static void assert_refused(const char *yaml, const char *text)
{
	const struct plan untouched = {0};
	struct plan p = {0};
	struct err e = {0};

	assert_false(plan_read(&p, str_of(yaml), "plans/plan-D.yaml", &e));
	assert_string_equal(e.text, text);
	assert_memory_equal(&p, &untouched, sizeof p);
}
#define HEAD "plan: plan-D\nscripts: [common]\n"
#define AT3  "plans/plan-D.yaml:3: "

static void the_designs_example_is_read_in_full(void **state)
{
	(void)state;
	cleanup(plan_free) struct plan p = {0};

	read_ok(&p, example);
	const struct probe *probe = p.probes.items;
	const struct check *check = p.checks.items;
	assert_string_equal(p.plan, "plan-D");
	assert_int_equal(p.scripts.count, 2);
	assert_string_equal(((char **)p.scripts.items)[1], "plan-D");
	assert_int_equal(p.probes.count, 1);
	assert_string_equal(probe->run, "probes/dns.sh");
	assert_string_equal(((char **)probe->args.items)[0], "soracom.io");
	assert_int_equal(probe->every_ms, 60000);
	assert_int_equal(probe->timeout_ms, 20000);
	assert_string_equal(p.hooks.stop, "hooks/stop.sh");
	assert_int_equal(p.checks.count, 3);
	assert_int_equal(check[0].class, CHECK_LOCAL);
	assert_null(check[1].run);
	assert_int_equal(check[1].class, CHECK_WORK);
	assert_int_equal(check[2].class, CHECK_PATH);
	assert_int_equal(check[2].samples, 3);
	assert_int_equal(p.trial.deadline_ms, 120000);
	assert_int_equal(p.trial.touches, 0);
	assert_int_equal(p.poll.every_ms, 6 * 3600000);
	assert_true(p.has_window);
	assert_int_equal(p.window.days, 31);
	assert_int_equal(p.window.from, 120);
	assert_int_equal(p.window.to, 240);
	assert_string_equal(p.link.class, "s1.minimum");
	assert_int_equal(p.link.kbit, 32);
	assert_int_equal(p.budget.month, 20000000);
	assert_int_equal(p.budget.reserve, 2000000);
}

static void a_short_plan_has_the_defaults(void **state)
{
	(void)state;
	cleanup(plan_free) struct plan p = {0};

	read_ok(&p, HEAD "probes: [{name: a, run: a.sh, every: 1m}]\nchecks: [{name: b, run: b.sh, class: path}]\n");
	const struct probe *probe = p.probes.items;
	const struct check *check = p.checks.items;
	assert_int_equal(probe->timeout_ms, 30000);
	assert_int_equal(check->timeout_ms, 10000);
	assert_int_equal(check->samples, 1);
	assert_int_equal(p.trial.settle_ms, 10000);
	assert_int_equal(p.trial.deadline_ms, 120000);
	assert_int_equal(p.poll.every_ms, 6 * 3600000);
	assert_false(p.has_window);
	assert_null(p.hooks.start);
	assert_int_equal(p.budget.month, 0);
}

static void a_plan_without_checks_is_legal(void **state)
{
	(void)state;
	cleanup(plan_free) struct plan p = {0};

	read_ok(&p, HEAD);
	assert_int_equal(p.checks.count, 0);
}

static void days_are_a_range_words_or_a_list_and_all_of_them_if_nothing_is_said(void **state)
{
	(void)state;
	static const struct {
		const char *days;
		unsigned bits;
	} rows[] = {
		{", days: mon-fri", 31},
		{", days: sun", 64},
		{", days: 'mon,wed'", 5},
		{", days: 'mon-tue, sun'", 67},
		{", days: [mon, wed-thu]", 13},
		{"", 127},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cleanup(plan_free) struct plan p = {0};
		cleanup(buf_free) struct buf yaml = {0};
		buf_form(&yaml, HEAD "window: {zone: UTC, from: '23:00', to: '01:00'%s}\n", rows[i].days);
		read_ok(&p, yaml.data);
		assert_int_equal(p.window.days, rows[i].bits);
	}
}

static void days_that_are_none_are_refused(void **state)
{
	(void)state;
	static const char *const days[] = {
		"'mon,,wed'", "'mon,'", "fri-mon", "'mon,mon'", "monday", "''", "{a: b}", "[]"};

	for (size_t i = 0; i < COUNT_OF(days); i++) {
		cleanup(buf_free) struct buf yaml = {0};
		struct plan p = {0};
		struct err e = {0};
		buf_form(&yaml, HEAD "window:\n  zone: UTC\n  from: '23:00'\n  to: '01:00'\n  days: %s\n", days[i]);
		assert_false(plan_read(&p, buf_str(&yaml), "plans/plan-D.yaml", &e));
		assert_true(str_starts(str_of(e.text), "plans/plan-D.yaml:"));
		assert_non_null(strstr(e.text, "window"));
		assert_null(p.plan);
	}
}

static void a_plan_with_an_unknown_field_names_the_nearest(void **state)
{
	(void)state;
	assert_refused(HEAD "probs: []\n", AT3 "unknown field \"probs\": did you mean \"probes\"?");
	assert_refused(HEAD "checks:\n  - {name: a, run: b, clas: path}\n",
		"plans/plan-D.yaml:4: checks[0]: unknown field \"clas\": did you mean \"class\"?");
}

static void what_is_missing_is_named(void **state)
{
	(void)state;
	assert_refused("scripts: [a]\n", "plans/plan-D.yaml:1: \"plan\" is missing");
	assert_refused("plan: plan-D\n",
		"plans/plan-D.yaml:1: scripts is missing: the folders of scripts/ that make the bundle");
	assert_refused(HEAD "probes: [{name: a, run: b}]\n", AT3 "probes[0]: \"every\" is missing");
	assert_refused(HEAD "checks: [{name: a, run: b}]\n", AT3 "checks[0]: \"class\" is missing");
	assert_refused(
		HEAD "checks: [{name: a, class: local}]\n", AT3 "check a: run is missing (only `alive` is built in)");
	assert_refused("- plan\n", "plans/plan-D.yaml:1: expected an object, found a list");
}

static void what_contradicts_itself_is_refused_with_its_line(void **state)
{
	(void)state;
	assert_refused(HEAD "probes: [{name: a, run: b, every: 20s, timeout: 20s}]\n",
		AT3 "probe a: its timeout (20s) must be below every (20s)");
	assert_refused(HEAD "trial: {settle: 2m}\n", AT3 "trial: settle must be below deadline");
	assert_refused(HEAD "checks: [{name: alive, class: work, run: a}]\n",
		AT3 "check alive is built in: it takes neither run nor args");
	assert_refused(HEAD "checks: [{name: alive, class: path}]\n", AT3 "check alive: its class is work");
	assert_refused(
		HEAD "window: {zone: UTC, from: '02:00', to: '02:00'}\n", AT3 "window: from and to are the same");
	assert_refused(HEAD "window: {zone: UTC, from: '02:00', to: '03:00', days: []}\n",
		AT3 "window: no days: it would never open");
	assert_refused(HEAD "budget: {reserve: 1MB}\n", AT3 "budget: reserve is above month");
	assert_refused("plan: plan-D\nscripts: [a,\n  b, a]\n", "plans/plan-D.yaml:3: scripts: a stands there twice");
}

static void two_of_one_name_are_refused(void **state)
{
	(void)state;
	assert_refused(HEAD "probes:\n- {name: a, run: b, every: 1m}\n- {name: a, run: c, every: 1m}\n",
		"plans/plan-D.yaml:5: probes[1].name: \"a\" is there already (line 4)");
	assert_refused(HEAD "checks:\n- {name: a, run: b, class: path}\n- {name: a, run: c, class: work}\n",
		"plans/plan-D.yaml:5: checks[1].name: \"a\" is there already (line 4)");
}

static void what_is_out_of_bounds_is_refused_with_the_bounds(void **state)
{
	(void)state;
	assert_refused(HEAD "trial: {deadline: 25h}\n", AT3 "trial.deadline: expected 1s to 1d, found \"25h\"");
	assert_refused(HEAD "checks: [{name: a, run: b, class: path, samples: 21}]\n",
		AT3 "checks[0].samples: expected 1 to 20, found \"21\"");
	assert_refused(HEAD "checks: [{name: a, run: b, class: path, timeout: 10}]\n",
		AT3 "checks[0].timeout: expected a length of time like 10s, 2m or 6h, found \"10\"");
	assert_refused(HEAD "checks: [{name: a, run: b, class: net}]\n",
		AT3 "checks[0].class: expected local, work or path, found \"net\"");
	assert_refused(HEAD "trial: {touches: [net]}\n",
		AT3 "trial.touches[0]: expected network, ssh or agent, found \"net\": did you mean \"network\"?");
}

static void a_plan_with_too_many_rows_or_args_is_refused(void **state)
{
	(void)state;
	cleanup(buf_free) struct buf probes = {0}, args = {0}, longer = {0};

	buf_text(&probes, HEAD "probes:\n");
	for (int i = 0; i < 257; i++)
		buf_form(&probes, "- {name: a%d, run: b, every: 1m}\n", i);
	assert_refused(probes.data, "plans/plan-D.yaml:3: probes: more than 256 entries");
	buf_text(&args, HEAD "checks: [{name: a, class: path, run: b, args: [0");
	buf_text(&longer, HEAD "checks: [{name: a, class: path, run: b, args: [");
	for (int i = 0; i < 64; i++)
		buf_form(&args, ", %d", i);
	for (int i = 0; i < 1025; i++)
		buf_byte(&longer, 'a');
	buf_text(&args, "]}]\n");
	buf_text(&longer, "]}]\n");
	assert_refused(args.data, AT3 "checks[0].args: more than 64 entries");
	assert_refused(longer.data, AT3 "checks[0].args[0]: longer than 1024 bytes");
}

static void names_and_paths_that_lead_elsewhere_are_refused(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"checks: [{name: a, class: path, run: ../b}]\n",
		"checks: [{name: a, class: path, run: /bin/sh}]\n",
		"checks: [{name: a/b, class: path, run: b}]\n",
		"hooks: {start: a/../b}\n",
		"window: {zone: ../../etc/passwd, from: '01:00', to: '02:00'}\n",
		"checks: [{name: a, class: path, run: b, args: [\"x\\ny\"]}]\n",
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cleanup(buf_free) struct buf yaml = {0};
		struct plan p = {0};
		struct err e = {0};
		buf_form(&yaml, HEAD "%s", rows[i]);
		assert_false(plan_read(&p, buf_str(&yaml), "plans/plan-D.yaml", &e));
		assert_int_equal(e.code, ERR_UNSAFE);
		assert_true(str_starts(str_of(e.text), AT3));
	}
}

static void a_plan_stands_in_a_file_of_its_name(void **state)
{
	(void)state;
	struct plan p = {0};
	struct err e = {0};

	assert_false(plan_read(&p, STR(HEAD), "plans/plan-E.yaml", &e));
	assert_string_equal(e.text, "plans/plan-E.yaml:1: plan: plan-D must stand in a file plan-D.yaml");
	assert_false(plan_read(&p, STR(HEAD), "plans/plan-D.yml", &e));
	assert_true(plan_read(&p, STR(HEAD), "plan-D.yaml", &e));
	plan_free(&p);
	assert_true(plan_read(&p, STR(HEAD), NULL, &e));
	plan_free(&p);
	assert_false(plan_read(&p, STR("plan: timestamp\nscripts: [a]\n"), "plans/timestamp.yaml", &e));
	assert_int_equal(e.code, ERR_UNSAFE);
}

static void freeing_twice_is_legal(void **state)
{
	(void)state;
	struct plan p = {0};

	read_ok(&p, example);
	plan_free(&p);
	plan_free(&p);
	assert_null(p.plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_designs_example_is_read_in_full),
		cmocka_unit_test(a_short_plan_has_the_defaults),
		cmocka_unit_test(a_plan_without_checks_is_legal),
		cmocka_unit_test(days_are_a_range_words_or_a_list_and_all_of_them_if_nothing_is_said),
		cmocka_unit_test(days_that_are_none_are_refused),
		cmocka_unit_test(a_plan_with_an_unknown_field_names_the_nearest),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(what_contradicts_itself_is_refused_with_its_line),
		cmocka_unit_test(two_of_one_name_are_refused),
		cmocka_unit_test(what_is_out_of_bounds_is_refused_with_the_bounds),
		cmocka_unit_test(a_plan_with_too_many_rows_or_args_is_refused),
		cmocka_unit_test(names_and_paths_that_lead_elsewhere_are_refused),
		cmocka_unit_test(a_plan_stands_in_a_file_of_its_name),
		cmocka_unit_test(freeing_twice_is_legal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
