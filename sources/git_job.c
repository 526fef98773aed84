/* The words of a job. */
#include "sources/git_job.h"

enum { PATH_MOST = 4 * KIB, FILES_MAX = 1000000, TIMESTAMP_MAX = 64 * KIB, HISTORY_MAX = 10000 };

static const struct shape_field file_shape[] = {
	{"path", SHAPE_TEXT, offsetof(struct git_job_file, path), .required = true},
	{"alone", SHAPE_BOOL, offsetof(struct git_job_file, alone), .omit_zero = true},
	{"plan", SHAPE_NAME, offsetof(struct git_job_file, plan)},
	{0},
};
const struct shape_field git_job_shape[] = {
	{"access", SHAPE_OBJECT, offsetof(struct git_job, access), .required = true, .of = git_access_shape},
	{"branch", SHAPE_PATH, offsetof(struct git_job, branch), .required = true},
	{"dir", SHAPE_TEXT, offsetof(struct git_job, dir), .required = true, .max = PATH_MOST},
	{"from", SHAPE_TEXT, offsetof(struct git_job, from), .max = PATH_MOST},
	{"expect", SHAPE_TEXT, offsetof(struct git_job, expect)},
	{"who", SHAPE_TEXT, offsetof(struct git_job, who)},
	{"words", SHAPE_TEXT, offsetof(struct git_job, words)},
	{"when", SHAPE_INT, offsetof(struct git_job, when), .max = INT64_MAX},
	{"history", SHAPE_INT, offsetof(struct git_job, history), .min = 1, .max = HISTORY_MAX, .number = 1},
	{"push", SHAPE_BOOL, offsetof(struct git_job, push)},
	{"grace_s", SHAPE_INT, offsetof(struct git_job, grace_s), .max = INT32_MAX},
	{"files", SHAPE_LIST, offsetof(struct git_job, file), .of = file_shape, .size = sizeof(struct git_job_file),
		.max = FILES_MAX},
	{0},
};
const struct shape_field git_job_done_shape[] = {
	{"code", SHAPE_TEXT, offsetof(struct git_job_done, code)},
	{"text", SHAPE_TEXT, offsetof(struct git_job_done, text), .clean = true},
	{"commit", SHAPE_TEXT, offsetof(struct git_job_done, commit)},
	{"who", SHAPE_TEXT, offsetof(struct git_job_done, who), .clean = true},
	{"timestamp", SHAPE_TEXT, offsetof(struct git_job_done, timestamp), .max = TIMESTAMP_MAX, .clean = true, .lines = true},
	{"when", SHAPE_INT, offsetof(struct git_job_done, when), .min = INT64_MIN, .max = INT64_MAX},
	{"payloads", SHAPE_INT, offsetof(struct git_job_done, payloads), .max = INT64_MAX},
	{"removed", SHAPE_INT, offsetof(struct git_job_done, removed), .max = INT64_MAX},
	{"changed", SHAPE_BOOL, offsetof(struct git_job_done, changed)},
	{0},
};
