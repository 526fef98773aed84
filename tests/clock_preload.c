/* Another time for a program that is linked dynamically: LD_PRELOAD it, and time(2) says FLEET_TEST_TIME. */
#include <stdlib.h>
#include <time.h>

__attribute__((visibility("default"))) time_t time(time_t *out)
{
	const char *said = getenv("FLEET_TEST_TIME");
	time_t now = said ? (time_t)atoll(said) : 0;

	if (out)
		*out = now;
	return now;
}
