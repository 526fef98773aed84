/* One conversation with one host over the wire: hello, an order, what happens, a receipt. Driven by the loop. */
#pragma once

#include "fleetctl/push/flight.h"
#include "fleetctl/push/session.h"
#include "manifests/receipt.h"

struct talk_end {
	struct err err;          /* ERR_NONE: the order was carried out, and a receipt came; does not name the host */
	bool ordered;            /* the host has heard our order, at least in part */
	bool has_hello, has_receipt;
	struct hello hello;
	struct receipt receipt;
	struct buf receipt_text; /* as the host keeps it, sealed */
	struct buf *link;        /* those before it, oldest first, where they were asked for */
	size_t links;
	struct session_bytes bytes;
};
struct talk_calls {
	/* What to say to this hello. False with an error ends the conversation; `out` zero with true: nothing is wanted. */
	bool (*answer)(void *ctx, const struct hello *hello, struct flight *out, struct err *e);
	void (*state)(void *ctx, const struct state *state);
	void (*sent)(void *ctx, uint64_t done, uint64_t of);     /* of the payload */
	void (*ended)(void *ctx, const struct talk_end *end);    /* once, and nothing after it; borrowed */
	void *ctx;
};
/* With a host that means ill as well: before its hello nothing but the hello counts as said; after it, whatever comes; and however it
 * drips, after `whole_ms` it is over. */
struct talk_patience {
	int64_t connect_ms, silence_ms, whole_ms;
};
/* Of `silence`: how long a question may take in all, and what waits for a trial, before it is asked again. */
enum { TALK_QUESTION = 30, TALK_TRIAL = 360 };
struct talk;
struct talk *talk_start(struct loop *loop, const struct login *login, const struct host *host, struct talk_patience patience,
	const struct talk_calls *calls);
struct session_bytes talk_bytes(const struct talk *t); /* so far; NULL: none */
void talk_drop(struct talk **t); /* any time, also from within a call; no call comes after it */
