/* The built-in check `alive`. */
#include "agent/apply/alive.h"

#include <fcntl.h>

#include "agent/probes/record.h"
#include "base/clock.h"

/* NULL when it is alive, else what is wrong. */
static const char *look(int results, const char *probe, struct digest release, int64_t swapped_ms)
{
	cleanup(record_free) struct record record = {0};
	char boot[40];
	struct err e;

	clock_boot_id(boot);
	if (!record_read(&record, results, probe, &e))
		return "has not run";
	return record_lacks(&record, release, boot, swapped_ms);
}

bool alive_look(struct buf *wrong, const struct config *c, const struct release *r, int64_t swapped_ms, int64_t often_ms)
{
	const struct list *probes = &r->manifest.plan.probes;
	const struct probe *probe = probes->items;
	cleanup(fd_close) int results = -1;
	bool all = true;
	struct err e;

	if (probes->count && !fs_open_dir(&results, AT_FDCWD, c->results, &e)) {
		buf_form(wrong, "%s\n", e.text);
		return false;
	}
	for (size_t i = 0; i < probes->count; i++) {
		const char *why = probe[i].every_ms > often_ms ? NULL : look(results, probe[i].name, r->id, swapped_ms);
		if (why)
			buf_form(wrong, "%s %s\n", probe[i].name, why);
		all = all && !why;
	}
	return all;
}
