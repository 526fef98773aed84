/* Whose turn it is to sign: what is computed from a repository must be written before anybody else computes from it. */
#pragma once

#include "fleetctl/fleet/fleet.h"

/* Alone from here until `*turn` is closed, or its process ends. `who` is told to others: "sign". ERR_BUSY says whose turn it still
 * is after wait_ms. */
must_check bool turn_take(int *turn, const struct fleet *f, const char *who, int64_t wait_ms, struct err *e);
