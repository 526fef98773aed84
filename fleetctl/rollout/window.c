#include "fleetctl/rollout/window.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

/* libc knows zones only through TZ: set for one conversion, and put back. */
static struct tm zone_time(const char *zone, int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm tm = { 0 };
	const char *was = getenv("TZ");
	cleanup(free_ptr) char *before = was ? str_dup(str_of(was)) : NULL;
	setenv("TZ", zone, 1);
	tzset();
	localtime_r(&t, &tm);
	if (before)
		setenv("TZ", before, 1);
	else
		unsetenv("TZ");
	tzset();
	return tm;
}

/* libc takes a zone that it does not know for UTC: at a wrong hour, a window would blind the plan. */
static bool zone_is_known(const char *zone)
{
	const char *dir = getenv("TZDIR");
	cleanup(free_ptr) char *file = path_form("%s/%s", dir ? dir : "/usr/share/zoneinfo", zone);
	return strcmp(zone, "UTC") == 0 || access(file, R_OK) == 0;
}

bool window_is_open(const struct plan *p, int64_t unix_s)
{
	if (!p->has_window || !zone_is_known(p->window.zone))
		return false;
	struct tm tm = zone_time(p->window.zone, unix_s);
	int64_t minute = tm.tm_hour * 60 + tm.tm_min;
	int day = (tm.tm_wday + 6) % 7; /* Monday is 0 */
	if (p->window.from <= p->window.to)
		return p->window.days >> day & 1 && minute >= p->window.from && minute < p->window.to;
	/* over midnight: the part after it belongs to the day before */
	if (minute >= p->window.from)
		return p->window.days >> day & 1;
	return minute < p->window.to && p->window.days >> (day + 6) % 7 & 1;
}
