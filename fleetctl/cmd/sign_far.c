/* Keys on other machines: a request goes out as a file, answers come back, and all is signed at once. */
#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "fleetctl/cmd/sign_work.h"
#include "fleetctl/repo/collect.h"
#include "fleetctl/repo/turn.h"

enum { HOUR_S = 3600, DAY_S = 86400, OLD_DAYS = 3 };

static void request_close(struct request *r)
{
	request_free(r);
}

/* A file of ours is new: what stands there, and above all a link, is somebody's. */
static bool may_write(const char *path, bool force, struct err *e)
{
	char to[512];
	if (fs_readlink(to, AT_FDCWD, path, NULL))
		return err_set(e, ERR_UNSAFE, "%s is a link: none is followed or replaced here", path);
	return force || !fs_exists(AT_FDCWD, path) || err_set(e, ERR_EXISTS, "%s is there already: another name, or --force", path);
}

static bool read_bytes(struct buf *out, const char *path, struct err *e)
{
	return fs_read(out, AT_FDCWD, path, e);
}

/* What has run out is not worth a signature; what is old is worth a word. */
static bool is_in_time(const struct request *r, const struct show *show, struct err *e)
{
	int64_t now;
	if (!command_signing_time(&now, e))
		return false;
	if (r->ends <= now)
		return err_set(e, ERR_EXPIRED, "the request was made %lld days ago, and what it asks has run out: make a new one (if this clock is right)",
			(long long)((now - r->made) / DAY_S));
	if (now - r->made > OLD_DAYS * DAY_S)
		show_note(show, "the request is %lld days old", (long long)((now - r->made) / DAY_S));
	if (r->made - now > HOUR_S)
		show_note(show, "the request says that it was made in %lld hours from now: one of both clocks is wrong",
			(long long)((r->made - now) / HOUR_S));
	return true;
}

static void say_request(struct sign_work *w, const struct show *show, const struct request *r, char digest[SIGN_DIGEST_SIZE])
{
	request_words(&w->words, r);
	sign_digest(digest, r->sign);
	if (!show->json)
		printf(STR_FMT "digest for all signers to compare: %s\n", STR_ARG(buf_str(&w->words)), digest);
}

static int end(const struct show *show, const char *state, const char *digest, const struct sign_work *w, const struct sign *s)
{
	cleanup(buf_free) struct buf standing = { 0 };
	bool whole = sign_standing(&standing, s, s == w->sign ? &w->signers : NULL);
	if (!show->json)
		printf("signatures:\n" STR_FMT "%s", STR_ARG(buf_str(&standing)), whole ? "nobody is missing\n" : "");
	return sign_tell(show, state, digest, &w->words, &standing);
}

/* --- asked --- */

static bool compose(struct request *out, const struct sign_work *w, struct err *e)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(REQUEST_MAX);
	cleanup(free_ptr) char **plan = mem_new(w->names.count + 1, sizeof *plan);
	int64_t now;
	if (!command_signing_time(&now, e))
		return false;
	for (size_t i = 0; i < w->names.count; i++)
		plan[i] = str_dup(w->names.word[i]);
	bool good = request_compose(&bytes, w->sign, &w->signers, w->fleet.name, (const char *const *)plan, w->names.count, now, e) &&
		request_read(out, buf_str(&bytes), e);
	for (size_t i = 0; i < w->names.count; i++)
		free_ptr(&plan[i]);
	return good;
}

static bool write_request(const struct sign_work *w, const struct request *r, struct err *e)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(REQUEST_MAX);
	request_write(&bytes, r);
	return buf_ok(&bytes, e) && may_write(w->request, w->force, e) && fs_write(AT_FDCWD, w->request, buf_str(&bytes), 0644, e);
}

/* What is not asked, for the keys here are enough. */
static void say_local(const struct sign_work *w, const struct request *r, const struct show *show)
{
	cleanup(buf_free) struct buf names = { 0 };
	collect_beside(&names, w->sign, r->sign);
	if (names.len)
		show_note(show, "signed here, when it is collected: " STR_FMT, STR_ARG(buf_str(&names)));
}

int sign_request(struct sign_work *w, const struct show *show)
{
	cleanup(request_close) struct request r = { 0 };
	char digest[SIGN_DIGEST_SIZE];
	struct err e;
	if (!may_write(w->request, w->force, &e) || !fleet_open(&w->fleet, w->common.fleet, &e) || !sign_open_keys(w, w->fleet.name, &e) ||
		!sign_work_out(w, &w->names, NULL, NULL, &e))
		return command_fail(show, &e);
	if (sign_nothing(w->sign)) {
		show_note(show, "nothing changes: nothing to ask for");
		return sign_tell(show, "nothing", NULL, &w->words, NULL);
	}
	if (!compose(&r, w, &e))
		return command_fail(show, &e);
	say_request(w, show, &r, digest);
	if (w->dry)
		return sign_tell(show, "dry-run", digest, &w->words, NULL);
	if (sign_wants(r.sign, &w->signers) && (!sign_agreed(w, "Sign your part of this?", &e) || !sign_part(r.sign, &w->signers, &e)))
		return command_fail(show, &e);
	if (!sign_note_step(w, w->fleet.dir, "sign --request", buf_str(&w->words), digest, r.sign, &e) || !write_request(w, &r, &e))
		return command_fail(show, &e);
	say_local(w, &r, show);
	show_note(show, "wrote %s; on each signer's machine: fleetctl sign --answer FILE, and then here: fleetctl sign --collect", w->request);
	return end(show, "asked", digest, w, r.sign);
}

/* --- answered --- */

/* Where the fleet's folder is at hand, what the request says is signed now is held against it. */
static bool look_at_fleet(struct sign_work *w, const struct request *r, const struct show *show, struct err *e)
{
	struct err why;
	if (!fleet_open(&w->fleet, w->common.fleet, &why)) {
		if (w->common.fleet || why.code != ERR_MISSING)
			return err_set(e, why.code, "%s", why.text);
		show_note(show, "no fleet folder here: that this is what is signed now rests on the request's word");
		return true;
	}
	if (strcmp(w->fleet.name, r->fleet) != 0) {
		show_note(show, "the fleet folder here is of %s, the request is for %s: what is signed now rests on the request's word", w->fleet.name, r->fleet);
		return true;
	}
	if (!request_is_of(r, w->fleet.dir, e))
		return false;
	show_note(show, "what the request says is signed now is what this fleet's repository has, verified");
	return true;
}

/* "root.request", ann: "root.ann.answer". */
static char *answer_path(const struct sign_work *w, const struct request *r)
{
	struct str front = str_of(w->answer), name = doc_str(doc_get(doc_at(sign_made(r->sign), 0), "name"));
	if (w->out)
		return str_dup(str_of(w->out));
	if (str_ends(front, ".request"))
		front.len -= strlen(".request");
	return path_form(STR_FMT "." STR_FMT ".answer", STR_ARG(front), STR_ARG(name));
}

static bool write_answer(const struct sign_work *w, const struct request *r, const struct show *show, const char *digest, struct err *e)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(ANSWER_MAX);
	cleanup(free_ptr) char *path = answer_path(w, r);
	answer_write(&bytes, r);
	if (!buf_ok(&bytes, e) || !may_write(path, w->force, e) ||
		!sign_note_step(w, w->dir, "sign --answer", buf_str(&w->words), digest, r->sign, e) ||
		!fs_write(AT_FDCWD, path, buf_str(&bytes), 0644, e))
		return false;
	show_note(show, "wrote %s; it goes back to where the request was made: fleetctl sign --collect", path);
	return true;
}

static bool read_request(struct request *out, const char *path, struct err *e)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(REQUEST_MAX);
	return read_bytes(&bytes, path, e) && (request_read(out, buf_str(&bytes), e) || err_in(e, "%s", path));
}

int sign_answer(struct sign_work *w, const struct show *show)
{
	cleanup(request_close) struct request r = { 0 };
	char digest[SIGN_DIGEST_SIZE];
	struct err e;
	if (!read_request(&r, w->answer, &e) || !is_in_time(&r, show, &e) || !look_at_fleet(w, &r, show, &e) || !sign_open_keys(w, r.fleet, &e) ||
		(w->out && !may_write(w->out, w->force, &e)))
		return command_fail(show, &e);
	say_request(w, show, &r, digest);
	if (w->dry)
		return end(show, "dry-run", digest, w, r.sign);
	if (!sign_wants(r.sign, &w->signers)) {
		err_set(&e, ERR_MISSING, "no key in %s or in the ssh-agent counts for what is asked and has not signed it", w->dir);
		end(show, "nothing", digest, w, r.sign);
		return command_fail(show, &e);
	}
	if (!sign_agreed(w, "Do all signers read the same digest? Sign this?", &e) || !sign_part(r.sign, &w->signers, &e) ||
		!write_answer(w, &r, show, digest, &e))
		return command_fail(show, &e);
	return end(show, "answered", digest, w, r.sign);
}

/* --- collected --- */

/* The one request among the files. */
static bool find_request(struct request *out, const char *const *file, size_t files, struct err *e)
{
	size_t at = files;
	for (size_t i = 0; i < files; i++) {
		cleanup(buf_free) struct buf bytes = BUF_MAX(REQUEST_MAX);
		if (!read_bytes(&bytes, file[i], e))
			return false;
		if (!request_is(buf_str(&bytes)))
			continue;
		if (at < files)
			return err_set(e, ERR_USAGE, "%s and %s are both requests: collect one at a time", file[at], file[i]);
		at = i;
	}
	if (at == files)
		return err_set(e, ERR_USAGE, "none of these files is the request: name it with its answers");
	return read_request(out, file[at], e);
}

static bool add_answers(struct request *r, const char *const *file, size_t files, const struct show *show, struct err *e)
{
	for (size_t i = 0; i < files; i++) {
		cleanup(buf_free) struct buf bytes = BUF_MAX(REQUEST_MAX), notes = { 0 };
		if (!read_bytes(&bytes, file[i], e))
			return false;
		if (request_is(buf_str(&bytes)))
			continue;
		if (!answer_add(r, &notes, buf_str(&bytes), e))
			return err_in(e, "%s", file[i]);
		if (notes.len)
			show_note(show, "%s: " STR_FMT, file[i], STR_ARG(str_trim(buf_str(&notes))));
	}
	return true;
}

static bool gather(struct request *r, const struct sign_work *w, const struct show *show, struct err *e)
{
	size_t files = w->names.count + 1;
	cleanup(free_ptr) const char **file = mem_new(files, sizeof *file);
	file[0] = w->collect;
	for (size_t i = 1; i < files; i++)
		file[i] = w->names.word[i - 1].data; /* of argv */
	return find_request(r, file, files, e) && is_in_time(r, show, e) && add_answers(r, file, files, show, e);
}

/* What the folder would sign now is what was asked, with what came. */
static bool recompute(struct sign_work *w, const struct request *r, struct err *e)
{
	struct opt_words plans = { mem_new(r->plans + 1, sizeof *plans.word), r->plans };
	for (size_t i = 0; i < r->plans; i++)
		plans.word[i] = str_of(r->plan[i]);
	bool good = sign_work_out(w, &plans, r->sign, &w->signers, e) && collect_take(w->sign, r, e);
	opt_words_free(&plans);
	return good;
}

/* Who signed elsewhere stands in the words: the keys of a step are those that signed here. */
static bool note_collected(const struct sign_work *w, const char *digest, struct err *e)
{
	cleanup(buf_free) struct buf what = { 0 };
	buf_form(&what, STR_FMT "signatures:\n", STR_ARG(buf_str(&w->words)));
	(void)!sign_standing(&what, w->sign, NULL);
	return sign_note_step(w, w->fleet.dir, "sign --collect", buf_str(&what), digest, w->sign, e);
}

int sign_collect(struct sign_work *w, const struct show *show)
{
	cleanup(request_close) struct request r = { 0 };
	char digest[SIGN_DIGEST_SIZE];
	struct err e;
	if (!fleet_open(&w->fleet, w->common.fleet, &e) || !gather(&r, w, show, &e) || !sign_open_keys(w, w->fleet.name, &e))
		return command_fail(show, &e);
	if (strcmp(r.fleet, w->fleet.name) != 0) {
		err_set(&e, ERR_FOREIGN, "the request is for the fleet %s, this one is %s", r.fleet, w->fleet.name);
		return command_fail(show, &e);
	}
	if ((!w->dry && !turn_take(&w->turn, &w->fleet, "sign --collect", 0, &e)) || !recompute(w, &r, &e))
		return command_fail(show, &e);
	sign_words(&w->words, w->sign);
	buf_add(&w->words, buf_str(&w->access.words));
	buf_add(&w->words, buf_str(&w->agents.words));
	sign_digest(digest, r.sign);
	if (!show->json)
		printf(STR_FMT "digest that the signers compared: %s\n", STR_ARG(buf_str(&w->words)), digest);
	if (!sign_within_reach(w->sign, &w->signers)) {
		end(show, "incomplete", digest, w, w->sign);
		err_set(&e, ERR_SIGNATURE, "nothing was written: bring the answers of those who are missing, and collect again");
		return command_fail(show, &e);
	}
	if (w->dry)
		return end(show, "dry-run", digest, w, w->sign);
	if (!sign_agreed(w, "Sign what is left, and write it?", &e) || !sign_seal(w->sign, &w->signers, &e) ||
		!note_collected(w, digest, &e) || !sign_put(w->sign, &e))
		return command_fail(show, &e);
	sign_make_patches(w);
	show_note(show, "signed; next: fleetctl verify, then publish it");
	return end(show, "signed", digest, w, w->sign);
}
