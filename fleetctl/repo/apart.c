/* Every place where receipts go, against every place that is published. */
#include "fleetctl/repo/apart.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "fleetctl/repo/access.h"
#include "manifests/address.h"

enum { PLACES_MAX = 60, ADDRESS_MAX = 8 * KIB }; /* more than fleet.yaml and sources.yaml may name */

struct places {
	struct place {
		char name[160];     /* "publish[hub] of fleet.yaml" */
		const char *said;   /* borrowed */
		struct buf address; /* in one spelling */
	} at[PLACES_MAX];
	size_t count;
};

static void places_free(struct places *p)
{
	for (size_t i = 0; i < p->count; i++)
		buf_free(&p->at[i].address);
}

/* As far as it is there, without links; the rest as it stands. Git takes /srv/x for /srv/x.git, too. */
static void real_path(struct buf *out, const char *path)
{
	cleanup(free_ptr) char *bare = path_form("%s.git", path), *begin = str_dup(str_of(path));
	bool missing = !fs_exists(AT_FDCWD, path) && fs_exists(AT_FDCWD, bare);
	char *real = realpath(missing ? bare : path, NULL), *slash = NULL;

	while (!real && (slash = strrchr(begin, '/')) && slash > begin) {
		*slash = 0;
		real = realpath(begin, NULL);
	}
	buf_clear(out);
	buf_form(out, "%s%s", real ? real : "", slash || !real ? path + (real ? strlen(begin) : 0) : "");
	free(real);
}

static void spell(struct buf *out, const char *address)
{
	cleanup(buf_free) struct buf plain = BUF_MAX(ADDRESS_MAX), real = BUF_MAX(ADDRESS_MAX);

	address_plain(&plain, address);
	if (plain.len && plain.data[0] == '/') {
		real_path(&real, plain.data);
		address_plain(&plain, buf_str(&real).data);
	}
	buf_add(out, buf_str(&plain));
}

static void add(struct places *p, const char *said, const char *form, ...) printf_like(3, 4);
static void add(struct places *p, const char *said, const char *form, ...)
{
	va_list args;

	if (!said || p->count == PLACES_MAX)
		return;
	struct place *to = &p->at[p->count++];
	*to = (struct place){.said = said, .address = BUF_MAX(ADDRESS_MAX)};
	va_start(args, form);
	vsnprintf(to->name, sizeof to->name, form, args);
	va_end(args);
	spell(&to->address, said);
}

static void add_fleet(struct places *receipts, struct places *published, const struct fleet *f, const char *repository)
{
	const struct fleet_place *place = f->publish.items;

	add(published, repository, "the signed repository of this folder");
	for (size_t i = 0; i < f->publish.count; i++)
		add(published, place[i].kind == PLACE_GIT ? place[i].url : place[i].path, "publish[%s] of fleet.yaml",
			place[i].name);
	add(receipts, f->receipts.kind == HOME_GIT ? f->receipts.url : f->receipts.path, "receipts of fleet.yaml");
}

static void add_origins(struct places *receipts, struct places *published, const struct origins *o, const char *whose)
{
	const struct origin *source = o->source.items;

	for (size_t i = 0; i < o->source.count; i++)
		add(published, source[i].url, "sources[%zu] of %s", i, whose);
	if (o->has_receipts)
		add(receipts, o->receipts.url, "receipts of %s", whose);
}

static bool read_yaml(struct origins *out, const struct fleet *f, struct err *e)
{
	cleanup(buf_free) struct buf yaml = BUF_MAX(ORIGINS_FILE_MAX);

	return !fs_exists(f->at, SOURCES_FILE) ||
	       (fs_read(&yaml, f->at, SOURCES_FILE, e) && origins_read_yaml(out, buf_str(&yaml), SOURCES_FILE, e));
}

/* What hosts obey until the next is signed; where nothing is signed yet, nothing. */
static bool read_signed(struct origins *out, const struct fleet *f, struct err *e)
{
	cleanup(repository_free) struct repository r = {.at = -1};
	cleanup(buf_free) struct buf bytes = BUF_MAX(ORIGINS_FILE_MAX);
	struct err why = {0};

	if (repository_open(&r, f->dir, &why) && access_signed(&bytes, &r, SOURCES_PATH, &why))
		return origins_read(out, buf_str(&bytes), SOURCES_PATH, e);
	return why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text);
}

static bool compare(const struct places *receipts, const struct places *published, struct err *e)
{
	for (size_t r = 0; r < receipts->count; r++)
		for (size_t p = 0; p < published->count; p++) {
			const struct place *home = &receipts->at[r], *shown = &published->at[p];
			if (address_meet_plain(buf_str(&home->address), buf_str(&shown->address)))
				return err_set(e, ERR_REFUSED,
					"%s, %s, and %s, %s, are one place: hosts write where their receipts go, so "
					"who steals a "
					"host could change what all of them fetch; give receipts a place of their own",
					home->name, home->said, shown->name, shown->said);
		}
	return true;
}

bool apart_check(const struct fleet *f, struct err *e)
{
	cleanup(places_free) struct places receipts = {0};
	cleanup(places_free) struct places published = {0};
	cleanup(origins_free) struct origins written = {0};
	cleanup(origins_free) struct origins in_force = {0};
	cleanup(free_ptr) char *repository = path_form("%s/repository", f->dir);

	if (!read_yaml(&written, f, e) || !read_signed(&in_force, f, e))
		return false;
	add_fleet(&receipts, &published, f, repository);
	add_origins(&receipts, &published, &written, SOURCES_FILE);
	add_origins(&receipts, &published, &in_force, "the list that is signed");
	return compare(&receipts, &published, e);
}
