/* What is kept of a TLS session between two runs, and when the next connection may go on with it. A certificate that was
 * verified once is not verified again by that: so for how long, and for whom, is said here. No I/O. */
#pragma once

#include "base/clock.h"
#include "keys/digest.h"

enum { TICKET_TEXT_MAX = 16 * KIB, TICKET_AGE_S = 7 * 24 * 3600 };

struct ticket {
	int64_t format;
	struct digest whose;   /* server, and what vouched for it: ticket_whose */
	/* Of the handshake in full that began it; later ones inherit it. */
	char *boot;
	int64_t at_ms, at_s;   /* when: on CLOCK_BOOTTIME of that boot, and by the system's clock */
	bool sure;             /* dates of certificates counted */
	int64_t until_s;       /* when the first of its certificates runs out */
	char *session;         /* hexadecimal; owned */
};
struct digest ticket_whose(struct str origin, struct str authorities);
/* False: it is none, whoever wrote it. */
must_check bool ticket_read(struct ticket *out, struct str text);
void ticket_write(struct buf *out, const struct ticket *t);
/* May a connection to `whose` go on with it now? Where dates count, only one whose dates counted, before they run out, and not
 * above TICKET_AGE_S after they were looked at; where the clock is not sure, only in the same boot, and no longer either. */
bool ticket_holds(const struct ticket *t, struct digest whose, bool sure, struct moment now, const char *boot);
void ticket_free(struct ticket *t);
