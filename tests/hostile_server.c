/* A web server that misbehaves as its first path component says; for tests. It serves a folder:
 *   http://127.0.0.1:PORT/MODE/a/b      FOLDER/a/b, in the way of MODE
 *   http://127.0.0.1:PORT/MODE@b/a/b    the same, and all that does not end in "b" plainly
 * One process a connection. Prints its port; each request is a line in LOG: connection, mode, path.
 * usage: hostile-server FOLDER LOG */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"

enum { REQUEST_MAX = 16 * KIB, FILE_MAX = 64 * MIB, DRIP_MS = 50, FAT = 200 * KIB };

struct request {
	int fd, port;
	const char *folder, *log;
	char mode[64], path[2 * KIB], etag[128];
	long from; /* of a range; -1: none */
	int status;
	struct buf file;
	bool there;
};

/* --- bytes --- */

static bool put(int fd, struct str s)
{
	while (s.len) {
		ssize_t n = send(fd, s.data, s.len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		s = str_bytes(s.data + n, s.len - (size_t)n);
	}
	return true;
}

static bool say(struct request *r, const char *form, ...) printf_like(2, 3);
static bool say(struct request *r, const char *form, ...)
{
	char text[4 * KIB];
	va_list args;

	va_start(args, form);
	int n = vsnprintf(text, sizeof text, form, args);
	va_end(args);
	return put(r->fd, str_bytes(text, (size_t)n));
}

/* Until the other side has gone. */
static void linger(const struct request *r)
{
	struct pollfd p = {.fd = r->fd, .events = POLLRDHUP};

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

/* False: it went first. */
static bool pause_unless_gone(const struct request *r, int ms)
{
	struct pollfd p = {.fd = r->fd, .events = POLLRDHUP};

	return poll(&p, 1, ms) == 0;
}

static struct str body(const struct request *r)
{
	return buf_str(&r->file);
}

/* --- modes: true keeps the connection --- */

static bool plain(struct request *r)
{
	char etag[64];
	size_t from = r->from > 0 ? (size_t)r->from : 0;

	if (!r->there) {
		r->status = 404;
		return say(r, "HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\nabsent");
	}
	snprintf(etag, sizeof etag, "\"v%zu\"", r->file.len);
	if (strcmp(etag, r->etag) == 0) {
		r->status = 304;
		return say(r, "HTTP/1.1 304 Not Modified\r\nETag: %s\r\n\r\n", etag);
	}
	if (r->from >= 0 && from >= r->file.len) {
		r->status = 416;
		return say(r,
			"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */%zu\r\nContent-Length: 0\r\n\r\n",
			r->file.len);
	}
	r->status = r->from >= 0 ? 206 : 200;
	struct str part = str_bytes(body(r).data + from, r->file.len - from);
	if (r->status == 206 && !say(r, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %zu-%zu/%zu\r\n", from,
					r->file.len - 1, r->file.len))
		return false;
	if (r->status == 200 && !say(r, "HTTP/1.1 200 OK\r\n"))
		return false;
	return say(r, "ETag: %s\r\nContent-Length: %zu\r\n\r\n", etag, part.len) && put(r->fd, part);
}

static bool http10(struct request *r)
{
	if (say(r, r->there ? "HTTP/1.0 200 OK\r\n\r\n" : "HTTP/1.0 404 Not Found\r\n\r\n") && r->there)
		(void)!put(r->fd, body(r));
	return false;
}

static bool http09(struct request *r)
{
	(void)!put(r->fd, body(r));
	return false;
}

static bool claims(struct request *r, size_t length)
{
	return say(r, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", length);
}

static bool half(struct request *r)
{
	return claims(r, r->file.len) && put(r->fd, str_bytes(body(r).data, r->file.len / 2));
}

static bool early(struct request *r)
{
	(void)half(r);
	return false;
}

static bool stall(struct request *r)
{
	if (half(r))
		linger(r);
	return false;
}

static bool claims_more(struct request *r)
{
	if (claims(r, r->file.len + 100) && put(r->fd, body(r)))
		linger(r);
	return false;
}

static bool claims_less(struct request *r)
{
	return claims(r, r->file.len / 2) && put(r->fd, body(r));
}

static bool claims_huge(struct request *r)
{
	if (say(r, "HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n") && put(r->fd, body(r)))
		linger(r);
	return false;
}

static void pour(struct request *r)
{
	static char bytes[64 * KIB];

	memset(bytes, 'x', sizeof bytes);
	while (put(r->fd, str_bytes(bytes, sizeof bytes)))
		;
}

static bool endless(struct request *r)
{
	if (say(r, "HTTP/1.1 200 OK\r\n\r\n") && put(r->fd, body(r)))
		pour(r);
	return false;
}

static bool absent_endless(struct request *r)
{
	r->status = 404;
	if (say(r, "HTTP/1.1 404 Not Found\r\n\r\n"))
		pour(r);
	return false;
}

static bool drip(struct request *r)
{
	bool on = say(r, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", r->file.len + FILE_MAX);

	for (size_t i = 0; on && pause_unless_gone(r, DRIP_MS); i++)
		on = put(r->fd, i < r->file.len ? str_bytes(body(r).data + i, 1) : STR(" "));
	return false;
}

static bool mute(struct request *r)
{
	linger(r);
	return false;
}

static bool hang_up(struct request *r)
{
	(void)r;
	return false;
}

static bool endless_headers(struct request *r)
{
	bool on = say(r, "HTTP/1.1 200 OK\r\n");

	for (unsigned i = 0; on; i++)
		on = say(r, "X-%u: %0512u\r\n", i, i);
	return false;
}

static bool fat_header(struct request *r)
{
	char *fat = mem_new(1, FAT);

	memset(fat, 'y', FAT);
	bool on = say(r, "HTTP/1.1 200 OK\r\nX-Fat: ") && put(r->fd, str_bytes(fat, FAT)) &&
		  say(r, "\r\nContent-Length: %zu\r\n\r\n", r->file.len) && put(r->fd, body(r));
	free(fat);
	return on;
}

static bool endless_hundreds(struct request *r)
{
	while (say(r, "HTTP/1.1 100 Continue\r\n\r\n"))
		;
	return false;
}

static bool garbage(struct request *r)
{
	(void)!say(r, "\x16\x03\x01 lorem ipsum\r\n\r\n");
	return false;
}

static bool redirect(struct request *r, const char *to)
{
	r->status = 302;
	return say(r, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", to);
}

static bool to_file(struct request *r)
{
	return redirect(r, "file:///etc/hostname");
}

static bool to_ftp(struct request *r)
{
	return redirect(r, "ftp://127.0.0.1/root.json");
}

static bool to_other_host(struct request *r)
{
	char to[3 * KIB];

	snprintf(to, sizeof to, "http://localhost:%d/plain/%s", r->port, r->path);
	return redirect(r, to);
}

static bool to_itself(struct request *r)
{
	char to[3 * KIB];

	snprintf(to, sizeof to, "/to-itself/%s", r->path);
	return redirect(r, to);
}

static bool to_plain(struct request *r)
{
	char to[3 * KIB];

	snprintf(to, sizeof to, "/plain/%s", r->path);
	return redirect(r, to);
}

static bool no_range(struct request *r)
{
	r->from = -1;
	r->etag[0] = 0;
	return plain(r);
}

static bool other_range(struct request *r)
{
	r->status = 206;
	return say(r, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-%zu/%zu\r\nContent-Length: %zu\r\n\r\n",
		       r->file.len - 1, r->file.len, r->file.len) &&
	       put(r->fd, body(r));
}

static bool not_asked(struct request *r)
{
	r->status = 304;
	return say(r, "HTTP/1.1 304 Not Modified\r\n\r\n");
}

static bool broken(struct request *r)
{
	r->status = 503;
	return say(r, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nlate");
}

static bool forbidden(struct request *r)
{
	r->status = 403;
	return say(r, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
}

static bool gone(struct request *r)
{
	r->status = 410;
	return say(r, "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
}

static const struct {
	const char *name;
	bool (*serve)(struct request *r);
} modes[] = {
	{"plain", plain},
	{"http10", http10},
	{"http09", http09},
	{"early", early},
	{"stall", stall},
	{"claims-more", claims_more},
	{"claims-less", claims_less},
	{"claims-huge", claims_huge},
	{"endless", endless},
	{"absent-endless", absent_endless},
	{"drip", drip},
	{"mute", mute},
	{"hang-up", hang_up},
	{"endless-headers", endless_headers},
	{"fat-header", fat_header},
	{"endless-hundreds", endless_hundreds},
	{"garbage", garbage},
	{"to-file", to_file},
	{"to-ftp", to_ftp},
	{"to-other-host", to_other_host},
	{"to-itself", to_itself},
	{"to-plain", to_plain},
	{"no-range", no_range},
	{"other-range", other_range},
	{"not-asked", not_asked},
	{"broken", broken},
	{"forbidden", forbidden},
	{"gone", gone},
};

/* --- requests --- */

static struct str line_value(struct str head, const char *name)
{
	while (head.len) {
		struct str line = str_cut(head, '\n', &head);
		if (line.len > strlen(name) && strncasecmp(line.data, name, strlen(name)) == 0)
			return str_trim(str_bytes(line.data + strlen(name), line.len - strlen(name)));
	}
	return STR("");
}

static void copy(char *out, size_t size, struct str s)
{
	snprintf(out, size, STR_FMT, (int)MIN(s.len, size - 1), s.data);
}

/* "GET /MODE@SUFFIX/PATH HTTP/1.1"; as a proxy is asked: "GET http://HOST/MODE..." */
static bool parse(struct request *r, struct str head)
{
	struct str rest, suffix, path, mode;
	uint64_t from;

	str_cut(head, ' ', &rest);
	if (str_starts(rest, "http://"))
		rest = str_bytes(rest.data + strlen("http://"), rest.len - strlen("http://"));
	str_cut(rest, '/', &rest);
	mode = str_cut(str_cut(rest, ' ', &rest), '/', &path);
	mode = str_cut(mode, '@', &suffix);
	copy(r->path, sizeof r->path, path);
	bool other = suffix.len &&
		     (path.len < suffix.len || memcmp(path.data + path.len - suffix.len, suffix.data, suffix.len) != 0);
	copy(r->mode, sizeof r->mode, other ? STR("plain") : mode);
	copy(r->etag, sizeof r->etag, line_value(head, "If-None-Match:"));
	struct str range = line_value(head, "Range: bytes=");
	r->from = range.len > 1 && str_number(&from, str_bytes(range.data, range.len - 1), INT32_MAX) ? (long)from : -1;
	return path.len && !strstr(r->path, "../") && !str_ends(path, "..");
}

static bool receive(int fd, struct buf *head)
{
	char c;

	buf_clear(head);
	while (!str_ends(buf_str(head), "\r\n\r\n")) {
		if (recv(fd, &c, 1, 0) != 1 || head->failed)
			return false;
		buf_byte(head, c);
	}
	return true;
}

static void note(const struct request *r)
{
	char line[4 * KIB];
	int n = snprintf(line, sizeof line, "%ld %s %s\n", (long)getpid(), r->mode, r->path);
	int fd = open(r->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	(void)!write(fd, line, (size_t)n);
	close(fd);
}

/* Noted before it is answered: who has the answer finds the line. */
static bool answer(struct request *r)
{
	struct err ignored;
	cleanup(fd_close) int at = open(r->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	r->file = BUF_MAX(FILE_MAX);
	r->there = fs_read(&r->file, at, r->path, &ignored);
	r->status = r->there ? 200 : 404;
	for (size_t i = 0; i < COUNT_OF(modes); i++)
		if (strcmp(modes[i].name, r->mode) == 0) {
			note(r);
			bool on = modes[i].serve(r);
			buf_free(&r->file);
			return on;
		}
	fprintf(stderr, "hostile-server: no such mode: %s\n", r->mode);
	buf_free(&r->file);
	return false;
}

static void serve(int fd, int port, const char *folder, const char *log)
{
	struct buf head = BUF_MAX(REQUEST_MAX);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	for (;;) {
		struct request r = {.fd = fd, .port = port, .folder = folder, .log = log};
		if (!receive(fd, &head) || !parse(&r, buf_str(&head)) || !answer(&r))
			break;
	}
	buf_free(&head);
	close(fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof at;
	int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t parent = getpid();

	if (argc != 3 || bind(door, (struct sockaddr *)&at, size) != 0 || listen(door, 16) != 0 ||
		getsockname(door, (struct sockaddr *)&at, &size) != 0)
		return 1;
	signal(SIGCHLD, SIG_IGN);
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	for (;;) {
		int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0 && fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() == parent)
				serve(fd, ntohs(at.sin_port), argv[1], argv[2]);
			_exit(0);
		}
		close(fd);
	}
}
