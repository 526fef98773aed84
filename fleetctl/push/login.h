/* With what we log in, and what a host shows before anybody trusts it. */
#pragma once

#include "base/err.h"

struct ssh_key_struct; /* libssh's */
struct login {
	struct ssh_key_struct *key; /* NULL: the user's ssh-agent and ~/.ssh, as ssh_config says */
};
/* Shared by all sessions of a command. `identity` NULL: as above. An encrypted file belongs into ssh-agent. */
must_check bool login_open(struct login **out, const char *identity, struct err *e);
/* Its public key as "TYPE BASE64", NULL when ssh-agent or ~/.ssh decides; the caller frees. */
char *login_public(const struct login *l);
void login_free(struct login **l);

/* The key a host shows, as "TYPE BASE64", for `host add`; nothing is trusted. Blocks until `connect_ms`. */
must_check bool login_scan(char **host_key, const char *address, int port, int64_t connect_ms, struct err *e);
