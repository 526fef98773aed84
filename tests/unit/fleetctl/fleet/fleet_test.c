/* fleet.yaml and hosts.yaml: what operators write, what they mistype, and what `host add` writes for them. */
#include "tests/unit/fleetctl/folder.h"

#include <unistd.h>


static const char hosts[] = "# our towers\n"
			    "- {id: ber-D, plan: plan-D, site: berlin, address: 10.0.0.2, port: 2222, user: pi,\n"
			    "   host_key: 'ssh-ed25519 AAAA', labels: {rack: a}} # on the roof\n"
			    "- {id: ham-1, plan: plan01s, address: ham.example}\n";

static void refused(const struct folder *f, const char *text)
{
	struct fleet fleet = {.at = -1};
	struct err e = {0};

	assert_false(fleet_open(&fleet, f->path, &e));
	assert_string_equal(e.text, text);
	assert_int_equal(fleet.at, -1);
	assert_null(fleet.dir);
}

static void a_fleet_is_read_in_full(void **state)
{
	const struct folder *f = *state;
	cleanup(fleet_free) struct fleet fleet = {.at = -1};
	struct err e = {0};

	folder_put(f, "fleet.yaml", "name: tower\ndefaults: {parallel: 3, connect: 5s, silence: 2m}\nssh: {identity: /k}\n");
	folder_put(f, "hosts.yaml", hosts);
	assert_done(fleet_open(&fleet, f->path, &e));
	assert_string_equal(fleet.name, "tower");
	assert_int_equal(fleet.defaults.parallel, 3);
	assert_int_equal(fleet.defaults.connect_ms, 5000);
	assert_int_equal(fleet.defaults.silence_ms, 120000);
	assert_string_equal(fleet.ssh.identity, "/k");
	assert_int_equal(fleet.hosts.count, 2);
	const struct host *ber = fleet_host(&fleet, 0);
	assert_string_equal(ber->id, "ber-D");
	assert_string_equal(ber->site, "berlin");
	assert_int_equal(ber->port, 2222);
	assert_string_equal(ber->host_key, "ssh-ed25519 AAAA");
	assert_int_equal(ber->labels.count, 1);
	assert_string_equal(fleet_host(&fleet, 1)->user, "fleet-agent");
	assert_null(fleet_host(&fleet, 1)->host_key);
}

static void what_is_not_said_has_its_default(void **state)
{
	const struct folder *f = *state;
	cleanup(fleet_free) struct fleet fleet = {.at = -1};
	struct err e = {0};

	folder_put(f, "hosts.yaml", "# none yet\n");
	assert_done(fleet_open(&fleet, f->path, &e));
	assert_int_equal(fleet.hosts.count, 0);
	assert_int_equal(fleet.defaults.parallel, 8);
	assert_int_equal(fleet.defaults.connect_ms, 30000);
	assert_int_equal(fleet.defaults.silence_ms, 60000);
	assert_null(fleet.ssh.identity);
	assert_null(fleet_find(&fleet, STR("ber-D")));
}

static void a_fleet_is_found_from_a_folder_in_it(void **state)
{
	const struct folder *f = *state;
	cleanup(fleet_free) struct fleet fleet = {.at = -1};
	cleanup(fd_close) int was = open(".", O_RDONLY | O_CLOEXEC);
	struct err e = {0};

	assert_done(fs_mkdir(f->at, "scripts/common", 0755, &e));
	assert_int_equal(fchdir(f->at), 0);
	assert_int_equal(chdir("scripts/common"), 0);
	bool good = fleet_open(&fleet, NULL, &e);
	assert_int_equal(fchdir(was), 0);
	assert_done(good);
	assert_string_equal(fleet.dir, f->path);
}

static void outside_of_any_fleet_the_next_command_is_named(void **state)
{
	struct fleet fleet = {.at = -1};
	struct err e = {0};
	cleanup(fd_close) int was = open(".", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(chdir("/"), 0);
	assert_false(fleet_open(&fleet, NULL, &e));
	assert_int_equal(fchdir(was), 0);
	assert_int_equal(e.code, ERR_MISSING);
	assert_non_null(strstr(e.text, "fleetctl init DIR"));
	assert_false(fleet_open(&fleet, "/", &e));
	assert_string_equal(e.text, "/ has no fleet.yaml: begin a fleet with `fleetctl init DIR`");
}

static void two_hosts_of_one_id_are_refused_with_both_lines(void **state)
{
	const struct folder *f = *state;

	folder_put(f, "hosts.yaml", "- {id: ber-D, plan: p, address: a}\n# moved\n- {id: ber-D, plan: p, address: b}\n");
	refused(f, "hosts.yaml:3: [1].id: \"ber-D\" is there already (line 1)");
}

static void ids_that_differ_only_in_case_are_refused(void **state)
{
	const struct folder *f = *state;

	folder_put(f, "hosts.yaml",
		"- {id: ber-D, plan: p, address: a}\n- {id: ham, plan: p, address: b}\n- {id: BER-d, plan: p, address: b}\n");
	refused(f, "hosts.yaml:3: [2].id: \"BER-d\" differs from \"ber-D\" only in case");
}

static void a_field_that_does_not_exist_is_named_with_its_neighbour(void **state)
{
	const struct folder *f = *state;

	folder_put(f, "hosts.yaml", "- id: ber-D\n  plan: p\n  adress: a\n");
	refused(f, "hosts.yaml:3: [0]: unknown field \"adress\": did you mean \"address\"?");
	folder_put(f, "hosts.yaml", "[]\n");
	folder_put(f, "fleet.yaml", "name: tower\ndefaults:\n  paralel: 3\n");
	refused(f, "fleet.yaml:3: defaults: unknown field \"paralel\": did you mean \"parallel\"?");
}

static void values_of_another_kind_are_refused_with_file_and_line(void **state)
{
	const struct folder *f = *state;
	static const struct {
		const char *hosts, *starts;
	} rows[] = {
		{"- {id: ber-D, plan: p, address: a, port: ssh}\n", "hosts.yaml:1: [0].port: expected "},
		{"- {id: ber-D, plan: p, address: a,\n   port: 70000}\n", "hosts.yaml:2: [0].port: expected "},
		{"- {id: ber D, plan: p, address: a}\n", "hosts.yaml:1: [0].id: "},
		{"- {id: ber-D, plan: root, address: a}\n", "hosts.yaml:1: [0].plan: "},
		{"- {id: ber-D, plan: p}\n", "hosts.yaml:1: [0]"},
		{"- {id: ber-D, plan: p, address: a, labels: [a]}\n", "hosts.yaml:1: [0].labels: expected "},
		{"- {id: ber-D, plan: p, address: a, host_key: AAAA}\n",
			"hosts.yaml:1: [0].host_key: expected \"TYPE BASE64\""},
		{"\nhosts:\n- {id: ber-D, plan: p, address: a}\n", "hosts.yaml:2: expected a list of hosts"},
		{"- {id: ber-D, plan: p, address: a\n", "hosts.yaml:"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct fleet fleet = {.at = -1};
		struct err e = {0};
		folder_put(f, "hosts.yaml", rows[i].hosts);
		assert_false(fleet_open(&fleet, f->path, &e));
		assert_true(e.code == ERR_SYNTAX || e.code == ERR_UNSAFE);
		if (!str_starts(str_of(e.text), rows[i].starts))
			fail_msg("expected \"%s...\", got \"%s\"", rows[i].starts, e.text);
	}
}

static void a_host_is_found_by_its_exact_id_or_its_neighbour_is_named(void **state)
{
	const struct folder *f = *state;
	cleanup(fleet_free) struct fleet fleet = {.at = -1};
	cleanup(buf_free) struct buf text = {0};
	struct err e = {0};
	struct host *h;

	for (int i = 0; i < 200; i++)
		buf_form(&text, "- {id: h%d%s, plan: p, address: a}\n", i * 7919 % 200, i % 2 ? "-x" : ".Y");
	folder_put(f, "hosts.yaml", buf_str(&text).data);
	assert_done(fleet_open(&fleet, f->path, &e));
	for (size_t i = 0; i < 200; i++)
		assert_ptr_equal(fleet_find(&fleet, str_of(fleet_host(&fleet, i)->id)), fleet_host(&fleet, i));
	assert_null(fleet_find(&fleet, STR("h0")));
	assert_null(fleet_find(&fleet, STR("")));
	assert_null(fleet_find(&fleet, STR("h0.y")));
	assert_null(fleet_find(&fleet, STR("zzz")));
	assert_false(fleet_find_or_say(&h, &fleet, STR("h0.Z"), &e));
	assert_int_equal(e.code, ERR_USAGE);
	assert_non_null(strstr(e.text, "no host \"h0.Z\" in hosts.yaml: did you mean \"h"));
}

static struct host added(void)
{
	return (struct host){.id = "new-1",
		.plan = "plan-D",
		.site = "here",
		.address = "it's fe80::1%eth0",
		.user = "pi",
		.host_key = "ssh-ed25519 AAAA"};
}

static void an_added_host_leaves_comments_and_order_alone(void **state)
{
	const struct folder *f = *state;
	cleanup(fleet_free) struct fleet before = {.at = -1}, after = {.at = -1};
	cleanup(buf_free) struct buf text = {0};
	struct shape_pair labels[] = {{"b", "2: # \"x\""}, {"a", ""}};
	struct host h = added();
	struct err e = {0};

	h.labels = (struct list){labels, 2};
	folder_put(f, "hosts.yaml", hosts);
	assert_done(fleet_open(&before, f->path, &e));
	assert_done(fleet_add_host(&before, &h, &e));
	folder_read(&text, f, "hosts.yaml");
	assert_memory_equal(text.data, hosts, strlen(hosts));
	assert_done(fleet_open(&after, f->path, &e));
	assert_int_equal(after.hosts.count, 3);
	const struct host *got = fleet_find(&after, STR("new-1"));
	assert_string_equal(got->address, "it's fe80::1%eth0");
	assert_int_equal(got->labels.count, 2);
	const struct shape_pair *pair = got->labels.items;
	assert_string_equal(pair[0].value, "");
	assert_string_equal(pair[1].value, "2: # \"x\"");
}

static void the_first_host_takes_the_place_of_the_empty_list(void **state)
{
	const struct folder *f = *state;
	static const char *const empty[] = {"[]", "# nothing yet\n[]\n", "", "# nothing yet"};
	struct host h = added();

	for (size_t i = 0; i < COUNT_OF(empty); i++) {
		cleanup(fleet_free) struct fleet before = {.at = -1}, after = {.at = -1};
		struct err e = {0};
		folder_put(f, "hosts.yaml", empty[i]);
		assert_done(fleet_open(&before, f->path, &e));
		assert_done(fleet_add_host(&before, &h, &e));
		assert_done(fleet_open(&after, f->path, &e));
		assert_int_equal(after.hosts.count, 1);
	}
}

static void what_would_read_as_something_else_is_not_added(void **state)
{
	const struct folder *f = *state;
	cleanup(fleet_free) struct fleet fleet = {.at = -1};
	struct host rows[6];
	struct err e = {0};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		rows[i] = added();
	rows[0].id = "x, site: y";
	rows[1].plan = "p}\n- {id: evil, plan: p, address: a";
	rows[2].address = "two\nlines";
	rows[3].id = "ber-D";
	rows[4].id = "BER-D";
	rows[5].site = "";
	folder_put(f, "hosts.yaml", hosts);
	assert_done(fleet_open(&fleet, f->path, &e));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cleanup(buf_free) struct buf text = {0};
		assert_false(fleet_add_host(&fleet, &rows[i], &e));
		folder_read(&text, f, "hosts.yaml");
		assert_string_equal(text.data, hosts);
	}
}

static void a_list_in_another_form_is_left_alone(void **state)
{
	const struct folder *f = *state;
	cleanup(fleet_free) struct fleet fleet = {.at = -1};
	cleanup(buf_free) struct buf text = {0};
	struct host h = added();
	struct err e = {0};
	static const char flow[] = "[{id: ber-D, plan: p, address: a}]\n";

	folder_put(f, "hosts.yaml", flow);
	assert_done(fleet_open(&fleet, f->path, &e));
	assert_false(fleet_add_host(&fleet, &h, &e));
	assert_non_null(strstr(e.text, "hosts.yaml with new-1 added"));
	folder_read(&text, f, "hosts.yaml");
	assert_string_equal(text.data, flow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_fleet_is_read_in_full),
		sentence(what_is_not_said_has_its_default),
		sentence(a_fleet_is_found_from_a_folder_in_it),
		sentence(outside_of_any_fleet_the_next_command_is_named),
		sentence(two_hosts_of_one_id_are_refused_with_both_lines),
		sentence(ids_that_differ_only_in_case_are_refused),
		sentence(a_field_that_does_not_exist_is_named_with_its_neighbour),
		sentence(values_of_another_kind_are_refused_with_file_and_line),
		sentence(a_host_is_found_by_its_exact_id_or_its_neighbour_is_named),
		sentence(an_added_host_leaves_comments_and_order_alone),
		sentence(the_first_host_takes_the_place_of_the_empty_list),
		sentence(what_would_read_as_something_else_is_not_added),
		sentence(a_list_in_another_form_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
