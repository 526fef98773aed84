/* Text as web servers keep it ready beside a file, NAME.gz (RFC 1952). */
#pragma once

#include "base/buf.h"

/* As small as it gets; the same text gives the same bytes, wherever one zlib is at work. */
must_check bool gzip_write(struct buf *out, struct str text, struct err *e);
