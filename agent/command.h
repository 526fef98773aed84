/* A command is data: its file ends with the row, main.c lists the rows. What all commands share stands here. */
#pragma once

#include "agent/config.h"
#include "agent/store/store.h"
#include "base/opts.h"

struct command {
	const char *name;
	const char *args;    /* how the usage line shows them, or NULL */
	const char *summary; /* one line */
	int (*run)(const struct command *me, int argc, char **argv);
};
enum { COMMAND_OK = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 };

/* Where this host's files are: options that every command has. */
struct where {
	const char *config_dir, *state_dir; /* NULL: the usual; what agent.json says */
};
#define WHERE_OPTS(w)                                                                                             \
	{ "config-dir", 0, OPT_TEXT, &(w).config_dir, "DIR", "where agent.json is (default: " CONFIG_DIR ")" },       \
	{ "state-dir", 0, OPT_TEXT, &(w).state_dir, "DIR", "the state folder (default: what agent.json says)" }

/* Reads the options; on --help prints it. False: the command is over, with *exit_code. */
must_check bool command_begin(const struct command *me, const struct opt *table, int argc, char **argv, int *exit_code);
/* The error on stderr, one line; its exit code. */
int command_fail(const struct command *me, const struct err *e);

/* The host itself. */
struct host {
	struct config config;
	struct store store;
};
must_check bool host_open(struct host *out, const struct where *w, struct err *e);
void host_close(struct host *h);
/* For what a person does as root and leaves files behind: from here on as the owner of the state, who must be able to read them. */
must_check bool host_as_owner(const struct host *h, struct err *e);
/* For what is work: a new agent that comes to this end did not fail this start (agent/guard/). */
void host_came_through(const struct host *h);

int command_main(const struct command *const *commands, int argc, char **argv);
