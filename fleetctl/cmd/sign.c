/* sign: here, by the keys that are here; the ways to keys elsewhere stand in sign_far.c. */
#include <stdio.h>

#include "fleetctl/cmd/sign_work.h"
#include "fleetctl/repo/sign.h"
#include "fleetctl/repo/turn.h"

static int sign_here(struct sign_work *w, const struct show *show)
{
	char digest[SIGN_DIGEST_SIZE];
	struct err e;
	if (!fleet_open(&w->fleet, w->common.fleet, &e) || !sign_open_keys(w, w->fleet.name, &e) ||
		(!w->dry && !turn_take(&w->turn, &w->fleet, "sign", 0, &e)) || !sign_work_out(w, &w->names, NULL, &w->signers, &e))
		return command_fail(show, &e);
	sign_words(&w->words, w->sign);
	buf_add(&w->words, buf_str(&w->access.words));
	buf_add(&w->words, buf_str(&w->agents.words));
	if (!sign_file_changes(w, &e))
		return command_fail(show, &e);
	if (sign_nothing(w->sign)) {
		show_note(show, "nothing changes: nothing to sign");
		return sign_tell(show, "nothing", NULL, &w->words, NULL);
	}
	sign_digest(digest, w->sign);
	if (!show->json)
		printf(STR_FMT "digest of all this: %s\n", STR_ARG(buf_str(&w->words)), digest);
	if (w->dry)
		return sign_tell(show, "dry-run", digest, &w->words, NULL);
	if (!sign_agreed(w, "Sign this?", &e) || !sign_seal(w->sign, &w->signers, &e) ||
		!sign_note_step(w, w->fleet.dir, "sign", buf_str(&w->words), digest, w->sign, &e) || !sign_put(w->sign, &e))
		return command_fail(show, &e);
	sign_make_patches(w);
	show_note(show, "signed; next: fleetctl preview all, fleetctl rollout start all");
	return sign_tell(show, "signed", digest, &w->words, NULL);
}

/* Which way: at most one of the three. */
static bool is_a_wish(const struct sign_work *w, struct err *e)
{
	int ways = (w->request != NULL) + (w->answer != NULL) + (w->collect != NULL);
	if (ways > 1)
		return err_set(e, ERR_USAGE, "--request asks others, --answer answers them, --collect takes the answers in: one of these at a time");
	if (w->answer && w->names.count)
		return err_set(e, ERR_USAGE, "--answer signs what the request asks: leave out PLANS");
	if ((w->answer || w->collect) && w->refresh)
		return err_set(e, ERR_USAGE, "--refresh belongs to `sign` and `sign --request`");
	if (w->out && !w->answer)
		return err_set(e, ERR_USAGE, "--out says where --answer writes");
	return !w->force || w->request || w->answer || err_set(e, ERR_USAGE, "--force is for the file that --request or --answer writes");
}

static int run(const struct command *me, int argc, char **argv)
{
	cleanup(sign_work_free) struct sign_work w = { .passphrase_fd = -1, .fleet = { .at = -1 }, .turn = -1 };
	struct opt table[] = {
		{ "PLANS", 0, OPT_REST, &w.names, NULL, "these plans only (all of plans/); of --collect: files" },
		{ "request", 0, OPT_TEXT, &w.request, "FILE", "ask keys elsewhere: write what they must sign" },
		{ "answer", 0, OPT_TEXT, &w.answer, "FILE", "sign what this request asks, with the keys here; no fleet folder is needed" },
		{ "collect", 0, OPT_TEXT, &w.collect, "FILE", "a request and its answers, any order: sign when nobody is missing" },
		{ "out", 0, OPT_TEXT, &w.out, "FILE", "where --answer writes (REQUEST.NAME.answer)" },
		{ "force", 0, OPT_FLAG, &w.force, NULL, "write over a request or answer that is there" },
		{ "passphrase-fd", 0, OPT_COUNT, &w.passphrase_fd, "N", "read the passphrase's line from this descriptor", .max = 1024 },
		{ "keys", 0, OPT_TEXT, &w.keys, "DIR", "where private keys lie (~/.local/share/fleetctl/keys/FLEET)" },
		{ "transcript", 0, OPT_TEXT, &w.transcript, "FILE", "note the step there (the fleet's keys.log; of --answer: beside the keys)" },
		{ "yes", 'y', OPT_FLAG, &w.yes, NULL, "sign without asking" },
		{ "dry-run", 'n', OPT_FLAG, &w.dry, NULL, "say what would change, sign nothing" },
		{ "refresh", 0, OPT_FLAG, &w.refresh, NULL, "a new timestamp, also when nothing else changes" },
		COMMON_OPTS(w.common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &w.common, argc, argv, &show, &code))
		return code;
	secret_guard_process();
	if (!is_a_wish(&w, &e))
		return command_fail(&show, &e);
	return w.request ? sign_request(&w, &show) : w.answer ? sign_answer(&w, &show) : w.collect ? sign_collect(&w, &show) : sign_here(&w, &show);
}

const struct command cmd_sign = {
	"sign", "[PLANS...]", "Compile plans and scripts, say what changes, sign it",
	"The same input gives the same bundle and manifest bytes on every machine, and with SOURCE_DATE_EPOCH the same metadata.\n"
	"Where keys lie on other machines:\n"
	"  fleetctl sign --request root.request                      here, in the fleet's folder\n"
	"  fleetctl sign --answer root.request                       on each signer's machine\n"
	"  fleetctl sign --collect root.request root.*.answer        here again", run,
};
