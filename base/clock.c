/* The one place that asks what time it is. */
#include "base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"

/* The years that four digits can write. */
#define FIRST_S INT64_C(-62167219200)
#define LAST_S  INT64_C(253402300799)

enum { TEXT_LEN = 20, BOOT_ID_LEN = 36, UNSYNCED_US = 16000000 };

int64_t clock_boot_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* As systemd does: the estimated error, not STA_UNSYNC, which time daemons also set to keep the kernel off the RTC. */
static bool is_synced(void)
{
	struct timex x = {.modes = 0};

	return adjtimex(&x) >= 0 && x.maxerror < UNSYNCED_US;
}

struct moment clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (struct moment){.unix_s = t.tv_sec, .boot_ms = clock_boot_ms(), .synced = is_synced()};
}

void clock_boot_id(char out[40])
{
	char id[BOOT_ID_LEN];
	int fd = open(fault_boot_id("/proc/sys/kernel/random/boot_id"), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, id, sizeof id);

	if (fd >= 0)
		close(fd);
	snprintf(out, 40, "%.*s", BOOT_ID_LEN, n == BOOT_ID_LEN ? id : "unknown");
}

void clock_text(char out[24], int64_t unix_s)
{
	time_t t = (time_t)MIN(MAX(unix_s, FIRST_S), LAST_S);
	struct tm tm;

	gmtime_r(&t, &tm);
	snprintf(out, 24, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)(tm.tm_year + 1900) % 10000,
		(unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100,
		(unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

static int digits_of(const char *text, size_t count)
{
	int n = 0;

	for (size_t i = 0; i < count; i++)
		n = n * 10 + (text[i] - '0');
	return n;
}

static bool has_form(struct str text)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";

	if (text.len != TEXT_LEN)
		return false;
	for (size_t i = 0; i < TEXT_LEN; i++) {
		char c = text.data[i];
		if (form[i] == 'd' ? c < '0' || c > '9' : c != form[i])
			return false;
	}
	return true;
}

/* timegm mends what is no date (30 February is 2 March); writing it again shows that it did. */
bool clock_read(int64_t *unix_s, struct str text)
{
	char again[24];

	if (!has_form(text))
		return false;
	struct tm tm = {
		.tm_year = digits_of(text.data, 4) - 1900,
		.tm_mon = digits_of(text.data + 5, 2) - 1,
		.tm_mday = digits_of(text.data + 8, 2),
		.tm_hour = digits_of(text.data + 11, 2),
		.tm_min = digits_of(text.data + 14, 2),
		.tm_sec = digits_of(text.data + 17, 2),
	};
	int64_t t = timegm(&tm);
	clock_text(again, t);
	if (!str_is(text, again))
		return false;
	*unix_s = t;
	return true;
}
