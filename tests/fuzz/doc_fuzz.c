/* Any bytes as JSON. What is accepted can be written in both forms and read again as the same; a document that is
 * refused leaves nothing. */
#include <stdlib.h>

#include "base/doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void comes_back(const doc *d, void (*write)(struct buf *out, const doc *d))
{
	cleanup(buf_free) struct buf text = {0};
	cleanup(doc_free) doc *again = NULL;
	struct err e = {0};

	write(&text, d);
	if (!buf_ok(&text, &e) || !doc_read(&again, buf_str(&text), &e) || !doc_equal(d, again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(buf_free) struct buf canonical = {0}, twin = {0};
	cleanup(doc_free) doc *d = NULL;
	cleanup(doc_free) doc *same = NULL;
	struct err e = {0};

	if (!doc_read(&d, str_bytes(data, size), &e)) {
		if (d || e.code == ERR_NONE)
			abort();
		return 0;
	}
	comes_back(d, doc_line);
	comes_back(d, doc_pretty);
	doc_canonical(&canonical, d);
	if (!doc_read(&same, str_bytes(data, size), &e))
		abort();
	doc_canonical(&twin, same);
	if (!str_eq(buf_str(&canonical), buf_str(&twin)))
		abort();
	return 0;
}
