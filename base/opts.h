/* Options of a command as a table; help and completions come from the same rows. */
#pragma once

#include "base/buf.h"

enum opt_kind {
	OPT_END,
	OPT_FLAG,   /* bool */
	OPT_TEXT,   /* const char *, borrowed from argv */
	OPT_COUNT,  /* int64_t, .min .. .max */
	OPT_MS,     /* int64_t: 10s, 2m */
	OPT_WORDS,  /* struct opt_words: may be given several times, and with commas */
	OPT_WORD,   /* int: an index into .words */
	OPT_ARG,    /* const char *: a positional argument, in order; .required */
	OPT_REST,   /* struct opt_words: all further positional arguments */
};
struct opt_words {
	struct str *word;
	size_t count;
};
struct opt {
	const char *name;  /* "canary" for --canary; of an argument, how help shows it: "FOLDER" */
	char letter;       /* 'n' for -n; 0: none */
	enum opt_kind kind;
	void *to;
	const char *value; /* how help shows the value: "N" */
	const char *help;  /* one line */
	bool required;
	int64_t min, max;
	const char *const *words;
};
/* Reads argv[1..]; `--name=value`, `--name value`, `--` ends options, unknown options name the nearest one. Options and
 * arguments may be mixed. ERR_USAGE on failure. */
must_check bool opts_read(const struct opt *table, int argc, char **argv, struct err *e);
void opts_help(struct buf *out, const struct opt *table);
void opt_words_free(struct opt_words *w);
/* The nearest of `words` (NULL-ended) to a mistyped one, or NULL when none is near. */
const char *opts_nearest(struct str typed, const char *const *words);
