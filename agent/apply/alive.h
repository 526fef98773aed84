/* The built-in check `alive`: every probe of the release ran since the swap, and wrote. */
#pragma once

#include "agent/apply/health.h"

/* Reads what the runner notes beside the results (agent/probes/record.h). Red so far is red. */
enum check_result alive_ask(struct receipt_check *into, const struct health_ask *ask);
