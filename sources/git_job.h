/* What fleet-push-git is told on its stdin, and answers on its stdout: one JSON document each. */
#pragma once

#include "sources/git_ask.h"

struct git_job_file {
	char *path; /* below `from` */
	bool alone; /* a payload */
	char *plan; /* NULL: in the tree of the branch, if it is not alone; else whose patches it is among */
};
struct git_job {
	struct git_access access;
	char *branch;
	char *dir;           /* absolute; a folder of ours: what the remote has, kept between runs */
	char *from;          /* absolute: repository/ */
	char *expect;        /* the commit that the branch was seen at; NULL: there was no branch */
	char *who, *words;   /* of the commit */
	int64_t when;        /* unix seconds */
	int64_t history;     /* commits that the branch may lead back to */
	bool push;           /* false: look only; what is below stays unread */
	int64_t grace_s;     /* refs/fleet/ that nothing names any more stay so long */
	struct list file;    /* struct git_job_file */
};
struct git_job_done {
	char *code, *text;     /* an error; else NULL, and: */
	char *commit;          /* where the branch is; NULL: there is none */
	char *who, *timestamp; /* who made that commit; its metadata/timestamp.json, NULL: it has none */
	int64_t when;
	int64_t payloads, removed; /* refs that were set and that went */
	bool changed;              /* the branch has moved */
};
extern const struct shape_field git_job_shape[], git_job_done_shape[];
