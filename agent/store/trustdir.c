/* trust/: metadata as it was received. */
#include "agent/store/trustdir.h"

#include <ctype.h>

#ifndef FLEET_BUILT
#define FLEET_BUILT 1735689600 /* no clock of a Pi that runs this may stand before it: 2025-01-01 */
#endif

#define DROPPING "trust/dropping"

enum { NUMBER_MAX = 128 };

static char *role_path(const char *role, int64_t version)
{
	cleanup(buf_free) struct buf name = {0};

	if (version > 0)
		buf_form(&name, "%lld.", (long long)version);
	for (; *role; role++) {
		if (isalnum((unsigned char)*role) || strchr("_.-~", *role))
			buf_byte(&name, *role);
		else
			buf_form(&name, "%%%02X", (unsigned)(unsigned char)*role);
	}
	return path_form("trust/" STR_FMT ".json", STR_ARG(buf_str(&name)));
}

/* A line, and the digest of what stands in it: a floor that rotted upwards would let nothing in any more. */
static int64_t number_read(const struct store *s, const char *path)
{
	cleanup(buf_free) struct buf text = BUF_MAX(NUMBER_MAX);
	struct digest sum;
	struct str rest;
	uint64_t n;
	struct err e;

	if (!fs_read(&text, s->dir, path, &e))
		return 0;
	struct str line = str_cut(buf_str(&text), '\n', &rest);
	bool whole = str_number(&n, line, INT64_MAX) && digest_read(&sum, str_cut(rest, '\n', &rest)) && digest_eq(sum, digest_of(line));
	return whole ? (int64_t)n : 0;
}

static bool number_write(const struct store *s, const char *path, int64_t n, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(NUMBER_MAX);

	char hex[DIGEST_HEX + 1];

	buf_form(&text, "%lld", (long long)n);
	digest_hex(hex, digest_of(buf_str(&text)));
	buf_form(&text, "\n%s\n", hex);
	return fs_write(s->dir, path, buf_str(&text), 0644, e);
}

static int64_t floor_read(const struct store *s)
{
	return MAX(number_read(s, "trust/floor"), FLEET_BUILT);
}

bool trustdir_add(struct buf *out, const struct store *s, const char *role, struct err *e)
{
	cleanup(free_ptr) char *path = role_path(role, 0);

	if (!fs_exists(s->dir, path))
		return true;
	return fs_read(out, s->dir, path, e);
}

/* A root that can't be read ends the chain; what is missing is asked for again. */
static void hold_roots(struct trust *t, const struct store *s)
{
	for (int64_t version = (int64_t)trust_version(t, "root") + 1;; version++) {
		cleanup(free_ptr) char *path = role_path("root", version);
		cleanup(buf_free) struct buf bytes = BUF_MAX(TRUST_ROOT_MAX);
		struct err e;
		if (!fs_read(&bytes, s->dir, path, &e))
			return;
		trust_hold(t, "root", buf_str(&bytes));
	}
}

static void hold_role(struct trust *t, const struct store *s, const char *role)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(TRUST_TARGETS_MAX);
	struct err e;

	if (trustdir_add(&bytes, s, role, &e) && bytes.len)
		trust_hold(t, role, buf_str(&bytes));
}

/* --- a root that changes who signs the timestamp --- */

/* What the old keys signed goes when the new root is on the disk, and not before: else a power cut would leave neither. Until it
 * has gone it counts for nothing. */
static bool is_dropping(const struct store *s)
{
	cleanup(free_ptr) char *root = role_path("root", number_read(s, DROPPING));

	return fs_exists(s->dir, DROPPING) && fs_exists(s->dir, root);
}

static bool finish_drop(const struct store *s, struct err *e)
{
	if (!fs_exists(s->dir, DROPPING))
		return true;
	if (is_dropping(s) && (!fs_remove(s->dir, "trust/timestamp.json", e) ||
				      !fs_remove(s->dir, "trust/snapshot.json", e) || !fs_remove(s->dir, "trust/floor", e)))
		return false;
	return fs_remove(s->dir, DROPPING, e);
}

/* A root signs itself: whichever copy is whole says so. */
static bool open_anchor(struct trust **out, const struct config *c, bool copy, struct trust_time time, struct err *e)
{
	cleanup(buf_free) struct buf anchor = {0};

	return config_anchor(&anchor, c, copy, e) && trust_new(out, buf_str(&anchor), time, e);
}

bool trustdir_open(struct trust **out, const struct store *s, const struct config *c, struct moment now, struct err *e)
{
	struct err why;
	bool dropping = is_dropping(s);
	struct trust_time time = {dropping ? now.unix_s : MAX(now.unix_s, floor_read(s)), now.synced};
	struct trust *t = NULL;

	if (!open_anchor(&t, c, false, time, e) && !open_anchor(&t, c, true, time, &why))
		return false;
	hold_roots(t, s);
	if (!dropping) {
		hold_role(t, s, "timestamp");
		hold_role(t, s, "snapshot");
	}
	hold_role(t, s, "targets");
	hold_role(t, s, c->plan);
	hold_role(t, s, "fleet");
	*out = t;
	return true;
}

bool trustdir_keep(const struct store *s, const struct trust_keep *keep, struct str bytes, struct err *e)
{
	bool root = strcmp(keep->role, "root") == 0;
	cleanup(free_ptr) char *path = role_path(keep->role, root ? (int64_t)keep->version : 0);

	if (!finish_drop(s, e))
		return false;
	if (keep->drop_online && !number_write(s, DROPPING, (int64_t)keep->version, e))
		return false;
	if (keep->role[0] && !fs_write(s->dir, path, bytes, 0644, e))
		return false;
	return !keep->drop_online || finish_drop(s, e);
}

bool trustdir_raise_floor(const struct store *s, int64_t unix_s, struct err *e)
{
	return unix_s <= floor_read(s) || number_write(s, "trust/floor", unix_s, e);
}

static bool is_held(const struct trust *t, const struct store *s, const char *role)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(TRUST_TARGETS_MAX);
	struct err e;

	return (trustdir_add(&bytes, s, role, &e) && !bytes.len) || trust_holds(t, role, buf_str(&bytes));
}

bool trustdir_damaged(struct buf *names, const struct store *s, const struct config *c, struct err *e)
{
	const char *const roles[] = {"timestamp", "snapshot", "targets", c->plan, "fleet"};
	cleanup(trust_free) struct trust *t = NULL;

	if (!trustdir_open(&t, s, c, clock_now(), e))
		return false;
	for (int copy = 0; copy < 2; copy++) {
		cleanup(trust_free) struct trust *anchor = NULL;
		struct err why;
		if (!open_anchor(&anchor, c, copy, (struct trust_time){0}, &why) && !(copy && why.code == ERR_MISSING))
			buf_form(names, "%s%s/" CONFIG_ANCHOR "%s", names->len ? ", " : "", c->dir, copy ? ".2" : "");
	}
	cleanup(free_ptr) char *root = role_path("root", (int64_t)trust_version(t, "root") + 1);
	if (fs_exists(s->dir, root))
		buf_form(names, "%s%s", names->len ? ", " : "", root + strlen("trust/"));
	for (size_t i = 0; i < COUNT_OF(roles); i++)
		if (!is_held(t, s, roles[i]))
			buf_form(names, "%s%s.json", names->len ? ", " : "", roles[i]);
	if (fs_exists(s->dir, "trust/floor") && !number_read(s, "trust/floor"))
		buf_form(names, "%sfloor", names->len ? ", " : "");
	return true;
}

bool trustdir_clear(const struct store *s, struct err *e)
{
	return fs_remove_tree(s->dir, "trust", e) && fs_mkdir(s->dir, "trust", 0755, e);
}
