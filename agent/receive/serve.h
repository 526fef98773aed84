/* The forced command: one session, one order. */
#pragma once

#include "agent/receive/follow.h"

/* Hello, the order, what it asks for, the answer. What is wrong with the order is told to the other side (REFUSED), and that is
 * a proper end too. False only when the session itself broke, or the host cannot even say who it is. */
must_check bool serve_session(const struct follow *with, struct err *e);
