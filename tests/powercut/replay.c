/* Disks as they were. Reads what QEMU's blklogwrites noted (the format is the kernel's: admin-guide/device-mapper/log-writes), and
 * makes of a disk as it was at the beginning the disk as it was at any entry.
 *
 *   replay flushes LOG                    the entry of each flush, a line each
 *   replay entries LOG                    how many there are
 *   replay build LOG DISK FROM TO [SEED]  the writes of entries FROM+1 to TO are made on DISK; with SEED those after TO and before
 *                                         the next flush as far as chance has it: each whole, not at all, or some of its sectors
 *
 * A log that was cut off counts as far as it is whole. Exit status: 0, 1 an error, 3 more was flushed than is whole. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint64_t MAGIC = 0x6a736677736872;
enum { VERSION = 1, FLUSH = 1, FUA = 2, DISCARD = 4, MARK = 8, EXIT_CUT_OFF = 3 };

struct log {
	const unsigned char *bytes;
	uint64_t size, noted; /* noted: entries that the head counts, as of the last flush */
	uint32_t sector;      /* bytes */
};
struct entry {
	uint64_t at, length, flags; /* on the disk, in bytes */
	const unsigned char *data;  /* NULL: a discard, or nothing but a flush */
};
struct reader {
	const struct log *log;
	uint64_t place, number; /* of the entry read last, from 1 on */
};

static void die(const char *form, ...) __attribute__((format(printf, 1, 2), noreturn));
static void die(const char *form, ...)
{
	va_list args;

	va_start(args, form);
	fputs("replay: ", stderr);
	vfprintf(stderr, form, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

/* --- reading --- */

static uint64_t u64_at(const unsigned char *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof n);
	return le64toh(n);
}

static struct log log_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint32_t sector;

	if (fd < 0 || fstat(fd, &st) != 0)
		die("%s: %s", path, strerror(errno));
	if (st.st_size < 512)
		die("%s: no log", path);
	const unsigned char *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		die("%s: %s", path, strerror(errno));
	close(fd);
	memcpy(&sector, bytes + 24, sizeof sector);
	struct log l = {bytes, (uint64_t)st.st_size, u64_at(bytes + 16), le32toh(sector)};
	if (u64_at(bytes) != MAGIC || u64_at(bytes + 8) != VERSION)
		die("%s: not a log of writes", path);
	if (l.sector < 512 || l.sector > 4096)
		die("%s: sectors of %" PRIu32 " bytes", path, l.sector);
	return l;
}

/* False at the end, and at an entry that is not whole: a flush has flags, a write has sectors, so one of both there is always. */
static bool next_entry(struct entry *out, struct reader *r)
{
	uint64_t sector = r->log->sector, place = r->place ? r->place : sector;

	if (place > r->log->size || r->log->size - place < sector)
		return false;
	const unsigned char *p = r->log->bytes + place;
	uint64_t at = u64_at(p), count = u64_at(p + 8), flags = u64_at(p + 16), most = r->log->size / sector;
	if ((!count && !flags) || count > most || at > UINT64_MAX / sector)
		return false;
	bool has_data = count && !(flags & (DISCARD | MARK));
	uint64_t end = place + sector + (has_data ? count * sector : 0);
	if (end > r->log->size)
		return false;
	r->place = end;
	r->number++;
	*out = (struct entry){at * sector, count * sector, flags, has_data ? p + sector : NULL};
	return true;
}

static bool is_flush(const struct entry *e)
{
	return e->flags & (FLUSH | FUA);
}

/* --- writing --- */

static void put(int disk, uint64_t at, const unsigned char *data, uint64_t length)
{
	while (length) {
		ssize_t n = pwrite(disk, data, (size_t)length, (off_t)at);
		if (n <= 0)
			die("write: %s", strerror(errno));
		at += (uint64_t)n;
		data += n;
		length -= (uint64_t)n;
	}
}

static void put_entry(int disk, const struct entry *e)
{
	static const unsigned char none[64 * 1024];

	if (e->data)
		put(disk, e->at, e->data, e->length);
	for (uint64_t done = 0; !e->data && (e->flags & DISCARD) && done < e->length; done += sizeof none)
		put(disk, e->at + done, none, e->length - done < sizeof none ? e->length - done : sizeof none);
}

/* xorshift64*: the same for the same seed on every machine. */
static uint64_t chance(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d >> 32;
}

/* A disk's cache writes what it has in any order, and a sector whole or not at all. */
static void put_some(int disk, const struct entry *e, uint32_t sector, uint64_t *state)
{
	switch (chance(state) % 3) {
	case 0:
		return;
	case 1:
		put_entry(disk, e);
		return;
	}
	for (uint64_t done = 0; e->data && done < e->length; done += sector)
		if (chance(state) & 1)
			put(disk, e->at + done, e->data + done, sector);
}

static void build(const struct log *l, const char *path, uint64_t from, uint64_t to, const char *seed)
{
	int disk = open(path, O_WRONLY | O_CLOEXEC);
	struct reader r = {l, 0, 0};
	struct entry e;
	uint64_t state = seed ? strtoull(seed, NULL, 10) * 2 + 1 : 0;

	if (disk < 0)
		die("%s: %s", path, strerror(errno));
	for (int i = 0; seed && i < 8; i++) /* small seeds are alike at first */
		chance(&state);
	while (next_entry(&e, &r)) {
		if (r.number > to && (!seed || is_flush(&e)))
			break;
		if (r.number > to)
			put_some(disk, &e, l->sector, &state);
		else if (r.number > from)
			put_entry(disk, &e);
	}
	if (r.number < to)
		die("the log has %" PRIu64 " entries, not %" PRIu64, r.number, to);
	if (close(disk) != 0)
		die("%s: %s", path, strerror(errno));
}

/* --- telling --- */

static int tell(const struct log *l, bool flushes)
{
	struct reader r = {l, 0, 0};
	struct entry e;

	while (next_entry(&e, &r))
		if (flushes && is_flush(&e))
			printf("%" PRIu64 "\n", r.number);
	if (!flushes)
		printf("%" PRIu64 "\n", r.number);
	return r.number < l->noted ? EXIT_CUT_OFF : 0;
}

static uint64_t number(const char *text)
{
	char *end;

	errno = 0;
	uint64_t n = strtoull(text, &end, 10);
	if (errno || !text[0] || *end)
		die("%s: not a number", text);
	return n;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 3 && (strcmp(what, "flushes") == 0 || strcmp(what, "entries") == 0)) {
		struct log l = log_open(argv[2]);
		return tell(&l, what[0] == 'f');
	}
	if ((argc == 6 || argc == 7) && strcmp(what, "build") == 0) {
		struct log l = log_open(argv[2]);
		if (argc == 7)
			number(argv[6]);
		build(&l, argv[3], number(argv[4]), number(argv[5]), argc == 7 ? argv[6] : NULL);
		return 0;
	}
	die("usage: replay flushes LOG | entries LOG | build LOG DISK FROM TO [SEED]");
}
