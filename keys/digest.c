/* SHA-256, and bytes nobody can guess. Without them the program cannot go on, so they never fail. */
#include "keys/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/hex.h"

enum { PIECE = 64 * KIB };

static void need(bool works, const char *what)
{
	if (works)
		return;
	fprintf(stderr, "%s does not work here\n", what);
	exit(1);
}

struct digest digest_of(struct str bytes)
{
	struct digest d;

	need(EVP_Digest(bytes.len ? bytes.data : "", bytes.len, d.bytes, NULL, EVP_sha256(), NULL) == 1, "SHA-256");
	return d;
}

bool digest_eq(struct digest a, struct digest b)
{
	return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

bool digest_zero(struct digest d)
{
	return digest_eq(d, (struct digest){ 0 });
}

void digest_hex(char out[DIGEST_HEX + 1], struct digest d)
{
	hex_write(out, d.bytes, sizeof d.bytes);
}

bool digest_read(struct digest *out, struct str hex)
{
	struct digest d;

	if (!hex_read(d.bytes, sizeof d.bytes, hex))
		return false;
	*out = d;
	return true;
}

void hasher_start(struct hasher *h)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	need(ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1, "SHA-256");
	*h = (struct hasher){ .state = ctx };
}

void hasher_add(struct hasher *h, struct str bytes)
{
	if (bytes.len == 0)
		return;
	need(h->state && EVP_DigestUpdate(h->state, bytes.data, bytes.len) == 1, "SHA-256");
	h->length += bytes.len;
}

struct digest hasher_end(struct hasher *h)
{
	struct digest d = { 0 };

	need(h->state && EVP_DigestFinal_ex(h->state, d.bytes, NULL) == 1, "SHA-256");
	hasher_free(h);
	return d;
}

void hasher_free(struct hasher *h)
{
	EVP_MD_CTX_free(h->state);
	h->state = NULL;
}

bool digest_fd(struct digest *out, uint64_t *length, int fd, struct err *e)
{
	cleanup(hasher_free) struct hasher h = { 0 };
	cleanup(free_ptr) char *piece = mem_new(PIECE, 1);
	ssize_t n;

	hasher_start(&h);
	do {
		n = pread(fd, piece, PIECE, (off_t)h.length);
		if (n > 0)
			hasher_add(&h, str_bytes(piece, (size_t)n));
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return err_sys(e, "read at byte %llu", (unsigned long long)h.length);
	*length = h.length;
	*out = hasher_end(&h);
	return true;
}

void random_bytes(void *out, size_t n)
{
	for (char *at = out; n;) {
		ssize_t got = getrandom(at, n, 0);
		need(got > 0 || (got < 0 && errno == EINTR), "getrandom");
		if (got < 0)
			continue;
		at += got;
		n -= (size_t)got;
	}
}
