/* The words of an ask. */
#include "sources/git_ask.h"

#include <sys/stat.h>

enum { URL_MAX = 2 * KIB, PATH_MOST = 4 * KIB, KEYS_MAX = 16, KEY_MAX = 2 * KIB };

static const char *const part_words[] = {"metadata", "targets", "bundles", "patches", NULL};

const struct shape_field git_access_shape[] = {
	{"url", SHAPE_TEXT, offsetof(struct git_access, url), .required = true, .max = URL_MAX},
	{"key", SHAPE_TEXT, offsetof(struct git_access, key), .max = PATH_MOST},
	{"ca", SHAPE_TEXT, offsetof(struct git_access, ca), .max = PATH_MOST},
	{"host_keys", SHAPE_LIST, offsetof(struct git_access, host_keys), .item = SHAPE_TEXT, .max = KEYS_MAX},
	{"clock_unsure", SHAPE_BOOL, offsetof(struct git_access, clock_unsure)},
	{"agent", SHAPE_BOOL, offsetof(struct git_access, agent)},
	{"connect_ms", SHAPE_INT, offsetof(struct git_access, connect_ms), .required = true, .min = 1,
		.max = INT32_MAX},
	{"idle_ms", SHAPE_INT, offsetof(struct git_access, idle_ms), .required = true, .min = 1, .max = INT32_MAX},
	{"total_ms", SHAPE_INT, offsetof(struct git_access, total_ms), .required = true, .min = 1, .max = INT32_MAX},
	{0},
};
const struct shape_field git_ask_shape[] = {
	{"access", SHAPE_OBJECT, offsetof(struct git_ask, access), .required = true, .of = git_access_shape},
	{"branch", SHAPE_PATH, offsetof(struct git_ask, branch), .required = true},
	{"plan", SHAPE_NAME, offsetof(struct git_ask, plan)},
	{"dir", SHAPE_TEXT, offsetof(struct git_ask, dir), .required = true, .max = PATH_MOST},
	{"name", SHAPE_TEXT, offsetof(struct git_ask, name), .required = true},
	{"etag", SHAPE_TEXT, offsetof(struct git_ask, etag)},
	{"part", SHAPE_WORD, offsetof(struct git_ask, part), .required = true, .words = part_words, .keep_empty = true},
	{"max", SHAPE_INT, offsetof(struct git_ask, max), .required = true, .max = INT64_MAX},
	{"from", SHAPE_INT, offsetof(struct git_ask, from), .max = INT64_MAX},
	{0},
};

static bool check_key(const char *key, struct err *e)
{
	struct stat st;

	if (!key)
		return err_set(e, ERR_USAGE, "git over ssh needs a private key file");
	if (stat(key, &st) != 0)
		return err_sys(e, "private key %s", key);
	if (st.st_mode & 077)
		return err_set(e, ERR_USAGE, "private key %s: others may read it: chmod 600 %s", key, key);
	return true;
}

bool git_access_check(const struct git_access *a, struct err *e)
{
	struct str url = str_of(a->url);

	if (str_starts(url, "ssh://")) {
		if (!a->host_keys.count)
			return err_set(e, ERR_USAGE, "%s: without a pinned host key nobody can say whose server it is: add host_keys",
				a->url);
		return a->agent || check_key(a->key, e);
	}
	if (str_starts(url, "https://") && a->clock_unsure && !a->ca)
		return err_set(e, ERR_REFUSED,
			"%s: the clock is not sure, so the dates of certificates say nothing: git over https waits for the "
			"clock, or needs a pinned `ca`",
			a->url);
	return str_starts(url, "https://") || str_starts(url, "file:///") ||
	       err_set(e, ERR_USAGE, "%s: git reads ssh://, https:// and file:///", a->url);
}
