/* What git servers must be told of a new host: lines of authorized_keys, each for one repository and one thing to do there, as
 * fleet-agent(8) says. */
#pragma once

#include "base/doc.h"
#include "manifests/origins.h"

struct server_key {
	char *server;  /* "git@hub.example.org" */
	const char *to; /* "fetch", "bring receipts" */
	char *line;
};
struct server_keys {
	struct server_key at[ORIGINS_MAX + 1];
	size_t count;
};
/* Of the origins that are git over ssh. `git_key`, `push_key`: "TYPE BASE64" as the host shows them; NULL: it has none. */
void server_keys_of(struct server_keys *out, const struct origins *o, const char *host, const char *git_key, const char *push_key);
bool server_keys_wanted(const struct origins *o);
void server_keys_free(struct server_keys *k);
