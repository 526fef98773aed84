#include "fleetctl/loop/loop.h"

#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/str.h"

struct loop {
	uv_loop_t uv;
	uv_signal_t signals[2];
	bool listens;
	loop_call *asked;
	void *ctx;
};

#define LOOKUPS_AT_ONCE "32"

struct loop *loop_new(void)
{
	struct loop *l = mem_new(1, sizeof *l);
	setenv("UV_THREADPOOL_SIZE", LOOKUPS_AT_ONCE, 0); /* libuv's four would let four dead names hold up all others */
	if (uv_loop_init(&l->uv) != 0)
		abort();
	return l;
}

static void close_left(uv_handle_t *h, void *ctx)
{
	(void)ctx;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

void loop_free(struct loop **l)
{
	if (!*l)
		return;
	uv_walk(&(*l)->uv, close_left, NULL);
	uv_run(&(*l)->uv, UV_RUN_DEFAULT);
	uv_loop_close(&(*l)->uv);
	free_ptr(l);
}

void loop_run(struct loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

struct watch {
	uv_poll_t poll;
	int events;
	loop_call *ready;
	void *ctx;
};

static void free_handle(uv_handle_t *h)
{
	free(h->data);
}

static void watch_ready(uv_poll_t *poll, int status, int events)
{
	struct watch *w = poll->data;
	(void)events;
	if (status < 0)
		w->events = 0; /* libuv has stopped it; the error shows itself when the owner reads */
	w->ready(w->ctx);
}

struct watch *watch_new(struct loop *l, int fd, loop_call *ready, void *ctx)
{
	struct watch *w = mem_new(1, sizeof *w);
	w->ready = ready;
	w->ctx = ctx;
	w->poll.data = w;
	if (uv_poll_init(&l->uv, &w->poll, fd) != 0)
		abort();
	w->poll.data = w;
	return w;
}

void watch_want(struct watch *w, bool readable, bool writable)
{
	int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
	if (events == w->events)
		return;
	w->events = events;
	if (events)
		uv_poll_start(&w->poll, events, watch_ready);
	else
		uv_poll_stop(&w->poll);
}

void watch_close(struct watch **w)
{
	if (*w)
		uv_close((uv_handle_t *)&(*w)->poll, free_handle);
	*w = NULL;
}

struct timer {
	uv_timer_t uv;
	loop_call *due;
	void *ctx;
};

static void timer_due(uv_timer_t *uv)
{
	struct timer *t = uv->data;
	t->due(t->ctx);
}

struct timer *timer_new(struct loop *l, loop_call *due, void *ctx)
{
	struct timer *t = mem_new(1, sizeof *t);
	t->due = due;
	t->ctx = ctx;
	uv_timer_init(&l->uv, &t->uv);
	t->uv.data = t;
	return t;
}

void timer_in(struct timer *t, int64_t ms)
{
	uv_timer_stop(&t->uv);
	if (ms < 0)
		return;
	uv_update_time(t->uv.loop);
	uv_timer_start(&t->uv, timer_due, (uint64_t)ms, 0);
}

void timer_close(struct timer **t)
{
	if (*t)
		uv_close((uv_handle_t *)&(*t)->uv, free_handle);
	*t = NULL;
}

static void signalled(uv_signal_t *s, int number)
{
	struct loop *l = s->data;
	(void)number;
	l->asked(l->ctx);
}

void loop_on_stop(struct loop *l, loop_call *asked, void *ctx)
{
	static const int which[] = { SIGINT, SIGTERM };
	l->asked = asked;
	l->ctx = ctx;
	for (size_t i = 0; !l->listens && i < COUNT_OF(which); i++) {
		uv_signal_init(&l->uv, &l->signals[i]);
		l->signals[i].data = l;
		uv_signal_start(&l->signals[i], signalled, which[i]);
		uv_unref((uv_handle_t *)&l->signals[i]); /* listening alone keeps nobody waiting */
	}
	l->listens = true;
}

struct lookup {
	uv_getaddrinfo_t uv;
	loop_found *found;
	void *ctx;
};
enum { ADDRESSES_MAX = 8 };

static void looked_up(uv_getaddrinfo_t *uv, int status, struct addrinfo *list)
{
	struct lookup *l = uv->data;
	struct loop_address address[ADDRESSES_MAX];
	size_t count = 0;
	for (struct addrinfo *a = list; a && count < ADDRESSES_MAX; a = a->ai_next) {
		memcpy(&address[count].at, a->ai_addr, a->ai_addrlen);
		address[count++].len = a->ai_addrlen;
	}
	if (l->found)
		l->found(l->ctx, address, count, status ? uv_strerror(status) : "no address");
	uv_freeaddrinfo(list);
	free(l);
}

struct lookup *loop_look_up(struct loop *l, const char *name, int port, loop_found *found, void *ctx)
{
	struct lookup *look = mem_new(1, sizeof *look);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	char service[16];
	snprintf(service, sizeof service, "%d", port);
	look->found = found;
	look->ctx = ctx;
	look->uv.data = look;
	if (uv_getaddrinfo(&l->uv, &look->uv, looked_up, name, service, &hints) != 0) {
		free(look);
		return NULL;
	}
	look->uv.data = look;
	return look;
}

void lookup_drop(struct lookup **l)
{
	if (*l) {
		(*l)->found = NULL;
		uv_cancel((uv_req_t *)&(*l)->uv); /* one that has not begun need not begin; its end frees it */
	}
	*l = NULL;
}
