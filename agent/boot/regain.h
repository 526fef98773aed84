/* What this Pi still knows where both copies of its state are lost. */
#pragma once

#include "agent/config.h"
#include "agent/store/ledger.h"

/* What a receipt says of it; whoever reads one knows that marks older than the receipts kept are gone. */
#define REGAINED "the state was lost, and is made anew of what was left"

/* A ledger from the receipts that are whole and from what runs: which releases are guilty or held, which ran before. What the guard's
 * record has on trial leads back first: nobody can prove it any more. Nothing of it is saved: *said tells whether the newest
 * receipt says REGAINED already, so that it is not stated twice. The caller holds the store's lock. */
must_check bool regain_ledger(struct ledger *out, bool *said, const struct store *s, struct err *e);
