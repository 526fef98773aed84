/* What this Pi stated: receipts/N.json, the newest RECEIPTS_KEPT of them. */
#pragma once

#include "agent/store/store.h"
#include "manifests/receipt.h"

enum { RECEIPTS_KEPT = 64 };
/* Under its number; the oldest one too many goes. Writing one a second time is legal. */
must_check bool receipts_add(const struct store *s, const struct receipt *r, struct err *e);
/* The bytes as they are kept. */
must_check bool receipts_bytes(struct buf *out, const struct store *s, int64_t number, struct err *e);
