/* Objects of a foreign repository, as our code reads them: gathered as receipts, given as a file or as a payload's pieces, and pieces saved
 * from a transfer that broke. The first byte says which, the second what is asked. Then come the objects, "\n--\n" between them: a
 * letter (b, t, c; p is a blob in the broken pack, q its raw bytes), and what is in it; in a tree 19 '=' and a letter are the id
 * of that object, in a commit 39. Whatever they are, what comes out is bounded and lies where it should. */
#include <git2.h>
#include <git2/sys/mempack.h>
#include <stdio.h>
#include <sys/socket.h>
#include <zlib.h>

#include "sources/git_chain.h"
#include "sources/git_fetch.h"
#include "sources/git_gather.h"
#include "sources/git_give.h"
#include "sources/git_layout.h"
#include "sources/git_transfer.h"
#include "tests/fuzz/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BETWEEN "\n--\n"
#define HOST    "ber-D"
#define PART    "refs/fleet/part"
enum { OBJECTS_MAX = 26, MOST = 256, FROM = 3 };

struct world {
	struct room room; /* made once: most of an input's time would go into making repositories */
	git_repository *repo;
	git_odb_backend *memory;
	git_oid id[OBJECTS_MAX];
	git_object_t type[OBJECTS_MAX];
	size_t count;
	struct buf pack; /* what came before it broke */
};

/* --- the objects --- */

/* "===...a" becomes the first object's id, in `size` bytes. */
static void name_objects(const struct world *w, char *bytes, size_t len, size_t size)
{
	for (size_t i = 0; i + size <= len; i++) {
		char hex[GIT_OID_HEXSZ + 1];
		size_t dashes = 0, at = (size_t)(unsigned char)bytes[i + size - 1] - 'a';
		while (dashes + 1 < size && bytes[i + dashes] == '=')
			dashes++;
		if (dashes + 1 < size || at >= w->count)
			continue;
		git_oid_tostr(hex, sizeof hex, &w->id[at]);
		memcpy(bytes + i, size == GIT_OID_RAWSZ ? (const char *)w->id[at].id : hex, size);
	}
}

static void add_object(struct world *w, struct str body, git_object_t type)
{
	cleanup(git_lib_odb_free) git_odb *odb = NULL;
	cleanup(free_ptr) char *bytes = mem_new(body.len + 1, 1);

	if (w->count == OBJECTS_MAX)
		return;
	memcpy(bytes, body.data, body.len);
	if (type == GIT_OBJECT_TREE)
		name_objects(w, bytes, body.len, GIT_OID_RAWSZ);
	if (type == GIT_OBJECT_COMMIT)
		name_objects(w, bytes, body.len, GIT_OID_HEXSZ);
	must(git_repository_odb(&odb, w->repo) == 0 && git_odb_write(&w->id[w->count], odb, bytes, body.len, type) == 0);
	w->type[w->count++] = type;
}

/* gitformat-pack(5): type and size, then zlib. */
static void add_packed(struct buf *pack, struct str body)
{
	uLongf len = compressBound(body.len);
	cleanup(free_ptr) char *small = mem_new(len, 1);
	size_t size = body.len >> 4;
	struct err e;

	must(compress((Bytef *)small, &len, (const Bytef *)body.data, body.len) == Z_OK);
	buf_byte(pack, (char)(GIT_OBJECT_BLOB << 4 | (body.len & 15) | (size ? 0x80 : 0)));
	for (; size; size >>= 7)
		buf_byte(pack, (char)((size & 0x7f) | (size >> 7 ? 0x80 : 0)));
	buf_add(pack, str_bytes(small, len));
	must(buf_ok(pack, &e));
}

static void add(struct world *w, struct str text)
{
	static const struct {
		char letter;
		git_object_t type;
	} types[] = {{'b', GIT_OBJECT_BLOB}, {'t', GIT_OBJECT_TREE}, {'c', GIT_OBJECT_COMMIT}};

	if (!text.len)
		return;
	struct str body = str_bytes(text.data + 1, text.len - 1);
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (types[i].letter == text.data[0])
			add_object(w, body, types[i].type);
	if (text.data[0] == 'p')
		add_packed(&w->pack, body);
	if (text.data[0] == 'q')
		buf_add(&w->pack, body);
}

/* In memory; names of branches need a folder. */
static void world_open(struct world *w)
{
	cleanup(free_ptr) char *path = path_form("%s/r.git", w->room.path);
	cleanup(git_lib_odb_free) git_odb *odb = NULL;
	struct err e;

	must(git_lib_open(&w->repo, path, &e) && git_repository_odb(&odb, w->repo) == 0);
	must(git_mempack_new(&w->memory) == 0 && git_odb_add_backend(odb, w->memory, 999) == 0);
}

static void world_fill(struct world *w, struct str rest)
{
	if (!w->repo)
		world_open(w);
	w->count = 0;
	buf_add(&w->pack, str_bytes("PACK\0\0\0\2\0\0\0\1", 12));
	while (rest.len) {
		const char *end = memmem(rest.data, rest.len, BETWEEN, strlen(BETWEEN));
		size_t len = end ? (size_t)(end - rest.data) : rest.len, used = end ? len + strlen(BETWEEN) : len;
		add(w, str_bytes(rest.data, len));
		rest = str_bytes(rest.data + used, rest.len - used);
	}
}

static void world_empty(struct world *w)
{
	struct err e;

	must(fs_remove_tree(w->room.dir, "out", &e) && git_mempack_reset(w->memory) == 0);
	buf_free(&w->pack);
	if (!fs_exists(w->room.dir, "r.git/HEAD")) /* it was damaged, and went */
		git_lib_repo_free(&w->repo);
	else
		(void)git_reference_remove(w->repo, PART);
	must(w->repo || fs_remove_tree(w->room.dir, "r.git", &e));
}

/* What the remote says its branch is at: the last commit, or what is no commit. */
static const git_oid *tip(const struct world *w)
{
	for (size_t i = w->count; i-- > 0;)
		if (w->type[i] == GIT_OBJECT_COMMIT)
			return &w->id[i];
	return &w->id[0];
}

/* --- receipts --- */

static bool is_receipt(const char *name)
{
	struct str rest, text = str_of(name), number = str_cut(text, '.', &rest);
	uint64_t n;

	if (str_ends(number, "-2"))
		number.len -= 2;
	return str_is(rest, "json") && str_number(&n, number, INT64_MAX);
}

static void check_laid(const struct world *w)
{
	cleanup(fs_names_free) struct fs_names hosts = {0}, names = {0};
	struct err e;

	must(fs_names(&hosts, w->room.dir, "out", &e) && hosts.count == 1 && strcmp(hosts.name[0], HOST) == 0);
	must(fs_names(&names, w->room.dir, "out/" HOST, &e) && names.count <= 2 * POST_KEPT + 1);
	for (size_t i = 0; i < names.count; i++) {
		cleanup(free_ptr) char *path = path_form("out/" HOST "/%s", names.name[i]);
		uint64_t len;
		must(fs_size(&len, w->room.dir, path, &e) && len <= POST_FILE_MAX);
		must(is_receipt(names.name[i]) || strcmp(names.name[i], "tip") == 0);
	}
}

static void gather(struct world *w, uint8_t how)
{
	cleanup(fd_close) int to = -1;
	struct err e = {0};

	must(mkdirat(w->room.dir, "out", 0755) == 0 && mkdirat(w->room.dir, "out/" HOST, 0755) == 0 && fs_open_dir(&to, w->room.dir, "out", &e));
	if (how & 1)
		room_put(&w->room, "out/" HOST "/1-2.json", STR("what was there"));
	bool laid = git_gather_lay(w->repo, tip(w), to, HOST, &e);
	must(laid || e.code != ERR_NONE);
	check_laid(w);
	must(!laid || git_gather_lay(w->repo, tip(w), to, HOST, &e)); /* once more is nothing new */
}

/* --- a file, a payload --- */

/* What was said to whoever asked: no more than that, and its end only when it was good. */
static void check_said(int fd, bool good)
{
	cleanup(parcel_reader_free) struct parcel_reader reader = {0};
	char bytes[4 * KIB];
	size_t passed = 0;
	struct parcel p;
	struct err e = {0};
	bool ended = false;
	ssize_t n;

	while ((n = read(fd, bytes, sizeof bytes)) > 0) {
		parcel_feed(&reader, str_bytes(bytes, (size_t)n));
		enum parcel_say say;
		while ((say = parcel_next(&reader, &p, &e)) == PARCEL_HERE) {
			passed += p.kind == PARCEL_PIECE ? p.body.len : 0;
			ended = p.kind == PARCEL_END;
		}
		must(say == PARCEL_MORE);
	}
	must(passed <= MOST && ended == good);
}

static bool give_file(struct world *w, const struct git_ask *a, struct err *e)
{
	static const char *const paths[] = {"metadata/timestamp.json", "targets/plan-D/manifest.json", "a"};
	cleanup(git_lib_tree_free) git_tree *tree = NULL;
	bool good = false;

	if (!git_chain_tree(&tree, w->repo, tip(w), e))
		return false;
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		cleanup(git_lib_entry_free) git_tree_entry *entry = NULL;
		if (!good && git_tree_entry_bypath(&entry, tree, paths[i]) == 0)
			good = git_give_file(w->repo, entry, a, e);
	}
	return good;
}

/* The helper's end of the socket is its stdout. */
static void give(struct world *w, uint8_t how, bool payload)
{
	char mark[GIT_OID_HEXSZ + 1];
	struct git_ask a = {.max = MOST, .from = how & 1 ? FROM : 0, .etag = how & 2 ? mark : NULL};
	int end[2], room = 256 * KIB, out = dup(STDOUT_FILENO);
	struct err e = {0};

	git_oid_tostr(mark, sizeof mark, payload ? tip(w) : &w->id[0]);
	must(fflush(stdout) == 0 && out >= 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, end) == 0);
	must(setsockopt(end[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0 && dup2(end[0], STDOUT_FILENO) >= 0);
	close(end[0]);
	bool good = payload ? git_give_payload(w->repo, tip(w), &a, &e) : give_file(w, &a, &e);
	must(dup2(out, STDOUT_FILENO) >= 0 && close(out) == 0);
	check_said(end[1], good);
	close(end[1]);
}

static void file(struct world *w, uint8_t how)
{
	give(w, how, false);
}

static void payload(struct world *w, uint8_t how)
{
	give(w, how, true);
}

/* --- what is saved of a pack --- */

static void salvage(struct world *w, uint8_t how)
{
	cleanup(free_ptr) char *rest = git_transfer_rest(git_repository_path(w->repo));
	cleanup(git_lib_reference_free) git_reference *ref = NULL;
	cleanup(git_lib_tree_free) git_tree *before = NULL, *after = NULL;
	git_oid at;
	struct err e = {0};

	if (how & 1 && git_chain_tree(&before, w->repo, tip(w), &e))
		must(git_reference_create(&ref, w->repo, PART, tip(w), 1, NULL) == 0);
	must(fs_write(AT_FDCWD, rest, str_bytes(w->pack.data, w->pack.len - MIN(w->pack.len, (size_t)how / 8)), 0600, &e));
	if (!git_payload_salvage(w->repo, &e)) {
		must(e.code != ERR_NONE);
		return;
	}
	must(!fs_exists(AT_FDCWD, rest));
	if (git_reference_name_to_id(&at, w->repo, PART) != 0)
		return;
	must(git_chain_tree(&after, w->repo, &at, &e));
	must(git_tree_entrycount(after) <= MAX((size_t)GIT_PIECES_MAX, before ? git_tree_entrycount(before) : 0));
}

static void (*const kinds[])(struct world *w, uint8_t how) = {gather, file, payload, salvage};

static struct world world;

static void world_end(void)
{
	git_lib_repo_free(&world.repo);
	room_end(&world.room);
}

static void world_begin(void)
{
	struct err e;

	room_make(&world.room);
	must(git_lib_begin(world.room.path, &e) && git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0) == 0 && atexit(world_end) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (!world.room.path[0])
		world_begin();
	world_fill(&world, str_bytes(data + 2, size - 2));
	if (world.count)
		kinds[data[0] % COUNT_OF(kinds)](&world, data[1]);
	world_empty(&world);
	return 0;
}
