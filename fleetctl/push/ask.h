/* The same question to many hosts, several at once: their hello, and what an order brought. For status and preview. */
#pragma once

#include "fleetctl/fleet/select.h"
#include "fleetctl/push/talk.h"

struct ask {
	const struct fleet *fleet;
	const struct login *login;
	struct loop *loop;
	const struct chosen *chosen;
	/* What to say to host i's hello; NULL: nothing, the hello is enough. */
	bool (*answer)(void *ctx, size_t i, const struct hello *h, struct flight *out, struct err *e);
	void (*ended)(void *ctx, size_t i, const struct talk_end *end); /* once for each host */
	void *ctx;
};
/* Returns when all have ended, or a person said stop: then false with ERR_STOPPED. */
must_check bool ask_all(const struct ask *a, struct err *e);
