/* The receipts of one host, held against the key that hosts.yaml pins for it and against what was seen of them before: signed,
 * none left out, none said twice in two ways. What that proves: fleetctl(1), WHAT RECEIPTS PROVE. */
#pragma once

#include "fleetctl/db/db.h"
#include "fleetctl/push/talk.h"

/*      say        word         may the newest receipt be believed? */
#define CHAIN_SAYS(X)                                                                                        \
	X(VERIFIED, "verified", true)                                                                        \
	X(UNPINNED, "unpinned", true)  /* hosts.yaml has no receipt_key: nothing can be verified */          \
	X(GAP,      "gap",      true)  /* receipts are missing */                                            \
	X(BACK,     "back",     true)  /* it shows a lower number than was seen: an older copy of the card */ \
	X(FORK,     "fork",     true)  /* one number, two receipts: a copied card */                         \
	X(NEW_KEY,  "new-key",  false) /* signed by another key than the pinned one */                       \
	X(FORGED,   "forged",   false) /* unsigned, wrongly signed, of another host, or none at all */
enum chain_say {
#define X(say, word, believed) CHAIN_##say,
	CHAIN_SAYS(X)
#undef X
};
extern const char *const chain_words[];

struct chain_found {
	enum chain_say say;
	int64_t from, to;           /* verified: from here to the newest; gap: what is missing; back, fork: there */
	struct digest seen, shown;  /* of a fork: what was seen under that number, and what is said now */
	int64_t seen_at;            /* unix seconds; 0: both came just now */
	bool new_chain;             /* other receipts were seen under another key */
	char text[1000];            /* a sentence, with what to do; empty when verified */
};
/* What was heard, as it came. */
struct chain_heard {
	const char *host, *key;     /* its id, and its receipt_key or NULL */
	const struct buf *link;     /* sealed, oldest first, the newest behind them; a number may come twice */
	size_t links;
	struct str newest;
	int64_t claims;             /* the number that its hello gives the newest; 0: not heard */
	int64_t since;              /* where nothing was checked before, numbers up to this one are not expected */
	bool whole;                 /* all since the last one that was checked was asked for: else numbers may be missing between */
};
/* Without a database: `held` is what was seen under this key, by number. *keep gets what is to be remembered (owned). */
void chain_judge(struct chain_found *out, struct link_row **keep, size_t *kept, const struct chain_heard *heard,
	const struct link_row *held, size_t count);

/* The same, with what the database remembers, which learns from it. */
must_check bool chain_check(struct chain_found *out, struct db *db, const struct chain_heard *heard, struct err *e);
/* From which number on a host is to be asked; 0: everything. */
must_check bool chain_since(int64_t *out, struct db *db, const char *host, const char *key, struct err *e);
/* Of the end of a conversation. */
struct chain_heard chain_heard(const struct host *h, const struct talk_end *end, bool whole);
/* False with ERR_SIGNATURE when the newest receipt must not be believed. */
must_check bool chain_believe(const struct chain_found *f, struct err *e);
