/* What another user of the same Pi says: how a probe ran (fleet-probe writes it, the check `alive` reads it), what a script's unit is asked,
 * what it answers, and words and files over a Unix socket. The first byte says which. Nothing is run that is no release's,
 * what is believed is bounded, and no file that was handed over stays open. */
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/probes/record.h"
#include "agent/script.h"
#include "base/handover.h"
#include "tests/fuzz/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WAIT_MS = 5000, SENT_MAX = 128 * KIB };

/* --- how a probe ran --- */

static void record(const struct room *r, struct str body)
{
	cleanup(record_free) struct record said = {0}, again = {0};
	cleanup(fs_names_free) struct fs_names names = {0};
	struct err e = {0};

	room_put(r, "dns.run", body);
	must(record_names(&names, r->dir, &e) && names.count == 1 && strcmp(names.name[0], "dns") == 0);
	if (!record_read(&said, r->dir, "dns", &e)) {
		must(e.code != ERR_NONE && !said.boot);
		return;
	}
	must(said.boot && said.status >= 0 && said.status <= 255 && body.len <= RECORD_MAX);
	must(record_write(r->dir, "dns", &said, &e) && record_read(&again, r->dir, "dns", &e));
	must(digest_eq(said.release, again.release) && said.started_ms == again.started_ms && strcmp(said.boot, again.boot) == 0);
	/* of another release, boot or swap it says nothing */
	must(record_lacks(&said, digest_of(STR("another")), said.boot, 0) && record_lacks(&said, said.release, "another boot", 0));
	must(!record_lacks(&said, said.release, said.boot, said.started_ms) == (said.wrote && !said.timed_out));
	must(said.started_ms == INT64_MAX || record_lacks(&said, said.release, said.boot, said.started_ms + 1));
	record_forget(r->dir, "dns");
	must(!fs_exists(r->dir, "dns.run"));
}

/* --- over a socket --- */

static void say(int socket, struct str bytes)
{
	while (bytes.len) {
		ssize_t n = send(socket, bytes.data, bytes.len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		bytes = str_bytes(bytes.data + n, bytes.len - (size_t)n);
	}
}

static void pair_of(int end[2])
{
	int room = SENT_MAX;

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, end) == 0);
	must(setsockopt(end[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
}

/* What the unit is asked: in a store without releases nothing can be run, and it says so in one line. */
static void asked(const struct room *r, struct str body)
{
	const struct store s = {.dir = r->dir, .path = (char *)r->path};
	struct config c = {.id = (char *)"ber-D", .plan = (char *)"plan-D", .state = (char *)r->path, .results = (char *)r->path};
	cleanup(buf_free) struct buf line = {0};
	cleanup(doc_free) doc *answer = NULL;
	struct err e = {0};
	int end[2];

	pair_of(end);
	say(end[0], body);
	must(shutdown(end[0], SHUT_WR) == 0);
	if (script_serve(end[1], &c, &s, &e)) {
		must(handover_take(end[0], &line, NULL, 0, WAIT_MS, &e) && doc_read(&answer, buf_str(&line), &e));
		must(doc_str(doc_get(answer, "failed")).len > 0);
	} else {
		must(e.code != ERR_NONE);
	}
	fd_close(&end[0]);
	fd_close(&end[1]);
}

struct unit {
	int listening;
	struct str says;
};

static void *answer_one(void *ctx)
{
	const struct unit *u = ctx;
	int fd = accept(u->listening, NULL, NULL);
	char ask[4 * KIB];

	if (fd < 0)
		return NULL;
	if (recv(fd, ask, sizeof ask, 0) > 0)
		say(fd, u->says);
	close(fd);
	return NULL;
}

/* What it answers, for a receipt and for a person's eyes. */
static void answered(const struct room *r, struct str body)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct unit u = {socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), body};
	struct config c = {.run = (char *)r->path};
	struct release release = {.tree_fd = -1};
	struct run run = {.config = &c, .release = &release, .script = "checks/a.sh", .name = "a", .timeout_ms = 100};
	struct proc_end end = {0};
	struct err e = {0};
	pthread_t thread;

	snprintf(at.sun_path, sizeof at.sun_path, "%s/script.sock", r->path);
	must(u.listening >= 0 && bind(u.listening, (struct sockaddr *)&at, sizeof at) == 0 && listen(u.listening, 1) == 0);
	must(pthread_create(&thread, NULL, answer_one, &u) == 0);
	if (script_run(&end, &run, &e)) {
		must(end.status >= 0 && end.status <= 255 && end.took_ms >= 0 && end.output.len <= RUN_OUTPUT_MAX);
		for (size_t i = 0; i < end.output.len; i++)
			must((unsigned char)end.output.data[i] >= ' ' || end.output.data[i] == '\n');
	} else {
		must(e.code != ERR_NONE && !end.output.data);
	}
	buf_free(&end.output);
	must(pthread_join(thread, NULL) == 0);
	close(u.listening);
}

/* --- files that come along --- */

static void send_with(int socket, struct str bytes, size_t files)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} rights = {0};
	struct iovec part = {(void *)bytes.data, bytes.len};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	int file[8];

	for (size_t i = 0; i < files; i++)
		file[i] = socket;
	if (files) {
		m.msg_control = rights.bytes;
		m.msg_controllen = CMSG_SPACE(files * sizeof *file);
		*CMSG_FIRSTHDR(&m) = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(files * sizeof *file)};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), file, files * sizeof *file);
	}
	(void)!sendmsg(socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int next_fd(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

/* Pieces, each with as many files as its first byte says; two files are expected, as with the lock of an apply. */
static void handed(const struct room *r, struct str body)
{
	cleanup(buf_free) struct buf words = {0};
	int file[2], end[2], before = next_fd();
	struct err e = {0};

	(void)r;
	pair_of(end);
	while (body.len) {
		struct str piece = str_bytes(body.data, MIN(body.len, (size_t)64));
		send_with(end[0], str_bytes(piece.data, piece.len), (unsigned char)piece.data[0] % 8);
		body = str_bytes(body.data + piece.len, body.len - piece.len);
	}
	must(shutdown(end[0], SHUT_WR) == 0);
	if (handover_take(end[1], &words, file, COUNT_OF(file), WAIT_MS, &e)) {
		must(words.len <= HANDOVER_WORDS_MAX && !str_ends(buf_str(&words), "\n"));
		for (size_t i = 0; i < COUNT_OF(file); i++)
			must(fcntl(file[i], F_GETFD) == FD_CLOEXEC && close(file[i]) == 0);
	} else {
		must(e.code != ERR_NONE);
	}
	fd_close(&end[0]);
	fd_close(&end[1]);
	must(next_fd() == before);
}

static void (*const kinds[])(const struct room *r, struct str body) = {record, asked, answered, handed};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct room r;

	if (size < 1 || size > SENT_MAX / 2)
		return 0;
	room_make(&r);
	kinds[data[0] % COUNT_OF(kinds)](&r, str_bytes(data + 1, size - 1));
	room_end(&r);
	return 0;
}
