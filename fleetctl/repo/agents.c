/* agents.yaml, read, written, and made what role `agent` signs. */
#include "fleetctl/repo/agents.h"

#include <stdlib.h>

#include "base/fs.h"
#include "manifests/yaml.h"

#define AT(f) offsetof(struct program, f)
static const struct shape_field agent_shape[] = {
	{"platform", SHAPE_NAME, AT(platform), .required = true},
	{"version", SHAPE_NAME, AT(version), .required = true},
	{"length", SHAPE_INT, AT(bundle.length), .required = true, .min = 1, .max = (int64_t)GIB},
	{"sha256", SHAPE_HEX, AT(bundle.sha256), .required = true, .bytes = sizeof(struct digest)},
	{0},
};
struct agents {
	struct list agent; /* struct program */
};
static const struct shape_field agents_shape[] = {
	{"agents", SHAPE_LIST, offsetof(struct agents, agent), .of = agent_shape, .size = sizeof(struct program),
		.key = "platform", .max = AGENTS_MAX, .required = true},
	{0},
};
static const char header[] = "# The agents that hosts may run, one for each platform: `fleetctl agent add` writes this, `fleetctl sign` signs it.\n"
			     "agents:\n";

/* --- the file --- */

static void agents_free(struct agents *a)
{
	shape_free(a, agents_shape);
}

static bool read_yaml(struct agents *out, struct str text, struct err *e)
{
	cleanup(yaml_free) struct yaml y = {0};

	if (!yaml_read(&y, text, AGENTS_FILE, e))
		return false;
	const struct shape_from from = yaml_from(&y);
	if (!shape_read(out, agents_shape, y.root, &from, e))
		return false;
	for (size_t i = 0; i < out->agent.count; i++) {
		struct program *p = (struct program *)out->agent.items + i;
		if (version_read(&p->number, str_of(p->version), e))
			continue;
		err_in(e, "version");
		return shape_blame(&from, doc_at(doc_get(y.root, "agents"), i), e);
	}
	return true;
}

bool agents_read(struct programs *out, const struct fleet *f, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(AGENTS_FILE_MAX);
	cleanup(agents_free) struct agents a = {0};

	if (!fs_exists(f->at, AGENTS_FILE))
		return true;
	if (!fs_read(&text, f->at, AGENTS_FILE, e) || !read_yaml(&a, buf_str(&text), e))
		return false;
	*out = (struct programs){a.agent.items, a.agent.count};
	a.agent = (struct list){0};
	return true;
}

static void write_line(struct buf *out, const struct program *p)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, p->bundle.sha256);
	buf_form(out, "  - {platform: %s, version: %s, length: %lld, sha256: %s}\n", p->platform, p->version,
		(long long)p->bundle.length, hex);
}

static int by_platform(const void *a, const void *b)
{
	return strcmp((*(const struct program *const *)a)->platform, (*(const struct program *const *)b)->platform);
}

bool agents_put(const struct fleet *f, const struct program *p, struct err *e)
{
	cleanup(programs_free) struct programs before = {0};
	cleanup(buf_free) struct buf text = BUF_MAX(AGENTS_FILE_MAX);
	const struct program *all[AGENTS_MAX + 1];
	size_t count = 0;

	if (!agents_read(&before, f, e))
		return false;
	for (size_t i = 0; i < before.count; i++)
		if (strcmp(before.at[i].platform, p->platform) != 0)
			all[count++] = &before.at[i];
	if (count == AGENTS_MAX)
		return err_set(e, ERR_LIMIT, "%s: more than %d platforms", AGENTS_FILE, AGENTS_MAX);
	all[count++] = p;
	qsort(all, count, sizeof *all, by_platform);
	buf_text(&text, header);
	for (size_t i = 0; i < count; i++)
		write_line(&text, all[i]);
	return buf_ok(&text, e) && fs_write(f->at, AGENTS_FILE, buf_str(&text), 0644, e);
}

/* --- what is signed of it --- */

/* `old` NULL: there was none. */
static void say(struct buf *out, const struct program *old, const struct program *new)
{
	char size[32], hex[DIGEST_HEX + 1];

	shape_bytes_text(size, new->bundle.length);
	digest_hex(hex, new->bundle.sha256);
	buf_form(out, "agent %s: %s%s%s, bundle %.12s of %s\n", new->platform, old ? old->version : "", old ? " -> " : "", new->version,
		hex, size);
}

static bool is_same(const struct program *a, const struct program *b)
{
	return a->number == b->number && digest_eq(a->bundle.sha256, b->bundle.sha256);
}

/* A host takes what has a higher version than what it runs, and nothing else. */
static bool check_above(const struct program *old, const struct program *new, struct err *e)
{
	if (new->number < old->number)
		return err_set(e, ERR_OLDER,
			"%s: %s: version %s is below %s, which is signed, and no host goes back by it: build the older programs "
			"again under a higher version",
			AGENTS_FILE, new->platform, new->version, old->version);
	return new->number > old->number ||
	       err_set(e, ERR_REFUSED,
		       "%s: %s: version %s is signed with another bundle, and no host would take this one: give the build a "
		       "version of its own",
		       AGENTS_FILE, new->platform, new->version);
}

static bool compile_one(struct agent_files *a, const struct repository *r, const struct programs *before, const struct program *p, struct err *e)
{
	const struct program *old = programs_of(before, p->platform);
	bool same = old && is_same(old, p);

	if (!same && old && !check_above(old, p, e))
		return false;
	if (!same && !repository_check_bundle(r, &p->bundle, e))
		return err_in(e, "%s: %s: `fleetctl agent add` brings the bundle", AGENTS_FILE, p->platform);
	if (!same)
		say(&a->words, old, p);
	size_t i = a->documents++;
	a->bytes[i] = BUF_MAX(PROGRAM_FILE_MAX);
	a->path[i] = program_path(p->platform);
	program_write(&a->bytes[i], p);
	a->document[i] = (struct sign_document){PROGRAM_ROLE, a->path[i], buf_str(&a->bytes[i])};
	return buf_ok(&a->bytes[i], e);
}

/* Before the first signing there is a folder and nothing in it that is signed. */
static bool signed_before(struct programs *out, const struct repository *r, struct err *e)
{
	struct err why = {0};

	return programs_signed(out, r, &why) || why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text);
}

bool agents_compile(struct agent_files *out, const struct fleet *f, struct err *e)
{
	cleanup(programs_free) struct programs now = {0};
	cleanup(programs_free) struct programs before = {0};
	cleanup(repository_free) struct repository r = {.at = -1};

	*out = (struct agent_files){0};
	if (!agents_read(&now, f, e))
		return false;
	if (!now.count)
		return true;
	if (!repository_open(&r, f->dir, e) || !signed_before(&before, &r, e))
		return false;
	for (size_t i = 0; i < now.count; i++)
		if (!compile_one(out, &r, &before, &now.at[i], e))
			return false;
	return true;
}

void agent_files_free(struct agent_files *a)
{
	for (size_t i = 0; i < a->documents; i++) {
		free_ptr(&a->path[i]);
		buf_free(&a->bytes[i]);
	}
	buf_free(&a->words);
	a->documents = 0;
}

bool agents_words(struct buf *out, const char *path, struct str before, struct str now, struct err *e)
{
	cleanup(program_free) struct program old = {0};
	cleanup(program_free) struct program new = {0};

	if (!str_starts(str_of(path), PROGRAM_ROLE "/"))
		return err_set(e, ERR_MISSING, "%s: there are no words of its own for it", path);
	if (!program_read(&new, now, path + strlen(PROGRAM_ROLE "/"), e) ||
		(before.data && !program_read(&old, before, NULL, e)))
		return err_in(e, "%s", path);
	say(out, before.data ? &old : NULL, &new);
	return true;
}
