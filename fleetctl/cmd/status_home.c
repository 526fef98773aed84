#include "fleetctl/cmd/status_home.h"

#include <stdio.h>

void at_home_read(struct at_home *out, const struct home *home, const struct host *host)
{
	cleanup(home_host_free) struct home_host h = { 0 };
	struct str sealed;
	struct err why;
	if (!home->dir)
		return;
	if (!home_read(&h, home, host, &why)) {
		snprintf(out->doubt, sizeof out->doubt, "%.599s", why.text);
		return;
	}
	out->any = h.count || h.doubt[0];
	out->found = h.found;
	out->has_receipt = home_newest(&out->receipt, &sealed, &h);
	if (h.doubt[0])
		snprintf(out->doubt, sizeof out->doubt, "its receipts are not believed: %s", h.doubt);
}

const char *at_home_word(const struct at_home *a)
{
	if (!a->any)
		return NULL;
	return a->doubt[0] && a->found.say == CHAIN_VERIFIED ? "not readable" : chain_words[a->found.say];
}

doc *at_home_doc(const struct at_home *a)
{
	if (!a->any && !a->doubt[0])
		return NULL;
	doc *d = doc_object();
	doc_set_text(d, "result", at_home_word(a));
	doc_set_int(d, "from", a->found.from);
	doc_set_int(d, "to", a->found.to);
	doc_set_text(d, "text", a->doubt[0] ? a->doubt : NULL);
	doc_set(d, "receipt", a->has_receipt ? shape_write(&a->receipt, receipt_shape) : NULL);
	return d;
}

void at_home_free(struct at_home *a)
{
	receipt_free(&a->receipt);
	a->has_receipt = false;
}
