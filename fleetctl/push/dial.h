/* From a name and a port to a connected socket, address by address, never blocking. */
#pragma once

#include "fleetctl/loop/loop.h"

struct dial;
struct dial_calls {
	void (*connected)(void *ctx, int fd);         /* yours to close */
	void (*failed)(void *ctx, const char *why);   /* the last address's reason; nothing comes after it */
	void *ctx;
};
/* Calls come from the loop. NULL: the name can be none of a host. An address that does not answer gives way to the next. */
struct dial *dial_start(struct loop *loop, const char *name, int port, const struct dial_calls *calls);
void dial_drop(struct dial **d); /* any time, also from within a call; no call comes after it */
