/* One session: what ends it though the other side still speaks, or never did; and how many there are at once. */
#include "agent/receive/session.h"
#include "agent/receive/slot.h"
#include "base/clock.h"
#include "tests/unit/agent/tower.h"

static void a_deadline_counts_though_bytes_arrive(void **state)
{
	(void)state;
	cleanup(session_free) struct session s = {.out = -1};
	cleanup(buf_free) struct buf half = {0};
	struct frame f;
	struct err why = {0};
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	buf_text(&half, WIRE_GREETING);
	frame_write(&half, (enum frame_kind)200, STR("of tomorrow"));
	must(fs_put(ends[1], buf_str(&half), e));
	s.in = ends[0];
	s.until_ms = clock_boot_ms() + 20;
	assert_int_equal(session_read(&s, &f, &why), SESSION_BROKEN);
	assert_int_equal(why.code, ERR_TIMEOUT);
	s.until_ms = clock_boot_ms() - 1; /* nothing is even read any more */
	must(fs_put(ends[1], STR("\0\0\0\0\1"), e));
	assert_int_equal(session_read(&s, &f, &why), SESSION_BROKEN);
	assert_int_equal(why.code, ERR_TIMEOUT);
	s.until_ms = 0;
	assert_int_equal(session_read(&s, &f, &why), SESSION_FRAME);
	close(ends[0]);
	close(ends[1]);
}

static void sessions_are_counted_and_one_that_ends_makes_room(void **state)
{
	(void)state;
	struct tower t;
	int slot[SLOTS], more = -1;
	struct err why = {0};

	tower_open(&t);
	for (int i = 0; i < SLOTS; i++) {
		must(slot_take(&slot[i], &t.store, e));
		assert_true(slot[i] >= 0);
	}
	assert_false(slot_take(&more, &t.store, &why));
	assert_int_equal(why.code, ERR_BUSY);
	fd_close(&slot[7]);
	must(slot_take(&slot[7], &t.store, e));
	for (int i = 0; i < SLOTS; i++)
		fd_close(&slot[i]);
	tower_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_deadline_counts_though_bytes_arrive),
		cmocka_unit_test(sessions_are_counted_and_one_that_ends_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
