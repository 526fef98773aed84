/* One SSH connection as a person makes it: logged in as a user of the host, one command after the other. Blocks. For what is
 * done to a host before it is one of the fleet; those are reached by session.h. */
#pragma once

#include "base/buf.h"
#include "fleetctl/push/login.h"

struct shell;
struct shell_to {
	const char *address;  /* ssh_config may say HostName, User, Port, identities and a proxy for it */
	const char *user;     /* NULL: as ssh_config says, else ours */
	int64_t port;         /* 0: as ssh_config says, else 22 */
	const char *host_key; /* "TYPE BASE64": this one or ERR_HOSTKEY; NULL: the caller looks at what is shown */
	int64_t connect_ms;
};
/* Connected, nothing said yet. Its errors say where; those of the others do not. */
must_check bool shell_dial(struct shell **out, const struct shell_to *to, struct err *e);
const char *shell_where(const struct shell *s);       /* "10.0.0.2 port 22" */
const char *shell_host_key(const struct shell *s);    /* "TYPE BASE64" */
const char *shell_fingerprint(const struct shell *s); /* "SHA256:...", as `ssh-keygen -l` prints it */
must_check bool shell_login(struct shell *s, const struct login *login, struct err *e);

struct shell_end {
	int status;         /* exit code; -1: a signal ended it */
	struct buf out, said; /* stdout, stderr; what is longer than SHELL_OUTPUT_MAX is dropped */
};
enum { SHELL_OUTPUT_MAX = 1 * MIB };
/* True when it was run and has ended, however. `input` is given on stdin. ERR_TIMEOUT when it says nothing for `silence_ms`. */
must_check bool shell_run(struct shell_end *out, struct shell *s, const char *command, struct str input, int64_t silence_ms, struct err *e);
void shell_end_free(struct shell_end *end);
void shell_close(struct shell **s);
