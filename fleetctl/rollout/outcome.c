#include "fleetctl/rollout/rollout.h"
#include "fleetctl/show/show.h"

struct rollout_counts rollout_count(const struct rollout *r)
{
	struct rollout_counts c = { .all = r->count };
	for (size_t i = 0; i < r->count; i++) {
		const struct member_row *m = &r->member[i].row;
		c.of[m->state]++;
		c.ended += member_ended((enum member_state)m->state);
		c.failed += member_failed((enum member_state)m->state);
		c.trial += m->state == MEMBER_RUNNING;
		c.bytes_in += (uint64_t)m->bytes_in;
		c.bytes_out += (uint64_t)m->bytes_out;
	}
	return c;
}

/* Exit codes, design section 8. */
int exit_of(enum err_code code)
{
	switch (code) {
	case ERR_NONE:
		return 0;
	case ERR_INTERNAL:
	case ERR_IO:
	case ERR_SPACE:
		return 1;
	case ERR_USAGE:
	case ERR_SYNTAX:
	case ERR_MISSING:
	case ERR_EXISTS:
	case ERR_LIMIT:
	case ERR_UNSAFE:
	case ERR_PASSPHRASE:
		return 2;
	case ERR_FAILED:
	case ERR_PROTOCOL:
		return 3;
	case ERR_UNREACHABLE:
		return 4;
	case ERR_TIMEOUT:
		return 5;
	case ERR_BUSY:
	case ERR_REFUSED:
		return 6;
	case ERR_SIGNATURE:
	case ERR_DIGEST:
	case ERR_OLDER:
	case ERR_EXPIRED:
	case ERR_FOREIGN:
	case ERR_HOSTKEY:
		return 7;
	case ERR_STOPPED:
		return 130;
	}
	return 1;
}

/* By a receipt: what came was no bundle, or not the one that was signed; all else is the host's own trouble, its disk's too.
 * Without one: trust and our own patience are told apart. */
static int exit_of_failed(const struct member_row *m, enum err_code code)
{
	bool no_bundle = code == ERR_SYNTAX || code == ERR_LIMIT || code == ERR_UNSAFE;
	if (exit_of(code) == 7 || (m->receipt && no_bundle))
		return 7;
	return !m->receipt && exit_of(code) == 5 ? 5 : 3;
}

static int exit_of_member(const struct member_row *m)
{
	enum err_code code = ERR_NONE;
	bool known = m->code && err_code_of(&code, m->code);
	switch ((enum member_state)m->state) {
	case MEMBER_COMMITTED:
	case MEMBER_SAME:
	case MEMBER_UNDONE:
		return 0;
	case MEMBER_ROLLED_BACK:
		return 9;
	case MEMBER_REFUSED:
		return known && exit_of(code) == 7 ? 7 : 6;
	case MEMBER_FAILED:
		return exit_of_failed(m, known ? code : ERR_FAILED);
	case MEMBER_UNREACHABLE:
		return known && exit_of(code) == 7 ? 7 : 4;
	case MEMBER_DEFERRED:
		return known && exit_of(code) == 6 ? 6 : 4;
	case MEMBER_WAITING:
	case MEMBER_RUNNING:
		return 0;
	}
	return 1;
}

int rollout_exit(const struct rollout_row *row, const struct member_row *const *member, size_t count)
{
	int code = row->state == ROLLOUT_HALTED || row->state == ROLLOUT_ABORTED ? 8 : 0;
	for (size_t i = 0; i < count; i++)
		code = show_worse(code, exit_of_member(member[i]));
	if (code)
		return code;
	if (row->state == ROLLOUT_PAUSED)
		return 130;
	if (row->state == ROLLOUT_REBUILT)
		return 4; /* whom it did not reach, nobody knows */
	for (size_t i = 0; i < count; i++)
		if (!member_ended((enum member_state)member[i]->state))
			return 4; /* not done yet is not good yet */
	return 0;
}
