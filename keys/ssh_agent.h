/* Signing by the user's ssh-agent (draft-miller-ssh-agent): Ed25519, P-256. The reply is foreign bytes: bounded and checked. */
#pragma once

#include "keys/public.h"

struct ssh_agent {
	int fd; /* never 0: zero is no agent */
};
/* NULL: SSH_AUTH_SOCK. ERR_MISSING when that is not set, ERR_UNREACHABLE when nobody answers there. */
must_check bool ssh_agent_open(struct ssh_agent *out, const char *socket_path, struct err *e);
void ssh_agent_close(struct ssh_agent *a);
struct ssh_agent_key {
	struct public_key key;
	char *comment;   /* without control bytes */
	struct buf blob; /* as the agent names it */
};
/* Those of the agent's keys that can sign TUF metadata. Freed one by one with ssh_agent_key_free, then free(*out). A reply
 * that is late (60 s: a person may have to confirm) is ERR_TIMEOUT, one that is no reply ERR_PROTOCOL; then close. */
must_check bool ssh_agent_list(struct ssh_agent_key **out, size_t *count, const struct ssh_agent *a, struct err *e);
void ssh_agent_key_free(struct ssh_agent_key *k);
/* ERR_REFUSED when the agent does not want to; messages of nearly 256 KiB and more are ERR_LIMIT, as agents refuse them. */
must_check bool ssh_agent_sign(struct buf *signature, const struct ssh_agent *a, const struct ssh_agent_key *k,
	struct str message, struct err *e); /* raw bytes, as public_verify takes them; verified once before it is returned */

/* The pure half, on any bytes: `reply` is what followed the length of the frame. */
must_check bool ssh_agent_read_keys(struct ssh_agent_key **out, size_t *count, struct str reply, struct err *e);
must_check bool ssh_agent_read_signature(struct buf *signature, enum key_type type, struct str reply, struct err *e);
