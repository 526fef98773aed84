/* The hooks of a release: stop before the swap, start after it. */
#pragma once

#include "agent/apply/health.h"

enum { HOOK_MS = 30 * 1000 };
enum hook { HOOK_START, HOOK_STOP };
/* Green when it ended well, or when there is none. */
enum check_result hook_run(struct receipt_check *into, const struct config *c, const struct release *r, enum hook which);
