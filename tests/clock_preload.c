/* Another time for a program that is linked dynamically: LD_PRELOAD it, and its clocks say FLEET_TEST_TIME; not those that
 * only count on, like CLOCK_BOOTTIME. "@FILE": what stands in FILE now, so that it can jump. FLEET_TEST_SYNCED=yes|no: what the
 * kernel says of its quality. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static time_t read_time(const char *path)
{
	char text[32] = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	return n > 0 ? (time_t)atoll(text) : 0;
}

__attribute__((visibility("default"))) time_t time(time_t *out)
{
	const char *said = getenv("FLEET_TEST_TIME");
	time_t now = !said ? 0 : said[0] == '@' ? read_time(said + 1) : (time_t)atoll(said);

	if (out)
		*out = now;
	return now;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *out)
{
	if (clock != CLOCK_REALTIME)
		return (int)syscall(SYS_clock_gettime, clock, out);
	*out = (struct timespec){.tv_sec = time(NULL)};
	return 0;
}

__attribute__((visibility("default"))) int adjtimex(struct timex *t)
{
	const char *said = getenv("FLEET_TEST_SYNCED");
	int state = (int)syscall(SYS_adjtimex, t);

	if (said)
		t->maxerror = strcmp(said, "yes") == 0 ? 0 : 16000000; /* 16 s: it does not know */
	return said ? TIME_OK : state;
}
