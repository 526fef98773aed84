/* From an origin to a source. */
#include "agent/pull/reach.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/pull/keys.h"
#include "agent/pull/memory.h"
#include "sources/fetch.h"
#include "sources/folder.h"
#include "sources/git.h"
#include "sources/helper.h"

#define PACKAGED "/usr/lib/fleet-agent"
enum { PATH_SIZE = 512 };

bool reach_helper(char **out, const char *name, struct err *e)
{
	return helper_find(out, name, PACKAGED, e);
}

static bool write_once(const struct store *s, const char *path, struct str text, struct err *e)
{
	cleanup(buf_free) struct buf there = BUF_MAX(ORIGINS_FILE_MAX);
	struct err none;

	if (fs_read(&there, s->dir, path, &none) && str_eq(buf_str(&there), text))
		return true;
	return fs_mkdir(s->dir, "pull", 0755, e) && fs_write(s->dir, path, text, 0644, e);
}

bool reach_ca(char **out, const struct origin *o, const char *name, const struct store *s, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("pull/%s.pem", name);

	*out = NULL;
	if (!o->ca)
		return true;
	if (!write_once(s, path, str_of(o->ca), e))
		return err_in(e, "the certificate of %s", o->url);
	*out = path_form("%s/%s", s->path, path);
	return true;
}

struct reach {
	const struct origin *origin;
	size_t index;
	const struct store *store;
	const char *plan;
	bool clock_unsure;
};

static bool open_folder(struct source **out, const struct reach *r, struct err *e)
{
	return source_folder(out, r->origin->url, e);
}

static bool open_https(struct source **out, const struct reach *r, struct err *e)
{
	const struct list *also = &r->origin->redirects;
	cleanup(free_ptr) char *name = path_form("ca-%zu", r->index), *tls = path_form("pull.tls-%zu", r->index);
	cleanup(free_ptr) char *session = pull_volatile(r->store, tls);
	cleanup(free_ptr) char *ca = NULL;
	cleanup(free_ptr) char *helper = NULL;
	cleanup(free_ptr) const char **redirects = mem_new(also->count + 1, sizeof *redirects);
	struct fetch f = {.also = redirects, .clock_unsure = r->clock_unsure};
	char *at[SOURCE_PARTS];

	if (!reach_helper(&helper, "fleet-fetch-https", e) || !reach_ca(&ca, r->origin, name, r->store, e))
		return false;
	for (size_t i = 0; i < also->count; i++)
		redirects[i] = ((char **)also->items)[i];
	f.helper = helper;
	f.ca = ca;
	f.session = session;
	for (size_t i = 0; i < SOURCE_PARTS; i++)
		f.at[i] = at[i] = path_form("%s%s%s/", r->origin->url, str_ends(str_of(r->origin->url), "/") ? "" : "/",
			source_part_words[i]);
	bool open = source_fetch(out, &f, e);
	for (size_t i = 0; i < SOURCE_PARTS; i++)
		free(at[i]);
	return open;
}

static bool open_git(struct source **out, const struct reach *r, struct err *e)
{
	const struct list *keys = &r->origin->host_keys;
	cleanup(free_ptr) char *name = path_form("ca-%zu", r->index);
	cleanup(free_ptr) char *ca = NULL;
	cleanup(free_ptr) char *helper = NULL;
	cleanup(free_ptr) char *dir = path_form("%s/pull/git-%zu", r->store->path, r->index);
	cleanup(free_ptr) char *key = NULL;
	cleanup(free_ptr) const char **host_keys = mem_new(keys->count + 1, sizeof *host_keys);

	if (!reach_helper(&helper, "fleet-fetch-git", e) || !reach_ca(&ca, r->origin, name, r->store, e) ||
		!fs_mkdir(r->store->dir, "pull", 0755, e) || (keys->count && !pull_key_path(&key, r->store, PULL_GIT_KEY, e)))
		return false;
	for (size_t i = 0; i < keys->count; i++)
		host_keys[i] = ((char **)keys->items)[i];
	const struct git g = {
		.helper = helper,
		.url = r->origin->url,
		.branch = r->origin->branch,
		.plan = r->plan,
		.dir = dir,
		.key = key,
		.host_keys = host_keys,
		.ca = ca,
		.clock_unsure = r->clock_unsure,
	};
	return source_git(out, &g, e);
}

bool reach_open(struct source **out, const struct origin *o, size_t index, const struct store *s, const char *plan,
	bool clock_unsure, struct err *e)
{
	static bool (*const open[])(struct source **, const struct reach *, struct err *) = {
		[ORIGIN_FOLDER] = open_folder,
		[ORIGIN_HTTPS] = open_https,
		[ORIGIN_GIT] = open_git,
	};
	const struct reach r = {o, index, s, plan, clock_unsure};

	if ((size_t)o->kind >= COUNT_OF(open) || !open[o->kind])
		return err_set(
			e, ERR_USAGE, "this program does not fetch from a place of kind %s", origin_words[o->kind]);
	return open[o->kind](out, &r, e);
}
