/* The documents of trust that an order brings, and what they say about the release it names. */
#pragma once

#include "agent/store/trustdir.h"
#include "agent/take/access.h"
#include "agent/take/program.h"
#include "manifests/manifest.h"
#include "wire/message.h"

enum { PAPERS_MAX_BYTES = 8 * MIB };

/* What both sides hold and PAPERS may be squeezed against: snapshot, the plan's role, the current manifest. */
must_check bool papers_prefix(struct buf *out, const struct store *s, const char *plan, struct err *e);

struct papers {
	const struct order *order; /* these three are borrowed, set by the caller */
	const struct store *store;
	const char *plan;          /* the host's */
	struct buf text;           /* the order's papers behind each other, each of the length and digest that it says */
};
/* `squeezed`: the body of PAPERS, empty when the order has none. */
must_check bool papers_read(struct papers *p, struct str squeezed, struct err *e);
struct str papers_find(const struct papers *p, const char *name); /* data NULL: it was not sent */
void papers_free(struct papers *p);

/* Feed them to trust in the order that TUF says, and make each accepted one last before the next is looked at. */
must_check bool papers_obey(struct trust *t, const struct papers *p, struct err *e);
/* Is the order's release one that the plan's role signs now? Then its manifest, bytes and read. ERR_FOREIGN for another plan,
 * ERR_SIGNATURE when it is not permitted, ERR_OLDER when only `PLAN/manifest.json` names it and its number is not above `number`. */
struct permitted {
	struct buf bytes;
	struct manifest manifest;
	bool stale; /* metadata past its date was let pass */
};
must_check bool papers_permit(struct permitted *out, struct trust *t, const struct papers *p, int64_t number, struct err *e);
void permitted_free(struct permitted *p);

/* What role `agent` signs for this platform now (take_program), brought as the paper of its path. */
must_check bool papers_program(struct program *out, struct buf *document, struct trust *t, const struct papers *p, struct err *e);
/* What role `fleet` signs now (take_access), its documents brought as papers of their paths: "fleet/access.json". */
must_check bool papers_access(struct access_set *out, bool *same, struct trust *t, const struct papers *p, struct err *e);
