/* Text as gzip. */
#include "sources/gzip.h"

#include <zlib.h>

enum { WINDOW = 15 + 16 /* with gzip's head and end */, MEMORY = 9 };

static void stream_free(z_stream *z)
{
	deflateEnd(z);
}

bool gzip_write(struct buf *out, struct str text, struct err *e)
{
	cleanup(stream_free) z_stream z = {0};

	if (text.len > UINT32_MAX)
		return err_set(e, ERR_LIMIT, "gzip: more than 4 GiB");
	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
		return err_set(e, ERR_INTERNAL, "gzip: no memory");
	uLong most = deflateBound(&z, (uLong)text.len);
	void *room = buf_space(out, most);
	if (!room)
		return buf_ok(out, e);
	z.next_in = (Bytef *)(uintptr_t)text.data;
	z.avail_in = (uInt)text.len;
	z.next_out = room;
	z.avail_out = (uInt)most;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		return err_set(e, ERR_INTERNAL, "gzip: it did not end");
	buf_used(out, z.total_out);
	return true;
}
