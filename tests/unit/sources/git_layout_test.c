/* Where a payload lies, and in how many pieces: what both ends must say alike, for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sources/git_layout.h"

static void a_path_has_one_ref(void **state)
{
	char a[GIT_REF_SIZE], b[GIT_REF_SIZE];

	(void)state;
	git_layout_ref(a, "bundles/00.tar.zst");
	git_layout_ref(b, "bundles/01.tar.zst");
	assert_string_equal(a, "refs/fleet/3768bd8b03e947d2");
	assert_string_not_equal(a, b);
}

static void pieces_are_few_and_of_a_size(void **state)
{
	static const uint64_t lengths[] = {0, 1, 16384, 16385, 4 << 20, (4 << 20) + 1, 100 << 20, (uint64_t)1 << 30};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		uint64_t piece = git_layout_piece(lengths[i]);
		assert_int_equal(piece % GIT_PIECE_MIN, 0);
		assert_true(piece > 0 && (lengths[i] + piece - 1) / piece <= GIT_PIECES_MAX);
	}
	assert_int_equal(git_layout_piece(4 << 20), GIT_PIECE_MIN);
	assert_int_equal(git_layout_piece((4 << 20) + 1), 2 * GIT_PIECE_MIN);
}

/* A tree sorts its names by bytes; pieces must come out as they were put in. */
static void names_of_pieces_sort_as_numbers(void **state)
{
	char last[8], next[8];

	(void)state;
	git_layout_piece_name(last, 0);
	for (size_t i = 1; i < GIT_PIECES_MAX; i++) {
		git_layout_piece_name(next, i);
		assert_true(strcmp(last, next) < 0);
		memcpy(last, next, sizeof last);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_has_one_ref),
		cmocka_unit_test(pieces_are_few_and_of_a_size),
		cmocka_unit_test(names_of_pieces_sort_as_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
