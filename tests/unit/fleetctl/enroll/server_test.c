/* What a git server is told of a host, as fleet-agent(8) says it; beside it, addresses that a shell would take apart. */
#include "fleetctl/enroll/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TEST(name) static void name(void **state)
#define PIN "\"host_keys\": [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+6UiiHzdgPKtEc57RbdWTtEPHRXlZfl/7tn1N6BHhM\"]"

static void make(struct server_keys *out, const char *json)
{
	cleanup(origins_free) struct origins o = {0};
	struct err e = {0};

	if (!origins_read(&o, str_of(json), "sources", &e))
		fail_msg("%s", e.text);
	server_keys_of(out, &o, "ber-D", "ssh-ed25519 GIT", "ssh-ed25519 PUSH");
	assert_int_equal(server_keys_wanted(&o), out->count > 0);
}

TEST(each_repository_lets_the_host_do_one_thing)
{
	(void)state;
	cleanup(server_keys_free) struct server_keys k = {0};

	make(&k, "{\"format\": 1, \"sources\": [{\"kind\": \"git\", \"url\": \"ssh://git@hub.example:2222/srv/fleet.git\", " PIN "}],"
		 "\"receipts\": {\"kind\": \"git\", \"url\": \"ssh://home.example/srv/receipts.git\", " PIN "}}");
	assert_int_equal(k.count, 2);
	assert_string_equal(k.at[0].server, "git@hub.example:2222");
	assert_string_equal(k.at[0].to, "fetch");
	assert_string_equal(k.at[0].line, "restrict,command=\"git upload-pack /srv/fleet.git\" ssh-ed25519 GIT ber-D");
	assert_string_equal(k.at[1].server, "home.example");
	assert_string_equal(k.at[1].line,
		"restrict,command=\"git -c receive.hideRefs='!refs/heads/receipts/ber-D' receive-pack /srv/receipts.git\" ssh-ed25519 PUSH ber-D");
}

TEST(who_does_not_log_in_by_git_needs_no_line)
{
	(void)state;
	cleanup(server_keys_free) struct server_keys k = {0};

	make(&k, "{\"format\": 1, \"sources\": [{\"kind\": \"https\", \"url\": \"https://cdn.example/fleet/\"},"
		 "{\"kind\": \"git\", \"url\": \"https://hub.example/fleet.git\"}],"
		 "\"receipts\": {\"kind\": \"put\", \"url\": \"https://dav.example/r/\"}}");
	assert_int_equal(k.count, 0);
}

TEST(a_path_stays_one_word_whatever_is_in_it)
{
	(void)state;
	static const struct {
		const char *path, *word;
	} each[] = {
		{"/~ann/fleet.git", "~ann/fleet.git"},
		{"/a;reboot", "'/a;reboot'"},
		{"/a$(b)'c", "'/a$(b)'\\''c'"},
	};

	for (size_t i = 0; i < COUNT_OF(each); i++) {
		cleanup(server_keys_free) struct server_keys k = {0};
		char json[1000], line[200];
		snprintf(json, sizeof json, "{\"format\": 1, \"sources\": [{\"kind\": \"git\", \"url\": \"ssh://hub.example%s\", " PIN "}]}", each[i].path);
		snprintf(line, sizeof line, "restrict,command=\"git upload-pack %s\" ssh-ed25519 GIT ber-D", each[i].word);
		make(&k, json);
		assert_int_equal(k.count, 1);
		assert_string_equal(k.at[0].line, line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_repository_lets_the_host_do_one_thing),
		cmocka_unit_test(who_does_not_log_in_by_git_needs_no_line),
		cmocka_unit_test(a_path_stays_one_word_whatever_is_in_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
