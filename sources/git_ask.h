/* What fleet-fetch-git is asked, in a PARCEL_ASK: one file, and all that it takes to reach the remote. */
#pragma once

#include "sources/parcel.h"

/* The server, and who we are to it. Of fetching and of publishing. */
struct git_access {
	char *url, *key, *ca;
	struct list host_keys; /* char *, "ssh-ed25519 AAAA..." */
	bool clock_unsure, agent; /* agent: the keys of ssh-agent will do */
	int64_t connect_ms, idle_ms, total_ms;
};
struct git_ask {
	struct git_access access;
	char *branch, *plan, *dir, *name, *etag;
	int part; /* enum source_part */
	int64_t max, from;
};
/* What can be seen before anything is asked: ERR_USAGE, or ERR_REFUSED while the clock is not sure. */
must_check bool git_access_check(const struct git_access *a, struct err *e);
extern const struct shape_field git_access_shape[], git_ask_shape[];
