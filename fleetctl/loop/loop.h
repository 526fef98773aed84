/* The one loop of a command that talks to many hosts: descriptors, timers, ^C, name look-ups. The door to libuv. */
#pragma once

#include <sys/socket.h>

#include "base/err.h"

struct loop;
struct watch; /* one descriptor */
struct timer;

struct loop *loop_new(void);
void loop_free(struct loop **l); /* after all watches and timers are closed */
void loop_run(struct loop *l);   /* until loop_stop, or nothing is left to wait for */
void loop_stop(struct loop *l);

typedef void loop_call(void *ctx);
struct watch *watch_new(struct loop *l, int fd, loop_call *ready, void *ctx);
void watch_want(struct watch *w, bool readable, bool writable);
void watch_close(struct watch **w); /* before the descriptor is closed */

struct timer *timer_new(struct loop *l, loop_call *due, void *ctx);
void timer_in(struct timer *t, int64_t ms); /* once; again moves it; negative: not at all */
void timer_close(struct timer **t);

/* SIGINT and SIGTERM, each time. */
void loop_on_stop(struct loop *l, loop_call *asked, void *ctx);

/* A host name or address; `found` is called once with the addresses (valid during the call) or with count 0 and why.
 * NULL: that can be no name, and `found` is not called. */
struct loop_address {
	struct sockaddr_storage at;
	socklen_t len;
};
typedef void loop_found(void *ctx, const struct loop_address *address, size_t count, const char *why);
struct lookup; /* NULL again after `found` was called is the caller's business */
struct lookup *loop_look_up(struct loop *l, const char *name, int port, loop_found *found, void *ctx);
void lookup_drop(struct lookup **l); /* `found` will not be called */
