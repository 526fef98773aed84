/* Our end of the helper: ask, wait no longer than was agreed, believe nothing. */
#include "sources/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

enum { CHUNK = 64 * KIB };

static bool send_all(int fd, struct str bytes)
{
	while (bytes.len) {
		ssize_t n = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return false;
		n = MAX(n, 0);
		bytes = str_bytes(bytes.data + n, bytes.len - (size_t)n);
	}
	return true;
}

static bool helper_ended(struct err *e)
{
	return err_set(e, ERR_UNREACHABLE, "the helper that fetches has ended: it met a limit, or a server's trap");
}

/* Until a deadline on CLOCK_BOOTTIME. */
static bool wait_readable(int fd, int64_t until_ms, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (;;) {
		int64_t left = until_ms - clock_boot_ms();
		if (left <= 0)
			return err_set(e, ERR_TIMEOUT, "the helper did not answer in time");
		int n = poll(&p, 1, (int)MIN(left, INT32_MAX));
		if (n < 0 && errno != EINTR)
			return err_sys(e, "helper");
		if (n > 0)
			return true;
	}
}

static bool receive(struct parcel_reader *reader, int fd, struct err *e)
{
	char bytes[CHUNK];
	ssize_t n;

	do
		n = read(fd, bytes, sizeof bytes);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return helper_ended(e);
	parcel_feed(reader, str_bytes(bytes, (size_t)n));
	return true;
}

/* What has arrived, as far as it goes. */
static enum reply_say take_all(struct reply *r, struct parcel_reader *reader, struct err *e)
{
	for (;;) {
		struct parcel p;
		enum parcel_say say = parcel_next(reader, &p, e);
		if (say != PARCEL_HERE)
			return say == PARCEL_MORE ? REPLY_MORE : REPLY_BROKEN;
		enum reply_say taken = reply_take(r, &p, e);
		if (taken != REPLY_MORE)
			return taken;
	}
}

static enum reply_say converse(
	struct helper *h, struct reply *r, int64_t patience_ms, int64_t total_ms, struct err *e)
{
	cleanup(parcel_reader_free) struct parcel_reader reader = {0};
	int64_t end = clock_boot_ms() + total_ms + HELPER_GRACE_MS;

	for (;;) {
		if (!wait_readable(h->talk.fd, MIN(end, clock_boot_ms() + patience_ms), e) ||
			!receive(&reader, h->talk.fd, e))
			return REPLY_BROKEN;
		enum reply_say say = take_all(r, &reader, e);
		if (say != REPLY_MORE)
			return say;
	}
}

static bool start(struct helper *h, struct err *e)
{
	char *const argv[] = {h->path, NULL};

	return h->talk.pid > 0 || proc_talk(&h->talk, argv, e);
}

bool helper_ask(
	struct helper *h, struct str frame, struct reply *r, int64_t patience_ms, int64_t total_ms, struct err *e)
{
	if (!start(h, e))
		return false;
	if (!send_all(h->talk.fd, frame)) {
		proc_talk_end(&h->talk);
		return helper_ended(e);
	}
	enum reply_say say = converse(h, r, patience_ms, total_ms, e);
	if (say == REPLY_BROKEN)
		proc_talk_end(&h->talk);
	return say == REPLY_DONE;
}

bool helper_find(char **out, const char *name, const char *packaged, struct err *e)
{
	char self[512] = "";
	struct err none;
	char *slash = fs_readlink(self, AT_FDCWD, "/proc/self/exe", &none) ? strrchr(self, '/') : NULL;

	if (slash)
		*slash = 0;
	char *const at[] = {
		path_form("%s/%s", self, name),
		path_form("%s/../sources/%s", self, name),
		path_form("%s/%s", packaged, name),
	};
	char *found = NULL;
	for (size_t i = 0; i < COUNT_OF(at); i++) {
		if (!found && access(at[i], X_OK) == 0)
			found = at[i];
		else
			free(at[i]);
	}
	*out = found;
	return found || err_set(e, ERR_MISSING, "the helper %s is not beside this program, and not in %s", name, packaged);
}

bool helper_init(struct helper *out, const char *path, struct err *e)
{
	if (access(path, X_OK) != 0)
		return err_sys(e, "%s", path);
	*out = (struct helper){.path = str_dup(str_of(path)), .talk = {.fd = -1}};
	return true;
}

void helper_free(struct helper *h)
{
	proc_talk_end(&h->talk);
	free_ptr(&h->path);
}
