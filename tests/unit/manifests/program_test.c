/* agent/PLATFORM: what is signed of an agent, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "manifests/program.h"

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define GOOD  "{\"bundle\":{\"length\":1638400,\"sha256\":\"" HEX_A "\"},\"format\":1,\"platform\":\"debian12-gnu-arm64\",\"version\":\"0.2.0\"}"

static void what_is_written_reads_back(void **state)
{
	cleanup(program_free) struct program p = {0};
	cleanup(buf_free) struct buf out = {0};
	struct err e = {0};

	(void)state;
	if (!program_read(&p, STR(GOOD), "debian12-gnu-arm64", &e))
		fail_msg("%s", e.text);
	assert_string_equal(p.version, "0.2.0");
	assert_int_equal(p.number, 2000);
	assert_int_equal(p.bundle.length, 1638400);
	assert_int_equal(p.bundle.sha256.bytes[31], 0xaa);
	program_write(&out, &p);
	assert_true(str_eq(buf_str(&out), STR(GOOD)));
}

static void an_agent_for_another_platform_is_foreign(void **state)
{
	static const char *const others[] = {"debian12-gnu-amd64", "debian12-gnu-arm6", "debian12-gnu-arm64x", "debian13-gnu-arm64", ""};
	cleanup(program_free) struct program p = {0};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		assert_false(program_read(&p, STR(GOOD), others[i], &e));
		assert_int_equal(e.code, ERR_FOREIGN);
		assert_null(p.platform);
	}
	assert_true(program_read(&p, STR(GOOD), NULL, &e)); /* who holds all of them asks for none */
}

static void forgeries_are_refused(void **state)
{
	static const struct {
		const char *from, *to;
		enum err_code code;
	} forged[] = {
		{"\"format\":1", "\"format\":2", ERR_SYNTAX},
		{"\"format\":1,", "", ERR_SYNTAX},
		{"\"0.2.0\"", "\"0.2.x\"", ERR_SYNTAX},
		{"\"0.2.0\"", "\"0.2.0.1\"", ERR_SYNTAX},
		{"\"0.2.0\"", "2", ERR_SYNTAX},
		{"\"0.2.0\"}", "\"0.2.0\",\"run\":\"sh\"}", ERR_SYNTAX},
		{"1638400", "-1", ERR_SYNTAX},
		{"1638400", "16384e2", ERR_SYNTAX},
		{"1638400", "99999999999999", ERR_SYNTAX},
		{HEX_A, "aa", ERR_SYNTAX},
		{"\"length\"", " \"length\"", ERR_SYNTAX},
		{"debian12-gnu-arm64", "../../etc", ERR_UNSAFE},
		{"debian12-gnu-arm64", "a/b", ERR_UNSAFE},
		{"\"platform\":\"debian12-gnu-arm64\",", "", ERR_SYNTAX},
		{"{\"bundle\"", "{\"bundle\":{},\"bundle\"", ERR_SYNTAX},
		{"}", "", ERR_SYNTAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(forged); i++) {
		cleanup(program_free) struct program p = {0};
		cleanup(buf_free) struct buf text = {0};
		struct err e = {0};
		const char *at = strstr(GOOD, forged[i].from);
		assert_non_null(at);
		buf_add(&text, str_bytes(GOOD, strlen(GOOD) - strlen(at)));
		buf_text(&text, forged[i].to);
		buf_text(&text, at + strlen(forged[i].from));
		if (program_read(&p, buf_str(&text), NULL, &e))
			fail_msg("it was read: " STR_FMT, STR_ARG(buf_str(&text)));
		if (e.code != forged[i].code)
			fail_msg("%s for " STR_FMT, e.text, STR_ARG(buf_str(&text)));
		assert_null(p.platform);
		assert_null(p.version);
	}
}

static void a_long_document_is_not_even_parsed(void **state)
{
	cleanup(program_free) struct program p = {0};
	cleanup(buf_free) struct buf text = {0};
	struct err e = {0};

	(void)state;
	buf_text(&text, GOOD);
	while (text.len <= PROGRAM_FILE_MAX)
		buf_byte(&text, ' ');
	assert_false(program_read(&p, buf_str(&text), NULL, &e));
	assert_int_equal(e.code, ERR_LIMIT);
}

static void its_path_is_by_the_platform(void **state)
{
	cleanup(free_ptr) char *path = program_path("debian12-gnu-armhf");

	(void)state;
	assert_string_equal(path, "agent/debian12-gnu-armhf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(an_agent_for_another_platform_is_foreign),
		cmocka_unit_test(forgeries_are_refused),
		cmocka_unit_test(a_long_document_is_not_even_parsed),
		cmocka_unit_test(its_path_is_by_the_platform),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
