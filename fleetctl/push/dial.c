#include "fleetctl/push/dial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/fs.h"

enum {
	ADDRESSES_MAX = 8,
	ADDRESS_MS = 5000, /* for one address while there are others: a black hole must not take all the patience */
};

struct dial {
	struct loop *loop;
	struct dial_calls calls;
	char *name;
	int port, fd, last_errno;
	struct lookup *lookup;
	struct loop_address address[ADDRESSES_MAX];
	size_t addresses, tried;
	struct watch *watch;
	struct timer *patience;
};

static void hang_up(struct dial *d)
{
	watch_close(&d->watch);
	fd_close(&d->fd);
}

void dial_drop(struct dial **d)
{
	if (!*d)
		return;
	lookup_drop(&(*d)->lookup);
	timer_close(&(*d)->patience);
	hang_up(*d);
	free((*d)->name);
	free_ptr(d);
}

static void try_next(struct dial *d);

static void connected(void *ctx)
{
	struct dial *d = ctx;
	int error = 0, fd = d->fd;
	socklen_t len = sizeof error;
	getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		d->last_errno = error;
		hang_up(d);
		try_next(d);
		return;
	}
	watch_close(&d->watch);
	timer_in(d->patience, -1);
	d->fd = -1;
	d->calls.connected(d->calls.ctx, fd);
}

static void out_of_patience(void *ctx)
{
	struct dial *d = ctx;
	d->last_errno = ETIMEDOUT;
	hang_up(d);
	try_next(d);
}

static void try_next(struct dial *d)
{
	while (d->tried < d->addresses) {
		struct loop_address *a = &d->address[d->tried++];
		d->fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (d->fd >= 0 && (connect(d->fd, (struct sockaddr *)&a->at, a->len) == 0 || errno == EINPROGRESS)) {
			d->watch = watch_new(d->loop, d->fd, connected, d);
			watch_want(d->watch, false, true);
			timer_in(d->patience, d->tried < d->addresses ? ADDRESS_MS : -1);
			return;
		}
		d->last_errno = errno;
		fd_close(&d->fd);
	}
	char text[300];
	snprintf(text, sizeof text, "no connection to %s port %d: %s", d->name, d->port, strerror(d->last_errno));
	d->calls.failed(d->calls.ctx, text);
}

static void found(void *ctx, const struct loop_address *address, size_t count, const char *why)
{
	struct dial *d = ctx;
	d->lookup = NULL;
	d->addresses = MIN(count, COUNT_OF(d->address));
	memcpy(d->address, address, d->addresses * sizeof *address);
	if (count) {
		try_next(d);
		return;
	}
	char text[300];
	snprintf(text, sizeof text, "address %s is not found: %s", d->name, why);
	d->calls.failed(d->calls.ctx, text);
}

struct dial *dial_start(struct loop *loop, const char *name, int port, const struct dial_calls *calls)
{
	struct dial *d = mem_new(1, sizeof *d);
	*d = (struct dial){ .loop = loop, .calls = *calls, .name = str_dup(str_of(name)), .port = port, .fd = -1 };
	d->patience = timer_new(loop, out_of_patience, d);
	d->lookup = loop_look_up(loop, name, port, found, d);
	if (!d->lookup)
		dial_drop(&d);
	return d;
}
