/* The private keys that can sign here: of the keys folder NAME.pem, which holds the key, and NAME.uri, which says where a
 * provider of OpenSSL's finds it; and those that the ssh-agent holds. */
#pragma once

#include "keys/provider.h"
#include "keys/public.h"
#include "keys/secret.h"
#include "keys/ssh_agent.h"

/* Asks for the passphrase of the key NAME, into `passphrase`, which is wiped afterwards. */
typedef bool signer_ask(void *ctx, struct buf *passphrase, const char *name, struct err *e);

struct signer {
	char *name, *path;               /* path NULL: the agent's */
	struct public_key key;
	char *provider, *uri;            /* of a NAME.uri */
	struct secret_key *secret;       /* these two are opened when they are first needed */
	struct provider_key *far;
	struct ssh_agent_key *agent_key; /* borrowed from signers */
};
struct signers {
	struct signer *signer;
	size_t count;
	struct ssh_agent agent;
	struct ssh_agent_key *agent_key;
	size_t agent_keys;
	signer_ask *ask;
	void *ctx;
};
/* `dir` need not exist. `agent`: NULL asks SSH_AUTH_SOCK, "" asks none; an agent that does not answer is none. `ask` NULL:
 * nobody can be asked. */
must_check bool signers_open(struct signers *out, const char *dir, const char *agent, signer_ask *ask, void *ctx, struct err *e);
void signers_free(struct signers *s);
bool signers_have(const struct signers *s, const struct public_key *key);
/* Raw bytes, verified once. ERR_MISSING: not here. */
must_check bool signers_sign(struct buf *signature, struct signers *s, const struct public_key *key, struct str message, struct err *e);

/* `$XDG_DATA_HOME/fleetctl/keys/FLEET`, or below ~/.local/share; the caller frees. */
char *signer_folder(const char *fleet_name);
/* A new Ed25519 key as DIR/NAME.pem, 0600. Refused: a folder in a git work tree, a name that is there, an empty passphrase
 * unless `plain`. */
must_check bool signer_make(struct public_key *out, const char *dir, const char *name, struct str passphrase, bool plain, struct err *e);
/* A key that stays where it is, as DIR/NAME.uri: opened, tried with one signature, and written down. Refused as above. */
must_check bool signer_take(struct public_key *out, const char *dir, const char *name, struct provider_place at, signer_ask *ask,
	void *ctx, struct err *e);
