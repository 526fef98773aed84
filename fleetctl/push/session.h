/* One SSH session with one host: connected, its key held against the pin, `fleet-agent serve` running, bytes both ways.
 * Never blocks; driven by the loop. */
#pragma once

#include "fleetctl/fleet/fleet.h"
#include "fleetctl/loop/loop.h"
#include "fleetctl/push/login.h"

struct session;
struct session_calls {
	void (*opened)(void *ctx);                    /* the command runs */
	void (*arrived)(void *ctx, struct str bytes);
	void (*writable)(void *ctx);                  /* after session_write took less than it was given */
	/* Once, and nothing after it; ERR_NONE: the host's side closed properly. The host is not named: who asks knows it. */
	void (*ended)(void *ctx, const struct err *why);
	void *ctx;
};
/* Calls come from the loop, never from within this. `connect_ms` bounds everything until `opened`. */
struct session *session_open(struct loop *loop, const struct login *login, const struct host *host, int64_t connect_ms,
	const struct session_calls *calls);
size_t session_write(struct session *s, struct str bytes); /* how many were taken */
struct session_bytes {
	uint64_t in, out; /* of the TCP stream, everything counted */
};
struct session_bytes session_bytes(const struct session *s);
/* Any time, also from within a call; no call comes after it. */
void session_close(struct session **s);
