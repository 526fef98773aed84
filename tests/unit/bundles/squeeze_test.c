/* Squeezing: what comes back is what was signed; a frame that lies costs neither disk nor memory. */
#include "bundles/squeeze.h"

#include <zstd.h>

#include "tests/unit/bundles/tarbytes.h"
#include "tests/unit/bundles/workroom.h"

/* Text that squeezes like scripts do: words of a small language, in an order that does not repeat. */
static struct buf scripts(size_t len, unsigned seed)
{
	static const char *const words[] = {
		"echo ", "if [ -r ", "$1 ", "]; then\n", "\tprintf '%s\\n' ", "munin ", "x=", "exit 0\n"};
	struct buf b = BUF_MAX(64 * MIB);

	while (b.len < len) {
		seed = seed * 1103515245u + 12345u;
		buf_text(&b, words[seed >> 29]);
		if ((seed >> 24) % 5 == 0)
			buf_form(&b, "%x", seed);
	}
	b.len = len;
	return b;
}

static int empty_fd(void)
{
	return tarbytes_fd(STR(""));
}

static struct buf all_of(int fd)
{
	struct buf b = BUF_MAX(64 * MIB);
	struct err e = {0};

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_done(fs_read_fd(&b, fd, &e));
	return b;
}

static void assert_same(int fd, struct str bytes)
{
	cleanup(buf_free) struct buf b = all_of(fd);

	assert_true(str_eq(buf_str(&b), bytes));
}

static void refused(struct str frame, int base_fd, uint64_t length, struct digest digest, enum err_code code)
{
	cleanup(fd_close) int in = tarbytes_fd(frame), out = empty_fd();
	struct err e = {0};

	assert_false(squeeze_expand(out, in, base_fd, length, digest, &e));
	if (e.code != code)
		fail_msg("%s, but %s was awaited: %s", err_word(e.code), err_word(code), e.text);
	assert_true((uint64_t)lseek(out, 0, SEEK_END) <= length);
}

static void a_file_comes_back(void **state)
{
	static const size_t lengths[] = {0, 1, 65535, 65536, 65537, 1000000, 5 * MIB};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		cleanup(buf_free) struct buf plain = scripts(lengths[i], 7);
		cleanup(fd_close) int in = tarbytes_fd(buf_str(&plain)), small = empty_fd(), out = empty_fd();
		struct err e = {0};

		assert_done(squeeze_file(small, in, &e));
		assert_done(squeeze_expand(out, small, -1, plain.len, digest_of(buf_str(&plain)), &e));
		assert_same(out, buf_str(&plain));
	}
}

static void the_same_file_squeezes_to_the_same_bytes(void **state)
{
	cleanup(buf_free) struct buf plain = scripts(300000, 7);
	cleanup(fd_close) int in = tarbytes_fd(buf_str(&plain)), one = empty_fd(), two = empty_fd();
	struct err e = {0};

	(void)state;
	assert_done(squeeze_file(one, in, &e));
	assert_done(squeeze_file(two, in, &e));
	cleanup(buf_free) struct buf first = all_of(one);
	assert_same(two, buf_str(&first));
	assert_int_equal(ZSTD_getFrameContentSize(first.data, first.len), plain.len);
}

/* Five words in a megabyte. */
static struct buf edited(const struct buf *old)
{
	struct buf b = BUF_MAX(64 * MIB);

	struct str all = buf_str(old);

	buf_add(&b, str_bytes(all.data, all.len / 2));
	buf_text(&b, "# five words were added here\n");
	buf_add(&b, str_bytes(all.data + all.len / 2, all.len - all.len / 2));
	return b;
}

static void a_patch_is_tiny_and_comes_back(void **state)
{
	static const size_t lengths[] = {1, 2000, 1000000, 4 * MIB};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		cleanup(buf_free) struct buf old = scripts(lengths[i], 7), new = edited(&old);
		cleanup(fd_close) int old_fd = tarbytes_fd(buf_str(&old)), new_fd = tarbytes_fd(buf_str(&new));
		cleanup(fd_close) int small = empty_fd(), out = empty_fd();
		struct err e = {0};

		assert_done(squeeze_patch(small, old_fd, new_fd, &e));
		assert_true(lseek(small, 0, SEEK_END) < 500);
		assert_done(squeeze_expand(out, small, old_fd, new.len, digest_of(buf_str(&new)), &e));
		assert_same(out, buf_str(&new));
	}
}

static void a_patch_may_begin_or_end_with_nothing(void **state)
{
	cleanup(buf_free) struct buf some = scripts(10000, 7);
	cleanup(fd_close) int none = empty_fd(), full = tarbytes_fd(buf_str(&some));
	cleanup(fd_close) int up = empty_fd(), down = empty_fd(), out = empty_fd(), out_none = empty_fd();
	struct err e = {0};

	(void)state;
	assert_done(squeeze_patch(up, none, full, &e));
	assert_done(squeeze_expand(out, up, none, some.len, digest_of(buf_str(&some)), &e));
	assert_same(out, buf_str(&some));
	assert_done(squeeze_patch(down, full, none, &e));
	assert_done(squeeze_expand(out_none, down, full, 0, digest_of(STR("")), &e));
}

static void a_patch_against_another_base_is_refused(void **state)
{
	cleanup(buf_free) struct buf old = scripts(100000, 7), new = edited(&old), other = scripts(100000, 8);
	cleanup(fd_close) int old_fd = tarbytes_fd(buf_str(&old)), new_fd = tarbytes_fd(buf_str(&new));
	cleanup(fd_close) int other_fd = tarbytes_fd(buf_str(&other)), small = empty_fd();
	struct err e = {0};

	(void)state;
	assert_done(squeeze_patch(small, old_fd, new_fd, &e));
	cleanup(buf_free) struct buf patch = all_of(small);
	refused(buf_str(&patch), other_fd, new.len, digest_of(buf_str(&new)), ERR_SYNTAX);
	refused(buf_str(&patch), -1, new.len, digest_of(buf_str(&new)), ERR_SYNTAX);
}

static void a_patch_of_what_is_too_long_is_refused(void **state)
{
	cleanup(fd_close) int old = empty_fd(), new = tarbytes_fd(STR("new")), small = empty_fd();
	struct err e = {0};

	(void)state;
	assert_int_equal(ftruncate(old, (off_t)SQUEEZE_PATCH_MAX + 1), 0);
	assert_false(squeeze_patch(small, old, new, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_false(squeeze_patch(small, new, old, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	refused(STR("any"), old, 3, digest_of(STR("new")), ERR_LIMIT);
	refused(STR("any"), new, SQUEEZE_PATCH_MAX + 1, digest_of(STR("new")), ERR_LIMIT);
}

static struct buf framed(struct str plain, int window, bool says_length)
{
	struct buf b = BUF_MAX(64 * MIB);
	size_t room = ZSTD_compressBound(plain.len);
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_outBuffer to = {buf_space(&b, room), room, 0};
	ZSTD_inBuffer from = {plain.data, plain.len, 0};

	ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, says_length);
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	if (window)
		ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, window);
	/* two calls: else the window shrinks to what there is */
	if (!says_length)
		assert_false(ZSTD_isError(ZSTD_compressStream2(c, &to, &from, ZSTD_e_flush)));
	assert_int_equal(ZSTD_compressStream2(c, &to, &from, ZSTD_e_end), 0);
	ZSTD_freeCCtx(c);
	buf_used(&b, to.pos);
	return b;
}

static void other_bytes_than_were_signed_are_refused(void **state)
{
	cleanup(buf_free) struct buf plain = scripts(100000, 7), other = scripts(100000, 8);
	cleanup(buf_free) struct buf frame = framed(buf_str(&plain), 0, true);

	(void)state;
	refused(buf_str(&frame), -1, plain.len, digest_of(buf_str(&other)), ERR_DIGEST);
	refused(buf_str(&frame), -1, plain.len - 1, digest_of(str_bytes(plain.data, plain.len - 1)), ERR_DIGEST);
	refused(buf_str(&frame), -1, plain.len + 1, digest_of(buf_str(&plain)), ERR_DIGEST);
	refused(buf_str(&frame), -1, 0, digest_of(STR("")), ERR_DIGEST);
}

static void a_frame_cut_off_anywhere_is_refused(void **state)
{
	cleanup(buf_free) struct buf plain = scripts(200000, 7);
	cleanup(buf_free) struct buf frame = framed(buf_str(&plain), 0, true);

	(void)state;
	for (size_t len = 0; len < frame.len; len += len < 20 || len > frame.len - 20 ? 1 : 997)
		refused(str_bytes(frame.data, len), -1, plain.len, digest_of(buf_str(&plain)), ERR_SYNTAX);
}

static void bytes_behind_the_frame_are_refused(void **state)
{
	cleanup(buf_free) struct buf plain = scripts(200000, 7);
	cleanup(buf_free) struct buf frame = framed(buf_str(&plain), 0, true);
	cleanup(buf_free) struct buf again = framed(STR(""), 0, true);
	const size_t len = frame.len;

	(void)state;
	buf_byte(&frame, 0);
	refused(buf_str(&frame), -1, plain.len, digest_of(buf_str(&plain)), ERR_SYNTAX);
	frame.len = len;
	buf_add(&frame, buf_str(&again)); /* a second frame, though it holds nothing */
	refused(buf_str(&frame), -1, plain.len, digest_of(buf_str(&plain)), ERR_SYNTAX);
	frame.len = len;
	while (frame.len % (64 * KIB)) /* behind the piece that is read at once */
		buf_byte(&frame, 0);
	buf_byte(&frame, 0);
	refused(buf_str(&frame), -1, plain.len, digest_of(buf_str(&plain)), ERR_SYNTAX);
}

/* 4 GiB of zeros out of 400 kB; the disk never sees more than was signed. */
static void a_bomb_is_stopped_at_the_signed_length(void **state)
{
	cleanup(buf_free) struct buf bomb = BUF_MAX(64 * MIB);
	char *zeros = mem_new(1, MIB);
	ZSTD_CCtx *c = ZSTD_createCCtx();

	(void)state;
	for (int i = 0; i < 4096; i++) {
		char piece[4096];
		ZSTD_outBuffer to = {piece, sizeof piece, 0};
		ZSTD_inBuffer from = {zeros, MIB, 0};
		while (ZSTD_compressStream2(c, &to, &from, i == 4095 ? ZSTD_e_end : ZSTD_e_continue) > 0 && i == 4095)
			;
		buf_add(&bomb, str_bytes(piece, to.pos));
	}
	assert_true(bomb.len < MIB);
	refused(buf_str(&bomb), -1, 1000000, digest_of(str_bytes(zeros, 1000000)), ERR_DIGEST);
	refused(buf_str(&bomb), -1, 0, digest_of(STR("")), ERR_DIGEST);
	cleanup(buf_free) struct buf text = {0};
	struct err e = {0};
	assert_false(squeeze_text_expand(&text, buf_str(&bomb), STR(""), 1000, &e));
	assert_int_equal(text.len, 0);
	ZSTD_freeCCtx(c);
	free(zeros);
}

static void a_frame_that_wants_a_huge_window_is_refused(void **state)
{
	cleanup(buf_free) struct buf plain = scripts(100000, 7);
	struct digest digest = digest_of(buf_str(&plain));
	cleanup(fd_close) int base = tarbytes_fd(STR("base"));

	(void)state;
	for (int window = 22; window <= 27; window++) {
		cleanup(buf_free) struct buf frame = framed(buf_str(&plain), window, false);
		refused(buf_str(&frame), -1, plain.len, digest, ERR_SYNTAX);
		refused(buf_str(&frame), base, plain.len, digest, ERR_SYNTAX);
	}
	cleanup(buf_free) struct buf fine = framed(buf_str(&plain), 21, false);
	cleanup(fd_close) int in = tarbytes_fd(buf_str(&fine)), out = empty_fd();
	struct err e = {0};
	assert_done(squeeze_expand(out, in, -1, plain.len, digest, &e));
}

/* The header's field (RFC 8878, 3.1.1.1.4) rewritten; 4 bytes from 6 on for a frame of this length. */
static void a_frame_that_lies_about_its_length_is_refused(void **state)
{
	cleanup(buf_free) struct buf plain = scripts(100000, 7);
	cleanup(buf_free) struct buf frame = framed(buf_str(&plain), 0, true);
	static const uint32_t lies[] = {0, 1, 99999, 100001, 0x7fffffff, 0xffffffff};
	uint32_t said = 0;
	struct err e = {0};

	(void)state;
	memcpy(&said, frame.data + 5, sizeof said);
	assert_int_equal(said, 100000); /* little endian here, single segment */
	for (size_t i = 0; i < COUNT_OF(lies); i++) {
		cleanup(buf_free) struct buf text = {0};
		memcpy(frame.data + 5, &lies[i], sizeof lies[i]);
		refused(buf_str(&frame), -1, plain.len, digest_of(buf_str(&plain)), ERR_SYNTAX);
		buf_text(&text, "before");
		assert_false(squeeze_text_expand(&text, buf_str(&frame), STR(""), 200000, &e));
		assert_string_equal(buf_str(&text).data, "before");
	}
}

static void what_is_no_frame_is_refused(void **state)
{
	static const char skippable[] = "\x50\x2a\x4d\x18\x04\x00\x00\x00"
					"skip";
	static const char legacy[] = "\x27\xb5\x2f\xfd"
				     "zstd 0.7 spoke so";
	struct digest none = digest_of(STR(""));

	(void)state;
	refused(STR(""), -1, 0, none, ERR_SYNTAX);
	refused(STR("plain text"), -1, 0, none, ERR_SYNTAX);
	refused(str_bytes(skippable, sizeof skippable - 1), -1, 0, none, ERR_SYNTAX);
	refused(str_bytes(legacy, sizeof legacy - 1), -1, 0, none, ERR_SYNTAX);
}

static void a_flipped_bit_never_passes(void **state)
{
	cleanup(buf_free) struct buf plain = scripts(3000, 7);
	cleanup(buf_free) struct buf frame = framed(buf_str(&plain), 0, true);

	(void)state;
	for (size_t bit = 0; bit < frame.len * 8; bit += 3) {
		cleanup(fd_close) int in = -1, out = empty_fd();
		struct err e = {0};
		frame.data[bit / 8] ^= (char)(1 << bit % 8);
		in = tarbytes_fd(buf_str(&frame));
		if (squeeze_expand(out, in, -1, plain.len, digest_of(buf_str(&plain)), &e))
			assert_same(out, buf_str(&plain)); /* a bit that means nothing */
		frame.data[bit / 8] ^= (char)(1 << bit % 8);
	}
}

/* --- texts --- */

static void a_text_comes_back_with_and_without_prefix(void **state)
{
	static const size_t lengths[] = {0, 1, 700, 100000};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		cleanup(buf_free) struct buf old = scripts(lengths[i], 7), new = edited(&old);
		cleanup(buf_free) struct buf alone = {0}, beside = {0}, out = {0};
		struct err e = {0};

		assert_done(squeeze_text(&alone, buf_str(&new), STR(""), &e));
		assert_done(squeeze_text(&beside, buf_str(&new), buf_str(&old), &e));
		assert_true(i < 2 || beside.len < 80);
		assert_done(squeeze_text_expand(&out, buf_str(&alone), STR(""), new.len, &e));
		assert_true(str_eq(buf_str(&out), buf_str(&new)));
		buf_clear(&out);
		assert_done(squeeze_text_expand(&out, buf_str(&beside), buf_str(&old), new.len, &e));
		assert_true(str_eq(buf_str(&out), buf_str(&new)));
	}
}

static void a_text_is_added_behind_what_is_there(void **state)
{
	cleanup(buf_free) struct buf small = {0}, out = {0};
	struct err e = {0};

	(void)state;
	buf_text(&out, "before ");
	assert_done(squeeze_text(&small, STR("text"), STR(""), &e));
	assert_done(squeeze_text_expand(&out, buf_str(&small), STR(""), 4, &e));
	assert_string_equal(buf_str(&out).data, "before text");
}

static void a_text_longer_than_allowed_is_refused(void **state)
{
	cleanup(buf_free) struct buf small = {0}, out = {0}, tight = BUF_MAX(10);
	struct err e = {0};

	(void)state;
	assert_done(squeeze_text(&small, STR("eleven byte"), STR(""), &e));
	assert_false(squeeze_text_expand(&out, buf_str(&small), STR(""), 10, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(out.len, 0);
	assert_false(squeeze_text_expand(&tight, buf_str(&small), STR(""), 11, &e)); /* the buffer's own ceiling */
	assert_int_equal(e.code, ERR_LIMIT);
}

static void a_text_with_bytes_behind_or_missing_is_refused(void **state)
{
	cleanup(buf_free) struct buf small = {0}, out = {0};
	struct err e = {0};

	(void)state;
	assert_done(squeeze_text(&small, STR("some text"), STR(""), &e));
	for (size_t len = 0; len < small.len; len++) {
		assert_false(squeeze_text_expand(&out, str_bytes(small.data, len), STR(""), 100, &e));
		assert_int_equal(e.code, ERR_SYNTAX);
	}
	buf_byte(&small, 0);
	assert_false(squeeze_text_expand(&out, buf_str(&small), STR(""), 100, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	assert_int_equal(out.len, 0);
}

static void a_text_that_does_not_say_its_length_is_refused(void **state)
{
	cleanup(buf_free) struct buf frame = framed(STR("some text"), 0, false), out = {0};
	struct err e = {0};

	(void)state;
	assert_false(squeeze_text_expand(&out, buf_str(&frame), STR(""), 100, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_comes_back),
		cmocka_unit_test(the_same_file_squeezes_to_the_same_bytes),
		cmocka_unit_test(a_patch_is_tiny_and_comes_back),
		cmocka_unit_test(a_patch_may_begin_or_end_with_nothing),
		cmocka_unit_test(a_patch_against_another_base_is_refused),
		cmocka_unit_test(a_patch_of_what_is_too_long_is_refused),
		cmocka_unit_test(other_bytes_than_were_signed_are_refused),
		cmocka_unit_test(a_frame_cut_off_anywhere_is_refused),
		cmocka_unit_test(bytes_behind_the_frame_are_refused),
		cmocka_unit_test(a_bomb_is_stopped_at_the_signed_length),
		cmocka_unit_test(a_frame_that_wants_a_huge_window_is_refused),
		cmocka_unit_test(a_frame_that_lies_about_its_length_is_refused),
		cmocka_unit_test(what_is_no_frame_is_refused),
		cmocka_unit_test(a_flipped_bit_never_passes),
		cmocka_unit_test(a_text_comes_back_with_and_without_prefix),
		cmocka_unit_test(a_text_is_added_behind_what_is_there),
		cmocka_unit_test(a_text_longer_than_allowed_is_refused),
		cmocka_unit_test(a_text_with_bytes_behind_or_missing_is_refused),
		cmocka_unit_test(a_text_that_does_not_say_its_length_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
