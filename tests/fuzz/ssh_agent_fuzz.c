/* Replies of an ssh-agent, forged. What is accepted must be usable: keys of a known type, signatures of a sane length. */
#include <stdlib.h>

#include "keys/ssh_agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void signature_of(enum key_type type, struct str reply)
{
	cleanup(buf_free) struct buf signature = { 0 };
	struct err e = { 0 };

	if (!ssh_agent_read_signature(&signature, type, reply, &e)) {
		if (signature.len || e.code == ERR_NONE)
			abort();
		return;
	}
	if (type == KEY_ED25519 ? signature.len != 64 : type != KEY_P256 || signature.len < 8 || signature.len > 72)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str reply = str_bytes(data, size);
	struct ssh_agent_key *keys = NULL;
	struct err e = { 0 };
	size_t count = 0;

	if (!ssh_agent_read_keys(&keys, &count, reply, &e) && (keys || count || e.code == ERR_NONE))
		abort();
	for (size_t i = 0; i < count; i++) {
		if (!public_check_strength(&keys[i].key, &e) || !keys[i].comment || !keys[i].blob.len)
			abort();
		ssh_agent_key_free(&keys[i]);
	}
	free(keys);
	for (enum key_type type = KEY_UNKNOWN; type <= KEY_RSA; type++)
		signature_of(type, reply);
	return 0;
}
