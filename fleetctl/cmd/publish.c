#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fleetctl/command.h"
#include "fleetctl/publish/publish.h"
#include "fleetctl/repo/doctor.h"
#include "fleetctl/rollout/rollout.h"

struct wish {
	const char *to;
	bool dry, prune;
};

static bool (*const kinds[])(struct publish_report *, const struct publish *, struct err *) = {
	[PLACE_GIT] = publish_git,
	[PLACE_FOLDER] = publish_folder,
};

static void say(const struct show *show, const struct fleet_place *p, const struct publish_report *r, const struct contents *c, bool dry)
{
	char bytes[32];

	if (show->json)
		return;
	shape_bytes_text(bytes, (int64_t)r->bytes);
	if (p->kind == PLACE_FOLDER)
		printf("%s: %s%zu files (%s) to %s, %zu old ones removed\n", p->name, dry ? "would write " : "", r->added, bytes, p->path, r->removed);
	else if (dry)
		printf("%s: %s is at %.12s, and may be published to\n", p->name, p->url, r->commit[0] ? r->commit : "nothing");
	else
		printf("%s: %s %s %.12s, %zu payloads sent, %zu old ones removed\n", p->name, p->url, r->changed ? "is now at" : "stays at",
			r->commit, r->added, r->removed);
	if (c->left_out)
		fprintf(stderr, "fleetctl publish: %s: %zu releases are permitted whose bundles are not there (releases: %lld in fleet.yaml)\n",
			p->name, c->left_out, (long long)p->releases);
}

static doc *as_doc(const struct fleet_place *p, const struct publish_report *r, const struct err *why)
{
	doc *d = doc_object();

	doc_set_text(d, "name", p->name);
	doc_set_text(d, "kind", place_words[p->kind]);
	if (why) {
		doc_set_text(d, "code", err_word(why->code));
		doc_set_text(d, "text", why->text);
		return d;
	}
	doc_set_bool(d, "changed", r->changed);
	doc_set_int(d, "added", (int64_t)r->added);
	doc_set_int(d, "removed", (int64_t)r->removed);
	doc_set_int(d, "bytes", (int64_t)r->bytes);
	if (r->commit[0])
		doc_set_text(d, "commit", r->commit);
	return d;
}

static bool one(struct publish *p, const struct doctor_report *d, const struct show *show, doc *places, struct err *e)
{
	cleanup(contents_free) struct contents contents = {0};
	const struct contents_wish wish = {p->place->releases, p->place->patches};
	struct publish_report report = {0};

	if (!contents_of(&contents, p->repository, &d->facts, &wish, e))
		return false;
	p->contents = &contents;
	if (!kinds[p->place->kind](&report, p, e))
		return false;
	say(show, p->place, &report, &contents, p->dry);
	doc_add(places, as_doc(p->place, &report, NULL));
	return true;
}

/* Each place by itself: one that cannot be reached keeps the others from nothing. */
static int all(struct publish *p, const struct doctor_report *d, const struct wish *wish, const struct show *show)
{
	doc *places = doc_list();
	int worst = 0;
	size_t meant = 0;

	for (size_t i = 0; i < p->fleet->publish.count; i++) {
		struct err e = {0};
		p->place = (const struct fleet_place *)p->fleet->publish.items + i;
		if (wish->to && strcmp(wish->to, p->place->name) != 0)
			continue;
		meant++;
		if (one(p, d, show, places, &e))
			continue;
		fprintf(stderr, "fleetctl publish: %s: %s\n", p->place->name, e.text);
		doc_add(places, as_doc(p->place, NULL, &e));
		worst = worst ? worst : exit_of(e.code);
	}
	if (meant && show->json) {
		doc *whole = show_doc(show);
		doc_set(whole, "places", places);
		show_json(whole);
	} else {
		doc_free(&places);
	}
	if (meant)
		return worst;
	struct err e;
	if (wish->to)
		err_set(&e, ERR_USAGE, "fleet.yaml has no place \"%s\" under publish", wish->to);
	else
		err_set(&e, ERR_USAGE, "fleet.yaml says nowhere to publish to: add `publish: [{name: web, kind: folder, path: /srv/fleet}]` (man 5 fleet)");
	return command_fail(show, &e);
}

static int run(const struct command *me, int argc, char **argv)
{
	struct common common = {0};
	struct wish wish = {0};
	struct opt table[] = {
		{"to", 0, OPT_TEXT, &wish.to, "NAME", "this place only (default: all of fleet.yaml)"},
		{"dry-run", 'n', OPT_FLAG, &wish.dry, NULL, "look at the places, change nothing"},
		{"prune", 0, OPT_FLAG, &wish.prune, NULL, "what nothing names any more goes at once"},
		COMMON_OPTS(common),
		{0},
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &common, argc, argv, &show, &code))
		return code;
	cleanup(fleet_free) struct fleet f = {.at = -1};
	cleanup(repository_free) struct repository r = {.at = -1};
	cleanup(doctor_free) struct doctor_report d = {0};
	int64_t now = clock_now().unix_s;
	if (!fleet_open(&f, common.fleet, &e) || !repository_open(&r, f.dir, &e))
		return command_fail(&show, &e);
	doctor_repository(&d, &r, &(struct doctor_wish){now, DOCTOR_DAYS, DOCTOR_ONLINE_DAYS});
	doctor_places(&d, &f);
	if (!doctor_allows(&d, &e)) {
		err_in(&e, "not published");
		code = command_fail(&show, &e);
		return code == 2 ? 7 : code; /* as of verify: what is absent is not what was signed either */
	}
	struct publish p = {.fleet = &f, .repository = &r, .now = now, .dry = wish.dry, .prune = wish.prune};
	return all(&p, &d, &wish, &show);
}

const struct command cmd_publish = {
	"publish", NULL, "Put the repository where hosts pull it from",
	"The places are those of fleet.yaml. `doctor` looks at the repository first. Whoever reads a place meanwhile sees the old\n"
	"repository or the new one, whole. A place that is ahead of this folder is not overwritten.", run,
};
