/* When hosts may be on trial. */
#include "manifests/window.h"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>

#include "base/fs.h"

enum { ALL_DAYS = (1 << 7) - 1 };

static const char *const day_words[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};

/* clang-format off */
#define IN(f) offsetof(struct window, f)
const struct shape_field window_shape[] = {
	{ "zone", SHAPE_PATH, IN(zone), .required = true }, /* it becomes the name of a file */
	{ "days", SHAPE_WORDS, IN(days), .words = day_words, .number = ALL_DAYS },
	{ "from", SHAPE_CLOCK, IN(from), .required = true },
	{ "to", SHAPE_CLOCK, IN(to), .required = true },
	{ 0 },
};
/* clang-format on */

bool window_check(const struct window *w, struct err *e)
{
	if (!w->days)
		return err_set(e, ERR_SYNTAX, "window: no days: it would never open");
	return w->from != w->to || err_set(e, ERR_SYNTAX, "window: from and to are the same");
}

/* libc knows zones only through TZ: set for one conversion, and put back. */
static struct tm zone_time(const char *zone, int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm tm = {0};
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

	return strcmp(zone, "UTC") == 0 || fs_exists(AT_FDCWD, file);
}

bool window_is_known(const struct window *w)
{
	return zone_is_known(w->zone);
}

bool window_is_open(const struct window *w, int64_t unix_s)
{
	if (!window_is_known(w))
		return false;
	struct tm tm = zone_time(w->zone, unix_s);
	int64_t minute = tm.tm_hour * 60 + tm.tm_min;
	int day = (tm.tm_wday + 6) % 7; /* Monday is 0 */
	if (w->from <= w->to)
		return w->days >> day & 1 && minute >= w->from && minute < w->to;
	/* over midnight: the part after it belongs to the day before */
	if (minute >= w->from)
		return w->days >> day & 1;
	return minute < w->to && w->days >> (day + 6) % 7 & 1;
}
