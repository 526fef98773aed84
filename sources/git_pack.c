/* Object by object: a head, then a zlib stream whose end says where the next one begins. */
#include "sources/git_pack.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>

enum { CHUNK = 64 * KIB, COMMIT = 1, TREE = 2, BLOB = 3, TAG = 4, OFS_DELTA = 6, REF_DELTA = 7, OID = 20 };

struct pack {
	int fd;
	off_t at; /* of what is not in `in` yet */
	struct str in;
	char bytes[CHUNK];
};

static bool fill(struct pack *p)
{
	ssize_t n;

	if (p->in.len)
		return true;
	do
		n = pread(p->fd, p->bytes, sizeof p->bytes, p->at);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	p->at += n;
	p->in = str_bytes(p->bytes, (size_t)n);
	return true;
}

static bool next_byte(struct pack *p, uint8_t *out)
{
	if (!fill(p))
		return false;
	*out = (uint8_t)p->in.data[0];
	p->in = str_bytes(p->in.data + 1, p->in.len - 1);
	return true;
}

static bool skip(struct pack *p, size_t n)
{
	uint8_t byte;

	while (n && next_byte(p, &byte))
		n--;
	return n == 0;
}

/* Type in three bits, size in four, then seven at a time. */
static bool read_head(struct pack *p, int *type, uint64_t *size)
{
	uint8_t byte;

	if (!next_byte(p, &byte))
		return false;
	*type = byte >> 4 & 7;
	*size = byte & 15;
	for (unsigned shift = 4; byte & 0x80; shift += 7) {
		if (shift > 53 || !next_byte(p, &byte))
			return false;
		*size |= (uint64_t)(byte & 0x7f) << shift;
	}
	return true;
}

static bool skip_base(struct pack *p, int type)
{
	uint8_t byte = 0x80;

	if (type == REF_DELTA)
		return skip(p, OID);
	while (type == OFS_DELTA && byte & 0x80)
		if (!next_byte(p, &byte))
			return false;
	return true;
}

static void stream_end(z_stream **z)
{
	inflateEnd(*z);
}

/* To its end and exactly `size` bytes, kept in `out` where it is not NULL. */
static bool inflate_object(struct pack *p, uint64_t size, struct buf *out)
{
	unsigned char room[16 * KIB];
	z_stream stream = {0};
	int say = Z_OK;

	if (inflateInit(&stream) != Z_OK)
		return false;
	cleanup(stream_end) z_stream *z = &stream;
	while (say == Z_OK && fill(p)) {
		z->next_in = (unsigned char *)p->in.data;
		z->avail_in = (uInt)p->in.len;
		z->next_out = room;
		z->avail_out = sizeof room;
		say = inflate(z, Z_NO_FLUSH);
		p->in = str_bytes((const char *)z->next_in, z->avail_in);
		if (z->total_out > size)
			return false;
		if (out)
			buf_add(out, str_bytes(room, sizeof room - z->avail_out));
	}
	return say == Z_STREAM_END && z->total_out == size && (!out || !out->failed);
}

static bool is_object(int type)
{
	return (type >= COMMIT && type <= TAG) || type == OFS_DELTA || type == REF_DELTA;
}

size_t git_pack_blobs(int fd, size_t most, git_pack_blob *each, void *ctx)
{
	struct pack p = {.fd = fd};
	size_t found = 0;
	uint64_t size;
	int type;

	if (!fill(&p) || !str_starts(p.in, "PACK") || !skip(&p, 12))
		return 0;
	while (read_head(&p, &type, &size) && is_object(type) && skip_base(&p, type)) {
		cleanup(buf_free) struct buf content = BUF_MAX(MAX(most, 1));
		if (type == BLOB && size > most)
			break;
		if (!inflate_object(&p, size, type == BLOB ? &content : NULL))
			break;
		if (type != BLOB)
			continue;
		if (!each(ctx, buf_str(&content)))
			break;
		found++;
	}
	return found;
}
