/* All that a host lacks for a release, by its hello: the order, the papers, the payload. Made before a byte is sent, so that
 * `preview` counts what a rollout will send. wire/PROTOCOL.md. */
#pragma once

#include "fleetctl/repo/repository.h"
#include "wire/frame.h"
#include "wire/message.h"

struct flight {
	struct buf head;      /* order and papers, as frames */
	enum payload_kind kind;
	int payload;          /* open file, or -1 */
	uint64_t at, length;  /* of the payload: from here, in all */
};
struct flight_wish {
	enum order_action action;
	const char *rollout, *who;
	bool take;
	int64_t lease_ms;
	struct digest release; /* of an update */
	const char *nonce;
	bool chain;            /* of ask: also the receipts that come after number `since` */
	int64_t since;
};
/* ERR_MISSING when the repository lacks a file, ERR_OLDER when the host holds newer metadata than this repository. */
must_check bool flight_make(struct flight *out, const struct repository *r, const struct hello *hello, const struct flight_wish *wish,
	struct err *e);
uint64_t flight_bytes(const struct flight *f); /* over the wire, without SSH's own */
void flight_free(struct flight *f);
