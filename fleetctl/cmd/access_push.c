/* access push: the list and the sources that are signed, to the hosts. */
#include "fleetctl/cmd/push_work.h"
#include "fleetctl/repo/access.h"

struct bringing {
	struct renew_papers papers;
	struct access access; /* as signed; empty: only sources are */
	bool has_access;
};

static void bringing_free(struct bringing *b)
{
	access_free(&b->access);
}

/* --- what is signed, and with what we come --- */

static bool load_digest(struct buf *text, struct digest *out, const struct repository *r, const char *path, struct err *e)
{
	if (!access_signed(text, r, path, e))
		return e->code == ERR_MISSING;
	*out = digest_of(buf_str(text));
	return true;
}

static bool load_signed(struct bringing *b, const struct repository *r, struct err *e)
{
	cleanup(buf_free) struct buf access = BUF_MAX(ACCESS_FILE_MAX);
	cleanup(buf_free) struct buf sources = BUF_MAX(ORIGINS_FILE_MAX);
	if (!load_digest(&access, &b->papers.access, r, ACCESS_PATH, e) ||
		!load_digest(&sources, &b->papers.sources, r, SOURCES_PATH, e))
		return false;
	b->has_access = access.len > 0;
	if (!access.len && !sources.len)
		return err_set(e, ERR_MISSING, "nothing to push: write access.yaml or sources.yaml, then `fleetctl sign`");
	return !access.len || access_read(&b->access, buf_str(&access), ACCESS_PATH, e);
}

/* Found out here it costs a sentence, on the hosts a trial each. Which key an ssh-agent will show, nobody knows before. */
static bool check_way_back(const struct bringing *b, const struct login *with, struct err *e)
{
	cleanup(free_ptr) char *key = login_public(with);
	const struct operator *o = b->access.operators.items;
	if (!b->has_access || !key)
		return true;
	for (size_t i = 0; i < b->access.operators.count; i++)
		if (strcmp(o[i].key, key) == 0)
			return (o[i].may & MAY_ROLL) || err_set(e, ERR_REFUSED,
				"by the signed list operator %s, who comes with this key, may not roll, so each host would go back: name another key with --confirm-identity FILE", o[i].name);
	return err_set(e, ERR_REFUSED,
		"the signed access list does not know the key you come with, so each host would go back: name one that it knows with --confirm-identity FILE");
}

static int run(const struct command *me, int argc, char **argv)
{
	static const struct push_words words = { "access", "let in whom the signed list says", "their keys are as before" };
	struct push_wishes w = { 0 };
	struct opt table[] = {
		PUSH_OPTS(w),
		{ "confirm-identity", 0, OPT_TEXT, &w.confirm, "FILE", "SSH key of the second connection, when the list drops the first" },
		COMMON_OPTS(w.common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &w.common, argc, argv, &show, &code))
		return code;
	cleanup(bringing_free) struct bringing b = { 0 };
	cleanup(push_free) struct push p = { .fleet = { .at = -1 }, .repository = { .at = -1 }, .show = &show };
	bool good = push_open(&p, &w, &renew_access, &words, &e) && load_signed(&b, &p.repository, &e) && check_way_back(&b, p.ask.confirm, &e);
	opt_words_free(&w.selectors);
	if (!good)
		return command_fail(&show, &e);
	p.ask.wanted = &b.papers;
	doc *d = show.json ? show_doc(&show) : NULL;
	if (d)
		doc_set_int(d, "number", b.access.number);
	return push_run(&p, d);
}

const struct command cmd_access_push = {
	"access push", "[HOSTS...]", "Let hosts accept the operators and sources that are signed now",
	"One host first; when it was come in by the new keys, the others side by side. A host that nobody comes in to goes back by\n"
	"itself. What is pushed: access.yaml and sources.yaml, as `fleetctl sign` signed them.",
	run,
};
