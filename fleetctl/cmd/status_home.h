/* What status knows of a host without asking it: by its receipts that came home. */
#pragma once

#include "fleetctl/receipts/home.h"

struct at_home {
	bool any;               /* some came */
	bool has_receipt;       /* they are believed, and this is the newest: */
	struct receipt receipt;
	struct chain_found found;
	char doubt[640];        /* why they are not; empty: they are, or there are none */
};
/* That nobody can look is no reason not to show the rest. */
void at_home_read(struct at_home *out, const struct home *h, const struct host *host);
doc *at_home_doc(const struct at_home *a);
/* Where a chain is told: its word, or NULL when none came. */
const char *at_home_word(const struct at_home *a);
void at_home_free(struct at_home *a);
