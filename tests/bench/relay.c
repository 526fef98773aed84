/* A slow line on loopback: what comes in goes on half a round trip later, in order, as wide as it likes; bytes are
 * counted. PORT 0: any free one.
 *
 *   relay PORT TARGET-PORT RTT_MS [CUT [HOW]]
 *
 *     CUT: a connection breaks when so many bytes went down it. HOW: "up": when so many went up it; "stall-down",
 *     "stall-up": it stays open, and silent: neither side hears even that the other one has gone.
 *
 *   relay PORT TARGET-PORT RTT_MS -
 *
 *     Orders come on stdin. "CUT HOW": so from now on, counted over all connections, and when it breaks nobody comes through
 *     any more. "end": all that are open break, and the line is whole. Each is answered by the sum since the last.
 *
 * One JSON object a line on stdout: {"port":N} when it listens; at the end of each connection
 * {"up":BYTES,"down":BYTES,"ms":N} (up: from who connected; ms: from its connect until it closed); on SIGTERM, which
 * ends it, the sum of all: {"connections":N,"up":BYTES,"down":BYTES,"cut":N} (cut: those that broke, or went silent).
 * Only payload is counted, no headers of TCP or IP.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024, QUEUE_MAX = 16 * 1024 * 1024, EVENTS = 64 };

#define US_PER_MS    INT64_C(1000)
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))

struct chunk { /* len 0: the end of the stream */
	struct chunk *next;
	int64_t due_us;
	size_t len, sent;
	char data[];
};
struct way { /* from side i of the connection to the other */
	struct chunk *first, **last;
	size_t queued;
	uint64_t bytes, passed;
	bool ended, over; /* read to its end; passed on to its end */
};
struct side {
	struct connection *of;
	int fd; /* -1: the target, not yet connected */
	uint32_t events;
};
struct cut {
	uint64_t at; /* 0: never */
	int way;     /* index of the way whose bytes count */
	bool stall;
};
struct connection {
	struct connection *next;
	struct side side[2]; /* 0: who connected, 1: the target */
	struct way way[2];
	int64_t began_us, closed_us;
	bool cut, stalled, dead;
	bool broke; /* cut or stalled */
};
struct sum {
	uint64_t connections, up, down, cut;
};
struct relay {
	int epoll, listener, signals;
	bool ordered; /* orders come on stdin */
	char order[64];
	size_t order_len;
	uint16_t target;
	int64_t rtt_us;
	struct cut cut;
	uint64_t passed; /* that way since the order, by all connections */
	bool gone;       /* it was cut: nobody comes through any more */
	struct connection *first;
	struct sum sum, told; /* of those that have ended; what the last order was answered with */
};

static void die(const char *what)
{
	fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- connections --- */

static void ways_free(struct connection *c)
{
	for (int i = 0; i < 2; i++)
		for (struct chunk *k = c->way[i].first, *next; k; k = next) {
			next = k->next;
			free(k);
		}
}

static void add(struct sum *s, const struct connection *c)
{
	s->connections++;
	s->up += c->way[0].bytes;
	s->down += c->way[1].bytes;
	s->cut += c->broke;
}

static void tell(const struct sum *s, const struct sum *but)
{
	printf("{\"connections\":%llu,\"up\":%llu,\"down\":%llu,\"cut\":%llu}\n",
		(unsigned long long)(s->connections - but->connections), (unsigned long long)(s->up - but->up),
		(unsigned long long)(s->down - but->down), (unsigned long long)(s->cut - but->cut));
	fflush(stdout);
}

static void report(struct relay *r, const struct connection *c)
{
	int64_t closed_us = c->closed_us ? c->closed_us : now_us();

	add(&r->sum, c);
	printf("{\"up\":%llu,\"down\":%llu,\"ms\":%lld}\n", (unsigned long long)c->way[0].bytes,
		(unsigned long long)c->way[1].bytes, (long long)((closed_us - c->began_us) / US_PER_MS));
	fflush(stdout);
}

static void reap(struct relay *r)
{
	for (struct connection **at = &r->first, *c; (c = *at);) {
		if (!c->dead && !(c->way[0].over && c->way[1].over)) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		report(r, c);
		close(c->side[0].fd);
		if (c->side[1].fd >= 0)
			close(c->side[1].fd);
		ways_free(c);
		free(c);
	}
}

/* What was read beyond what was passed on never arrived. */
static void break_off(const struct relay *r, struct connection *c)
{
	struct way *w = &c->way[r->cut.way];

	w->bytes = w->passed;
	c->broke = true;
	c->stalled = r->cut.stall;
	if (c->stalled)
		return;
	c->cut = r->cut.way == 1;
	c->dead = !c->cut;
	if (c->side[1 - r->cut.way].fd >= 0)
		shutdown(c->side[1 - r->cut.way].fd, SHUT_WR); /* closed at once, what is still on its way would be lost, too */
}

static void side_open(struct relay *r, struct side *s, int fd)
{
	int on = 1;

	s->fd = fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.data.ptr = s}) < 0)
		die("epoll");
}

static void accept_one(struct relay *r)
{
	int fd = accept4(r->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	struct connection *c = calloc(1, sizeof *c);
	if (!c)
		die("memory");
	c->began_us = now_us();
	for (int i = 0; i < 2; i++) {
		c->side[i] = (struct side){.of = c, .fd = -1};
		c->way[i].last = &c->way[i].first;
	}
	c->next = r->first;
	r->first = c;
	side_open(r, &c->side[0], fd);
	if (r->gone)
		break_off(r, c);
}

/* On a real line the caller is connected one round trip after it began, the other side half a one later. */
static int64_t caller_connected_us(const struct relay *r, const struct connection *c)
{
	return c->began_us + r->rtt_us;
}
static int64_t target_due_us(const struct relay *r, const struct connection *c)
{
	return caller_connected_us(r, c) + r->rtt_us / 2;
}

static void connect_target(struct relay *r, struct connection *c)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(r->target),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	/* on loopback it is there at once, or refused */
	if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
		close(fd);
		c->dead = true;
		return;
	}
	side_open(r, &c->side[1], fd);
}

/* --- bytes --- */

static void take(struct relay *r, struct connection *c, int i)
{
	static char room[CHUNK];
	struct way *w = &c->way[i];
	ssize_t n = recv(c->side[i].fd, room, sizeof room, MSG_DONTWAIT);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR) {
			c->closed_us = i == 0 && !c->closed_us ? now_us() : c->closed_us;
			c->dead = true;
		}
		return;
	}
	struct chunk *k = malloc(sizeof *k + (size_t)n);
	int64_t from_us = now_us();
	if (!k)
		die("memory");
	if (i == 0 && from_us < caller_connected_us(r, c))
		from_us = caller_connected_us(r, c);
	*k = (struct chunk){.due_us = from_us + r->rtt_us / 2, .len = (size_t)n};
	memcpy(k->data, room, (size_t)n);
	*w->last = k;
	w->last = &k->next;
	w->queued += (size_t)n;
	if (!c->cut || i == 0)
		w->bytes += (uint64_t)n;
	w->ended = n == 0;
	if (n == 0 && i == 0) {
		c->closed_us = now_us();
		c->dead = c->cut;
	}
}

static size_t left_of(const struct relay *r, const struct connection *c, int i)
{
	if (i != r->cut.way || !r->cut.at)
		return SIZE_MAX;
	return (size_t)(r->cut.at - (r->ordered ? r->passed : c->way[i].passed));
}

static void line_goes(struct relay *r, struct connection *c)
{
	break_off(r, c);
	r->gone = r->ordered;
	for (c = r->gone ? r->first : NULL; c; c = c->next)
		if (!c->broke)
			break_off(r, c);
}

/* Pass on what is due. A side that has closed entirely no longer takes anything: what is left for it is lost, as it
 * would be. */
static void pass(struct relay *r, struct connection *c, int i, int64_t now)
{
	struct way *w = &c->way[i];
	int to = c->side[1 - i].fd;

	while (!c->stalled && !(c->cut && i == 1) && to >= 0 && w->first && w->first->due_us <= now && !c->dead) {
		struct chunk *k = w->first;
		size_t most = MIN_OF(left_of(r, c, i), k->len - k->sent);
		ssize_t n = k->len ? send(to, k->data + k->sent, most, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
		if (n < 0) {
			c->dead = errno != EAGAIN && errno != EINTR;
			return;
		}
		k->sent += (size_t)n;
		w->queued -= (size_t)n;
		w->passed += (uint64_t)n;
		r->passed += i == r->cut.way ? (uint64_t)n : 0;
		if (r->cut.at && left_of(r, c, i) == 0) {
			line_goes(r, c);
			return;
		}
		if (k->sent < k->len)
			return;
		if (k->len == 0) {
			shutdown(to, SHUT_WR);
			w->over = true;
		}
		w->first = k->next;
		if (!w->first)
			w->last = &w->first;
		free(k);
	}
}

static bool blocked(const struct way *w, int64_t now)
{
	return w->first && w->first->due_us <= now;
}

static void want(struct relay *r, struct connection *c, int i, int64_t now)
{
	struct side *s = &c->side[i];
	uint32_t events = 0;

	if (s->fd < 0)
		return;
	if (!c->way[i].ended && c->way[i].queued < QUEUE_MAX)
		events |= EPOLLIN;
	if (!c->stalled && !(c->cut && i == 0) && blocked(&c->way[1 - i], now))
		events |= EPOLLOUT;
	if (events == s->events)
		return;
	s->events = events;
	epoll_ctl(r->epoll, EPOLL_CTL_MOD, s->fd, &(struct epoll_event){.events = events, .data.ptr = s});
}

/* All that is due now; what stays is waited for: its time here, its room by want(). */
static int64_t work(struct relay *r)
{
	int64_t now = now_us();

	for (struct connection *c = r->first; c; c = c->next) {
		if (c->side[1].fd < 0 && !c->broke && target_due_us(r, c) <= now)
			connect_target(r, c);
		for (int i = 0; i < 2; i++)
			pass(r, c, i, now);
		for (int i = 0; i < 2; i++)
			want(r, c, i, now);
	}
	reap(r);
	return now;
}

/* NULL: nothing has a time. `now` is that of work(): what became due since then is not yet passed on. */
static struct timespec *until_due(struct timespec *out, const struct relay *r, int64_t now)
{
	int64_t due_us = INT64_MAX;

	for (const struct connection *c = r->first; c; c = c->next) {
		if (c->side[1].fd < 0 && !c->broke && target_due_us(r, c) < due_us)
			due_us = target_due_us(r, c);
		for (int i = 0; i < 2; i++)
			if (!c->stalled && c->side[1 - i].fd >= 0 && c->way[i].first && c->way[i].first->due_us > now &&
				c->way[i].first->due_us < due_us)
				due_us = c->way[i].first->due_us;
	}
	if (due_us == INT64_MAX)
		return NULL;
	int64_t left_us = due_us - now_us();
	left_us = left_us > 0 ? left_us : 0;
	*out = (struct timespec){.tv_sec = left_us / 1000000, .tv_nsec = (long)(left_us % 1000000 * 1000)};
	return out;
}

/* --- orders --- */

static unsigned long number(const char *text, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n > max) {
		fprintf(stderr, "relay: %s: expected a number up to %lu\n", text, max);
		exit(2);
	}
	return n;
}

static bool how(struct cut *cut, const char *word)
{
	cut->stall = strncmp(word, "stall-", strlen("stall-")) == 0;
	word += cut->stall ? strlen("stall-") : 0;
	cut->way = strcmp(word, "up") == 0 ? 0 : 1;
	return cut->way == 0 || strcmp(word, "down") == 0;
}

static void obey(struct relay *r, char *line)
{
	char *word = strchr(line, ' ');

	if (strcmp(line, "end") == 0) {
		r->cut = (struct cut){.way = 1};
		for (struct connection *c = r->first; c; c = c->next)
			c->dead = true;
		reap(r);
	} else {
		if (word)
			*word++ = 0;
		r->cut.at = number(line, UINT32_MAX);
		if (!word || !how(&r->cut, word)) {
			fprintf(stderr, "relay: not an order: %s\n", line);
			exit(2);
		}
	}
	r->passed = 0;
	r->gone = false;
	struct sum now = r->sum;
	for (struct connection *c = r->first; c; c = c->next)
		add(&now, c);
	tell(&now, &r->told);
	r->told = now;
	r->told.connections =
		r->sum.connections; /* those still open are told of again, with what they bring until then */
}

/* False: nobody orders any more. */
static bool listen_to_orders(struct relay *r)
{
	ssize_t n = read(STDIN_FILENO, r->order + r->order_len, sizeof r->order - r->order_len - 1);

	if (n <= 0)
		return false;
	r->order_len += (size_t)n;
	r->order[r->order_len] = 0;
	for (char *end; (end = strchr(r->order, '\n'));) {
		*end++ = 0;
		obey(r, r->order);
		r->order_len -= (size_t)(end - r->order);
		memmove(r->order, end, r->order_len + 1);
	}
	return r->order_len + 1 < sizeof r->order;
}

/* --- the program --- */

static int listen_on(uint16_t *port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons(*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof at;
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
		bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, SOMAXCONN) < 0 ||
		getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		die("listen");
	*port = ntohs(at.sin_port);
	return fd;
}

static void start(struct relay *r, uint16_t port)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->signals = signalfd(-1, &ends, SFD_CLOEXEC);
	r->listener = listen_on(&port);
	epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->listener,
		&(struct epoll_event){.events = EPOLLIN, .data.ptr = &r->listener});
	epoll_ctl(
		r->epoll, EPOLL_CTL_ADD, r->signals, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &r->signals});
	if (r->ordered && epoll_ctl(r->epoll, EPOLL_CTL_ADD, STDIN_FILENO,
				  &(struct epoll_event){.events = EPOLLIN, .data.ptr = &r->order}) < 0)
		die("stdin");
	printf("{\"port\":%u}\n", port);
	fflush(stdout);
}

/* False: it is time to end. */
static bool turn(struct relay *r)
{
	struct epoll_event events[EVENTS];
	struct timespec wait;
	int n = epoll_pwait2(r->epoll, events, EVENTS, until_due(&wait, r, work(r)), NULL);

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == &r->signals)
			return false;
		if (events[i].data.ptr == &r->listener) {
			accept_one(r);
			continue;
		}
		if (events[i].data.ptr == &r->order) {
			if (!listen_to_orders(r))
				return false;
			return true; /* of what else happened some may be freed */
		}
		struct side *s = events[i].data.ptr;
		struct connection *c = s->of;
		int which = s == &c->side[1];
		if (c->stalled && events[i].events & (EPOLLHUP | EPOLLERR))
			epoll_ctl(r->epoll, EPOLL_CTL_DEL, s->fd, NULL); /* the other side never hears of it */
		else if (c->way[which].ended && events[i].events & (EPOLLHUP | EPOLLERR))
			c->dead = true;
		else if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			take(r, c, which);
	}
	return true;
}

int main(int argc, char **argv)
{
	struct relay r = {.cut.way = 1};

	if (argc < 4 || argc > 6 || (argc == 6 && !how(&r.cut, argv[5]))) {
		fprintf(stderr, "usage: relay PORT TARGET-PORT RTT_MS [CUT [down|up|stall-down|stall-up] | -]\n");
		return 2;
	}
	r.target = (uint16_t)number(argv[2], UINT16_MAX);
	r.rtt_us = (int64_t)number(argv[3], 60000) * US_PER_MS;
	r.ordered = argc == 5 && strcmp(argv[4], "-") == 0;
	r.cut.at = argc > 4 && !r.ordered ? number(argv[4], UINT32_MAX) : 0;
	start(&r, (uint16_t)number(argv[1], UINT16_MAX));
	while (turn(&r))
		;
	for (struct connection *c = r.first; c; c = c->next)
		c->dead = true;
	reap(&r);
	tell(&r.sum, &(struct sum){0});
	return 0;
}
