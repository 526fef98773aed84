/* A command is data: its file ends with the row, main.c lists the rows. What all commands share stands here. */
#pragma once

#include "base/opts.h"
#include "fleetctl/show/show.h"

struct command {
	const char *name;    /* one or two words: "rollout start" */
	const char *args;    /* how the usage line shows them */
	const char *summary; /* one line */
	const char *more;    /* a paragraph and examples for --help, or NULL */
	int (*run)(const struct command *me, int argc, char **argv);
};
extern const struct command *const commands[]; /* ends with NULL; main.c */

/* What every command understands. */
struct common {
	const char *fleet;
	bool json;
	int color;
};
#define COMMON_OPTS(c)                                                                                            \
	{ "fleet", 'C', OPT_TEXT, &(c).fleet, "DIR", "the fleet's folder (default: here or above)" },               \
	{ "json", 0, OPT_FLAG, &(c).json, NULL, "one JSON document on stdout" },                                     \
	{ "color", 0, OPT_WORD, &(c).color, "WHEN", "auto, always, never (NO_COLOR is heeded)", .words = show_color_words }

/* Reads the options; on --help prints it. False: the command is over, with *exit_code. Sets up `show` by the common ones. */
must_check bool command_begin(const struct command *me, const struct opt *table, const struct common *c, int argc, char **argv,
	struct show *show, int *exit_code);
/* The error on stderr (in JSON too, where asked), and its exit code. */
int command_fail(const struct show *show, const struct err *e);
/* When signatures are made: SOURCE_DATE_EPOCH makes two machines write the same metadata, else the clock. */
must_check bool command_signing_time(int64_t *unix_s, struct err *e);
