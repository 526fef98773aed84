/* Inside `fleetctl key`: the line that each step leaves in the transcript, and a doubt. */
#pragma once

#include "fleetctl/show/show.h"
#include "keys/public.h"

/* In `folder`, or in `transcript` when it is not NULL. `key` NULL: no one key is meant; else its short digest stands in the line. */
must_check bool key_note_step(const char *folder, const char *transcript, const char *step, const char *name, const struct public_key *key,
	struct err *e, const char *what, ...) printf_like(7, 8);
/* A role that is a plan's name is good before its plan is there; it may also be a slip: then a note says so. */
void key_doubt_plan(int fleet_at, const struct show *show, const char *role);
