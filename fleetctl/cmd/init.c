#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/name.h"
#include "fleetctl/command.h"
#include "fleetctl/repo/starter.h"

static bool init(const char *dir, const char *name, struct err *e)
{
	cleanup(fd_close) int at = -1;
	cleanup(fs_names_free) struct fs_names names = { 0 };
	if (!name_check(str_of(name), e))
		return err_in(e, "the fleet's name (--name)");
	if (!fs_mkdir(AT_FDCWD, dir, 0755, e) || !fs_open_dir(&at, AT_FDCWD, dir, e) || !fs_names(&names, at, "", e))
		return false;
	for (size_t i = 0; i < names.count; i++)
		if (strcmp(names.name[i], ".git") != 0)
			return err_set(e, ERR_EXISTS, "%s is not empty (\"%s\"): a fleet begins in an empty folder", dir, names.name[i]);
	return starter_unpack(at, name, e);
}

static int run(const struct command *me, int argc, char **argv)
{
	struct common common = { 0 };
	const char *dir = NULL, *name = NULL;
	struct opt table[] = {
		{ "DIR", 0, OPT_ARG, &dir, NULL, "a new or empty folder", .required = true },
		{ "name", 'n', OPT_TEXT, &name, "NAME", "the fleet's name (the folder's)" },
		COMMON_OPTS(common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &common, argc, argv, &show, &code))
		return code;
	/* "." has a name too, when it is there */
	cleanup(free_ptr) char *there = realpath(dir, NULL);
	cleanup(free_ptr) char *copy = str_dup(str_of(there ? there : dir));
	if (!init(dir, name ? name : basename(copy), &e))
		return command_fail(&show, &e);
	show_note(&show, "%s: a fleet of three plans and no hosts. Next:\n  cd %s\n  fleetctl key new --all     the keys that sign\n  fleetctl sign              the first releases\n  fleetctl host add ...      a host, with its SSH key", dir, dir);
	if (show.json) {
		doc *d = show_doc(&show);
		doc_set_text(d, "fleet", dir);
		show_json(d);
	}
	return 0;
}

const struct command cmd_init = {
	"init", "DIR", "Begin a fleet: plans, probes and checks to change as you like", NULL, run,
};
