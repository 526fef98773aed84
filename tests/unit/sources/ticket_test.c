/* What is kept of a TLS session: for whom, and until when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sources/ticket.h"

#define TEST(name) static void name(void **state)
#define BOOT       "11111111-1111-1111-1111-111111111111"
#define OTHER_BOOT "22222222-2222-2222-2222-222222222222"

enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S, NOW_S = 1800000000, NOW_MS = 5000000 };

static struct digest whose(void)
{
	return ticket_whose(STR("https://host:443"), STR("authorities"));
}

static struct ticket sample(void)
{
	return (struct ticket){.whose = whose(),
		.boot = (char *)BOOT,
		.at_ms = NOW_MS,
		.at_s = NOW_S,
		.sure = true,
		.until_s = NOW_S + 30 * DAY_S,
		.session = (char *)"3001"};
}

/* So many seconds later by both clocks. */
static struct moment later(int64_t s)
{
	return (struct moment){.unix_s = NOW_S + s, .boot_ms = NOW_MS + s * 1000};
}

TEST(what_was_written_is_read)
{
	cleanup(buf_free) struct buf text = BUF_MAX(TICKET_TEXT_MAX);
	cleanup(ticket_free) struct ticket read = {0};
	struct ticket t = sample();

	(void)state;
	ticket_write(&text, &t);
	assert_false(text.failed);
	assert_true(ticket_read(&read, buf_str(&text)));
	assert_true(digest_eq(read.whose, t.whose) && read.sure);
	assert_int_equal(read.until_s, t.until_s);
	assert_string_equal(read.session, t.session);
	assert_string_equal(read.boot, t.boot);
}

TEST(garbage_is_none)
{
	static const char *const rows[] = {"", "{", "[]", "{}", "{\"format\":1}", "null", "{\"format\":1,\"whose\":\"00\"}"};
	struct ticket t = {0};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_false(ticket_read(&t, str_of(rows[i])));
	assert_null(t.session);
}

TEST(it_holds_for_one_server_under_one_authority)
{
	struct ticket t = sample();

	(void)state;
	assert_true(ticket_holds(&t, whose(), true, later(HOUR_S), BOOT));
	assert_false(ticket_holds(&t, ticket_whose(STR("https://host:444"), STR("authorities")), true, later(HOUR_S), BOOT));
	assert_false(ticket_holds(&t, ticket_whose(STR("https://host:443"), STR("other")), true, later(HOUR_S), BOOT));
	/* what moves from one to the other is not the same */
	assert_false(digest_eq(whose(), ticket_whose(STR("https://host:443a"), STR("uthorities"))));
}

TEST(where_dates_count_it_ends_with_the_certificate_and_after_a_week)
{
	struct ticket t = sample();

	(void)state;
	assert_true(ticket_holds(&t, whose(), true, later(TICKET_AGE_S - 1), OTHER_BOOT));
	assert_false(ticket_holds(&t, whose(), true, later(TICKET_AGE_S), OTHER_BOOT));
	t.until_s = NOW_S + DAY_S;
	assert_true(ticket_holds(&t, whose(), true, later(DAY_S - 1), BOOT));
	assert_false(ticket_holds(&t, whose(), true, later(DAY_S), BOOT));
	/* a clock that was put back says nothing of its age */
	assert_false(ticket_holds(&t, whose(), true, later(-1), BOOT));
	/* one that began where dates did not count */
	t.sure = false;
	assert_false(ticket_holds(&t, whose(), true, later(HOUR_S), BOOT));
}

TEST(where_the_clock_is_not_sure_it_ends_with_the_boot_and_after_a_week)
{
	struct ticket t = sample();
	struct moment in_1970 = {.unix_s = 100, .boot_ms = NOW_MS + 1000};

	(void)state;
	assert_true(ticket_holds(&t, whose(), false, in_1970, BOOT));
	assert_false(ticket_holds(&t, whose(), false, in_1970, OTHER_BOOT));
	in_1970.boot_ms = NOW_MS + (int64_t)TICKET_AGE_S * 1000;
	assert_false(ticket_holds(&t, whose(), false, in_1970, BOOT));
	in_1970.boot_ms = NOW_MS - 1;
	assert_false(ticket_holds(&t, whose(), false, in_1970, BOOT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(garbage_is_none),
		cmocka_unit_test(it_holds_for_one_server_under_one_authority),
		cmocka_unit_test(where_dates_count_it_ends_with_the_certificate_and_after_a_week),
		cmocka_unit_test(where_the_clock_is_not_sure_it_ends_with_the_boot_and_after_a_week),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
