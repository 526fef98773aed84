/* What this Pi stated: receipts/N.json, sealed with its own key receipts/key, the newest RECEIPTS_KEPT of them. */
#pragma once

#include "agent/store/store.h"
#include "manifests/receipt.h"

/* Sealed under its number; the oldest one too many goes. The same receipt written a second time is the same bytes. *digest is
 * what the next one's `previous` says. A key that is gone or damaged is made anew, for a host must not stop over it: whoever
 * verifies sees another key. */
must_check bool receipts_add(struct digest *digest, const struct store *s, const struct receipt *r, struct err *e);
/* The bytes as they are kept. */
must_check bool receipts_bytes(struct buf *out, const struct store *s, int64_t number, struct err *e);
/* The newest that is there, `number` or one of the kept below it: whoever removed the file gains a gap, not silence. */
must_check bool receipts_newest(struct buf *out, const struct store *s, int64_t number, struct err *e);
/* The newest below or at `number` that is not what the one after it (`digest`: the ledger) names it by; 0: none. Only the
 * statements count: a seal that rotted is seen by whoever verifies it. What is not there is no damage. */
int64_t receipts_damaged(const struct store *s, int64_t number, struct digest digest);
/* By the folder alone, for where the ledger is lost: number 0 when there is none. */
void receipts_last(int64_t *number, struct digest *digest, const struct store *s);

/* receipts/key, made when it is not there; `anew`: made in any case. */
must_check bool receipts_make_key(const struct store *s, bool anew, struct err *e);
/* Its public half as hosts.yaml has it: 64 hexadecimal digits. */
must_check bool receipts_key(char out[DIGEST_HEX + 1], const struct store *s, struct err *e);
