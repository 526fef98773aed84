/* A rollout's options as the database keeps them, so that `resume` goes on as `start` was told. */
#pragma once

#include "fleetctl/rollout/rollout.h"

doc *rollout_options_doc(const struct rollout_options *o);
must_check bool rollout_options_read(struct rollout_options *out, struct str json, struct err *e);
