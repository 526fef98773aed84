#include "fleetctl/fleet/place.h"

const char *const place_words[] = { "git", "folder", NULL };

enum { DAY_MS = 86400000, KEYS_MAX = 16 };

const struct shape_field place_shape[] = {
	{ "name", SHAPE_NAME, offsetof(struct fleet_place, name), .required = true },
	{ "kind", SHAPE_WORD, offsetof(struct fleet_place, kind), .required = true, .words = place_words },
	{ "url", SHAPE_TEXT, offsetof(struct fleet_place, url) },
	{ "branch", SHAPE_PATH, offsetof(struct fleet_place, branch) },
	{ "ca", SHAPE_TEXT, offsetof(struct fleet_place, ca) },
	{ "identity", SHAPE_TEXT, offsetof(struct fleet_place, identity) },
	{ "host_keys", SHAPE_LIST, offsetof(struct fleet_place, host_keys), .item = SHAPE_TEXT, .max = KEYS_MAX },
	{ "history", SHAPE_INT, offsetof(struct fleet_place, history), .min = 1, .max = 10000, .number = 32 },
	{ "path", SHAPE_TEXT, offsetof(struct fleet_place, path) },
	{ "grace", SHAPE_MS, offsetof(struct fleet_place, grace_ms), .json = "grace_ms", .max = 366 * (int64_t)DAY_MS, .number = 7 * (int64_t)DAY_MS },
	{ "releases", SHAPE_INT, offsetof(struct fleet_place, releases), .max = 32 },
	{ "patches", SHAPE_INT, offsetof(struct fleet_place, patches), .max = 32, .number = 4 },
	{ 0 },
};

static bool starts(const char *text, const char *with)
{
	return text && str_starts(str_of(text), with);
}

static bool check_git(const struct fleet_place *p, struct err *e)
{
	if (p->path)
		return err_set(e, ERR_USAGE, "path: a place of kind git has a url");
	if (!starts(p->url, "ssh://") && !starts(p->url, "https://") && !starts(p->url, "file:///"))
		return err_set(e, ERR_USAGE, "url: expected ssh://[USER@]HOST[:PORT]/PATH, https://HOST/PATH or file:///PATH");
	if (starts(p->url, "ssh://") && !p->host_keys.count)
		return err_set(e, ERR_USAGE, "host_keys: the server's own public keys, as `ssh-keyscan HOST` shows them and its owner confirms");
	return true;
}

static bool check_folder(const struct fleet_place *p, struct err *e)
{
	if (p->url || p->branch || p->ca || p->identity || p->host_keys.count)
		return err_set(e, ERR_USAGE, "a place of kind folder has a path, and nothing of git");
	return p->path || err_set(e, ERR_USAGE, "path: where the folder is");
}

bool place_check(const struct fleet_place *p, struct err *e)
{
	static bool (*const check[])(const struct fleet_place *, struct err *) = {
		[PLACE_GIT] = check_git,
		[PLACE_FOLDER] = check_folder,
	};

	return check[p->kind](p, e);
}
