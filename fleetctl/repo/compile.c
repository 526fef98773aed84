#include "fleetctl/repo/compile.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/name.h"
#include "manifests/yaml.h"

enum { PLAN_FILE_MAX = 1 * MIB };

static bool read_plan(struct plan *out, const struct fleet *f, const char *file, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(PLAN_FILE_MAX);
	return fs_read(&text, f->at, file, e) && plan_read(out, buf_str(&text), file, e);
}

/* A field of the plan as it was written: entry `i` of the list `part`, or the object itself; `field` of it, or NULL. */
struct written {
	const struct fleet *fleet;
	const char *file, *part;
	size_t i;
	const char *field;
};

/* Puts its file and line in front; the file is read once more, only for that. Always false. */
static bool stands_at(const struct written *w, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(PLAN_FILE_MAX);
	cleanup(yaml_free) struct yaml y = { 0 };
	int line = 0;
	if (fs_read(&text, w->fleet->at, w->file, NULL) && yaml_read(&y, buf_str(&text), w->file, NULL)) {
		const doc *at = doc_get(y.root, w->part);
		at = doc_kind(at) == DOC_LIST ? doc_at(at, w->i) : at;
		line = yaml_line(&y, w->field ? doc_get(at, w->field) : at);
	}
	return line ? err_in(e, "%s:%d", w->file, line) : err_in(e, "%s", w->file);
}

static bool find_layers(char ***out, const struct fleet *f, const struct plan *p, const char *file, struct err *e)
{
	char *const *name = p->scripts.items;
	char **layer = mem_new(p->scripts.count + 1, sizeof *layer);
	*out = layer;
	for (size_t i = 0; i < p->scripts.count; i++) {
		cleanup(free_ptr) char *inside = path_form("scripts/%s", name[i]);
		if (!fs_exists(f->at, inside))
			return err_set(e, ERR_MISSING, "scripts[%zu]: there is no folder %s", i, inside) ||
				stands_at(&(struct written){ f, file, "scripts", i, NULL }, e);
		layer[i] = path_form("%s/%s", f->dir, inside);
	}
	return true;
}

static void free_layers(char ***layer)
{
	for (size_t i = 0; *layer && (*layer)[i]; i++)
		free((*layer)[i]);
	free_ptr(layer);
}

static const struct pack_file *find_file(const struct pack_list *l, const char *path)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->file[i].path, path) == 0)
			return &l->file[i];
	return NULL;
}

/* What a plan runs must be in its bundle, and executable: a Pi is no place to find that out. */
static bool check_run(const struct pack_list *l, const struct written *w, const char *run, struct err *e)
{
	if (!run)
		return true;
	const struct pack_file *found = find_file(l, run);
	if (!found)
		err_set(e, ERR_MISSING, "no file %s in the plan's scripts folders", run);
	else if (!found->executable && !found->link)
		err_set(e, ERR_USAGE, "%s is not executable: `chmod +x` it", run);
	else
		return true;
	if (strcmp(w->part, "hooks") == 0)
		err_in(e, "hooks.%s", w->field);
	else
		err_in(e, "%s[%zu].%s", w->part, w->i, w->field);
	return stands_at(w, e);
}

static bool check_runs(const struct pack_list *l, const struct fleet *f, const struct plan *p, const char *file, struct err *e)
{
	const struct probe *probe = p->probes.items;
	const struct check *check = p->checks.items;
	for (size_t i = 0; i < p->probes.count; i++)
		if (!check_run(l, &(struct written){ f, file, "probes", i, "run" }, probe[i].run, e))
			return false;
	for (size_t i = 0; i < p->checks.count; i++)
		if (!check_run(l, &(struct written){ f, file, "checks", i, "run" }, check[i].run, e))
			return false;
	return check_run(l, &(struct written){ f, file, "hooks", 0, "start" }, p->hooks.start, e) &&
		check_run(l, &(struct written){ f, file, "hooks", 0, "stop" }, p->hooks.stop, e);
}

/* A window in a zone that nobody knows would never open. A machine that has no zones at all can't tell. */
static bool check_zone(const struct fleet *f, const struct plan *p, const char *file, struct err *e)
{
	const char *dir = getenv("TZDIR") ? getenv("TZDIR") : "/usr/share/zoneinfo";
	if (!p->has_window || strcmp(p->window.zone, "UTC") == 0 || !fs_exists(AT_FDCWD, dir))
		return true;
	cleanup(free_ptr) char *zone = path_form("%s/%s", dir, p->window.zone);
	return fs_exists(AT_FDCWD, zone) || err_set(e, ERR_USAGE, "window.zone: there is no time zone \"%s\" in %s", p->window.zone, dir) ||
		stands_at(&(struct written){ f, file, "window", 0, "zone" }, e);
}

static bool compile_one(struct compiled *out, const struct fleet *f, const char *file, struct err *e)
{
	cleanup(free_layers) char **layer = NULL;
	cleanup(pack_list_free) struct pack_list list = { 0 };
	cleanup(fd_close) int tar = -1;
	struct pack_facts facts;
	struct manifest *m = &out->manifest;
	if (!read_plan(&m->plan, f, file, e) || !check_zone(f, &m->plan, file, e) || !find_layers(&layer, f, &m->plan, file, e))
		return false;
	cleanup(free_ptr) char *inside = path_form(FLEET_STATE "/build/%s.tar", m->plan.plan);
	out->tar = path_form("%s/%s", f->dir, inside);
	if (!fs_create(&tar, f->at, inside, 0644, e))
		return false;
	if (!pack_folders(&facts, tar, (const char *const *)layer, m->plan.scripts.count, e))
		return err_in(e, "plan %s", m->plan.plan);
	fd_close(&tar);
	if (!fs_open_read(&tar, f->at, inside, e) || !pack_list_tar(&list, tar, e) || !check_runs(&list, f, &m->plan, file, e))
		return false;
	m->format = 1;
	m->bundle.sha256 = facts.digest;
	m->bundle.length = (int64_t)facts.length;
	return true;
}

static bool wanted(const struct opt_words *only, struct str plan)
{
	for (size_t i = 0; i < only->count; i++)
		if (str_eq(only->word[i], plan))
			return true;
	return only->count == 0;
}

static bool check_only(const struct fleet *f, const struct opt_words *only, struct err *e)
{
	for (size_t i = 0; i < only->count; i++) {
		cleanup(free_ptr) char *file = path_form("plans/" STR_FMT ".yaml", STR_ARG(only->word[i]));
		if (!name_check_plan(only->word[i], e))
			return false;
		if (!fs_exists(f->at, file))
			return err_set(e, ERR_USAGE, "no plan \"" STR_FMT "\": there is no %s", STR_ARG(only->word[i]), file);
	}
	return true;
}

bool compile_plans(struct compiled_list *out, const struct fleet *f, const struct opt_words *only, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = { 0 };
	if (!check_only(f, only, e) || !fs_names(&names, f->at, "plans", e) || !fs_mkdir(f->at, FLEET_STATE "/build", 0755, e))
		return false;
	out->plan = mem_new(names.count + 1, sizeof *out->plan);
	for (size_t i = 0; i < names.count; i++) {
		struct str name = str_of(names.name[i]);
		cleanup(free_ptr) char *file = path_form("plans/%s", names.name[i]);
		if (!str_ends(name, ".yaml"))
			return err_set(e, ERR_USAGE, "%s: plans are files named PLAN.yaml; move it elsewhere", file);
		name.len -= strlen(".yaml");
		if (!wanted(only, name))
			continue;
		if (!compile_one(&out->plan[out->count++], f, file, e))
			return false;
	}
	return out->count || err_set(e, ERR_USAGE, "plans/ holds no plan: write plans/NAME.yaml");
}

void compiled_free(struct compiled_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		manifest_free(&l->plan[i].manifest);
		free(l->plan[i].tar);
	}
	free_ptr(&l->plan);
	l->count = 0;
}

static bool same_file(const struct pack_file *a, const struct pack_file *b)
{
	if (!a->link != !b->link || (a->link && strcmp(a->link, b->link) != 0))
		return false;
	return digest_eq(a->digest, b->digest) && a->executable == b->executable;
}

bool compile_file_changes(struct buf *out, int old_tar, int new_tar, struct err *e)
{
	cleanup(pack_list_free) struct pack_list before = { 0 };
	cleanup(pack_list_free) struct pack_list after = { 0 };
	if ((old_tar >= 0 && !pack_list_tar(&before, old_tar, e)) || !pack_list_tar(&after, new_tar, e))
		return false;
	for (size_t i = 0; i < after.count; i++) {
		const struct pack_file *was = find_file(&before, after.file[i].path);
		if (!was || !same_file(was, &after.file[i]))
			buf_form(out, "  %c %s\n", was ? '~' : '+', after.file[i].path);
	}
	for (size_t i = 0; i < before.count; i++)
		if (!find_file(&after, before.file[i].path))
			buf_form(out, "  - %s\n", before.file[i].path);
	return true;
}
