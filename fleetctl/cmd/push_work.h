/* What `access push` and `agent push` share: one host first, and when it came through the others side by side. */
#pragma once

#include "fleetctl/command.h"
#include "fleetctl/fleet/select.h"
#include "fleetctl/push/renew.h"
#include "fleetctl/rollout/drive.h"

struct push_wishes {
	struct common common;
	struct opt_words selectors;
	const char *identity, *confirm;
	int64_t parallel;
	bool take;
};
#define PUSH_OPTS(w)                                                                                                                     \
	{ "HOSTS", 0, OPT_REST, &(w).selectors, NULL, "ids, globs, plan=NAME, site=NAME, LABEL=VALUE (all)" },                            \
	{ "identity", 'i', OPT_TEXT, &(w).identity, "FILE", "SSH key to come with (default: fleet.yaml, then ssh-agent)" },               \
	{ "parallel", 0, OPT_COUNT, &(w).parallel, "N", "hosts at once, after the first (fleet.yaml's default)", .min = 1, .max = 1024 }, \
	{ "take", 0, OPT_FLAG, &(w).take, NULL, "take hosts over from another operator's rollout" }

struct push_words {
	const char *id;     /* "access": of this push, with a random end */
	const char *good;   /* "12 of 12 hosts ...": how they are now */
	const char *begun;  /* of those that a halt left: "their keys are as before" */
};
struct way; /* of one host */
struct push {
	struct fleet fleet;
	struct repository repository;
	struct login *login, *confirm; /* confirm NULL: login does both */
	struct loop *loop;
	struct timer *more;
	struct chosen chosen;
	struct way *way;
	struct renew_ask ask;
	const struct push_words *words;
	char id[32];
	size_t next, running, done, parallel;
	bool proven;          /* one host came through: then the others, side by side */
	bool halted, stopped;
	const struct show *show;
};
/* Fleet, repository, hosts and SSH keys; kind and wanted of `ask` are the caller's. */
must_check bool push_open(struct push *p, const struct push_wishes *w, const struct renew_kind *kind, const struct push_words *words,
	struct err *e);
/* Until all have ended; what became of them is told: the exit code. `d`: of --json, to be filled and printed; else NULL. */
int push_run(struct push *p, doc *d);
void push_free(struct push *p);
