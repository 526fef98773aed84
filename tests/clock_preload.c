/* Another time for a program that is linked dynamically: LD_PRELOAD it, and its clocks say FLEET_TEST_TIME; not those that
 * only count on, like CLOCK_BOOTTIME. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

__attribute__((visibility("default"))) time_t time(time_t *out)
{
	const char *said = getenv("FLEET_TEST_TIME");
	time_t now = said ? (time_t)atoll(said) : 0;

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
