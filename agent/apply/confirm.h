/* The word that a trial waits for: it can only be said by who came in over a new connection. */
#pragma once

#include "agent/apply/apply.h"

/* The nonce is written down, told, and waited for until the step's deadline; then the check `confirm` is red and says
 * `missing`. */
enum apply_say confirm_wait(struct apply *a, const char *missing, struct err *e);
