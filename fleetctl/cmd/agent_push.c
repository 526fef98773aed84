/* agent push: the agent that is signed for each host's platform, to the hosts. */
#include "fleetctl/cmd/push_work.h"
#include "fleetctl/repo/programs.h"

static bool load_signed(struct programs *out, const struct repository *r, struct err *e)
{
	return programs_signed(out, r, e) &&
		(out->count || err_set(e, ERR_MISSING, "nothing to push: `fleetctl agent add` the builds, then `fleetctl sign`"));
}

static doc *agents_doc(const struct programs *all)
{
	doc *list = doc_list();
	for (size_t i = 0; i < all->count; i++) {
		doc *d = doc_object();
		doc_set_text(d, "platform", all->at[i].platform);
		doc_set_text(d, "version", all->at[i].version);
		doc_add(list, d);
	}
	return list;
}

static int run(const struct command *me, int argc, char **argv)
{
	static const struct push_words words = { "agent", "run the agent that is signed for them", "their agents are as before" };
	struct push_wishes w = { 0 };
	struct opt table[] = { PUSH_OPTS(w), COMMON_OPTS(w.common), { 0 } };
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &w.common, argc, argv, &show, &code))
		return code;
	cleanup(programs_free) struct programs wanted = { 0 };
	cleanup(push_free) struct push p = { .fleet = { .at = -1 }, .repository = { .at = -1 }, .show = &show };
	bool good = push_open(&p, &w, &renew_agent, &words, &e) && load_signed(&wanted, &p.repository, &e);
	opt_words_free(&w.selectors);
	if (!good)
		return command_fail(&show, &e);
	p.ask.wanted = &wanted;
	doc *d = show.json ? show_doc(&show) : NULL;
	if (d)
		doc_set(d, "agents", agents_doc(&wanted));
	return push_run(&p, d);
}

const struct command cmd_agent_push = {
	"agent push", "[HOSTS...]", "Bring hosts the agent that is signed for their platform",
	"One host first; when the new agent there has answered over a second connection, the others side by side. A host whose new\n"
	"agent does not start, or that nobody reaches by it, goes back by itself. Scripts go on meanwhile.", run,
};
