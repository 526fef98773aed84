/* The host's first words: who it is, what it runs, what it holds. */
#pragma once

#include "agent/receive/session.h"
#include "agent/store/ledger.h"
#include "agent/config.h"

/* The greeting and HELLO. */
must_check bool greet_send(struct session *to, const struct config *c, const struct store *s, struct err *e);
