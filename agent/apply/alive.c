/* The built-in check `alive`. */
#include "agent/apply/alive.h"

#include <fcntl.h>

#include "agent/probes/record.h"
#include "base/clock.h"

/* NULL when it is alive, else what is wrong. */
static const char *look(int results, const struct health_ask *q, const char *probe)
{
	cleanup(record_free) struct record record = {0};
	char boot[40];
	struct err e;

	clock_boot_id(boot);
	if (!record_read(&record, results, probe, &e))
		return "has not run";
	return record_lacks(&record, q->release->id, boot, q->swapped_ms);
}

enum check_result alive_ask(struct receipt_check *into, const struct health_ask *q)
{
	const struct probe *probe = q->release->manifest.plan.probes.items;
	cleanup(buf_free) struct buf wrong = BUF_MAX(RUN_OUTPUT_MAX);
	cleanup(fd_close) int results = -1;
	struct err e;

	free_ptr(&into->output);
	into->took_ms = into->status = 0;
	if (q->release->manifest.plan.probes.count && !fs_open_dir(&results, AT_FDCWD, q->config->results, &e))
		buf_form(&wrong, "%s\n", e.text);
	for (size_t i = 0; i < q->release->manifest.plan.probes.count && results >= 0; i++) {
		const char *why = look(results, q, probe[i].name);
		if (why)
			buf_form(&wrong, "%s %s\n", probe[i].name, why);
	}
	if (!wrong.len && !wrong.failed)
		return CHECK_GREEN;
	into->status = 1;
	health_say(into, STR_FMT, STR_ARG(buf_str(&wrong)));
	return CHECK_RED;
}
