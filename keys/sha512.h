/* SHA-512, which TUF metadata of others may list beside SHA-256 or alone (TUF 4.4). Nothing of ours is named by it. */
#pragma once

#include "base/str.h"

enum { SHA512_LEN = 64 };

/* Is that the SHA-512 of `bytes`? */
bool sha512_is(const uint8_t wanted[SHA512_LEN], struct str bytes);
