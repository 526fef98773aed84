/* A repository behind a git remote, fetched and read by a helper program: fleet-fetch-git parses what the server says, in
 * a sandbox. Files come out of the object database; none is ever checked out. How the remote is laid out: git_layout.h.
 *
 * The first ask fetches what is new (one connection, nothing but the list of refs when nothing is), and all later ones
 * are of the same commit; a payload (a bundle, a long patch or target) is fetched when it is asked for, and goes on
 * where it broke. SOURCE_ABSENT is said without a connection where that is possible. */
#pragma once

#include "sources/source.h"

enum {
	GIT_CONNECT_MS = 30 * 1000,
	GIT_IDLE_MS = 30 * 1000,
	GIT_TOTAL_MS = 6 * 3600 * 1000, /* of one ask: a bundle over 32 kbit/s takes its time */
};

struct git {
	const char *helper; /* path of fleet-fetch-git */
	const char *url;    /* ssh://[USER@]HOST[:PORT]/PATH, https://HOST[:PORT]/PATH, file:///PATH */
	const char *branch; /* NULL: main */
	const char *plan;   /* whose patches come along with what is new; NULL: none do */
	const char *dir;    /* absolute; a folder of ours, made when absent: what was fetched is kept here between runs */
	const char *key;    /* ssh: file with the private key, in OpenSSH's form, 0600, no passphrase */
	const char *const *host_keys; /* ssh: "ssh-ed25519 AAAA..."; the server shows one of these; NULL-ended */
	const char *ca; /* https: a file of certificates, and no others are believed; NULL: those of the system */
	/* https: dates of certificates do not count, which needs `ca`: the server's certificate must be signed by one in
	 * there directly. Without `ca`: ERR_REFUSED */
	bool clock_unsure;
	int64_t connect_ms, idle_ms; /* longest without a connection, without a byte; 0: as above */
	int64_t total_ms;            /* of one ask, all in all; 0: as above */
};
/* Everything is copied. ERR_USAGE: an address, a key or a folder that cannot be. */
must_check bool source_git(struct source **out, const struct git *g, struct err *e);
