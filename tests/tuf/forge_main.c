/* Writes TUF repositories, right ones and wrong ones, as lines on stdin say; for tests of the front end. Keys are letters.
 *   tuf-forge DIR     (DIR/metadata and DIR/targets are there)
 *   new                          root 1 with the keys r m s t for root, timestamp, snapshot, targets; the others empty, version 1
 *   keys ROLE LETTERS THRESHOLD  root's keys of a top role
 *   body NAME                    another targets role
 *   set ROLE FIELD JSON          a field of its signed part
 *   expires ROLE SECONDS         from now
 *   meta ROLE NAME VERSION       what timestamp or snapshot lists
 *   hash ROLE NAME VERSION       the same with length and hashes of what was written last under NAME
 *   target ROLE PATH TEXT        signed for, and written
 *   link ROLE NAME LETTERS THRESHOLD PATTERN [end]
 *   write ROLE LETTERS [FILE]    signed by these, "-" by nobody; as VERSION.ROLE.json, or under that name
 *   say WORD                     to stdout: all before it is done */
#include <fcntl.h>
#include <time.h>

#include "base/fs.h"
#include "manifests/trust.h"
#include "tests/unit/manifests/forge.h"

enum { ROLES_MAX = 64, WORDS_MAX = 8 };

static struct desk {
	int dir;
	struct {
		char name[ROLE_NAME_SIZE];
		doc *body;
		struct buf bytes; /* as written last */
	} role[ROLES_MAX];
	size_t count;
} desk;

static size_t role_of(const char *name)
{
	for (size_t i = 0; i < desk.count; i++)
		if (strcmp(desk.role[i].name, name) == 0)
			return i;
	assert_true(desk.count < ROLES_MAX);
	snprintf(desk.role[desk.count].name, ROLE_NAME_SIZE, "%s", name);
	return desk.count++;
}

static enum role_kind kind_of(const char *name)
{
	enum role_kind kind = ROLE_ROOT;

	while (kind < ROLE_TARGETS && strcmp(name, role_words[kind]) != 0)
		kind++;
	return kind;
}

static void take(const char *name, doc *body)
{
	size_t i = role_of(name);

	doc_free(&desk.role[i].body);
	desk.role[i].body = body;
}

static doc *body_of(const char *name)
{
	doc *body = desk.role[role_of(name)].body;

	assert_non_null(body);
	return body;
}

static void put(const char *path, struct str bytes)
{
	cleanup(free_ptr) char *folder = str_dup(str_of(path));

	for (char *slash = folder; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		assert_true(fs_mkdir(desk.dir, folder, 0755, NULL));
		*slash = '/';
	}
	cleanup(fd_close) int fd = openat(desk.dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0 && fs_put(fd, bytes, NULL)); /* fs_write would wait for the disk */
}

/* --- words --- */

static void on_new(char **w)
{
	int64_t soon = time(NULL) + 30 * FORGE_DAY;

	(void)w;
	char date[24];

	clock_text(date, soon);
	take("root", forge_root(1, "r", "m", "s", "t"));
	doc_set_text(body_of("root"), "expires", date);
	take("timestamp", role_body(ROLE_TIMESTAMP, 1, soon));
	take("snapshot", role_body(ROLE_SNAPSHOT, 1, soon));
	take("targets", role_body(ROLE_TARGETS, 1, soon));
	role_set_meta(body_of("timestamp"), "snapshot", 1);
	role_set_meta(body_of("snapshot"), "targets", 1);
}

static void on_keys(char **w)
{
	doc *role = doc_get(doc_get(body_of("root"), "roles"), w[1]);

	doc_set(role, "keyids", doc_list());
	forge_signers(body_of("root"), kind_of(w[1]), NULL, strcmp(w[2], "-") == 0 ? "" : w[2], atoi(w[3]), NULL, 0);
}

static void on_body(char **w)
{
	take(w[1], role_body(ROLE_TARGETS, 1, time(NULL) + 30 * FORGE_DAY));
}

static void on_set(char **w)
{
	doc *value = NULL;

	assert_true(doc_read(&value, str_of(w[3]), NULL));
	doc_set(body_of(w[1]), w[2], value);
}

static void on_expires(char **w)
{
	char date[24];

	clock_text(date, time(NULL) + atoll(w[2]));
	doc_set_text(body_of(w[1]), "expires", date);
}

static void on_meta(char **w)
{
	role_set_meta(body_of(w[1]), w[2], (uint64_t)atoll(w[3]));
}

static void on_hash(char **w)
{
	struct str bytes = buf_str(&desk.role[role_of(w[2])].bytes);
	cleanup(free_ptr) char *file = path_form("%s.json", w[2]);
	doc *entry = doc_object(), *hashes = doc_object();
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, digest_of(bytes));
	doc_set_text(hashes, "sha256", hex);
	doc_set(entry, "hashes", hashes);
	doc_set_int(entry, "length", (int64_t)bytes.len);
	doc_set_int(entry, "version", atoll(w[3]));
	doc_set(doc_get(body_of(w[1]), "meta"), file, entry);
}

static void on_target(char **w)
{
	const char *slash = strrchr(w[2], '/'), *file = slash ? slash + 1 : w[2];
	char hex[DIGEST_HEX + 1];

	role_set_target(body_of(w[1]), w[2], str_of(w[3]));
	digest_hex(hex, digest_of(str_of(w[3])));
	cleanup(free_ptr) char *hashed = path_form("targets/%.*s%s.%s", (int)(file - w[2]), w[2], hex, file);
	cleanup(free_ptr) char *plain = path_form("targets/%s", w[2]);
	put(hashed, str_of(w[3]));
	put(plain, str_of(w[3]));
}

static void on_link(char **w)
{
	forge_signers(body_of(w[1]), ROLE_TARGETS, w[2], w[3], atoi(w[4]), (const char *const[]){w[5]}, 1);
	doc *roles = doc_get(doc_get(body_of(w[1]), "delegations"), "roles");
	doc_set_bool(doc_at(roles, doc_count(roles) - 1), "terminating", w[6] != NULL);
}

static void on_write(char **w)
{
	size_t i = role_of(w[1]);
	int64_t version = 0;
	char file[512];

	doc_int(doc_get(body_of(w[1]), "version"), &version);
	trust_role_file(file, w[1], strcmp(w[1], "timestamp") == 0 ? 0 : (uint64_t)version);
	buf_free(&desk.role[i].bytes);
	desk.role[i].bytes = forge_bytes(desk.role[i].body, strcmp(w[2], "-") == 0 ? "" : w[2]);
	cleanup(free_ptr) char *path = path_form("metadata/%s", w[3] ? w[3] : file);
	put(path, buf_str(&desk.role[i].bytes));
}

static void on_say(char **w)
{
	puts(w[1]);
	fflush(stdout);
}

static const struct {
	const char *word;
	int least; /* words behind it */
	void (*run)(char **w);
} words[] = {
	{"new", 0, on_new},
	{"keys", 3, on_keys},
	{"body", 1, on_body},
	{"set", 3, on_set},
	{"expires", 2, on_expires},
	{"meta", 3, on_meta},
	{"hash", 3, on_hash},
	{"target", 3, on_target},
	{"link", 5, on_link},
	{"write", 2, on_write},
	{"say", 1, on_say},
};

static bool run_line(char *line)
{
	char *w[WORDS_MAX + 1] = {0}, *rest = line;
	int count = 0;

	for (char *word; count < WORDS_MAX && (word = strsep(&rest, " ")); count++)
		w[count] = word;
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(w[0], words[i].word) == 0 && count > words[i].least) {
			words[i].run(w);
			return true;
		}
	fprintf(stderr, "tuf-forge: %s: not understood\n", w[0]);
	return false;
}

int main(int argc, char **argv)
{
	char line[4096];

	if (argc != 2 || !fs_open_dir(&desk.dir, AT_FDCWD, argv[1], NULL))
		return 2;
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] && !run_line(line))
			return 1;
	}
	for (size_t i = 0; i < desk.count; i++) {
		doc_free(&desk.role[i].body);
		buf_free(&desk.role[i].bytes);
	}
	fd_close(&desk.dir);
	return 0;
}
