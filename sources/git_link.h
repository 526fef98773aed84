/* Who the server is, and who we are to it: pinned host keys, certificates, keys. */
#pragma once

#include "sources/git_ask.h"
#include "sources/git_lib.h"

struct git_link {
	const struct git_access *access;
	bool offered;   /* our key; a server that asks again does not take it */
	struct err why; /* our own reason to stop */
};
/* The pins, where libgit2 looks for them: it then asks the server for a key of that kind. Below `home`. */
must_check bool git_link_pins(const char *home, const struct git_access *a, struct err *e);
/* Fills the callbacks; `l` lives as long as the connection. Sets the limits of git_net.h. */
void git_link_init(git_remote_callbacks *out, struct git_link *l, const struct git_access *a, uint64_t most_bytes);
/* Connected, or `e` says whose fault it was. */
must_check bool git_link_connect(git_remote *remote, git_direction way, git_remote_callbacks *c, struct err *e);
/* After a failure of libgit2: our own reason, a limit, or its words. Always false. */
bool git_link_failed(const struct git_link *l, int code, struct err *e);
