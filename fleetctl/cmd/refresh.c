/* refresh: what dies in days is signed again by the keys that are online. For a timer: it asks nobody, and needs neither plans nor
 * scripts. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "fleetctl/cmd/sign_work.h"
#include "fleetctl/repo/turn.h"
#include "keys/secret.h"

struct wishes {
	struct common common;
	const char *keys, *passphrase_file;
	int64_t passphrase_fd;
	bool now;
	/* opened */
	struct fleet fleet;
	int turn; /* repo/turn.h */
	struct passphrase passphrase;
	struct signers signers;
	struct sign *sign;
	struct buf words;
};

static void wishes_free(struct wishes *w)
{
	sign_free(&w->sign);
	signers_free(&w->signers);
	if (w->passphrase_file)
		fd_close(&w->passphrase.fd);
	passphrase_free(&w->passphrase);
	fleet_free(&w->fleet);
	buf_free(&w->words);
	fd_close(&w->turn);
}

/* A systemd credential is such a file: 0400, its owner's alone. */
static bool open_passphrase(struct wishes *w, struct err *e)
{
	struct stat st;
	w->passphrase.fd = (int)w->passphrase_fd;
	if (!w->passphrase_file)
		return true;
	if (w->passphrase_fd >= 0)
		return err_set(e, ERR_USAGE, "--passphrase-fd and --passphrase-file: one of them");
	if (!fs_open_read(&w->passphrase.fd, AT_FDCWD, w->passphrase_file, e))
		return err_in(e, "--passphrase-file");
	if (fstat(w->passphrase.fd, &st) != 0)
		return err_sys(e, "--passphrase-file %s", w->passphrase_file);
	return (st.st_mode & 077) == 0 ||
		err_set(e, ERR_UNSAFE, "--passphrase-file %s: group or others can touch it (chmod 600)", w->passphrase_file);
}

/* All keys count as at hand, so that one which is missing is an error and not a line that nobody reads. */
static bool compute(struct wishes *w, struct err *e)
{
	struct sign_job job = { .online = true, .refresh = w->now };
	if (!fleet_open(&w->fleet, w->common.fleet, e) || !command_signing_time(&job.now, e) || !turn_take(&w->turn, &w->fleet, "refresh", 0, e))
		return false;
	job.fleet_dir = w->fleet.dir;
	if (!sign_compute(&w->sign, &job, NULL, e))
		return false;
	sign_words(&w->words, w->sign);
	return true;
}

static bool write(struct wishes *w, struct err *e)
{
	cleanup(free_ptr) char *dir = w->keys ? str_dup(str_of(w->keys)) : signer_folder(w->fleet.name);
	return open_passphrase(w, e) && signers_open(&w->signers, dir, NULL, passphrase_ask, &w->passphrase, e) &&
		sign_write(w->sign, &w->signers, e);
}

static void tell(const struct wishes *w, const struct show *show, bool nothing)
{
	if (!show->json && nothing)
		show_note(show, "nothing is due: nothing was signed");
	else if (!show->json)
		printf(STR_FMT, STR_ARG(buf_str(&w->words)));
	if (!show->json)
		return;
	doc *d = show_doc(show);
	doc_set_text(d, "state", nothing ? "nothing" : "signed");
	doc_set_str(d, "changes", nothing ? STR("") : buf_str(&w->words));
	show_json(d);
}

static int run(const struct command *me, int argc, char **argv)
{
	cleanup(wishes_free) struct wishes w = { .passphrase_fd = -1, .passphrase.fd = -1, .fleet = { .at = -1 }, .turn = -1 };
	struct opt table[] = {
		{ "now", 0, OPT_FLAG, &w.now, NULL, "a new timestamp, also when none is due" },
		{ "passphrase-fd", 0, OPT_COUNT, &w.passphrase_fd, "N", "read the passphrase's line from this descriptor", .max = 1024 },
		{ "passphrase-file", 0, OPT_TEXT, &w.passphrase_file, "FILE", "read it from this file, which nobody else can read" },
		{ "keys", 0, OPT_TEXT, &w.keys, "DIR", "where private keys lie (~/.local/share/fleetctl/keys/FLEET)" },
		COMMON_OPTS(w.common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &w.common, argc, argv, &show, &code))
		return code;
	secret_guard_process();
	if (!compute(&w, &e))
		return command_fail(&show, &e);
	bool nothing = sign_nothing(w.sign);
	if (!nothing && !write(&w, &e))
		return command_fail(&show, &e);
	tell(&w, &show, nothing);
	return 0;
}

const struct command cmd_refresh = {
	"refresh", NULL, "Sign timestamp and snapshot again when they near their end, unattended",
	"A timestamp lasts 14 days and is signed again in its last 7, a snapshot 30 and 7. Nothing else is ever signed: that\n"
	"keys.yaml has changed waits for `fleetctl sign`. fleetctl-refresh.timer runs it each hour.", run,
};
