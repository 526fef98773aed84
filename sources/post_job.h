/* What fleet-post-git is told on its stdin, and answers on its stdout: one JSON document each. How receipts lie in git:
 *
 *   refs/heads/BRANCH/HOST   one commit a delivery, and each follows the one before. Its tree has what it brings, N.json, and
 *                            nothing else: so nobody must hold what is there already to add to it. */
#pragma once

#include "sources/git_ask.h"

#define POST_BRANCH "receipts"
enum {
	POST_FILE_MAX = 128 * KIB, /* of one receipt */
	POST_KEPT = 64,            /* of a host, so many of the newest are gathered */
};

struct post_job {
	struct git_access access;
	char *branch;
	char *dir; /* absolute; a folder of ours */
	/* to bring: */
	char *host;          /* whose; NULL: gather */
	char *from;          /* absolute: the folder where N.json are */
	int64_t first, last; /* those between that are missing stay missing */
	int64_t when;        /* unix seconds */
	/* to gather: */
	char *to;          /* absolute: HOST/N.json are made there; an N that was said twice in two ways is N-2.json, too */
	struct list hosts; /* char *: of these, and of nobody else */
};
struct post_done {
	char *code, *text; /* an error; else NULL, and: */
	int64_t count;     /* receipts that were brought; hosts that have brought some */
};
extern const struct shape_field post_job_shape[], post_done_shape[];
