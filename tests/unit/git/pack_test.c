/* What is saved of a pack that broke off, and the chain that is made of it: alike wherever it is made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "sources/git_chain.h"
#include "sources/git_pack.h"

enum { PIECES = 5, PIECE = 3000 };

struct room {
	char path[32];
	git_repository *repo;
	git_oid tip, blob[PIECES];
	struct buf pack;
	struct err e;
};

/* Bytes that do not become shorter. */
static void piece_of(unsigned char out[PIECE], size_t at)
{
	uint32_t x = (uint32_t)at + 1;

	for (size_t i = 0; i < PIECE; i++) {
		x = x * 1664525 + 1013904223;
		out[i] = (unsigned char)(x >> 24);
	}
}

static void room_make(struct room *r)
{
	struct git_chain chain;
	unsigned char bytes[PIECE];
	git_packbuilder *packer;
	git_buf pack = {0};

	*r = (struct room){.pack = BUF_MAX(MIB)};
	strcpy(r->path, "/tmp/pack_test.XXXXXX");
	assert_non_null(mkdtemp(r->path));
	assert_true(git_lib_begin(r->path, &r->e) && git_lib_open(&r->repo, r->path, &r->e));
	assert_true(git_chain_begin(&chain, r->repo, &r->e));
	for (size_t i = 0; i < PIECES; i++) {
		piece_of(bytes, i);
		assert_int_equal(git_blob_create_from_buffer(&r->blob[i], r->repo, bytes, PIECE), 0);
		assert_true(git_chain_add(&chain, &r->blob[i], &r->e));
	}
	r->tip = chain.tip;
	git_chain_free(&chain);
	assert_int_equal(git_packbuilder_new(&packer, r->repo), 0);
	assert_int_equal(git_packbuilder_insert_commit(packer, &r->tip), 0);
	assert_int_equal(git_packbuilder_write_buf(&pack, packer), 0);
	buf_add(&r->pack, str_bytes(pack.ptr, pack.size));
	git_buf_dispose(&pack);
	git_packbuilder_free(packer);
}

static void room_free(struct room *r)
{
	struct err e;

	buf_free(&r->pack);
	git_lib_repo_free(&r->repo);
	git_libgit2_shutdown();
	assert_true(fs_remove_tree(AT_FDCWD, r->path, &e));
}

struct seen {
	const struct room *room;
	size_t count;
};

/* In a pack of libgit2's own the blobs may stand in any order; each is one of ours, whole. */
static bool is_one_of_ours(void *ctx, struct str content)
{
	struct seen *s = ctx;
	git_oid id;
	bool known = false;

	assert_int_equal(git_odb_hash(&id, content.data, content.len, GIT_OBJECT_BLOB), 0);
	for (size_t i = 0; i < PIECES; i++)
		known |= git_oid_equal(&id, &s->room->blob[i]);
	assert_true(known);
	s->count++;
	return true;
}

static size_t blobs_of(const struct room *r, struct str pack, size_t most)
{
	cleanup(fd_close) int fd = memfd_create("pack", MFD_CLOEXEC);
	struct seen seen = {.room = r};

	assert_int_equal(write(fd, pack.data, pack.len), (ssize_t)pack.len);
	size_t found = git_pack_blobs(fd, most, is_one_of_ours, &seen);
	assert_int_equal(found, seen.count);
	return found;
}

static void whatever_is_whole_is_found_wherever_it_broke(void **state)
{
	cleanup(room_free) struct room r;
	size_t last = 0;

	(void)state;
	room_make(&r);
	for (size_t len = 0; len <= r.pack.len; len++) {
		size_t now = blobs_of(&r, str_bytes(r.pack.data, len), PIECE);
		assert_true(now == last || now == last + 1);
		last = now;
	}
	assert_int_equal(last, PIECES);
}

static void a_blob_above_the_limit_ends_it(void **state)
{
	cleanup(room_free) struct room r;

	(void)state;
	room_make(&r);
	assert_int_equal(blobs_of(&r, buf_str(&r.pack), PIECE - 1), 0);
}

static void a_byte_that_changed_gives_no_false_blob(void **state)
{
	cleanup(room_free) struct room r;

	(void)state;
	room_make(&r);
	for (size_t at = 0; at < r.pack.len; at += 7) {
		r.pack.data[at] ^= 0x55;
		blobs_of(&r, buf_str(&r.pack), PIECE); /* zlib's checksum sees it; what comes before and behind is ours */
		r.pack.data[at] ^= 0x55;
	}
}

static void the_chain_is_alike_wherever_it_is_made(void **state)
{
	cleanup(room_free) struct room r;
	char path[64];
	git_repository *other = NULL;
	struct git_chain chain;
	unsigned char bytes[PIECE];
	git_oid blob;

	(void)state;
	room_make(&r);
	snprintf(path, sizeof path, "%s/other", r.path);
	assert_true(git_lib_open(&other, path, &r.e));
	assert_true(git_chain_begin(&chain, other, &r.e));
	for (size_t i = 0; i < PIECES; i++) {
		git_oid half = chain.tip;
		if (i == 2) { /* after a break: from the commit alone */
			git_chain_free(&chain);
			assert_true(git_chain_resume(&chain, other, &half, &r.e));
			assert_int_equal(chain.count, 2);
		}
		piece_of(bytes, i);
		assert_int_equal(git_blob_create_from_buffer(&blob, other, bytes, PIECE), 0);
		assert_true(git_chain_add(&chain, &blob, &r.e));
	}
	assert_true(git_oid_equal(&chain.tip, &r.tip));
	/* for ever: what is published today must be resumed by tomorrow's agents */
	assert_string_equal(git_oid_tostr_s(&r.tip), "2d61086043bf43de1884b8b1b8c368d16d1425ae");
	git_chain_free(&chain);
	git_lib_repo_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_is_whole_is_found_wherever_it_broke),
		cmocka_unit_test(a_blob_above_the_limit_ends_it),
		cmocka_unit_test(a_byte_that_changed_gives_no_false_blob),
		cmocka_unit_test(the_chain_is_alike_wherever_it_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
