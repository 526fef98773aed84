/* Who may come in, and where to fetch from. */
#include "agent/store/access.h"

#include <fcntl.h>

#include "manifests/ssh_key.h"

#define ENROLLED "enrolled"
#define LINK     "access/current"

static char *set_path(struct digest id, const char *file)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, id);
	return path_form("access/%s%s%s", digest_zero(id) ? ENROLLED : hex, file[0] ? "/" : "", file);
}

void access_set_free(struct access_set *s)
{
	buf_free(&s->access_bytes);
	buf_free(&s->sources_bytes);
	access_free(&s->access);
	origins_free(&s->sources);
	*s = (struct access_set){0};
}

/* --- reading --- */

/* A host enrolled before there was access/ has none. */
bool access_current(struct digest *id, const struct store *s, struct err *e)
{
	char target[512];

	*id = (struct digest){0};
	if (!fs_exists(s->dir, LINK))
		return true;
	if (!fs_readlink(target, s->dir, LINK, e))
		return false;
	return strcmp(target, ENROLLED) == 0 || digest_read(id, str_of(target)) ||
	       err_set(e, ERR_SYNTAX, "%s leads to %.100s, which is no set", LINK, target);
}

static void name_set(struct access_set *s)
{
	struct digest both[2] = {s->access_sha256, s->sources_sha256};

	s->id = digest_of(str_bytes(both, sizeof both));
}

static bool set_access(struct access_set *s, struct str bytes, struct err *e)
{
	if (!access_read(&s->access, bytes, ACCESS_PATH, e))
		return false;
	s->access_bytes = BUF_MAX(ACCESS_FILE_MAX);
	buf_add(&s->access_bytes, bytes);
	s->access_sha256 = digest_of(bytes);
	s->has_access = true;
	return buf_ok(&s->access_bytes, e);
}

static bool set_sources(struct access_set *s, struct str bytes, struct err *e)
{
	if (!origins_read(&s->sources, bytes, SOURCES_PATH, e))
		return false;
	s->sources_bytes = BUF_MAX(ORIGINS_FILE_MAX);
	buf_add(&s->sources_bytes, bytes);
	s->sources_sha256 = digest_of(bytes);
	s->has_sources = true;
	return buf_ok(&s->sources_bytes, e);
}

static bool read_part(struct access_set *to, bool (*set)(struct access_set *, struct str, struct err *),
	const struct store *s, struct digest id, const char *file, struct err *e)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(ACCESS_FILE_MAX);
	cleanup(free_ptr) char *path = set_path(id, file);

	if (!fs_exists(s->dir, path))
		return true;
	return fs_read(&bytes, s->dir, path, e) && set(to, buf_str(&bytes), e);
}

/* The folder is named by what was put there. What the kernel can't read now it may read later. */
static bool read_set(struct access_set *set, const struct store *s, struct err *e)
{
	struct digest id = set->id;
	bool whole = read_part(set, set_access, s, id, "access.json", e) && read_part(set, set_sources, s, id, "sources.json", e);

	if (!whole && e->code == ERR_IO)
		return err_in(e, LINK);
	if (whole)
		name_set(set);
	if (whole && digest_eq(set->id, id))
		return true;
	access_set_free(set);
	set->id = id;
	set->damaged = true;
	return true;
}

bool access_open(struct access_set *out, const struct store *s, struct err *e)
{
	cleanup(access_set_free) struct access_set set = {0};

	if (!access_current(&set.id, s, e) || (!digest_zero(set.id) && !read_set(&set, s, e)))
		return false;
	*out = set;
	set = (struct access_set){0};
	return true;
}

/* --- what follows --- */

static bool check_number(const char *path, int64_t new, int64_t now, bool same, struct err *e)
{
	if (new > now || same)
		return true;
	return err_set(e, ERR_OLDER, "%s is number %lld; this host follows %lld%s", path, (long long)new, (long long)now,
		new == now ? ", with other bytes" : "");
}

bool access_next(
	struct access_set *out, const struct access_set *now, struct str access, struct str sources, struct err *e)
{
	cleanup(access_set_free) struct access_set next = {0};
	struct str a = access.data ? access : buf_str(&now->access_bytes);
	struct str s = sources.data ? sources : buf_str(&now->sources_bytes);

	if (a.len && !set_access(&next, a, e))
		return false;
	if (s.len && !set_sources(&next, s, e))
		return false;
	if (!check_number(ACCESS_PATH, next.access.number, now->access.number,
		    digest_eq(next.access_sha256, now->access_sha256), e) ||
		!check_number(SOURCES_PATH, next.sources.number, now->sources.number,
			digest_eq(next.sources_sha256, now->sources_sha256), e))
		return false;
	if (next.has_access || next.has_sources)
		name_set(&next);
	*out = next;
	next = (struct access_set){0};
	return true;
}

static bool write_part(const struct store *s, struct digest id, const char *file, const struct buf *bytes, struct err *e)
{
	cleanup(free_ptr) char *path = set_path(id, file);

	return !bytes->len || store_write(s, path, buf_str(bytes), 0644, e);
}

/* Sources alone change nobody's keys: those of the set before are still those of the enrolment. */
static bool make_keys(struct buf *out, const struct store *s, const struct config *c, const struct access_set *set,
	struct err *e)
{
	cleanup(free_ptr) char *enrolled = set_path((struct digest){0}, "authorized_keys");
	char hex[DIGEST_HEX + 1];

	if (set->has_access) {
		digest_hex(hex, set->id);
		access_keys(out, &set->access, c->serve, hex);
		return buf_ok(out, e);
	}
	return !fs_exists(s->dir, enrolled) || fs_read(out, s->dir, enrolled, e);
}

bool access_stage(const struct store *s, const struct config *c, const struct access_set *set, struct err *e)
{
	cleanup(buf_free) struct buf keys = BUF_MAX(MIB);
	cleanup(free_ptr) char *folder = set_path(set->id, "");

	return make_keys(&keys, s, c, set, e) && fs_mkdir(s->dir, folder, 0755, e) &&
	       write_part(s, set->id, "access.json", &set->access_bytes, e) &&
	       write_part(s, set->id, "sources.json", &set->sources_bytes, e) &&
	       write_part(s, set->id, "authorized_keys", &keys, e);
}

bool access_swap(const struct store *s, struct digest id, struct err *e)
{
	cleanup(free_ptr) char *folder = set_path(id, "");

	return store_link(s, folder + strlen("access/"), LINK, e);
}

/* --- the keys of the enrolment: nobody signs them, so they lie there twice, the copy behind its digest --- */

static bool enrolled_save(const struct store *s, struct str keys, struct err *e)
{
	cleanup(free_ptr) char *path = set_path((struct digest){0}, "authorized_keys");
	cleanup(free_ptr) char *copy = set_path((struct digest){0}, "authorized_keys.2");
	cleanup(buf_free) struct buf text = BUF_MAX(MIB + DIGEST_HEX + 1);
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, digest_of(keys));
	buf_form(&text, "%s\n", hex);
	buf_add(&text, keys);
	return buf_ok(&text, e) && store_write(s, copy, buf_str(&text), 0644, e) && store_write(s, path, keys, 0644, e);
}

/* Two of three agree: the keys, the copy, the digest. */
static bool enrolled_heal(bool *healed, const struct store *s, struct err *e)
{
	cleanup(free_ptr) char *path = set_path((struct digest){0}, "authorized_keys");
	cleanup(free_ptr) char *copy = set_path((struct digest){0}, "authorized_keys.2");
	cleanup(buf_free) struct buf keys = BUF_MAX(MIB);
	cleanup(buf_free) struct buf text = BUF_MAX(MIB + DIGEST_HEX + 1);
	struct digest sum = {0};
	struct str body;

	if (!fs_exists(s->dir, copy)) /* a host enrolled before there was one */
		return true;
	if ((!fs_read(&keys, s->dir, path, e) && e->code == ERR_IO) || !fs_read(&text, s->dir, copy, e))
		return false;
	struct str line = str_cut(buf_str(&text), '\n', &body);
	bool known = digest_read(&sum, line), same = str_eq(buf_str(&keys), body);
	bool whole = same || (known && digest_eq(sum, digest_of(body)));
	if (!whole && !(known && digest_eq(sum, digest_of(buf_str(&keys)))))
		return err_set(e, ERR_DIGEST, "%s is not what was enrolled, nor is its copy", path);
	if (same && known && digest_eq(sum, digest_of(body)))
		return true;
	*healed = enrolled_save(s, whole ? body : buf_str(&keys), e);
	return *healed;
}

bool access_heal(bool *healed, const struct store *s, const struct config *c, struct err *e)
{
	cleanup(access_set_free) struct access_set set = {0};
	cleanup(buf_free) struct buf keys = BUF_MAX(MIB);
	cleanup(buf_free) struct buf there = BUF_MAX(MIB);
	struct err none;

	*healed = false;
	if (!enrolled_heal(healed, s, e) || !access_open(&set, s, e))
		return false;
	if (digest_zero(set.id) || set.damaged)
		return true;
	cleanup(free_ptr) char *path = set_path(set.id, "authorized_keys");
	if (!make_keys(&keys, s, c, &set, e))
		return false;
	if (!keys.len || (fs_read(&there, s->dir, path, &none) && str_eq(buf_str(&there), buf_str(&keys))))
		return true;
	if (!store_write(s, path, buf_str(&keys), 0644, e))
		return false;
	*healed = true;
	return true;
}

bool access_sweep(const struct store *s, struct digest keep, struct digest also, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};

	if (!fs_exists(s->dir, "access"))
		return true;
	if (!fs_names(&names, s->dir, "access", e))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		cleanup(free_ptr) char *path = path_form("access/%s", names.name[i]);
		struct digest id;
		if (digest_read(&id, str_of(names.name[i])) && !digest_eq(id, keep) && !digest_eq(id, also) &&
			!fs_remove_tree(s->dir, path, e))
			return false;
	}
	return fs_sweep(s->dir, "access", e);
}

/* --- where to fetch from --- */

bool access_sources(struct origins *out, const struct store *s, const struct config *c, struct err *e)
{
	cleanup(access_set_free) struct access_set set = {0};
	cleanup(buf_free) struct buf copy = BUF_MAX(2 * ORIGINS_FILE_MAX);

	if (!access_open(&set, s, e))
		return false;
	if (set.has_sources) {
		*out = set.sources;
		set.sources = (struct origins){0};
		return true;
	}
	if (!c->has_sources)
		return err_set(e, ERR_MISSING,
			"this host knows no place to fetch from: fleet/sources.json, or `fleet-agent enrol --sources FILE`");
	origins_write(&copy, &c->sources);
	return buf_ok(&copy, e) && origins_read(out, buf_str(&copy), "agent.json: sources", e);
}

/* --- enrolment --- */

/* One line of what was given; a comment and an empty line say nothing. */
static bool add_line(struct buf *out, const struct config *c, struct str line, struct err *e)
{
	cleanup(free_ptr) char *key = NULL;

	if (!line.len || line.data[0] == '#')
		return true;
	if (!ssh_key_read(&key, line, e))
		return false;
	buf_form(out, "restrict,command=\"%s\" %s\n", c->serve, key);
	return true;
}

bool access_enrol(const struct store *s, const struct config *c, struct str keys, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(MIB);
	cleanup(free_ptr) char *path = set_path((struct digest){0}, "authorized_keys");
	bool given = keys.data != NULL;
	int n = 0;

	while (keys.len) {
		struct str line = str_trim(str_cut(keys, '\n', &keys));
		n++;
		if (!add_line(&text, c, line, e))
			return err_in(e, "keys: line %d", n);
	}
	if (!buf_ok(&text, e) || !fs_mkdir(s->dir, "access/" ENROLLED, 0755, e))
		return false;
	if ((given || !fs_exists(s->dir, path)) && !enrolled_save(s, buf_str(&text), e))
		return false;
	return access_swap(s, (struct digest){0}, e) &&
	       access_sweep(s, (struct digest){0}, (struct digest){0}, e);
}
