/* Who this Pi is. */
#include "agent/config.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/fs.h"

#define COPY ".2"
enum { FILE_MAX = 64 * KIB, ANCHOR_MAX = 512000, PATH_MAX_LEN = 1024 };

static const struct shape_field config_shape[] = {
	{"format", SHAPE_INT, offsetof(struct config, format), .required = true, .min = CONFIG_FORMAT,
		.max = CONFIG_FORMAT},
	{"id", SHAPE_NAME, offsetof(struct config, id), .required = true},
	{"plan", SHAPE_PLAN, offsetof(struct config, plan), .required = true},
	{"state", SHAPE_TEXT, offsetof(struct config, state), .max = PATH_MAX_LEN, .text = CONFIG_STATE},
	{"results", SHAPE_TEXT, offsetof(struct config, results), .max = PATH_MAX_LEN, .text = CONFIG_RESULTS},
	{"site", SHAPE_NAME, .at = offsetof(struct config, site)},
	{"run", SHAPE_TEXT, offsetof(struct config, run), .max = PATH_MAX_LEN},
	{"trials_per_day", SHAPE_INT, .at = offsetof(struct config, trials_per_day), .min = 1, .max = 1000,
		.number = CONFIG_TRIALS_PER_DAY, .omit_zero = true},
	{"allow_volatile", SHAPE_BOOL, .at = offsetof(struct config, allow_volatile), .omit_zero = true},
	{"serve", SHAPE_TEXT, offsetof(struct config, serve), .max = PATH_MAX_LEN, .text = CONFIG_SERVE},
	{"sources", SHAPE_OBJECT, offsetof(struct config, sources), .of = origins_shape,
		.has = offsetof(struct config, has_sources)},
	{"baseline", SHAPE_HEX, offsetof(struct config, baseline), .bytes = 32, .required = true},
	{0},
};

static char *in_dir(const char *dir, const char *name)
{
	return path_form("%s/%s", dir, name);
}

static bool config_read(struct config *out, const char *path, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(FILE_MAX);
	cleanup(doc_free) doc *d = NULL;
	struct shape_from from = {.file = path};

	if (!fs_read(&text, AT_FDCWD, path, e))
		return err_in(
			e, e->code == ERR_MISSING ? "this host is not enrolled (fleet-agent enrol)" : "configuration");
	return (doc_read(&d, buf_str(&text), e) || err_in(e, "%s", path)) && shape_read(out, config_shape, d, &from, e);
}

/* Only root can mend what lies here: until then the copy of the enrolment serves. What the kernel refuses now is no damage. */
static bool read_either(struct config *out, const char *dir, struct err *e)
{
	cleanup(free_ptr) char *path = in_dir(dir, CONFIG_FILE);
	cleanup(free_ptr) char *copy = in_dir(dir, CONFIG_FILE COPY);
	struct err why;

	if (config_read(out, path, e))
		return true;
	if (e->code == ERR_MISSING || e->code == ERR_IO || !config_read(out, copy, &why))
		return false;
	out->damaged = str_dup(str_of(e->text));
	return true;
}

bool config_load(struct config *out, const char *dir, const char *state, struct err *e)
{
	if (!read_either(out, dir, e))
		return false;
	out->dir = str_dup(str_of(dir));
	if (state) {
		free(out->state);
		out->state = str_dup(str_of(state));
	}
	return true;
}

bool config_save(const struct config *c, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(FILE_MAX);
	cleanup(doc_free) doc *d = shape_write(c, config_shape);
	cleanup(free_ptr) char *path = in_dir(c->dir, CONFIG_FILE);
	cleanup(free_ptr) char *copy = in_dir(c->dir, CONFIG_FILE COPY);

	doc_pretty(&text, d);
	return buf_ok(&text, e) && fs_write(AT_FDCWD, copy, buf_str(&text), 0644, e) &&
	       fs_write(AT_FDCWD, path, buf_str(&text), 0644, e);
}

bool config_anchor(struct buf *out, const struct config *c, bool copy, struct err *e)
{
	cleanup(free_ptr) char *path = in_dir(c->dir, copy ? CONFIG_ANCHOR COPY : CONFIG_ANCHOR);

	out->max = ANCHOR_MAX;
	return fs_read(out, AT_FDCWD, path, e) || err_in(e, "the root of trust");
}

bool config_anchor_save(const struct config *c, struct str root, struct err *e)
{
	cleanup(free_ptr) char *path = in_dir(c->dir, CONFIG_ANCHOR);
	cleanup(free_ptr) char *copy = in_dir(c->dir, CONFIG_ANCHOR COPY);

	return fs_write(AT_FDCWD, copy, root, 0444, e) && fs_write(AT_FDCWD, path, root, 0444, e);
}

void config_free(struct config *c)
{
	free_ptr(&c->dir);
	free_ptr(&c->damaged);
	shape_free(c, config_shape);
}
