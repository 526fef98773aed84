/* Time and bytes, counted where they come in. */
#undef _FORTIFY_SOURCE /* with it the C library has bodies of its own for the functions that are defined here */
#include "sources/git_net.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define stands_in __attribute__((visibility("default")))

/* The one state at file scope of this house: who calls here is another's library, and hands us nothing. */
static struct {
	int64_t connect_ms, idle_ms, end_ms, moved_ms;
	uint64_t left;
	enum { NOTHING, SILENT, TOO_LONG, TOO_MUCH } broke;
} net;

void git_net_limit(int64_t connect_ms, int64_t idle_ms, int64_t total_ms, uint64_t most)
{
	int64_t now = clock_boot_ms();

	net.connect_ms = connect_ms;
	net.idle_ms = idle_ms;
	net.end_ms = now + total_ms;
	net.moved_ms = now;
	net.left = most;
	net.broke = NOTHING;
}

bool git_net_why(struct err *e)
{
	switch (net.broke) {
	case NOTHING:
		break;
	case SILENT:
		err_set(e, ERR_TIMEOUT, "the server said nothing for %lld ms", (long long)net.idle_ms);
		break;
	case TOO_LONG:
		err_set(e, ERR_TIMEOUT, "it took longer than was allowed");
		break;
	case TOO_MUCH:
		err_set(e, ERR_LIMIT, "the server sends more than it may");
	}
	return net.broke != NOTHING;
}

/* Until the server or our patience: what is left of it. */
static int64_t left_ms(void)
{
	int64_t now = clock_boot_ms();

	return MIN(net.moved_ms + net.idle_ms, net.end_ms) - now;
}

static void note_timeout(void)
{
	net.broke = net.end_ms <= clock_boot_ms() ? TOO_LONG : SILENT;
	errno = ETIMEDOUT;
}

static int poll_for(struct pollfd *fds, nfds_t n, int64_t ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000 * 1000000)};

	return ppoll(fds, n, &t, NULL);
}

/* libssh2 waits for ever here. */
stands_in int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	if (!net.end_ms || timeout_ms >= 0)
		return poll_for(fds, n, MAX(timeout_ms, 0));
	for (;;) {
		int64_t left = left_ms();
		if (left <= 0) {
			note_timeout();
			return -1;
		}
		int ready = poll_for(fds, n, left);
		if (ready != 0)
			return ready;
	}
}

/* A blocking connect ends with the time to send. */
stands_in int connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t len)
{
	struct timeval t = {.tv_sec = net.connect_ms / 1000, .tv_usec = net.connect_ms % 1000 * 1000};

	int family = to.__sockaddr__->sa_family;

	if (net.end_ms && (family == AF_INET || family == AF_INET6))
		(void)!setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
	int done = (int)syscall(SYS_connect, fd, to.__sockaddr__, len);
	if (done < 0 && errno == EINPROGRESS)
		errno = ETIMEDOUT;
	net.moved_ms = clock_boot_ms();
	return done;
}

static bool waits(int fd, int flags)
{
	return !(flags & MSG_DONTWAIT) && !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

stands_in ssize_t recv(int fd, void *to, size_t most, int flags)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (net.end_ms && waits(fd, flags) && poll(&p, 1, -1) < 0)
		return -1;
	ssize_t n = recvfrom(fd, to, most, flags, NULL, NULL);
	if (n < 0 && errno == EAGAIN && net.end_ms && left_ms() <= 0)
		note_timeout(); /* in an exchange of keys libssh2 asks here again and again, whatever poll said */
	if (n <= 0 || !net.end_ms)
		return n;
	net.moved_ms = clock_boot_ms();
	if ((uint64_t)n > net.left) {
		net.broke = TOO_MUCH;
		errno = EFBIG;
		return -1;
	}
	net.left -= (uint64_t)n;
	return n;
}
