/* The payload of an update. */
#include "agent/receive/payload.h"

#include "agent/store/bundle.h"
#include "agent/store/staging.h"
#include "agent/take/begin.h"
#include "base/clock.h"

enum { TELL_MS = 5 * 1000 };

static bool check_space(const struct store *s, const struct order *o, const struct bundle_named *b, struct err *e)
{
	return begin_room(s, b, o->payload_length - o->at, e);
}

bool payload_check(const struct store *s, const struct order *o, const struct bundle_named *b, struct err *e)
{
	if (o->payload == PAYLOAD_NONE)
		return bundle_has(s, b->sha256) ||
		       err_set(e, ERR_MISSING, "no payload, and the bundle is not here");
	if (o->payload == PAYLOAD_PATCH && !bundle_has(s, o->base))
		return err_set(e, ERR_MISSING, "the bundle that the patch is against is not here");
	if (o->payload_length > begin_payload_most(b))
		return err_set(e, ERR_LIMIT, "a payload of %lld bytes for a bundle of %lld",
			(long long)o->payload_length, (long long)b->length);
	if (o->at > o->payload_length)
		return err_set(e, ERR_PROTOCOL, "the payload goes on behind its end");
	return check_space(s, o, b, e);
}

static bool tell(struct session *to, const struct order *o, int64_t done, struct err *e)
{
	char step[] = "fetch";

	return session_state(to, &(struct state){.step = step, .done = done, .of = o->payload_length}, e);
}

static bool receive_pieces(struct session *from, int fd, const struct order *o, struct err *e)
{
	int64_t done = o->at, told_ms = 0;

	while (done < o->payload_length) {
		struct frame piece;
		if (!session_expect(from, &piece, FRAME_PIECE, e))
			return false;
		if (piece.body.len == 0)
			return err_set(e, ERR_PROTOCOL, "a piece without a byte");
		if ((int64_t)piece.body.len > o->payload_length - done)
			return err_set(e, ERR_PROTOCOL, "more bytes than the payload has");
		if (!fs_put(fd, piece.body, e))
			return err_in(e, "payload");
		done += (int64_t)piece.body.len;
		if (clock_boot_ms() - told_ms < TELL_MS)
			continue;
		told_ms = clock_boot_ms();
		if (!tell(from, o, done, e))
			return false;
	}
	return true;
}

/* With what is staged of it by now. */
static void say_missing(const struct store *s, const struct order *o, const struct bundle_named *b, struct err *e)
{
	struct order rest = *o;

	rest.at = MIN((int64_t)staging_have(s, o->payload_sha256), o->payload_length);
	(void)!check_space(s, &rest, b, e);
}

bool payload_receive(
	struct session *from, const struct store *s, const struct order *o, const struct bundle_named *b, struct err *e)
{
	cleanup(fd_close) int fd = -1;
	struct err late;

	if (o->payload == PAYLOAD_NONE)
		return true;
	if (!staging_bound(s, o->payload_sha256, e) || !staging_part(&fd, s, o->payload_sha256, (uint64_t)o->at, e))
		return false;
	bool all = receive_pieces(from, fd, o, e);
	bool safe = fs_sync_fd(fd, all ? e : &late);
	if (!(all && safe) && e->code == ERR_SPACE)
		say_missing(s, o, b, e);
	return all && safe && staging_check(s, o->payload_sha256, (uint64_t)o->payload_length, e);
}
