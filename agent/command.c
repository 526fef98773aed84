/* What all commands share. */
#include "agent/command.h"

#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/guard/record.h"
#include "agent/store/linked.h"
#include "base/version.h"

enum { COMMANDS_MAX = 32 };

static void print_help(const struct command *me, const struct opt *table)
{
	cleanup(buf_free) struct buf b = {0};

	buf_form(&b, "usage: fleet-agent %s%s%s [options]\n\n%s.\n\n", me->name, me->args ? " " : "",
		me->args ? me->args : "", me->summary);
	opts_help(&b, table);
	fputs(b.data, stdout);
}

bool command_begin(const struct command *me, const struct opt *table, int argc, char **argv, int *exit_code)
{
	struct err e;

	*exit_code = COMMAND_OK;
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			print_help(me, table);
			return false;
		}
	if (opts_read(table, argc, argv, &e))
		return true;
	fprintf(stderr, "fleet-agent %s: %s (fleet-agent %s --help)\n", me->name, e.text, me->name);
	*exit_code = COMMAND_USAGE;
	return false;
}

int command_fail(const struct command *me, const struct err *e)
{
	fprintf(stderr, "fleet-agent %s: %s\n", me->name, e->text);
	return e->code == ERR_USAGE ? COMMAND_USAGE : COMMAND_FAILED;
}

bool host_open(struct host *out, const struct where *w, struct err *e)
{
	cleanup(host_close) struct host h = {0};

	if (!config_load(&h.config, w->config_dir ? w->config_dir : CONFIG_DIR, w->state_dir, e) ||
		!store_open(&h.store, h.config.state, e))
		return false;
	*out = h;
	h = (struct host){0};
	return true;
}

bool host_as_owner(const struct host *h, struct err *e)
{
	struct stat st;

	if (geteuid() != 0)
		return true;
	if (fstat(h->store.dir, &st) != 0)
		return err_sys(e, "%s", h->store.path);
	return st.st_uid == 0 || (setgroups(1, &st.st_gid) == 0 && setresgid(st.st_gid, st.st_gid, st.st_gid) == 0 &&
					 setresuid(st.st_uid, st.st_uid, st.st_uid) == 0) ||
	       err_sys(e, "to work as the owner of %s", h->store.path);
}

void host_close(struct host *h)
{
	store_close(&h->store);
	config_free(&h->config);
}

void host_came_through(const struct host *h)
{
	struct digest linked;
	struct err e;

	if (linked_current(&linked, &h->store, &e) && linked_is_us(&h->store, linked))
		(void)!guard_came_through(h->store.dir, &e);
}

/* --- which command --- */

static void usage(FILE *to, const struct command *const *commands)
{
	fputs("usage: fleet-agent COMMAND [options]     (fleet-agent COMMAND --help; man fleet-agent)\n\n", to);
	for (; *commands; commands++)
		fprintf(to, "  %-10s %s\n", (*commands)->name, (*commands)->summary);
}

static int unknown(const struct command *const *commands, const char *typed)
{
	const char *names[COMMANDS_MAX] = {NULL};

	for (size_t i = 0; commands[i] && i < COUNT_OF(names) - 1; i++)
		names[i] = commands[i]->name;
	const char *near = opts_nearest(str_of(typed), names);
	if (near)
		fprintf(stderr, "fleet-agent: no command '%s'; did you mean '%s'?\n", typed, near);
	else
		fprintf(stderr, "fleet-agent: no command '%s'; fleet-agent help lists them\n", typed);
	return COMMAND_USAGE;
}

static bool is_one_of(const char *typed, const char *a, const char *b)
{
	return strcmp(typed, a) == 0 || strcmp(typed, b) == 0;
}

int command_main(const struct command *const *commands, int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		usage(stderr, commands);
		return COMMAND_USAGE;
	}
	if (is_one_of(argv[1], "help", "--help") || strcmp(argv[1], "-h") == 0) {
		usage(stdout, commands);
		return COMMAND_OK;
	}
	if (is_one_of(argv[1], "version", "--version")) {
		printf("fleet-agent %s\n", fleet_version);
		return COMMAND_OK;
	}
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, argv[1]) == 0)
			return commands[i]->run(commands[i], argc - 1, argv + 1);
	return unknown(commands, argv[1]);
}
