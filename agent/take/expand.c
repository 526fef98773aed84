/* A staged payload becomes the bundle that the manifest names. */
#include "agent/take/expand.h"

#include "agent/store/bundle.h"
#include "agent/store/staging.h"
#include "bundles/squeeze.h"
#include "wire/message.h"

static bool expand(
	const struct store *s, const struct staged *from, const struct bundle_named *b, const char *to, struct err *e)
{
	cleanup(fd_close) int in = -1;
	cleanup(fd_close) int out = -1;
	cleanup(fd_close) int base = -1;

	if (from->kind == PAYLOAD_PATCH && !bundle_open(&base, s, from->base, e))
		return err_in(e, "the bundle that the patch is against");
	if (!staging_open(&in, s, from->payload, e) || !fs_create(&out, s->dir, to, 0644, e))
		return false;
	return squeeze_expand(out, in, base, (uint64_t)b->length, b->sha256, e) && fs_sync_fd(out, e);
}

bool expand_staged(const struct store *s, const struct staged *from, const struct bundle_named *b, struct err *e)
{
	char hex[DIGEST_HEX + 1];
	struct err drop;

	digest_hex(hex, b->sha256);
	cleanup(free_ptr) char *to = path_form("staging/%s.tar", hex);
	if (expand(s, from, b, to, e) && bundle_keep(s, b->sha256, to, e))
		return true;
	(void)!fs_remove(s->dir, to, &drop);
	if (e->code == ERR_SPACE)
		(void)!store_needs(s, (uint64_t)b->length, "the bundle", e);
	else if (e->code != ERR_IO) /* what the kernel refused now may be expanded by the next try: bytes are money */
		(void)!staging_drop(s, from->payload, &drop);
	return false;
}
