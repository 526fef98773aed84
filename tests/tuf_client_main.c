/* The front end by which TUF clients are compared, over the code that the agent runs; trust.md has its contract.
 *   tuf-client --metadata-dir DIR init ROOT
 *   tuf-client --metadata-dir DIR --metadata-url URL refresh
 *   tuf-client --metadata-dir DIR --metadata-url URL --target-name NAME... --target-dir TDIR --target-base-url URL
 * download Exits 0 when all of it was done, else 1. For tests, in the environment: FLEET_FETCH_HTTPS (the helper),
 * FLEET_CA (a file of certificates, and no others), FLEET_IDLE_MS (how long a server may be silent), FLEET_CLOCK_UNSURE (dates of certificates
 * do not count). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/fs.h"
#include "base/hex.h"
#include "keys/sha512.h"
#include "sources/fetch.h"
#include "tests/tuf/held.h"
#include "tests/tuf/place.h"

struct line {
	const char *dir, *metadata_url, *target_dir, *target_url;
	const char **target; /* owned; the names are not */
	size_t targets;
	const char *word, *file; /* the command, and what init is given */
};

struct client {
	struct trust *trust;
	struct source *source;
	int held, tdir;
};

/* --- the command line --- */

static const struct {
	const char *name;
	size_t at;
} options[] = {
	{"--metadata-dir", offsetof(struct line, dir)},
	{"--metadata-url", offsetof(struct line, metadata_url)},
	{"--target-dir", offsetof(struct line, target_dir)},
	{"--target-base-url", offsetof(struct line, target_url)},
};

static bool set_option(struct line *l, struct str name, const char *value)
{
	if (str_is(name, "--target-name")) {
		l->target = mem_grow(l->target, l->targets + 1, sizeof *l->target);
		l->target[l->targets++] = value;
		return true;
	}
	for (size_t i = 0; i < COUNT_OF(options); i++)
		if (str_is(name, options[i].name)) {
			*(const char **)((char *)l + options[i].at) = value;
			return true;
		}
	return false;
}

static bool read_line(struct line *l, int argc, char **argv, struct err *e)
{
	for (int i = 1; i < argc; i++) {
		const char *equals = strchr(argv[i], '=');
		struct str name = str_of(argv[i]);
		if (!str_starts(name, "--")) {
			const char **to = l->word ? &l->file : &l->word;
			if (*to)
				return err_set(e, ERR_USAGE, "%s: one word too many", argv[i]);
			*to = argv[i];
			continue;
		}
		if (equals)
			name.len = (size_t)(equals - argv[i]);
		else if (i + 1 == argc)
			return err_set(e, ERR_USAGE, "%s: a value is missing", argv[i]);
		const char *value = equals ? equals + 1 : argv[++i];
		if (!set_option(l, name, value))
			return err_set(e, ERR_USAGE, STR_FMT ": no such option", STR_ARG(name));
	}
	return l->word && l->dir ? true : err_set(e, ERR_USAGE, "--metadata-dir DIR init | refresh | download");
}

/* --- the client --- */

/* Beside the folder that we lie in, or where FLEET_FETCH_HTTPS says. */
static bool helper_path(char **out, struct err *e)
{
	const char *said = getenv("FLEET_FETCH_HTTPS");
	char self[512];

	if (said) {
		*out = str_dup(str_of(said));
		return true;
	}
	if (!fs_readlink(self, AT_FDCWD, "/proc/self/exe", e))
		return false;
	*strrchr(self, '/') = 0;
	*out = path_form("%s/../sources/fleet-fetch-https", self);
	return true;
}

static int64_t idle_ms(void)
{
	uint64_t ms;

	return str_number(&ms, str_of(getenv("FLEET_IDLE_MS")), INT32_MAX) ? (int64_t)ms : 0;
}

static bool client_open(struct client *c, const struct line *l, struct err *e)
{
	const struct trust_time now = {time(NULL), true};
	cleanup(free_ptr) char *helper = NULL;

	if (!l->metadata_url)
		return err_set(e, ERR_USAGE, "--metadata-url is missing");
	if (!helper_path(&helper, e))
		return false;
	struct fetch f = {
		.helper = helper,
		.ca = getenv("FLEET_CA"),
		.idle_ms = idle_ms(),
		.clock_unsure = getenv("FLEET_CLOCK_UNSURE") != NULL,
		.at = {[SOURCE_METADATA] = l->metadata_url, [SOURCE_TARGETS] = l->target_url},
	};
	return held_open(&c->trust, &c->held, l->dir, now, e) && source_fetch(&c->source, &f, e);
}

static void client_close(struct client *c)
{
	trust_free(&c->trust);
	source_free(&c->source);
	fd_close(&c->held);
	fd_close(&c->tdir);
}

static bool bring(struct client *c, const struct trust_want *want, struct err *e)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(want->max);
	struct source_answer answer;
	struct trust_keep keep;
	char file[512];

	trust_want_file(file, c->trust, want);
	struct source_ask ask = {.part = SOURCE_METADATA, .name = file, .max = want->max};
	if (!source_get(&answer, c->source, &ask, &bytes, e))
		return false;
	if (answer.say == SOURCE_ABSENT) {
		trust_absent(c->trust);
		return true;
	}
	return trust_give(c->trust, buf_str(&bytes), &keep, e) && held_keep(c->held, &keep, buf_str(&bytes), e);
}

/* To the end of a refresh, or of a seek. */
static bool walk(struct client *c, struct err *e)
{
	struct trust_want want;
	enum trust_say say;

	while ((say = trust_next(c->trust, &want, e)) == TRUST_WANTS)
		if (!bring(c, &want, e))
			return false;
	return say == TRUST_DONE;
}

/* --- targets --- */

/* "a/HASH.b", where the repository is consistent. */
static char *address_of(const struct client *c, const char *name, const struct trust_target *t)
{
	const char *slash = strrchr(name, '/'), *file = slash ? slash + 1 : name;
	char hex[2 * SHA512_LEN + 1];

	if (!trust_consistent(c->trust))
		return str_dup(str_of(name));
	hex_write(hex, t->has_sha256 ? t->sha256.bytes : t->sha512,
		t->has_sha256 ? sizeof t->sha256.bytes : sizeof t->sha512);
	return path_form("%.*s%s.%s", (int)(file - name), name, hex, file);
}

static bool fetch(struct client *c, const char *name, const char *path, const struct trust_target *t, struct err *e)
{
	cleanup(free_ptr) char *address = address_of(c, name, t);
	cleanup(fd_close) int fd = -1;
	struct source_answer answer;
	struct source_ask ask = {.part = SOURCE_TARGETS, .name = address, .max = t->length};

	if (!place_begin(&fd, c->tdir, e))
		return false;
	bool ok = source_get_file(&answer, c->source, &ask, fd, e) &&
		  (answer.say == SOURCE_BYTES || err_set(e, ERR_MISSING, "%s: it is not there", address)) &&
		  place_take(c->tdir, fd, path, t, e);
	if (!ok)
		place_drop(c->tdir);
	return ok;
}

static bool download(struct client *c, const char *name, struct err *e)
{
	cleanup(free_ptr) char *path = NULL;
	struct trust_target target;

	if (!place_path(&path, name, e))
		return false;
	trust_seek(c->trust, name);
	if (!walk(c, e))
		return false;
	if (!trust_found(c->trust, &target))
		return err_set(e, ERR_MISSING, "%s: nobody signs for it", name);
	return place_has(c->tdir, path, &target) || fetch(c, name, path, &target, e) || err_in(e, "%s", name);
}

/* --- commands --- */

static bool run_init(struct client *c, const struct line *l, struct err *e)
{
	(void)c;
	return l->file ? held_init(l->dir, l->file, e) : err_set(e, ERR_USAGE, "init: the root's file is missing");
}

static bool run_refresh(struct client *c, const struct line *l, struct err *e)
{
	return client_open(c, l, e) && walk(c, e);
}

static bool run_download(struct client *c, const struct line *l, struct err *e)
{
	if (!l->targets || !l->target_dir || !l->target_url)
		return err_set(e, ERR_USAGE, "download: --target-name, --target-dir and --target-base-url are needed");
	if (!run_refresh(c, l, e) || !fs_mkdir(AT_FDCWD, l->target_dir, 0755, e) ||
		!fs_open_dir(&c->tdir, AT_FDCWD, l->target_dir, e))
		return false;
	for (size_t i = 0; i < l->targets; i++)
		if (!download(c, l->target[i], e))
			return false;
	return true;
}

static const struct {
	const char *word;
	bool (*run)(struct client *c, const struct line *l, struct err *e);
} commands[] = {
	{"init", run_init},
	{"refresh", run_refresh},
	{"download", run_download},
};

static bool run(const struct line *l, struct err *e)
{
	cleanup(client_close) struct client c = {.held = -1, .tdir = -1};

	for (size_t i = 0; i < COUNT_OF(commands); i++)
		if (strcmp(l->word, commands[i].word) == 0)
			return commands[i].run(&c, l, e);
	return err_set(e, ERR_USAGE, "%s: init, refresh or download", l->word);
}

int main(int argc, char **argv)
{
	struct line l = {0};
	struct err e = {0};

	bool ok = read_line(&l, argc, argv, &e) && run(&l, &e);
	free(l.target);
	if (!ok)
		fprintf(stderr, "tuf-client: %s: %s\n", err_word(e.code), e.text);
	return ok ? 0 : 1;
}
