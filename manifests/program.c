/* An agent for one platform, as the bytes that get signed. */
#include "manifests/program.h"

#include "base/fs.h"

#define AT(f) offsetof(struct program, f)
/* clang-format off */
static const struct shape_field program_shape[] = {
	{ "format", SHAPE_INT, AT(format), .required = true, .min = PROGRAM_FORMAT, .max = PROGRAM_FORMAT },
	{ "platform", SHAPE_NAME, AT(platform), .required = true },
	{ "version", SHAPE_NAME, AT(version), .required = true },
	{ "bundle", SHAPE_OBJECT, AT(bundle), .required = true, .of = bundle_shape },
	{ 0 },
};
/* clang-format on */

void program_write(struct buf *out, const struct program *p)
{
	struct program whole = *p;

	whole.format = PROGRAM_FORMAT;
	cleanup(doc_free) doc *d = shape_write(&whole, program_shape);
	doc_canonical(out, d);
}

static bool check_bytes(const struct program *p, struct str json, struct err *e)
{
	cleanup(buf_free) struct buf again = BUF_MAX(PROGRAM_FILE_MAX);

	program_write(&again, p);
	return (!again.failed && str_eq(buf_str(&again), json)) ||
	       err_set(e, ERR_SYNTAX, "these are not the canonical bytes of this document");
}

static bool read_whole(struct program *out, struct str json, const char *platform, struct err *e)
{
	cleanup(doc_free) doc *d = NULL;

	if (json.len > PROGRAM_FILE_MAX)
		return err_set(e, ERR_LIMIT, "%zu bytes: at most %d", json.len, PROGRAM_FILE_MAX);
	if (!doc_read(&d, json, e) || !shape_read(out, program_shape, d, &(struct shape_from){0}, e) ||
		!version_read(&out->number, str_of(out->version), e) || !check_bytes(out, json, e))
		return false;
	return !platform || strcmp(out->platform, platform) == 0 ||
	       err_set(e, ERR_FOREIGN, "it is for %s, this host is %s", out->platform, platform);
}

bool program_read(struct program *out, struct str json, const char *platform, struct err *e)
{
	cleanup(program_free) struct program p = {0};

	if (!read_whole(&p, json, platform, e))
		return err_in(e, "agent");
	*out = p;
	p = (struct program){0};
	return true;
}

void program_free(struct program *p)
{
	shape_free(p, program_shape);
}

char *program_path(const char *platform)
{
	return path_form(PROGRAM_ROLE "/%s", platform);
}
