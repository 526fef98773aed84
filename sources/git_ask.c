/* The words of an ask. */
#include "sources/git_ask.h"

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
