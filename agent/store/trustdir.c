/* trust/: metadata as it was received. */
#include "agent/store/trustdir.h"

#include <ctype.h>

#ifndef FLEET_BUILT
#define FLEET_BUILT 1735689600 /* no clock of a Pi that runs this may stand before it: 2025-01-01 */
#endif

#define DROPPING "trust/dropping"

enum { NUMBER_MAX = 64 };

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

static int64_t number_read(const struct store *s, const char *path)
{
	cleanup(buf_free) struct buf text = BUF_MAX(NUMBER_MAX);
	uint64_t n;
	struct err e;

	return fs_read(&text, s->dir, path, &e) && str_number(&n, str_trim(buf_str(&text)), INT64_MAX) ? (int64_t)n : 0;
}

static bool number_write(const struct store *s, const char *path, int64_t n, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(NUMBER_MAX);

	buf_form(&text, "%lld\n", (long long)n);
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

bool trustdir_open(struct trust **out, const struct store *s, const struct config *c, struct moment now, struct err *e)
{
	cleanup(buf_free) struct buf anchor = {0};
	bool dropping = is_dropping(s);
	struct trust_time time = {dropping ? now.unix_s : MAX(now.unix_s, floor_read(s)), now.synced};
	struct trust *t = NULL;

	if (!config_anchor(&anchor, c, e) || !trust_new(&t, buf_str(&anchor), time, e))
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

bool trustdir_clear(const struct store *s, struct err *e)
{
	return fs_remove_tree(s->dir, "trust", e) && fs_mkdir(s->dir, "trust", 0755, e);
}
