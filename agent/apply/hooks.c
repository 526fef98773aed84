/* The hooks of a release. */
#include "agent/apply/hooks.h"

enum check_result hook_run(struct receipt_check *into, const struct config *c, const struct release *r, enum hook which)
{
	const struct plan *p = &r->manifest.plan;
	const char *script = which == HOOK_START ? p->hooks.start : p->hooks.stop;

	if (!script)
		return CHECK_GREEN;
	struct run run = {
		.config = c,
		.release = r,
		.script = script,
		.name = which == HOOK_START ? "start" : "stop",
		.timeout_ms = HOOK_MS,
	};

	return health_script(into, &run);
}
