/* Receipts by git: a host brings its own to a branch of its own, an operator gathers those of all. By the helper fleet-post-git,
 * in its sandbox; how they lie there: post_job.h. */
#pragma once

#include "base/err.h"
#include "base/str.h"

enum { POST_CONNECT_MS = 30 * 1000, POST_IDLE_MS = 30 * 1000 };

struct post {
	const char *helper; /* path of fleet-post-git */
	const char *url;    /* ssh://[USER@]HOST[:PORT]/PATH, file:///PATH */
	const char *branch; /* a host's branch is BRANCH/HOST; NULL: receipts */
	const char *dir;    /* absolute; a folder of ours, made when absent */
	const char *key;    /* ssh: file with the private key, 0600, no passphrase; NULL: the keys of ssh-agent will do */
	const char *const *host_keys; /* ssh: "ssh-ed25519 AAAA..."; the server shows one of these; NULL-ended */
	int64_t connect_ms, idle_ms; /* longest without a connection, without a byte; 0: as above */
};
/* FROM/N.json for N from `first` to `last`, as one commit behind what the branch has. What is there already may be brought again.
 * `when`: unix seconds. */
must_check bool post_bring(const struct post *p, const char *host, const char *from, int64_t first, int64_t last, int64_t when,
	struct err *e);
/* The newest of each of these hosts, to TO/HOST/N.json; of who has no branch nothing is there then. One connection. */
must_check bool post_gather(const struct post *p, const char *to, const char *const *hosts, size_t count, struct err *e);
