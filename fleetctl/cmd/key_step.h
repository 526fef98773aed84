/* Inside `fleetctl key`: the line that each step leaves in the transcript. */
#pragma once

#include "keys/public.h"

/* In `folder`, or in `transcript` when it is not NULL. `key` NULL: no one key is meant; else its short digest stands in the line. */
must_check bool key_note_step(const char *folder, const char *transcript, const char *step, const char *name, const struct public_key *key,
	struct err *e, const char *what, ...) printf_like(7, 8);
