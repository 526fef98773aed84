/* Files of any length, read in pieces: nothing here is ever whole in memory. */
#pragma once

#include "base/err.h"

enum { PIECE_BYTES = 64 * KIB };

/* Fills `to` with `n` bytes from `at`; *got is less only at the end of the file. The file position is not used. */
must_check bool piece_read(size_t *got, void *to, size_t n, int fd, uint64_t at, struct err *e);
must_check bool piece_size(uint64_t *out, int fd, struct err *e); /* of a regular file */
