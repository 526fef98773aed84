/* zstd, both ways. What comes from outside is bounded before it costs anything: window, output, frames, formats. */
#include "bundles/squeeze.h"

#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "base/fs.h"
#include "base/name.h"
#include "bundles/piece.h"

enum {
	LEVEL = 19,
	FILE_WINDOW_LOG = 21, /* 2 MiB: what the decoder on a Pi holds, however long the bundle is */
	WINDOW_LOG_MIN = 10,
	WINDOW_LOG_MAX = 27,
	FRAME_MAGIC_BYTES = 4,
};

/* The smallest window that reaches over `bytes`. */
static int window_log(uint64_t bytes)
{
	int log = WINDOW_LOG_MIN;

	while (log < WINDOW_LOG_MAX && ((uint64_t)1 << log) < bytes)
		log++;
	return log;
}

static void free_cctx(ZSTD_CCtx **c)
{
	ZSTD_freeCCtx(*c);
	*c = NULL;
}

static void free_dctx(ZSTD_DCtx **d)
{
	ZSTD_freeDCtx(*d);
	*d = NULL;
}

static bool ok(size_t code, enum err_code kind, struct err *e)
{
	return !ZSTD_isError(code) || err_set(e, kind, "zstd: %s", ZSTD_getErrorName(code));
}

/* A file in memory as long as the scope lasts. */
struct mapped {
	void *data;
	size_t len;
};

static void unmap(struct mapped *m)
{
	if (m->len)
		munmap(m->data, m->len);
	*m = (struct mapped){0};
}

static bool map(struct mapped *out, int fd, struct err *e)
{
	uint64_t size = 0;

	if (!piece_size(&size, fd, e))
		return false;
	if (size > SQUEEZE_PATCH_MAX)
		return err_set(e, ERR_LIMIT, "%llu bytes are too many for a patch", (unsigned long long)size);
	if (size == 0)
		return true;
	void *data = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return err_sys(e, "map");
	*out = (struct mapped){data, (size_t)size};
	return true;
}

struct setting {
	ZSTD_cParameter name;
	int value;
};

static bool start(ZSTD_CCtx **out, const struct setting *set, size_t settings, uint64_t length, struct err *e)
{
	cleanup(free_cctx) ZSTD_CCtx *c = ZSTD_createCCtx();

	if (!c)
		return err_set(e, ERR_INTERNAL, "zstd does not start");
	for (size_t i = 0; i < settings; i++)
		if (!ok(ZSTD_CCtx_setParameter(c, set[i].name, set[i].value), ERR_INTERNAL, e))
			return false;
	if (!ok(ZSTD_CCtx_setPledgedSrcSize(c, length), ERR_INTERNAL, e))
		return false;
	*out = c;
	c = NULL;
	return true;
}

static bool start_file(ZSTD_CCtx **out, int window, uint64_t length, struct err *e)
{
	const struct setting set[] = {
		{ZSTD_c_compressionLevel, LEVEL},
		{ZSTD_c_windowLog, window},
		{ZSTD_c_enableLongDistanceMatching, 1},
		{ZSTD_c_checksumFlag, 1},
	};

	return start(out, set, COUNT_OF(set), length, e);
}

/* All of `in` into the frame, what comes out of it into the file; `end`: the frame ends here. */
static bool feed(int out_fd, ZSTD_CCtx *c, struct str in, bool end, char *piece, struct err *e)
{
	ZSTD_inBuffer from = {in.data, in.len, 0};
	size_t left;

	do {
		ZSTD_outBuffer to = {piece, PIECE_BYTES, 0};
		left = ZSTD_compressStream2(c, &to, &from, end ? ZSTD_e_end : ZSTD_e_continue);
		if (!ok(left, ERR_INTERNAL, e) || !fs_put(out_fd, str_bytes(piece, to.pos), e))
			return false;
	} while (from.pos < from.size || (end && left > 0));
	return true;
}

bool squeeze_file(int out_fd, int in_fd, struct err *e)
{
	cleanup(free_ptr) char *in = mem_new(PIECE_BYTES, 1);
	cleanup(free_ptr) char *piece = mem_new(PIECE_BYTES, 1);
	cleanup(free_cctx) ZSTD_CCtx *c = NULL;
	uint64_t length = 0, done = 0;

	if (!piece_size(&length, in_fd, e) || !start_file(&c, FILE_WINDOW_LOG, length, e))
		return err_in(e, "squeeze");
	do {
		size_t got = 0;
		if (!piece_read(&got, in, PIECE_BYTES, in_fd, done, e))
			return err_in(e, "squeeze");
		done += got;
		if (got == 0 && done < length)
			return err_set(e, ERR_BUSY, "squeeze: the file became shorter while it was read");
		if (!feed(out_fd, c, str_bytes(in, got), done >= length, piece, e))
			return err_in(e, "squeeze");
	} while (done < length);
	return true;
}

bool squeeze_patch(int out_fd, int old_fd, int new_fd, struct err *e)
{
	cleanup(free_ptr) char *piece = mem_new(PIECE_BYTES, 1);
	cleanup(free_cctx) ZSTD_CCtx *c = NULL;
	cleanup(unmap) struct mapped old = {0}, new = {0};

	if (!map(&old, old_fd, e) || !map(&new, new_fd, e) ||
		!start_file(&c, window_log((uint64_t)old.len + new.len), new.len, e) ||
		!ok(ZSTD_CCtx_refPrefix(c, old.data, old.len), ERR_INTERNAL, e) ||
		!feed(out_fd, c, str_bytes(new.data, new.len), true, piece, e))
		return err_in(e, "squeeze a patch");
	return true;
}

/* Formats of zstd before 0.8 are read by the library too, and frames that hold nothing: neither is ever sent. */
static bool check_magic(struct str head, struct err *e)
{
	static const unsigned char magic[FRAME_MAGIC_BYTES] = {0x28, 0xb5, 0x2f, 0xfd};

	return (head.len >= sizeof magic && memcmp(head.data, magic, sizeof magic) == 0) ||
	       err_set(e, ERR_SYNTAX, "these are no bytes of zstd");
}

struct expand {
	ZSTD_DCtx *zstd;
	struct mapped base;
	struct hasher hasher;
	int in_fd, out_fd;
	uint64_t read, length; /* bytes taken from in_fd; what is to come out */
	char *in, *out;
	bool done; /* the frame has ended */
};

static bool decoder(ZSTD_DCtx **out, int window, struct str base, struct err *e)
{
	cleanup(free_dctx) ZSTD_DCtx *d = ZSTD_createDCtx();

	if (!d)
		return err_set(e, ERR_INTERNAL, "zstd does not start");
	if (!ok(ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, window), ERR_INTERNAL, e))
		return false;
	if (base.len && !ok(ZSTD_DCtx_refPrefix(d, base.data, base.len), ERR_INTERNAL, e))
		return false;
	*out = d;
	d = NULL;
	return true;
}

/* One piece of input through the decoder. One byte more than `length` may be made in memory, never written: it shows a
 * frame that goes on. */
static bool expand_piece(struct expand *x, struct str in, struct err *e)
{
	ZSTD_inBuffer from = {in.data, in.len, 0};
	bool more = true;

	while (more) {
		size_t room = (size_t)MIN((uint64_t)PIECE_BYTES, x->length + 1 - x->hasher.length);
		ZSTD_outBuffer to = {x->out, room, 0};
		size_t hint = ZSTD_decompressStream(x->zstd, &to, &from);
		if (!ok(hint, ERR_SYNTAX, e))
			return false;
		if (to.pos > x->length - x->hasher.length)
			return err_set(e, ERR_DIGEST, "more than the %llu bytes that were signed",
				(unsigned long long)x->length);
		hasher_add(&x->hasher, str_bytes(x->out, to.pos));
		if (!fs_put(x->out_fd, str_bytes(x->out, to.pos), e))
			return false;
		x->done = hint == 0;
		/* a full output may hide more, even when all input is taken */
		more = !x->done && (from.pos < from.size || to.pos == room);
	}
	return from.pos == from.size || err_set(e, ERR_SYNTAX, "bytes behind the end of the frame");
}

static bool expand_all(struct expand *x, struct err *e)
{
	while (true) {
		size_t got = 0;
		if (!piece_read(&got, x->in, PIECE_BYTES, x->in_fd, x->read, e))
			return false;
		struct str in = str_bytes(x->in, got);
		if (x->read == 0 && !check_magic(in, e))
			return false;
		x->read += got;
		if (got == 0)
			return x->done ||
			       err_set(e, ERR_SYNTAX, "the frame is cut off at byte %llu", (unsigned long long)x->read);
		if (x->done)
			return err_set(e, ERR_SYNTAX, "bytes behind the end of the frame");
		if (!expand_piece(x, in, e))
			return false;
	}
}

static void expand_free(struct expand *x)
{
	free_dctx(&x->zstd);
	unmap(&x->base);
	hasher_free(&x->hasher);
	free_ptr(&x->in);
	free_ptr(&x->out);
}

static bool expand_open(struct expand *x, int base_fd, struct err *e)
{
	if (x->length > (base_fd >= 0 ? SQUEEZE_PATCH_MAX : BUNDLE_BYTES_MAX))
		return err_set(e, ERR_LIMIT, "%llu bytes are too many", (unsigned long long)x->length);
	if (base_fd >= 0 && !map(&x->base, base_fd, e))
		return err_in(e, "base");
	x->in = mem_new(PIECE_BYTES, 1);
	x->out = mem_new(PIECE_BYTES, 1);
	hasher_start(&x->hasher);
	return decoder(&x->zstd, base_fd >= 0 ? window_log(x->base.len + x->length) : FILE_WINDOW_LOG,
		str_bytes(x->base.data, x->base.len), e);
}

bool squeeze_expand(int out_fd, int in_fd, int base_fd, uint64_t length, struct digest digest, struct err *e)
{
	cleanup(expand_free) struct expand x = {.in_fd = in_fd, .out_fd = out_fd, .length = length};

	if (!expand_open(&x, base_fd, e) || !expand_all(&x, e))
		return err_in(e, "expand");
	if (x.hasher.length != length)
		return err_set(e, ERR_DIGEST, "expand: %llu bytes, but %llu were signed",
			(unsigned long long)x.hasher.length, (unsigned long long)length);
	if (!digest_eq(hasher_end(&x.hasher), digest))
		return err_set(e, ERR_DIGEST, "expand: other bytes than were signed");
	return true;
}

bool squeeze_text(struct buf *out, struct str text, struct str prefix, struct err *e)
{
	const struct setting set[] = {
		{ZSTD_c_compressionLevel, LEVEL},
		{ZSTD_c_windowLog, window_log((uint64_t)prefix.len + text.len)},
	};
	cleanup(free_cctx) ZSTD_CCtx *c = NULL;

	if (text.len > SQUEEZE_PATCH_MAX || prefix.len > SQUEEZE_PATCH_MAX)
		return err_set(e, ERR_LIMIT, "squeeze: %zu bytes are too many", MAX(text.len, prefix.len));
	if (!start(&c, set, COUNT_OF(set), text.len, e) ||
		!ok(ZSTD_CCtx_refPrefix(c, prefix.data, prefix.len), ERR_INTERNAL, e))
		return err_in(e, "squeeze");
	cleanup(buf_free) struct buf small = BUF_MAX(ZSTD_compressBound(text.len));
	const size_t room = ZSTD_compressBound(text.len);
	void *to = buf_space(&small, room);
	if (!to)
		return buf_ok(&small, e);
	size_t len = ZSTD_compress2(c, to, room, text.data, text.len);
	if (!ok(len, ERR_INTERNAL, e))
		return err_in(e, "squeeze");
	buf_used(&small, len);
	buf_add(out, buf_str(&small));
	return buf_ok(out, e) || err_in(e, "squeeze");
}

/* The length that the frame claims, held against what is allowed before any memory follows it. */
static bool text_length(size_t *out, struct str squeezed, size_t max, struct err *e)
{
	if (!check_magic(squeezed, e))
		return false;
	size_t frame = ZSTD_findFrameCompressedSize(squeezed.data, squeezed.len);
	if (!ok(frame, ERR_SYNTAX, e))
		return false;
	if (frame != squeezed.len)
		return err_set(e, ERR_SYNTAX, "bytes behind the end of the frame");
	unsigned long long length = ZSTD_getFrameContentSize(squeezed.data, squeezed.len);
	if (length == ZSTD_CONTENTSIZE_UNKNOWN || length == ZSTD_CONTENTSIZE_ERROR)
		return err_set(e, ERR_SYNTAX, "a frame that does not say its length");
	if (length > max)
		return err_set(e, ERR_LIMIT, "%llu bytes, %zu are allowed", length, max);
	*out = (size_t)length;
	return true;
}

bool squeeze_text_expand(struct buf *out, struct str squeezed, struct str prefix, size_t max, struct err *e)
{
	cleanup(free_dctx) ZSTD_DCtx *d = NULL;
	size_t length = 0;

	if (!text_length(&length, squeezed, max, e) || !decoder(&d, WINDOW_LOG_MAX, prefix, e))
		return err_in(e, "expand");
	char *to = buf_space(out, length);
	if (!to)
		return buf_ok(out, e) || err_in(e, "expand");
	size_t got = ZSTD_decompressDCtx(d, to, length, squeezed.data, squeezed.len); /* no window: `to` is it */
	if (got != length)
		*to = 0; /* the NUL behind what was there before */
	if (!ok(got, ERR_SYNTAX, e))
		return err_in(e, "expand");
	if (got != length)
		return err_set(e, ERR_SYNTAX, "expand: %zu bytes, but the frame says %zu", got, length);
	buf_used(out, got);
	return true;
}
