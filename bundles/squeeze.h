/* Bytes made small for the wire and back: zstd, alone or against bytes the other side holds (a patch).
 * The expanding side trusts nothing: window and output are capped by the length the manifest signed. */
#pragma once

#include "keys/digest.h"

/* A patch needs old and new in memory: it is used only up to this length of each. */
#define SQUEEZE_PATCH_MAX ((uint64_t)16 * MIB)

/* Files: from the start of in_fd to out_fd (new, empty). Level 19, content checksum, frame says its length; the same bytes
 * from the same zstd. */
must_check bool squeeze_file(int out_fd, int in_fd, struct err *e);
must_check bool squeeze_patch(int out_fd, int old_fd, int new_fd, struct err *e);
/* Streams: without a base (-1) it takes 2 MiB however long the bundle is; with one, base and bundle are in memory. Writes at
 * most `length` bytes; ERR_DIGEST when the plain bytes are not exactly `length` long with `digest`. */
must_check bool squeeze_expand(int out_fd, int in_fd, int base_fd, uint64_t length, struct digest digest, struct err *e);

/* Small documents in memory, against a prefix that both sides hold (may be empty). */
must_check bool squeeze_text(struct buf *out, struct str text, struct str prefix, struct err *e);
must_check bool squeeze_text_expand(struct buf *out, struct str squeezed, struct str prefix, size_t max, struct err *e);
