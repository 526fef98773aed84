/* Tars written header by header, as nobody's tool would: for what must be refused. */
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"

enum { TARBYTES_BLOCK = 512, TARBYTES_MAX = 256 * MIB };

struct entry {
	const char *name;
	char type; /* of POSIX: '0' file, '1' hard link, '2' link, '3' '4' devices, '5' folder, '6' fifo; 0 is '0' */
	const char *body;
	const char *link;
	unsigned mode;    /* 0: 0644 */
	const char *size; /* octal digits that lie; NULL: the body's */
};

/* `width` digits, as POSIX wants them: leading zeros and a NUL. */
static inline void tarbytes_octal(void *to, int width, size_t n)
{
	char *digits = to;

	digits[width] = 0;
	for (int i = width; i-- > 0; n /= 8)
		digits[i] = (char)('0' + n % 8);
}

/* The sum over the header, its own field taken as blanks (POSIX.1-1988). */
static inline void tarbytes_sum(unsigned char header[TARBYTES_BLOCK])
{
	unsigned sum = 0;

	memset(header + 148, ' ', 8);
	for (int i = 0; i < TARBYTES_BLOCK; i++)
		sum += header[i];
	tarbytes_octal(header + 148, 6, sum);
	header[155] = ' ';
}

static inline void tarbytes_header(unsigned char out[TARBYTES_BLOCK], const struct entry *n)
{
	char *h = (char *)out;

	memset(out, 0, TARBYTES_BLOCK);
	memcpy(h, n->name, MIN(strlen(n->name), 100));
	tarbytes_octal(h + 100, 7, n->mode ? n->mode : 0644);
	memcpy(h + 108, "0000000", 8);
	memcpy(h + 116, "0000000", 8);
	if (n->size)
		memcpy(h + 124, n->size, MIN(strlen(n->size), 12));
	else
		tarbytes_octal(h + 124, 11, n->body ? strlen(n->body) : 0);
	memcpy(h + 136, "00000000000", 12);
	h[156] = n->type ? n->type : '0';
	if (n->link)
		memcpy(h + 157, n->link, MIN(strlen(n->link), 100));
	memcpy(h + 257, "ustar\00000", 8);
	memcpy(h + 265, "root", 4);
	memcpy(h + 297, "root", 4);
	tarbytes_sum(out);
}

static inline void tarbytes_zeros(struct buf *b, size_t n)
{
	memset(buf_space(b, n), 0, n);
	buf_used(b, n);
}

static inline void tarbytes_add(struct buf *b, const struct entry *n)
{
	unsigned char header[TARBYTES_BLOCK];
	size_t body = n->body ? strlen(n->body) : 0;

	tarbytes_header(header, n);
	buf_add(b, str_bytes(header, sizeof header));
	buf_text(b, n->body ? n->body : "");
	tarbytes_zeros(b, (TARBYTES_BLOCK - body % TARBYTES_BLOCK) % TARBYTES_BLOCK);
}

/* With the two blocks of zeros that end a tar; owned by the caller. */
static inline struct buf tarbytes_of(const struct entry *entries, size_t count)
{
	struct buf b = BUF_MAX(TARBYTES_MAX);

	for (size_t i = 0; i < count; i++)
		tarbytes_add(&b, &entries[i]);
	tarbytes_zeros(&b, (size_t)2 * TARBYTES_BLOCK);
	return b;
}

/* An open file without a name that holds `bytes`. */
static inline int tarbytes_fd(struct str bytes)
{
	int fd = memfd_create("tar", MFD_CLOEXEC);

	for (size_t done = 0; fd >= 0 && done < bytes.len;) {
		ssize_t n = write(fd, bytes.data + done, bytes.len - done);
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return fd;
}
