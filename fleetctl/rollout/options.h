/* A rollout's options, and how the database keeps them, so that `resume` goes on as `start` was told. */
#pragma once

#include "base/doc.h"
#include "fleetctl/rollout/waves.h"

struct rollout_options {
	struct wave_options waves;
	int64_t max_failed, max_unreachable; /* more than this many: halt; max_unreachable -1: never */
	int64_t parallel, soak_ms;
	bool allow_blind, take;
};

doc *rollout_options_doc(const struct rollout_options *o);
must_check bool rollout_options_read(struct rollout_options *out, struct str json, struct err *e);
