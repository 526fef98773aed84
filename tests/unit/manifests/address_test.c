/* Spellings of one place, and places that only look alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "manifests/address.h"

static void plain(const char *address, const char *want)
{
	cleanup(buf_free) struct buf out = {0};

	address_plain(&out, address);
	assert_string_equal(buf_str(&out).data, want);
}

static void one_place_has_one_spelling(void **state)
{
	static const char *const same[] = {
		"ssh://git@git.example/fleet.git",
		"ssh://other@GIT.Example:22/fleet",
		"ssh://git.example./fleet.git/",
		"https://git.example:443/fleet.git",
		"https://git.example//fleet",
		"https://git.example/a/../fleet/.",
		"https://git.example/../../fleet",
		"http://git.example:80/%66leet%2egit",
		"https://git.example/%66%6Ceet",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(same); i++)
		plain(same[i], "git.example/fleet");
	plain("ssh://git@git.example:2222/fleet.git", "git.example:2222/fleet");
	plain("https://[2001:DB8::1]:443/x/", "[2001:db8::1]/x");
	plain("https://cdn.example", "cdn.example");
	plain("file:///srv/fleet.git/", "/srv/fleet.git");
	plain("/srv//a/../fleet/", "/srv/fleet");
	plain("/", "");
	plain("https://x.example/50%", "x.example/50%");
	plain("https://x.example/50%z1", "x.example/50%z1");
}

static void what_is_the_same_or_inside_meets(void **state)
{
	(void)state;
	assert_true(address_meet("https://cdn.example/fleet/", "https://CDN.example/fleet"));
	assert_true(address_meet("https://cdn.example/fleet/receipts/", "https://cdn.example/fleet"));
	assert_true(address_meet("https://cdn.example/", "https://cdn.example/receipts"));
	assert_true(address_meet("ssh://git@h.example/fleet.git", "https://h.example/fleet"));
	assert_true(address_meet("file:///srv/x.git", "/srv/x.git"));
}

static void what_only_looks_alike_does_not(void **state)
{
	(void)state;
	assert_false(address_meet("https://cdn.example/fleet", "https://cdn.example/fleet-receipts"));
	assert_false(address_meet("https://cdn.example/fleet", "https://cdn2.example/fleet"));
	assert_false(address_meet("ssh://h.example:2222/fleet", "ssh://h.example/fleet"));
	assert_false(address_meet("ssh://h.example/fleet", "ssh://h.example/receipts"));
	assert_false(address_meet("/srv/fleet", "/srv/fleet.git"));
	assert_false(address_meet("/srv/fleet", "https://srv/fleet"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_place_has_one_spelling),
		cmocka_unit_test(what_is_the_same_or_inside_meets),
		cmocka_unit_test(what_only_looks_alike_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
