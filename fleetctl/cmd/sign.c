#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "bundles/squeeze.h"
#include "fleetctl/command.h"
#include "fleetctl/repo/compile.h"
#include "fleetctl/repo/passphrase.h"
#include "fleetctl/repo/sign.h"

struct wishes {
	struct common common;
	struct opt_words plans;
	const char *keys;
	int64_t passphrase_fd;
	bool yes, dry, refresh;
	/* opened */
	struct fleet fleet;
	struct compiled_list compiled;
	struct sign_release *release; /* of compiled; lives until it is written */
	struct passphrase passphrase;
	struct signers signers;
	struct sign *sign;
	struct buf words;
};

static void wishes_free(struct wishes *w)
{
	sign_free(&w->sign);
	signers_free(&w->signers);
	passphrase_free(&w->passphrase);
	free_ptr(&w->release);
	compiled_free(&w->compiled);
	fleet_free(&w->fleet);
	opt_words_free(&w->plans);
	buf_free(&w->words);
}

/* SOURCE_DATE_EPOCH makes two machines write the same metadata. */
static bool now(int64_t *out, struct err *e)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t n;
	*out = clock_now().unix_s;
	if (!epoch || !*epoch)
		return true;
	if (!str_number(&n, str_of(epoch), INT32_MAX * (uint64_t)8))
		return err_set(e, ERR_USAGE, "SOURCE_DATE_EPOCH=%s: expected seconds since 1970", epoch);
	*out = (int64_t)n;
	return true;
}

/* The bundle signed before, as the plain tar it was; -1 when there is none. */
static bool open_before(int *out, const struct repository *r, const char *plan, struct digest *bundle, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);
	cleanup(manifest_free) struct manifest m = { 0 };
	cleanup(fd_close) int squeezed = -1;
	struct err none;
	*bundle = (struct digest){ 0 };
	if (!repository_current(&text, r, plan, &none))
		return true;
	if (!manifest_read(&m, buf_str(&text), NULL, e) || !repository_bundle(&squeezed, r, m.bundle.sha256, e))
		return false;
	int plain = memfd_create("bundle", MFD_CLOEXEC);
	if (plain < 0 || !squeeze_expand(plain, squeezed, -1, (uint64_t)m.bundle.length, m.bundle.sha256, e)) {
		fd_close(&plain);
		return false;
	}
	*bundle = m.bundle.sha256;
	*out = plain;
	return true;
}

/* The files that change, plan by plan: what sign_words cannot know. */
static bool file_changes(struct wishes *w, struct err *e)
{
	struct err none;
	cleanup(repository_free) struct repository r = { .at = -1 };
	bool before_any = repository_open(&r, w->fleet.dir, &none);
	for (size_t i = 0; i < w->compiled.count; i++) {
		const struct compiled *c = &w->compiled.plan[i];
		cleanup(fd_close) int before = -1;
		cleanup(fd_close) int after = -1;
		cleanup(buf_free) struct buf files = { 0 };
		struct digest was;
		if (!before_any || !open_before(&before, &r, c->manifest.plan.plan, &was, e))
			continue; /* a first release: every file is new */
		if (digest_eq(was, c->manifest.bundle.sha256))
			continue;
		if (!fs_open_read(&after, AT_FDCWD, c->tar, e) || !compile_file_changes(&files, before, after, e))
			return false;
		buf_form(&w->words, "plan %s, files:\n" STR_FMT, c->manifest.plan.plan, STR_ARG(buf_str(&files)));
	}
	return true;
}

static bool compute(struct wishes *w, struct err *e)
{
	int64_t time;
	cleanup(free_ptr) char *dir = NULL;
	if (!fleet_open(&w->fleet, w->common.fleet, e) || !now(&time, e) || !compile_plans(&w->compiled, &w->fleet, &w->plans, e))
		return false;
	w->release = mem_new(w->compiled.count + 1, sizeof *w->release);
	for (size_t i = 0; i < w->compiled.count; i++)
		w->release[i] = (struct sign_release){ &w->compiled.plan[i].manifest, w->compiled.plan[i].tar };
	dir = w->keys ? str_dup(str_of(w->keys)) : signer_folder(w->fleet.name);
	w->passphrase.fd = (int)w->passphrase_fd;
	struct sign_job job = { w->fleet.dir, w->release, w->compiled.count, time, w->refresh };
	return signers_open(&w->signers, dir, NULL, passphrase_ask, &w->passphrase, e) && sign_compute(&w->sign, &job, &w->signers, e) &&
		(sign_words(&w->words, w->sign), file_changes(w, e));
}

/* Beforehand, what hosts will want; what is missing is made when it is. */
static void make_patches(const struct wishes *w)
{
	cleanup(repository_free) struct repository r = { .at = -1 };
	struct err none;
	if (!repository_open(&r, w->fleet.dir, &none))
		return;
	for (size_t i = 0; i < w->compiled.count; i++) {
		const struct manifest *m = &w->compiled.plan[i].manifest;
		repository_make_patches(&r, m->plan.plan, m->bundle.sha256);
	}
}

/* A person says yes; a program says --yes. */
static bool agreed(const struct wishes *w, struct err *e)
{
	char answer[16] = "";
	if (w->yes)
		return true;
	cleanup(fd_close) int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0)
		return err_set(e, ERR_USAGE, "nothing was signed: there is no terminal to ask at; look with --dry-run, then say --yes");
	dprintf(tty, "Sign this? [y/N] ");
	ssize_t n = read(tty, answer, sizeof answer - 1);
	return (n > 0 && (answer[0] == 'y' || answer[0] == 'Y')) || err_set(e, ERR_STOPPED, "nothing was signed");
}

static int tell(const struct show *show, const char *state, const char *digest, const struct buf *words)
{
	if (!show->json)
		return 0;
	doc *d = show_doc(show);
	doc_set_text(d, "state", state);
	doc_set_text(d, "digest", digest);
	doc_set_str(d, "changes", buf_str(words));
	show_json(d);
	return 0;
}

static int run(const struct command *me, int argc, char **argv)
{
	cleanup(wishes_free) struct wishes w = { .passphrase_fd = -1, .fleet = { .at = -1 } };
	struct opt table[] = {
		{ "PLANS", 0, OPT_REST, &w.plans, NULL, "these plans only (all of plans/)" },
		{ "passphrase-fd", 0, OPT_COUNT, &w.passphrase_fd, "N", "read the passphrase's line from this descriptor", .max = 1024 },
		{ "keys", 0, OPT_TEXT, &w.keys, "DIR", "where private keys lie (~/.local/share/fleetctl/keys/FLEET)" },
		{ "yes", 'y', OPT_FLAG, &w.yes, NULL, "sign without asking" },
		{ "dry-run", 'n', OPT_FLAG, &w.dry, NULL, "say what would change, sign nothing" },
		{ "refresh", 0, OPT_FLAG, &w.refresh, NULL, "a new timestamp, also when nothing else changes" },
		COMMON_OPTS(w.common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	char digest[SIGN_DIGEST_SIZE];
	if (!command_begin(me, table, &w.common, argc, argv, &show, &code))
		return code;
	secret_guard_process();
	if (!compute(&w, &e))
		return command_fail(&show, &e);
	if (sign_nothing(w.sign)) {
		show_note(&show, "nothing changes: nothing to sign");
		return tell(&show, "nothing", NULL, &w.words);
	}
	sign_digest(digest, w.sign);
	if (!show.json)
		printf(STR_FMT "digest of all this: %s\n", STR_ARG(buf_str(&w.words)), digest);
	if (w.dry)
		return tell(&show, "dry-run", digest, &w.words);
	if (!agreed(&w, &e) || !sign_write(w.sign, &w.signers, &e))
		return command_fail(&show, &e);
	make_patches(&w);
	show_note(&show, "signed; next: fleetctl preview all, fleetctl rollout start all");
	return tell(&show, "signed", digest, &w.words);
}

const struct command cmd_sign = {
	"sign", "[PLANS...]", "Compile plans and scripts, say what changes, sign it",
	"The same input gives the same bundle and manifest bytes on every machine, and with SOURCE_DATE_EPOCH the same metadata.", run,
};
