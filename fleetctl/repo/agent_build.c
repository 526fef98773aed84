/* From a package or a folder to the agent's bundle. */
#include "fleetctl/repo/agent_build.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/name.h"
#include "base/proc.h"
#include "bundles/pack.h"

#define BUILD_DIR  FLEET_STATE "/build"
#define OPENED_DIR BUILD_DIR "/deb"
#define LAYER_DIR  BUILD_DIR "/agent"
#define TAR_FILE   BUILD_DIR "/agent.tar"
#define PACKAGE    "fleet-agent"
#define INSTALLED  "usr/lib/fleet-agent"
#define DEB_OS_ABI "debian12-gnu-"
enum { PROGRAM_BYTES_MAX = 64 * MIB, PROGRAMS_MAX = 16, DPKG_MS = 2 * 60 * 1000, DPKG_SAID_MAX = 4 * KIB };

/* Where the programs lie, and what they are said to be. */
struct source {
	char *dir;
	char *platform, *version;
};

static void source_free(struct source *s)
{
	free_ptr(&s->dir);
	free_ptr(&s->platform);
	free_ptr(&s->version);
}

void agent_build_free(struct agent_build *b)
{
	program_free(&b->program);
	free_ptr(&b->tar);
}

/* --- a package --- */

/* Debian's own program reads Debian's form: it stands on every machine that builds packages. */
static bool dpkg(struct buf *out, char *const *argv, struct err *e)
{
	const struct proc_job job = {.argv = argv, .cwd = -1, .timeout_ms = DPKG_MS, .output_max = DPKG_SAID_MAX};
	struct proc_end end = {0};

	if (!proc_run(&end, &job, e))
		return err_in(e, "a .deb needs dpkg-deb; without it: a folder of its programs, --platform and --version");
	struct str said = str_trim(buf_str(&end.output));
	bool good = (!end.timed_out && end.status == 0) ||
		    err_set(e, ERR_SYNTAX, "dpkg-deb: " STR_FMT, STR_ARG(said.len ? said : STR("it did not come to an end")));
	if (good && out)
		buf_add(out, said);
	buf_free(&end.output);
	return good;
}

static bool field(char **out, const char *deb, const char *name, struct err *e)
{
	cleanup(free_ptr) char *file = str_dup(str_of(deb)), *word = str_dup(str_of(name));
	cleanup(buf_free) struct buf said = BUF_MAX(DPKG_SAID_MAX);
	char *argv[] = {"dpkg-deb", "-f", file, word, NULL};

	if (!dpkg(&said, argv, e))
		return false;
	*out = str_dup(buf_str(&said));
	return true;
}

/* "0.2.0-1" is build 1 of Debian's, of our 0.2.0. */
static void cut_revision(char *version)
{
	version[strcspn(version, "-+~")] = 0;
}

static bool check_package(const char *deb, struct err *e)
{
	cleanup(free_ptr) char *package = NULL;

	if (!field(&package, deb, "Package", e))
		return false;
	return strcmp(package, PACKAGE) == 0 || err_set(e, ERR_USAGE, "it is the package %s, not " PACKAGE, package);
}

static bool open_deb(struct source *s, const struct fleet *f, const char *deb, struct err *e)
{
	cleanup(free_ptr) char *file = str_dup(str_of(deb)), *to = path_form("%s/" OPENED_DIR, f->dir), *arch = NULL;
	char *argv[] = {"dpkg-deb", "-x", file, to, NULL};

	if (!check_package(deb, e) || !field(&arch, deb, "Architecture", e) || !field(&s->version, deb, "Version", e) ||
		!fs_remove_tree(f->at, OPENED_DIR, e) || !fs_mkdir(f->at, OPENED_DIR, 0700, e) || !dpkg(NULL, argv, e))
		return false;
	cut_revision(s->version);
	s->platform = path_form(DEB_OS_ABI "%s", arch);
	s->dir = path_form("%s/" INSTALLED, to);
	return true;
}

static void take(char **to, const char *said)
{
	if (!said)
		return;
	free_ptr(to);
	*to = str_dup(str_of(said));
}

static bool open_source(struct source *s, const struct fleet *f, const struct agent_wish *w, struct err *e)
{
	bool deb = str_ends(str_of(w->from), ".deb");

	if (deb && !open_deb(s, f, w->from, e))
		return false;
	if (!deb)
		s->dir = str_dup(str_of(w->from));
	take(&s->platform, w->platform);
	take(&s->version, w->version);
	if (!s->platform || !s->version)
		return err_set(e, ERR_USAGE, "a folder does not say what it is: add --platform OS-ABI-ARCH and --version VERSION");
	return name_check(str_of(s->platform), e) || err_in(e, "--platform");
}

/* --- its programs --- */

/* ELF: e_ident, e_machine (gABI 4.1, chapter 4). */
enum { ELF_HEAD = 20, ELF_CLASS = 4, ELF_DATA = 5, ELF_MACHINE = 18, ELF_LITTLE = 1 };
static const struct machine {
	const char *arch;
	unsigned char class, machine;
} machines[] = {
	{"amd64", 2, 62},
	{"arm64", 2, 183},
	{"armhf", 1, 40},
};

static const struct machine *machine_of(const char *platform)
{
	const char *arch = strrchr(platform, '-');

	for (size_t i = 0; arch && i < COUNT_OF(machines); i++)
		if (strcmp(arch + 1, machines[i].arch) == 0)
			return &machines[i];
	return NULL;
}

static bool check_machine(struct str program, const char *platform, struct err *e)
{
	const struct machine *want = machine_of(platform);
	const unsigned char *head = (const unsigned char *)program.data;

	if (!want)
		return err_set(e, ERR_USAGE, "platform %s: it ends with amd64, arm64 or armhf", platform);
	if (program.len < ELF_HEAD || memcmp(head, "\177ELF", 4) != 0)
		return err_set(e, ERR_SYNTAX, "it is no program");
	return (head[ELF_CLASS] == want->class && head[ELF_DATA] == ELF_LITTLE && head[ELF_MACHINE] == want->machine &&
		       head[ELF_MACHINE + 1] == 0) ||
	       err_set(e, ERR_USAGE, "it is built for another machine than %s", want->arch);
}

/* The agent carries both words; one that is called what it is not would be taken, and then taken again. */
static bool check_words(struct str agent, const struct source *s, struct err *e)
{
	const char *const words[] = {s->platform, s->version};

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (!memmem(agent.data, agent.len, words[i], strlen(words[i]) + 1))
			return err_set(e, ERR_USAGE, "it does not call itself %s", words[i]);
	return true;
}

/* guard settles what the agent cannot, so it never comes with it. */
static bool is_ours(const char *name)
{
	return str_starts(str_of(name), "fleet-") && strcmp(name, "fleet-guard") != 0;
}

static bool copy(const struct fleet *f, const struct source *s, int from, const char *name, struct err *e)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(PROGRAM_BYTES_MAX);
	cleanup(free_ptr) char *to = path_form(LAYER_DIR "/%s", name);
	cleanup(fd_close) int out = -1;

	if (!fs_read(&bytes, from, name, e) || !check_machine(buf_str(&bytes), s->platform, e) ||
		(strcmp(name, PROGRAM_AGENT) == 0 && !check_words(buf_str(&bytes), s, e)) ||
		!fs_create(&out, f->at, to, 0755, e) || !fs_put(out, buf_str(&bytes), e))
		return err_in(e, "%s", name);
	return true;
}

static bool copy_all(const struct fleet *f, const struct source *s, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	cleanup(fd_close) int from = -1;
	size_t count = 0;

	if (!fs_open_dir(&from, AT_FDCWD, s->dir, e) || !fs_names(&names, from, ".", e))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		struct stat st;
		if (!is_ours(names.name[i]) || fstatat(from, names.name[i], &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
			continue;
		if (++count > PROGRAMS_MAX)
			return err_set(e, ERR_LIMIT, "more than %d programs: is this /usr/lib/fleet-agent?", PROGRAMS_MAX);
		if (!copy(f, s, from, names.name[i], e))
			return false;
	}
	return true;
}

/* Without the helper a host could never pull again. */
static bool check_whole(const struct fleet *f, struct err *e)
{
	static const char *const must[] = {PROGRAM_AGENT, "fleet-fetch-https"};

	for (size_t i = 0; i < COUNT_OF(must); i++) {
		cleanup(free_ptr) char *file = path_form(LAYER_DIR "/%s", must[i]);
		if (!fs_exists(f->at, file))
			return err_set(e, ERR_MISSING, "it lacks %s: a whole agent has what /usr/lib/fleet-agent has", must[i]);
	}
	return true;
}

/* --- the bundle --- */

static bool lay_out(const struct fleet *f, const struct source *s, struct err *e)
{
	cleanup(fd_close) int out = -1;
	char line[VERSION_SIZE + 1];

	snprintf(line, sizeof line, "%s\n", s->version);
	return fs_remove_tree(f->at, LAYER_DIR, e) && fs_mkdir(f->at, LAYER_DIR, 0755, e) && copy_all(f, s, e) && check_whole(f, e) &&
	       fs_create(&out, f->at, LAYER_DIR "/" PROGRAM_VERSION, 0644, e) && fs_put(out, str_of(line), e);
}

static bool pack(struct pack_facts *facts, const struct fleet *f, struct err *e)
{
	cleanup(free_ptr) char *layer = path_form("%s/" LAYER_DIR, f->dir);
	const char *const layers[] = {layer};
	cleanup(fd_close) int tar = -1;

	return fs_create(&tar, f->at, TAR_FILE, 0644, e) && pack_folders(facts, tar, layers, COUNT_OF(layers), e);
}

static bool make(struct agent_build *out, const struct fleet *f, const struct agent_wish *w, struct err *e)
{
	cleanup(source_free) struct source s = {0};
	struct pack_facts facts;
	int64_t number;

	if (!fs_mkdir(f->at, BUILD_DIR, 0755, e) || !open_source(&s, f, w, e) || !version_read(&number, str_of(s.version), e) ||
		!lay_out(f, &s, e) || !pack(&facts, f, e))
		return false;
	*out = (struct agent_build){
		.program = {.platform = s.platform,
			.version = s.version,
			.number = number,
			.bundle = {facts.digest, (int64_t)facts.length}},
		.tar = path_form("%s/" TAR_FILE, f->dir),
	};
	s.platform = s.version = NULL;
	return true;
}

bool agent_build_make(struct agent_build *out, const struct fleet *f, const struct agent_wish *wish, struct err *e)
{
	return make(out, f, wish, e) || err_in(e, "%s", wish->from);
}
