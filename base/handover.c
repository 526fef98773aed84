/* Words and open files over a Unix socket. */
#include "base/handover.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

bool handover_connect(int *out, const char *path, struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	cleanup(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof at.sun_path)
		return err_set(e, ERR_USAGE, "%s: a socket's path has at most %zu bytes", path, sizeof at.sun_path - 1);
	memcpy(at.sun_path, path, strlen(path));
	if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof at) != 0)
		return err_set(e, ERR_UNREACHABLE, "%s: %s", path, strerror(errno));
	*out = fd;
	fd = -1;
	return true;
}

/* --- sending --- */

union rights {
	struct cmsghdr head; /* for its alignment */
	char bytes[CMSG_SPACE(HANDOVER_FILES_MAX * sizeof(int))];
};

static void attach(struct msghdr *m, union rights *rights, const int *file, size_t files)
{
	if (!files)
		return;
	memset(rights, 0, sizeof *rights);
	m->msg_control = rights->bytes;
	m->msg_controllen = CMSG_SPACE(files * sizeof *file);
	struct cmsghdr *head = CMSG_FIRSTHDR(m);
	*head = (struct cmsghdr){
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(files * sizeof *file)};
	memcpy(CMSG_DATA(head), file, files * sizeof *file);
}

/* The files go with the first bytes. */
bool handover_send(int socket, struct str words, const int *file, size_t files, struct err *e)
{
	cleanup(buf_free) struct buf line = BUF_MAX(HANDOVER_WORDS_MAX + 1);
	union rights rights;

	buf_add(&line, words);
	buf_byte(&line, '\n');
	if (!buf_ok(&line, e))
		return false;
	for (size_t done = 0; done < line.len;) {
		struct iovec part = {line.data + done, line.len - done};
		struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
		attach(&m, &rights, file, done ? 0 : files);
		ssize_t n = sendmsg(socket, &m, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return err_sys(e, "hand over");
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* --- taking --- */

struct taker {
	int file[HANDOVER_FILES_MAX];
	size_t files;
};

static void taker_close(struct taker *t)
{
	for (size_t i = 0; i < t->files; i++)
		fd_close(&t->file[i]);
	t->files = 0;
}

static void take_files(struct taker *t, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (t->files < HANDOVER_FILES_MAX)
				t->file[t->files++] = fd;
			else
				fd_close(&fd);
		}
	}
}

static bool wait_for_bytes(int socket, int64_t until_ms, struct err *e)
{
	struct pollfd fd = {socket, POLLIN, 0};
	int64_t left = until_ms - clock_boot_ms();

	if (left <= 0)
		return err_set(e, ERR_TIMEOUT, "nobody said what to do");
	return poll(&fd, 1, (int)MIN(left, 60 * 1000)) >= 0 || errno == EINTR || err_sys(e, "hand over");
}

/* Adds what is there; *ended: the other side has closed. */
static bool take_some(struct buf *words, struct taker *t, int socket, bool *ended, struct err *e)
{
	char bytes[4 * KIB];
	union rights rights;
	struct iovec part = {bytes, sizeof bytes};
	struct msghdr m = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = rights.bytes, .msg_controllen = sizeof rights.bytes};
	ssize_t n = recvmsg(socket, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*ended = n == 0;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR || err_sys(e, "hand over");
	take_files(t, &m);
	buf_add(words, str_bytes(bytes, (size_t)n));
	return buf_ok(words, e);
}

bool handover_take(int socket, struct buf *words, int *file, size_t files, int64_t timeout_ms, struct err *e)
{
	cleanup(taker_close) struct taker t = {0};
	int64_t until_ms = clock_boot_ms() + timeout_ms;
	bool ended = false;

	words->max = HANDOVER_WORDS_MAX + 1;
	while (!str_ends(buf_str(words), "\n")) {
		if (ended)
			return err_set(e, ERR_PROTOCOL, "the other side has gone");
		if (!wait_for_bytes(socket, until_ms, e) || !take_some(words, &t, socket, &ended, e))
			return false;
	}
	words->data[--words->len] = 0;
	if (memchr(words->data, '\n', words->len))
		return err_set(e, ERR_PROTOCOL, "more than one line was handed over");
	if (t.files != files)
		return err_set(e, ERR_PROTOCOL, "%zu files were handed over, expected %zu", t.files, files);
	for (size_t i = 0; i < files; i++)
		file[i] = t.file[i];
	t.files = 0;
	return true;
}
