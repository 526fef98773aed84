/* Options, errors, handles. */
#include "sources/git_lib.h"

#include <stdlib.h>

enum { WINDOW = 8 * MIB, WINDOWS = 64 * MIB };

bool git_lib_begin(const char *home, struct err *e)
{
	static const int levels[] = {
		GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL};

	/* where libgit2 looks for .ssh/known_hosts, whatever its search paths say */
	int failed = setenv("HOME", home, 1) != 0 || git_libgit2_init() < 0;

	for (size_t i = 0; i < COUNT_OF(levels); i++)
		failed |= git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
	failed |= git_libgit2_opts(GIT_OPT_SET_TEMPLATE_PATH, "");
	failed |= git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0); /* a stick's files are whose they are */
	/* the whole of a file is not mapped at once: address space is bounded */
	failed |= git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, (size_t)WINDOW);
	failed |= git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, (size_t)WINDOWS);
	failed |= git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	failed |= git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, (size_t)GIT_OBJECTS_MAX);
	return !failed || err_set(e, ERR_INTERNAL, "libgit2 cannot be made ready");
}

static const struct {
	int klass;
	enum err_code code;
} classes[] = {
	{GIT_ERROR_NOMEMORY, ERR_LIMIT},
	{GIT_ERROR_OS, ERR_UNREACHABLE},
	{GIT_ERROR_NET, ERR_UNREACHABLE},
	{GIT_ERROR_SSH, ERR_UNREACHABLE},
	{GIT_ERROR_HTTP, ERR_UNREACHABLE},
	{GIT_ERROR_SSL, ERR_HOSTKEY},
};

bool git_lib_failed(struct err *e, int code, const char *what)
{
	const git_error *last = git_error_last(); /* NULL after a callback of ours said no */
	enum err_code as = ERR_PROTOCOL;

	for (size_t i = 0; last && i < COUNT_OF(classes); i++)
		if (classes[i].klass == last->klass)
			as = classes[i].code;
	if (code == GIT_ENOTFOUND)
		as = ERR_MISSING;
	return err_set(e, as, "%s: %s", what, last && last->message ? last->message : "it failed");
}

bool git_lib_open(git_repository **out, const char *path, struct err *e)
{
	git_repository_init_options how = GIT_REPOSITORY_INIT_OPTIONS_INIT;

	if (git_repository_open_bare(out, path) == 0)
		return true;
	how.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH;
	how.mode = 0700;
	how.initial_head = "main";
	int failed = git_repository_init_ext(out, path, &how);
	return failed == 0 || git_lib_failed(e, failed, path);
}

#define FREE(name, type, how)                                                                                          \
	void name(type **it)                                                                                           \
	{                                                                                                              \
		how(*it);                                                                                              \
		*it = NULL;                                                                                            \
	}
FREE(git_lib_repo_free, git_repository, git_repository_free)
FREE(git_lib_commit_free, git_commit, git_commit_free)
FREE(git_lib_tree_free, git_tree, git_tree_free)
FREE(git_lib_entry_free, git_tree_entry, git_tree_entry_free)
FREE(git_lib_odb_free, git_odb, git_odb_free)
FREE(git_lib_object_free, git_odb_object, git_odb_object_free)
FREE(git_lib_builder_free, git_treebuilder, git_treebuilder_free)
FREE(git_lib_reference_free, git_reference, git_reference_free)

void git_lib_remote_free(git_remote **r)
{
	if (*r)
		git_remote_disconnect(*r);
	git_remote_free(*r);
	*r = NULL;
}

/* libgit2 1.5, and what it stands on, keep some of what they allocate; asked for by LeakSanitizer alone. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);
__attribute__((visibility("default"))) const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
	return "leak:libgit2.so\nleak:libssh2.so\nleak:libpcre2";
}
