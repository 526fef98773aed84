/* Any bytes as what a web server sends, from its status on, through libcurl: whatever it is, what is passed on is bounded and
 * well formed, and there is an answer. The first byte says what was asked: on a condition, from the middle. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sources/https.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 4 * KIB, FROM = 3, SENT_MAX = 16 * KIB, HOPS = 8 };

struct server {
	int listening;
	struct str says;
};

static void must(bool so)
{
	if (!so)
		abort();
}

/* To each who comes, the same; a redirect may come back. */
static void *serve(void *ctx)
{
	const struct server *s = ctx;
	char request[4 * KIB];

	for (;;) {
		int fd = accept(s->listening, NULL, NULL);
		if (fd < 0)
			return NULL;
		if (recv(fd, request, sizeof request, 0) > 0 && s->says.len)
			(void)!send(fd, s->says.data, s->says.len, MSG_NOSIGNAL);
		close(fd); /* nothing of the request is unread: no reset takes the answer away */
	}
}

static int listen_at(char url[64])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, HOPS) == 0 &&
		getsockname(fd, (struct sockaddr *)&at, &len) == 0);
	snprintf(url, 64, "http://127.0.0.1:%d/a", ntohs(at.sin_port));
	return fd;
}

/* What came out: frames that hold together, and no more bytes than were asked for. */
static void check(int fd, const struct parcel_ask *ask, bool ok)
{
	cleanup(parcel_reader_free) struct parcel_reader reader = {0};
	char bytes[4 * KIB];
	uint64_t passed = 0;
	struct parcel p;
	struct err e = {0};
	bool ended = false;
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
		parcel_feed(&reader, str_bytes(bytes, (size_t)n));
		enum parcel_say say;
		while ((say = parcel_next(&reader, &p, &e)) == PARCEL_HERE) {
			passed += p.kind == PARCEL_PIECE ? p.body.len : 0;
			ended = p.kind == PARCEL_END;
		}
		must(say == PARCEL_MORE);
	}
	must(passed <= (uint64_t)ask->max && ended == ok);
}

static void ask_once(struct https *h, const char *url, uint8_t how)
{
	struct parcel_ask ask = {.url = (char *)url, .max = MOST, .connect_ms = 1000, .idle_ms = 1000, .total_ms = 2000};
	struct err e = {0};
	int pair[2];

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	ask.etag = how & 1 ? "\"v1\"" : NULL;
	ask.from = how & 2 ? FROM : 0;
	ask.squeezed = how & 4;
	bool ok = https_answer(h, &ask, pair[0], &e);
	must(ok || e.code != ERR_NONE);
	check(pair[1], &ask, ok);
	close(pair[0]);
	close(pair[1]);
}

/* After a plain answer on the same handle: what it left there must not be gone on with. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct https *h; /* as the helper: one for many asks */
	struct server s;
	struct err e = {0};
	pthread_t thread;
	char url[64];

	if (size < 1 || size > SENT_MAX)
		return 0;
	must(h || https_new(&h, &e));
	s = (struct server){listen_at(url), STR("HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 1\r\n\r\na")};
	must(pthread_create(&thread, NULL, serve, &s) == 0);
	ask_once(h, url, 0);
	s.says = str_bytes(data + 1, size - 1);
	ask_once(h, url, data[0]);
	shutdown(s.listening, SHUT_RDWR);
	must(pthread_join(thread, NULL) == 0);
	close(s.listening);
	return 0;
}
