/* A public key on its way to the fleet's folder: NAME.pub, one line that a person can read out.
 *   fleet-key ann ed25519 HEX */
#pragma once

#include "keys/public.h"

enum { PUBFILE_MAX = 4 * KIB, KEY_SHORT_SIZE = 20 };

/* "1a2b-3c4d-5e6f-7081": the front of its keyid, for two people to compare. */
void key_short(char out[KEY_SHORT_SIZE], const struct public_key *key);
/* A file of that name is never overwritten; a link is refused. */
must_check bool pubfile_write(const char *path, const char *name, const struct public_key *key, struct err *e);
must_check bool pubfile_read(char **name, struct public_key *key, const char *path, struct err *e);
/* The line alone, of any bytes. */
must_check bool pubfile_of(char **name, struct public_key *key, struct str text, struct err *e);
