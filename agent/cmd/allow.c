/* fleet-agent allow: a release that was guilty or held may be tried again. */
#include <stdio.h>

#include "agent/command.h"
#include "agent/store/ledger.h"

enum { PREFIX_MIN = 6 };

static bool matches(struct digest release, const char *typed)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, release);
	return strlen(typed) >= PREFIX_MIN && str_starts(str_of(hex), typed);
}

/* How many marks went. */
static size_t drop(struct list *marks, const char *typed)
{
	size_t dropped = 0;

	for (size_t i = marks->count; i-- > 0;) {
		struct digest release = ((struct mark *)marks->items)[i].release;
		if (!typed || matches(release, typed))
			dropped += marks_drop(marks, release);
	}
	return dropped;
}

static bool allow(size_t *dropped, const struct host *h, const char *typed, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(fd_close) int lock = -1;
	bool taken;

	if (!store_lock(&lock, &taken, &h->store, e))
		return false;
	if (!taken)
		return err_set(e, ERR_BUSY, "an update is under way; when it has ended, try again");
	if (!ledger_load(&l, &h->store, e))
		return false;
	*dropped = drop(&l.guilty, typed) + drop(&l.held, typed);
	if (!*dropped && typed)
		return err_set(e, ERR_MISSING,
			"%s is neither guilty nor held (at least %d digits; fleet-agent status lists them)", typed,
			PREFIX_MIN);
	return !*dropped || ledger_save(&l, &h->store, e);
}

static int run(const struct command *me, int argc, char **argv)
{
	const char *typed = NULL;
	bool all = false;
	struct where w = {0};
	const struct opt table[] = {
		{"RELEASE", 0, OPT_ARG, &typed, NULL, "its id, or how it begins"},
		{"all", 0, OPT_FLAG, &all, NULL, "every mark"},
		WHERE_OPTS(w),
		{0},
	};
	cleanup(host_close) struct host h = {0};
	size_t dropped = 0;
	struct err e;
	int code;

	if (!command_begin(me, table, argc, argv, &code))
		return code;
	if (all == (typed != NULL)) {
		err_set(&e, ERR_USAGE, "a release or --all");
		return command_fail(me, &e);
	}
	if (!host_open(&h, &w, &e) || !host_as_owner(&h, &e) || !allow(&dropped, &h, typed, &e))
		return command_fail(me, &e);
	printf("%zu %s cleared\n", dropped, dropped == 1 ? "mark" : "marks");
	return COMMAND_OK;
}

const struct command cmd_allow = {
	"allow", "RELEASE | --all", "Let a release that was guilty or held be tried again", run};
