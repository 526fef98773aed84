/* What a refresh of the trust code costs: five roles, Ed25519, from the anchor to the manifest; and the most memory that a
 * server without a key can make it use. One JSON line. */
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/manifests/world.h"

enum { TIMES = 500 };

static int64_t cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

/* What is on the heap when the manifest is found: all documents of the walk. */
static size_t held_kib(struct world *w)
{
	struct trust *t = NULL;

	shelf_clear(&w->disk);
	size_t before = mallinfo2().uordblks;
	assert_true(trust_new(&t, buf_str(&w->anchor), w->now, NULL));
	assert_int_equal(feed(w, t), TRUST_DONE);
	trust_seek(t, "plan-D/manifest.json");
	assert_int_equal(feed(w, t), TRUST_DONE);
	assert_true(trust_found(t, &w->target));
	size_t after = mallinfo2().uordblks;
	trust_free(&t);
	return (after - before) / KIB;
}

static void nothing(struct world *w)
{
	(void)w;
}

/* The most memory, in KiB, that a child of this process has had when it has done `what`: by the kernel's own count. */
static long most_kib(struct world *w, void (*what)(struct world *w))
{
	struct rusage u;
	int status = 1;
	pid_t child = fork();

	if (child == 0) {
		what(w);
		_exit(0);
	}
	assert_true(child > 0 && wait4(child, &status, 0, &u) == child && status == 0);
	return u.ru_maxrss;
}

static long growth(struct world *w, void (*what)(struct world *w))
{
	return most_kib(w, what) - most_kib(w, nothing);
}

static void refresh(struct world *w)
{
	shelf_clear(&w->disk);
	assert_int_equal(run(w), ERR_NONE);
	assert_true(w->found);
}

static void refuse(struct world *w)
{
	shelf_clear(&w->disk);
	assert_int_equal(run(w), ERR_SIGNATURE);
}

/* As heavy as a targets role may be: read, and refused for its signature. */
static long hostile(struct world *w, const char *unit)
{
	struct buf *b = shelf_find(&w->served, "1.targets.json");
	size_t count = 0, most = ROLE_WEIGHT_MAX - KIB, each = 0;

	for (const char *c = unit; *c; c++)
		each += *c == '{' || *c == '[' ? 4 : *c == ',' || *c == ':' ? 1 : 0;
	buf_clear(b);
	buf_text(b, "{\"signatures\":[],\"signed\":{\"_type\":\"targets\",\"spec_version\":\"1.0\",\"version\":1,"
		    "\"expires\":\"2099-01-01T00:00:00Z\",\"targets\":{},\"x\":[0");
	for (; count + each < most && b->len + strlen(unit) + 8 < TRUST_TARGETS_MAX; count += each)
		buf_text(b, unit);
	buf_text(b, "]}}");
	return growth(w, refuse);
}

int main(void)
{
	static const char *const units[] = {",{}", ",[]", ",0", ",\"\"", ",{\"a\":0}"};
	static struct world w;
	long worst = 0;
	int64_t began;

	world_make(&w);
	refresh(&w); /* what OpenSSL makes once is made */
	began = cpu_us();
	for (int i = 0; i < TIMES; i++)
		refresh(&w);
	began = cpu_us() - began;
	size_t held = held_kib(&w);
	for (size_t i = 0; i < COUNT_OF(units); i++)
		worst = MAX(worst, hostile(&w, units[i]));
	world_free(&w);
	printf("{\"refresh_cpu_us\":%lld,\"refresh_heap_kib\":%zu,\"hostile_kib\":%ld}\n", (long long)(began / TIMES), held,
		worst);
	return 0;
}
