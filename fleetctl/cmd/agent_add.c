/* agent add: builds of an agent come into the fleet's folder, to be signed. */
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "fleetctl/command.h"
#include "fleetctl/repo/agent_build.h"
#include "fleetctl/repo/agents.h"
#include "fleetctl/repo/turn.h"

struct wishes {
	struct common common;
	struct opt_words from;
	const char *platform, *version;
};

static bool is_a_wish(const struct wishes *w, struct err *e)
{
	if (!w->from.count)
		return err_set(e, ERR_USAGE, "name the package of each platform: fleetctl agent add fleet-agent_0.2.0_arm64.deb ...");
	return w->from.count == 1 || (!w->platform && !w->version) ||
		err_set(e, ERR_USAGE, "--platform and --version speak of one build: add one at a time");
}

static bool add(const struct fleet *f, const struct repository *r, const struct agent_wish *wish, const struct show *show, doc *list, struct err *e)
{
	cleanup(agent_build_free) struct agent_build b = { 0 };
	const struct program *p = &b.program;
	char size[32], hex[DIGEST_HEX + 1];
	if (!agent_build_make(&b, f, wish, e) || !repository_put_bundle(r, p->bundle.sha256, (uint64_t)p->bundle.length, b.tar, e) || !agents_put(f, p, e))
		return false;
	shape_bytes_text(size, p->bundle.length);
	digest_hex(hex, p->bundle.sha256);
	if (!show->json)
		printf("%s: agent %s, bundle %.12s of %s\n", p->platform, p->version, hex, size);
	doc *d = doc_object();
	doc_set_text(d, "platform", p->platform);
	doc_set_text(d, "version", p->version);
	doc_set_text(d, "bundle", hex);
	doc_set_int(d, "length", p->bundle.length);
	doc_add(list, d);
	return true;
}

/* What was added before the one that is wrong stays added. */
static bool add_all(const struct fleet *f, const struct wishes *w, const struct show *show, doc *list, struct err *e)
{
	cleanup(repository_free) struct repository r = { .at = -1 };
	if (!repository_make(&r, f->dir, e))
		return false;
	for (size_t i = 0; i < w->from.count; i++) {
		cleanup(free_ptr) char *from = str_dup(w->from.word[i]);
		const struct agent_wish wish = { from, w->platform, w->version };
		if (!add(f, &r, &wish, show, list, e))
			return false;
	}
	return true;
}

static int run(const struct command *me, int argc, char **argv)
{
	struct wishes w = { 0 };
	struct opt table[] = {
		{ "FILE", 0, OPT_REST, &w.from, NULL, "packages fleet-agent_*.deb, or a folder like /usr/lib/fleet-agent" },
		{ "platform", 0, OPT_TEXT, &w.platform, "NAME", "OS-ABI-ARCH, like debian12-gnu-arm64 (of a package: by its architecture)" },
		{ "version", 0, OPT_TEXT, &w.version, "VERSION", "like 0.2.0 (of a package: its own)" },
		COMMON_OPTS(w.common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &w.common, argc, argv, &show, &code))
		return code;
	cleanup(fleet_free) struct fleet f = { .at = -1 };
	cleanup(fd_close) int turn = -1;
	cleanup(doc_free) doc *list = doc_list();
	bool good = is_a_wish(&w, &e) && fleet_open(&f, w.common.fleet, &e) && turn_take(&turn, &f, "agent add", 0, &e) &&
		add_all(&f, &w, &show, list, &e);
	opt_words_free(&w.from);
	if (!good)
		return command_fail(&show, &e);
	if (show.json) {
		doc *d = show_doc(&show);
		doc_set(d, "agents", doc_ref(list));
		show_json(d);
	}
	show_note(&show, "noted in " AGENTS_FILE "; next: fleetctl sign");
	return 0;
}

const struct command cmd_agent_add = {
	"agent add", "FILE...", "Bring builds of the agent, one for each platform, into the fleet",
	"  fleetctl agent add fleet-agent_0.2.0_arm64.deb fleet-agent_0.2.0_armhf.deb\n"
	"What is packed: the agent and its helpers, without fleet-guard. `fleetctl sign` signs it.", run,
};
