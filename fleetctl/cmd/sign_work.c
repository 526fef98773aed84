/* What the ways of `fleetctl sign` share: plans compiled, keys opened, words, the question, the transcript. */
#include "fleetctl/cmd/sign_work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "bundles/squeeze.h"
#include "fleetctl/repo/transcript.h"

void sign_work_free(struct sign_work *w)
{
	sign_free(&w->sign);
	signers_free(&w->signers);
	passphrase_free(&w->passphrase);
	free_ptr(&w->release);
	free_ptr(&w->dir);
	agent_files_free(&w->agents);
	access_files_free(&w->access);
	compiled_free(&w->compiled);
	fleet_free(&w->fleet);
	opt_words_free(&w->names);
	buf_free(&w->words);
	fd_close(&w->turn);
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
bool sign_file_changes(struct sign_work *w, struct err *e)
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
		if (!before_any || !sign_changes(w->sign, c->manifest.plan.plan) || !open_before(&before, &r, c->manifest.plan.plan, &was, e))
			continue; /* nothing new, or a first release: every file is new */
		if (digest_eq(was, c->manifest.bundle.sha256))
			continue;
		if (!fs_open_read(&after, AT_FDCWD, c->tar, e) || !compile_file_changes(&files, before, after, e))
			return false;
		buf_form(&w->words, "plan %s, files:\n" STR_FMT, c->manifest.plan.plan, STR_ARG(buf_str(&files)));
	}
	return true;
}

bool sign_open_keys(struct sign_work *w, const char *fleet, struct err *e)
{
	w->dir = w->keys ? str_dup(str_of(w->keys)) : signer_folder(fleet);
	w->passphrase.fd = (int)w->passphrase_fd;
	return signers_open(&w->signers, w->dir, NULL, passphrase_ask, &w->passphrase, e);
}

bool sign_work_out(struct sign_work *w, const struct opt_words *plans, const struct sign *asked, const struct signers *here, struct err *e)
{
	int64_t time;
	if (!command_signing_time(&time, e) || !compile_plans(&w->compiled, &w->fleet, plans, e))
		return false;
	if (plans->count == 0 && (!access_compile(&w->access, &w->fleet, e) || !agents_compile(&w->agents, &w->fleet, e)))
		return false;
	memcpy(w->document, w->access.document, w->access.documents * sizeof *w->document);
	memcpy(w->document + w->access.documents, w->agents.document, w->agents.documents * sizeof *w->document);
	w->release = mem_new(w->compiled.count + 1, sizeof *w->release);
	for (size_t i = 0; i < w->compiled.count; i++)
		w->release[i] = (struct sign_release){ &w->compiled.plan[i].manifest, w->compiled.plan[i].tar };
	struct sign_job job = { .fleet_dir = w->fleet.dir, .release = w->release, .releases = w->compiled.count, .now = time, .refresh = w->refresh,
		.document = w->document, .documents = w->access.documents + w->agents.documents, .asked = asked, .kept = w->fleet.releases };
	return sign_compute(&w->sign, &job, here, e);
}

/* Beforehand, what hosts will want; what is missing is made when it is. */
void sign_make_patches(const struct sign_work *w)
{
	struct repository r = { .at = -1 };
	struct err none;
	if (!repository_open(&r, w->fleet.dir, &none))
		return;
	for (size_t i = 0; i < w->compiled.count; i++) {
		const struct manifest *m = &w->compiled.plan[i].manifest;
		if (sign_changes(w->sign, m->plan.plan))
			repository_make_patches(&r, m->plan.plan, m->bundle.sha256);
	}
	if (w->agents.words.len)
		programs_make_patches(&r);
	repository_free(&r);
}

bool sign_agreed(const struct sign_work *w, const char *question, struct err *e)
{
	char answer[16] = "";
	if (w->yes)
		return true;
	cleanup(fd_close) int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0)
		return err_set(e, ERR_USAGE, "nothing was signed: there is no terminal to ask at; look with --dry-run, then say --yes");
	dprintf(tty, "%s [y/N] ", question);
	ssize_t n = read(tty, answer, sizeof answer - 1);
	return (n > 0 && (answer[0] == 'y' || answer[0] == 'Y')) || err_set(e, ERR_STOPPED, "nothing was signed");
}

/* --- the transcript --- */

static bool is_listed(const doc *keys, struct str id)
{
	for (size_t i = 0; i < doc_count(keys); i++)
		if (str_eq(doc_str(doc_get(doc_at(keys, i), "id")), id))
			return true;
	return false;
}

/* Each key once, whatever it signed. */
static doc *keys_of(const doc *made)
{
	doc *keys = doc_list();
	for (size_t i = 0; i < doc_count(made); i++) {
		const doc *line = doc_at(made, i);
		struct str id = doc_str(doc_get(line, "keyid"));
		if (is_listed(keys, id))
			continue;
		doc *key = doc_object();
		doc_set_str(key, "name", doc_str(doc_get(line, "name")));
		doc_set_str(key, "id", id);
		doc_add(keys, key);
	}
	return keys;
}

bool sign_note_step(const struct sign_work *w, const char *folder, const char *step, struct str what, const char *digest,
	const struct sign *made, struct err *e)
{
	cleanup(doc_free) doc *keys = keys_of(sign_made(made));
	cleanup(free_ptr) char *path = w->transcript ? str_dup(str_of(w->transcript)) : path_form("%s/" TRANSCRIPT_FILE, folder);
	const struct transcript_step line = { step, what, digest, keys };
	if (!w->transcript && !fs_exists(AT_FDCWD, folder) && !fs_mkdir(AT_FDCWD, folder, 0700, e))
		return false;
	return transcript_add(path, &line, e);
}

int sign_tell(const struct show *show, const char *state, const char *digest, const struct buf *words, const struct buf *standing)
{
	if (!show->json)
		return 0;
	doc *d = show_doc(show);
	doc_set_text(d, "state", state);
	doc_set_text(d, "digest", digest);
	doc_set_str(d, "changes", buf_str(words));
	if (standing)
		doc_set_str(d, "standing", buf_str(standing));
	show_json(d);
	return 0;
}
