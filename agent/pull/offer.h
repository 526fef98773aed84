/* What one source offers this host: the rollout document, what is decided by it, and the release with its payload. */
#pragma once

#include "agent/pull/payload.h"
#include "manifests/stage.h"

struct offer {
	struct fetched *fetched;       /* borrowed, refreshed */
	struct pull_state *state;      /* borrowed: the counter and the waiting are kept there */
	struct digest current;
	int64_t current_number;
	bool has_stage;
	struct stage stage;
	struct stage_answer answer, agent_answer; /* of the release, and of the agent itself */
	/* after offer_take */
	struct buf bytes;              /* of the manifest */
	struct manifest manifest;
	struct payload payload;
};
/* Fills stage and both answers. Without a rollout document they are HOLD. */
must_check bool offer_decide(struct offer *o, struct err *e);
/* By what was obeyed last, without asking anybody: may this host take it now? Whoever asks then verifies it all again. */
bool offer_opens(const struct offer *o);
/* The manifest, permitted by the plan's role, and its payload, staged. */
must_check bool offer_take(struct offer *o, struct err *e);
void offer_free(struct offer *o);
