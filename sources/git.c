/* The asker's side: which remote, which folder; the rest is the helper's. */
#include "sources/git.h"

#include <stdlib.h>

#include "base/name.h"
#include "sources/git_ask.h"
#include "sources/helper.h"

struct repo {
	struct source source;
	struct helper helper;
	struct git_ask ask; /* all but the file */
};

static bool repo_get(
	struct source_answer *out, struct source *s, const struct source_ask *ask, struct source_to *to, struct err *e)
{
	struct repo *g = (struct repo *)s;
	struct reply r = {.ask = ask, .to = to};
	cleanup(buf_free) struct buf frame = {0};
	struct git_ask words = g->ask;

	words.part = (int)ask->part;
	words.name = (char *)ask->name;
	words.etag = ask->known && ask->known->etag[0] ? (char *)ask->known->etag : NULL;
	words.max = (int64_t)ask->max;
	words.from = (int64_t)ask->from;
	parcel_write_words(&frame, PARCEL_ASK, &words, git_ask_shape);
	/* while it fetches it has nothing to say; how long its server may say nothing is its own to watch */
	if (!buf_ok(&frame, e) || !helper_ask(&g->helper, buf_str(&frame), &r, words.access.total_ms + HELPER_GRACE_MS,
					  words.access.total_ms, e))
		return false;
	*out = r.answer;
	return true;
}

static void repo_end(struct source *s)
{
	struct repo *g = (struct repo *)s;

	helper_free(&g->helper);
	shape_free(&g->ask, git_ask_shape);
	free(g);
}

static bool check(const struct git *g, struct err *e)
{
	size_t keys = 0;

	if (!g->dir || g->dir[0] != '/')
		return err_set(e, ERR_USAGE, "git needs a folder of its own, by its absolute path");
	while (g->host_keys && g->host_keys[keys])
		keys++;
	const struct git_access access = {
		.url = (char *)g->url,
		.key = (char *)g->key,
		.ca = (char *)g->ca,
		.host_keys = {(void *)g->host_keys, keys},
		.clock_unsure = g->clock_unsure,
	};
	return git_access_check(&access, e);
}

static char *copy(const char *text)
{
	return text ? str_dup(str_of(text)) : NULL;
}

bool source_git(struct source **out, const struct git *g, struct err *e)
{
	static const struct source_kind kind = {repo_get, repo_end};
	struct helper helper;

	if (!check(g, e) || !name_check_path(str_of(g->branch ? g->branch : "main"), e) || !helper_init(&helper, g->helper, e))
		return false;
	struct repo *r = mem_new(1, sizeof *r);
	r->source.kind = &kind;
	r->helper = helper;
	r->ask = (struct git_ask){
		.branch = copy(g->branch ? g->branch : "main"),
		.plan = copy(g->plan),
		.dir = copy(g->dir),
		.access = {.url = copy(g->url),
			.key = copy(g->key),
			.ca = copy(g->ca),
			.clock_unsure = g->clock_unsure,
			.connect_ms = g->connect_ms ? g->connect_ms : GIT_CONNECT_MS,
			.idle_ms = g->idle_ms ? g->idle_ms : GIT_IDLE_MS,
			.total_ms = g->total_ms ? g->total_ms : GIT_TOTAL_MS},
	};
	struct list *pins = &r->ask.access.host_keys;
	for (size_t i = 0; g->host_keys && g->host_keys[i]; i++) {
		pins->items = mem_grow(pins->items, i + 1, sizeof(char *));
		((char **)pins->items)[pins->count++] = copy(g->host_keys[i]);
	}
	*out = &r->source;
	return true;
}
