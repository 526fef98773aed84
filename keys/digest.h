/* SHA-256, the one digest that names things here. By value: it cannot be too short. */
#pragma once

#include "base/buf.h"

struct digest {
	uint8_t bytes[32];
};
enum { DIGEST_HEX = 64 };

struct digest digest_of(struct str bytes);
bool digest_eq(struct digest a, struct digest b);
bool digest_zero(struct digest d);
void digest_hex(char out[DIGEST_HEX + 1], struct digest d);
must_check bool digest_read(struct digest *out, struct str hex); /* 64 lower-case digits */

/* In pieces. hasher_end may be called once; hasher_free any time. */
struct hasher {
	void *state;
	uint64_t length;
};
void hasher_start(struct hasher *h);
void hasher_add(struct hasher *h, struct str bytes);
struct digest hasher_end(struct hasher *h);
void hasher_free(struct hasher *h);
/* Digest and length of an open file from its start, read in pieces; the file position is not used. */
must_check bool digest_fd(struct digest *out, uint64_t *length, int fd, struct err *e);

/* Unpredictable bytes. */
void random_bytes(void *out, size_t n);
