/* The words of a job. */
#include "sources/post_job.h"

enum { PATH_MOST = 4 * KIB, HOSTS_MAX = 100000 };

const struct shape_field post_job_shape[] = {
	{"access", SHAPE_OBJECT, offsetof(struct post_job, access), .required = true, .of = git_access_shape},
	{"branch", SHAPE_PATH, offsetof(struct post_job, branch), .required = true},
	{"dir", SHAPE_TEXT, offsetof(struct post_job, dir), .required = true, .max = PATH_MOST},
	{"host", SHAPE_NAME, offsetof(struct post_job, host)},
	{"from", SHAPE_TEXT, offsetof(struct post_job, from), .max = PATH_MOST},
	{"first", SHAPE_INT, offsetof(struct post_job, first), .max = INT64_MAX},
	{"last", SHAPE_INT, offsetof(struct post_job, last), .max = INT64_MAX},
	{"when", SHAPE_INT, offsetof(struct post_job, when), .max = INT64_MAX},
	{"to", SHAPE_TEXT, offsetof(struct post_job, to), .max = PATH_MOST},
	{"hosts", SHAPE_LIST, offsetof(struct post_job, hosts), .item = SHAPE_NAME, .max = HOSTS_MAX},
	{0},
};
const struct shape_field post_done_shape[] = {
	{"code", SHAPE_TEXT, offsetof(struct post_done, code)},
	{"text", SHAPE_TEXT, offsetof(struct post_done, text), .clean = true},
	{"count", SHAPE_INT, offsetof(struct post_done, count), .max = INT64_MAX},
	{0},
};
