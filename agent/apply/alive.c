/* The built-in check `alive`. */
#include "agent/apply/alive.h"

#include <fcntl.h>

#include "base/clock.h"

enum { NOTE_MAX = 4 * KIB };

/* NULL when it is alive, else what is wrong. */
static const char *look(const struct health_ask *q, const char *probe)
{
	cleanup(free_ptr) char *path = path_form("%s/%s.run", q->config->results, probe);
	cleanup(buf_free) struct buf text = BUF_MAX(NOTE_MAX);
	cleanup(doc_free) doc *d = NULL;
	char hex[DIGEST_HEX + 1], boot[40];
	int64_t started;
	struct err e;

	digest_hex(hex, q->release->id);
	clock_boot_id(boot);
	if (!fs_read(&text, AT_FDCWD, path, &e) || !doc_read(&d, buf_str(&text), &e))
		return "has not run";
	if (!str_is(doc_str(doc_get(d, "release")), hex) || !doc_int(doc_get(d, "started_ms"), &started))
		return "has not run since the swap";
	bool this_boot = str_is(doc_str(doc_get(d, "boot")), boot);
	if (q->swapped_ms && (!this_boot || started < q->swapped_ms))
		return "has not run since the swap";
	return doc_true(doc_get(d, "wrote")) ? NULL : "wrote no result";
}

enum check_result alive_ask(struct receipt_check *into, const struct health_ask *q)
{
	const struct probe *probe = q->release->manifest.plan.probes.items;
	cleanup(buf_free) struct buf wrong = BUF_MAX(RUN_OUTPUT_MAX);

	free_ptr(&into->output);
	into->took_ms = into->status = 0;
	for (size_t i = 0; i < q->release->manifest.plan.probes.count; i++) {
		const char *why = look(q, probe[i].name);
		if (why)
			buf_form(&wrong, "%s %s\n", probe[i].name, why);
	}
	if (!wrong.len && !wrong.failed)
		return CHECK_GREEN;
	into->status = 1;
	health_say(into, STR_FMT, STR_ARG(buf_str(&wrong)));
	return CHECK_RED;
}
