/* What this Pi stated. */
#include "agent/store/receipts.h"

static char *receipt_path(int64_t number)
{
	return path_form("receipts/%lld.json", (long long)number);
}

bool receipts_add(const struct store *s, const struct receipt *r, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(RECEIPT_MAX);
	cleanup(free_ptr) char *path = receipt_path(r->number);

	receipt_write(&text, r);
	if (!buf_ok(&text, e) || !store_write(s, path, buf_str(&text), 0644, e))
		return err_in(e, "receipt");
	if (r->number <= RECEIPTS_KEPT)
		return true;
	cleanup(free_ptr) char *old = receipt_path(r->number - RECEIPTS_KEPT);
	return fs_remove(s->dir, old, e);
}

bool receipts_bytes(struct buf *out, const struct store *s, int64_t number, struct err *e)
{
	cleanup(free_ptr) char *path = receipt_path(number);

	out->max = RECEIPT_MAX;
	return fs_read(out, s->dir, path, e) || err_in(e, "receipt");
}
