/* Frames out of a stream: whole, cut anywhere, and forged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "wire/frame.h"

/* What a reader said about a stream, as text: "1:abc;" a frame, "~" a skipped one is silent. */
static enum frame_say take_all(struct frame_reader *r, struct buf *seen, struct err *e)
{
	struct frame f;
	enum frame_say say;

	while ((say = frame_next(r, &f, e)) == FRAME_HERE) {
		buf_form(seen, "%d:", (int)f.kind);
		buf_add(seen, f.body);
		buf_byte(seen, ';');
	}
	return say;
}

static void add_stream(struct buf *out)
{
	buf_text(out, WIRE_GREETING);
	frame_write(out, FRAME_HELLO, STR("{\"a\":1}"));
	frame_write(out, FRAME_PIECE, STR(""));
	frame_write(out, FRAME_NOTE, STR("a note"));
	frame_write(out, (enum frame_kind)200, STR("of tomorrow"));
	frame_write(out, FRAME_RECEIPT, STR("\0\xff\n"));
}
#define SEEN "1:{\"a\":1};4:;128:a note;6:"

static void assert_seen(const struct buf *seen)
{
	assert_int_equal(seen->len, strlen(SEEN) + 4);
	assert_memory_equal(seen->data, SEEN "\0\xff\n;", seen->len);
}

static void what_is_written_is_read_and_kinds_of_tomorrow_are_skipped(void **state)
{
	(void)state;
	cleanup(buf_free) struct buf stream = {0}, seen = {0};
	cleanup(frame_reader_free) struct frame_reader r = {0};
	struct err e = {0};

	add_stream(&stream);
	assert_true(frame_feed(&r, buf_str(&stream), &e));
	assert_int_equal(take_all(&r, &seen, &e), FRAME_MORE);
	assert_true(frame_end(&r, &e));
	assert_seen(&seen);
}

static void frames_of_tomorrow_are_not_skipped_for_ever(void **state)
{
	(void)state;
	cleanup(buf_free) struct buf stream = {0};
	cleanup(frame_reader_free) struct frame_reader r = {.greeted = true};
	struct frame f;
	struct err e = {0};

	for (int i = 0; i < FRAME_SKIPS_MAX; i++)
		frame_write(&stream, (enum frame_kind)200, STR("x"));
	assert_true(frame_feed(&r, buf_str(&stream), &e));
	assert_int_equal(frame_next(&r, &f, &e), FRAME_MORE);
	stream.len = 0;
	frame_write(&stream, (enum frame_kind)200, STR("x"));
	assert_true(frame_feed(&r, buf_str(&stream), &e));
	assert_int_equal(frame_next(&r, &f, &e), FRAME_BROKEN);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void a_frame_is_length_kind_body(void **state)
{
	(void)state;
	cleanup(buf_free) struct buf out = {0};

	frame_write(&out, FRAME_ORDER, STR("{}"));
	assert_int_equal(out.len, 7);
	assert_memory_equal(out.data, "\0\0\0\2\2{}", 7);
}

static void any_split_of_the_stream_gives_the_same_frames(void **state)
{
	(void)state;
	cleanup(buf_free) struct buf stream = {0};

	add_stream(&stream);
	srand(7);
	for (int round = 0; round < 2000; round++) {
		cleanup(buf_free) struct buf seen = {0};
		cleanup(frame_reader_free) struct frame_reader r = {0};
		struct err e = {0};
		for (size_t at = 0; at < stream.len;) {
			size_t n = round ? (size_t)(rand() % 17) : 1;
			n = MIN(n, stream.len - at);
			assert_true(frame_feed(&r, str_bytes(stream.data + at, n), &e));
			assert_int_equal(take_all(&r, &seen, &e), FRAME_MORE);
			at += n;
		}
		assert_true(frame_end(&r, &e));
		assert_seen(&seen);
	}
}

static void a_stream_cut_at_any_byte_is_more_and_ends_in_an_error_but_between_frames(void **state)
{
	(void)state;
	cleanup(buf_free) struct buf stream = {0};
	size_t whole = 0;

	add_stream(&stream);
	for (size_t cut = 0; cut <= stream.len; cut++) {
		cleanup(buf_free) struct buf seen = {0};
		cleanup(frame_reader_free) struct frame_reader r = {0};
		struct err e = {0};
		cleanup(free_ptr) char *exact = str_dup(str_bytes(stream.data, cut)); /* its end is watched */
		assert_true(frame_feed(&r, str_bytes(exact, cut), &e));
		assert_int_equal(take_all(&r, &seen, &e), FRAME_MORE);
		if (frame_end(&r, &e))
			whole++;
		else
			assert_int_equal(e.code, ERR_UNREACHABLE);
	}
	assert_int_equal(whole, 6); /* after the greeting and after each of five frames */
}

static void a_stream_that_ends_says_how_far_it_came(void **state)
{
	(void)state;
	static const struct {
		struct str in;
		const char *text;
	} rows[] = {
		{{"", 0}, "the connection ended before the other side said anything"},
		{{"flee", 4}, "the connection ended in the greeting"},
		{{WIRE_GREETING "\0\0\0\5\1ab", 15},
			"the connection ended in the middle of a frame, after 7 bytes of it"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cleanup(frame_reader_free) struct frame_reader r = {0};
		struct frame f;
		struct err e = {0};
		assert_true(frame_feed(&r, rows[i].in, &e));
		assert_int_equal(frame_next(&r, &f, &e), FRAME_MORE);
		assert_false(frame_end(&r, &e));
		assert_string_equal(e.text, rows[i].text);
	}
}

static void assert_broken(struct str in, enum err_code code, const char *text)
{
	cleanup(frame_reader_free) struct frame_reader r = {0};
	struct frame f;
	struct err e = {0};

	assert_true(frame_feed(&r, in, &e));
	assert_int_equal(frame_next(&r, &f, &e), FRAME_BROKEN);
	assert_int_equal(e.code, code);
	assert_string_equal(e.text, text);
	assert_int_equal(frame_next(&r, &f, &e), FRAME_BROKEN);
	assert_false(frame_end(&r, &e));
}

static void a_wrong_greeting_is_quoted_cleaned_and_explained(void **state)
{
	(void)state;
	assert_broken(STR("Welcome to \33[1mDebian\33[0m\r\n"), ERR_PROTOCOL,
		"the other side greets with \"Welcome to ?[1mDebian?[0m\": is its forced command `fleet-agent serve`, "
		"and do "
		"its shell's start-up files print nothing?");
	assert_broken(STR("sh: 1: fleet-agent: not found\n"), ERR_PROTOCOL,
		"the other side greets with \"sh: 1: fleet-agent: not found\": is fleet-agent installed there?");
	assert_broken(STR("fleetw2\n"), ERR_PROTOCOL,
		"the other side greets with \"fleetw2\": it speaks another version of the wire: update the older side");
	assert_broken(STR("flx"), ERR_PROTOCOL,
		"the other side greets with \"flx\": is its forced command `fleet-agent serve`, and do its shell's "
		"start-up "
		"files print nothing?");
}

static void only_60_bytes_of_a_greeting_are_quoted(void **state)
{
	(void)state;
	char banner[5000];
	cleanup(frame_reader_free) struct frame_reader r = {0};
	struct frame f;
	struct err e = {0};

	memset(banner, 'x', sizeof banner);
	assert_true(frame_feed(&r, str_bytes(banner, sizeof banner), &e));
	assert_int_equal(frame_next(&r, &f, &e), FRAME_BROKEN);
	const char *quoted = strchr(e.text, '"') + 1;
	assert_int_equal(strchr(quoted, '"') - quoted, 60);
}

static void a_kind_that_is_not_known_below_128_ends_the_session(void **state)
{
	(void)state;
	assert_broken(STR(WIRE_GREETING "\0\0\0\0\x63"), ERR_PROTOCOL,
		"a frame of kind 99, which this version does not know");
	assert_broken(
		STR(WIRE_GREETING "\0\0\0\0\0"), ERR_PROTOCOL, "a frame of kind 0, which this version does not know");
}

static void a_frame_too_long_is_refused_by_its_head(void **state)
{
	(void)state;
	assert_broken(STR(WIRE_GREETING "\0\x10\0\1\1"), ERR_LIMIT, "a frame of 1048577 bytes: at most 1048576");
	assert_broken(
		STR(WIRE_GREETING "\xff\xff\xff\xff\xc8"), ERR_LIMIT, "a frame of 4294967295 bytes: at most 1048576");
}

static void the_longest_frame_passes_and_memory_stays_at_one_frame_and_one_feed(void **state)
{
	(void)state;
	enum { FEED = 64 * KIB, FRAMES = 5 };
	cleanup(buf_free) struct buf stream = {0};
	cleanup(frame_reader_free) struct frame_reader r = {0};
	cleanup(free_ptr) char *body = mem_new(FRAME_BODY_MAX, 1);
	struct err e = {0};
	struct frame f;
	int frames = 0;

	buf_text(&stream, WIRE_GREETING);
	for (int i = 0; i < FRAMES; i++)
		frame_write(&stream, FRAME_PIECE, str_bytes(body, FRAME_BODY_MAX));
	assert_true(buf_ok(&stream, &e));
	for (size_t at = 0; at < stream.len; at += FEED) {
		assert_true(frame_feed(&r, str_bytes(stream.data + at, MIN((size_t)FEED, stream.len - at)), &e));
		assert_true(r.in.len <= FRAME_HEAD + FRAME_BODY_MAX + FEED);
		while (frame_next(&r, &f, &e) == FRAME_HERE) {
			assert_int_equal(f.body.len, FRAME_BODY_MAX);
			frames++;
		}
	}
	assert_int_equal(frames, FRAMES);
	assert_true(frame_end(&r, &e));
}

static void feeding_without_taking_is_refused_not_stored(void **state)
{
	(void)state;
	cleanup(frame_reader_free) struct frame_reader r = {0};
	cleanup(free_ptr) char *bytes = mem_new(MIB, 1);
	struct err e = {0};
	int feeds = 0;

	while (feeds < 10 && frame_feed(&r, str_bytes(bytes, MIB), &e))
		feeds++;
	assert_int_equal(feeds, 2);
	assert_int_equal(e.code, ERR_INTERNAL);
}

static void a_body_too_long_is_never_written_in_part(void **state)
{
	(void)state;
	cleanup(buf_free) struct buf out = {0}, narrow = BUF_MAX(8);
	cleanup(free_ptr) char *body = mem_new(FRAME_BODY_MAX + 1, 1);
	struct err e = {0};

	frame_write(&out, FRAME_PIECE, str_bytes(body, FRAME_BODY_MAX + 1));
	assert_false(buf_ok(&out, &e));
	assert_int_equal(out.len, 0);
	frame_write(&narrow, FRAME_PIECE, STR("1234"));
	assert_false(buf_ok(&narrow, &e));
	assert_int_equal(narrow.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_and_kinds_of_tomorrow_are_skipped),
		cmocka_unit_test(frames_of_tomorrow_are_not_skipped_for_ever),
		cmocka_unit_test(a_frame_is_length_kind_body),
		cmocka_unit_test(any_split_of_the_stream_gives_the_same_frames),
		cmocka_unit_test(a_stream_cut_at_any_byte_is_more_and_ends_in_an_error_but_between_frames),
		cmocka_unit_test(a_stream_that_ends_says_how_far_it_came),
		cmocka_unit_test(a_wrong_greeting_is_quoted_cleaned_and_explained),
		cmocka_unit_test(only_60_bytes_of_a_greeting_are_quoted),
		cmocka_unit_test(a_kind_that_is_not_known_below_128_ends_the_session),
		cmocka_unit_test(a_frame_too_long_is_refused_by_its_head),
		cmocka_unit_test(the_longest_frame_passes_and_memory_stays_at_one_frame_and_one_feed),
		cmocka_unit_test(feeding_without_taking_is_refused_not_stored),
		cmocka_unit_test(a_body_too_long_is_never_written_in_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
