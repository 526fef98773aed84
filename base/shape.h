/* What a document looks like: one table that reads it into a struct, from JSON or from YAML's plain words, writes it back
 * as JSON, and frees it. Field names, limits and defaults stand in one place.
 *
 *   static const struct shape_field probe_fields[] = {
 *       { "name",    SHAPE_NAME, offsetof(struct probe, name), .required = true },
 *       { "every",   SHAPE_MS,   offsetof(struct probe, every_ms), .json = "every_ms", .min = 1000, .max = DAY_MS, .number = 60000 },
 *       { 0 }
 *   };
 */
#pragma once

#include "base/doc.h"

enum shape_kind {
	SHAPE_END,
	SHAPE_TEXT,   /* char *            any UTF-8 without control characters, at most .max bytes (0: 1024) */
	SHAPE_NAME,   /* char *            name_check */
	SHAPE_PLAN,   /* char *            name_check_plan */
	SHAPE_PATH,   /* char *            name_check_path */
	SHAPE_INT,    /* int64_t           .min .. .max; a .max below .min is no bound, so both 0 means: not negative */
	SHAPE_MS,     /* int64_t           "500ms" "10s" "2m" "6h" "7d" in YAML, integer milliseconds in JSON */
	SHAPE_BYTES,  /* int64_t           "20MB" "500kB" "1MiB" or a plain number in YAML, integer in JSON */
	SHAPE_BOOL,   /* bool              true | false */
	SHAPE_WORD,   /* int               an index into .words */
	SHAPE_WORDS,  /* unsigned          a list of .words, as bits; in YAML also one word, and ranges: mon-fri */
	SHAPE_CLOCK,  /* int64_t           '02:00' in both: minutes since midnight */
	SHAPE_HEX,    /* uint8_t[.bytes]   lower-case hexadecimal */
	SHAPE_OBJECT, /* struct            nested, read by .of */
	SHAPE_LIST,   /* struct list       of structs (.of, .size), or of texts: .item = SHAPE_NAME/TEXT/PATH (.size is ignored) */
	SHAPE_MAP,    /* struct list       of struct shape_pair; keys are names, values text; sorted by key when read */
	SHAPE_DOC,    /* doc *             anything, owned */
};

struct list {
	void *items;
	size_t count;
};
struct shape_pair {
	char *key, *value;
};

struct shape_field {
	const char *name;      /* in YAML, and in JSON unless .json says otherwise; "" in the first row: the document itself */
	enum shape_kind kind;
	size_t at;             /* offsetof */
	const char *json;      /* NULL: the same name */
	bool required;
	int64_t min, max;      /* of numbers; .max also bounds the length of a text and the count of a list (0: 1024) */
	int64_t number;        /* default of an absent number, word or bool */
	const char *text;      /* default of an absent text; NULL leaves NULL */
	const char *const *words; /* ends with NULL */
	size_t bytes;          /* SHAPE_HEX */
	const struct shape_field *of;
	size_t size;           /* of one struct in a list */
	enum shape_kind item;  /* of a list of texts */
	bool keep_empty;       /* write it even if it is NULL, zero-length or the default (the default writes always but NULL, empty) */
	size_t has;            /* offsetof a bool that says whether an optional object or hex is there; 0: none, and an
	                        * absent object has the defaults of its fields */
	const char *key;       /* of a list of structs: the field of .of (its name) whose text must be unique, for the error */
	bool omit_zero;        /* leave out what equals its default: a number, word, bool, or hex that is all zero */
	bool clean;            /* of a text: control characters become '?' instead of being refused (words of another side) */
	bool lines;            /* of a cleaned text: newlines stay */
};

/* Where the document came from, for the error: "plans/plan-D.yaml:12: probes[2].every: ..." */
struct shape_from {
	const char *file;                                /* NULL: no file is named */
	int (*line)(const void *ctx, const doc *node);   /* NULL, or 0 for unknown */
	const void *ctx;
	bool plain;                                      /* every scalar is text, as in YAML */
	bool open;                                       /* unknown fields are ignored; else they are refused, near misses named */
};

/* What a table cannot say: puts "FILE:LINE" of `node` in front of the error. Always false. */
bool shape_blame(const struct shape_from *from, const doc *node, struct err *e);

/* `*out` must be zero; on failure it is zero again. */
must_check bool shape_read(void *out, const struct shape_field *shape, const doc *d, const struct shape_from *from, struct err *e);
/* NULL texts, empty lists, maps, sets and objects, and what .has says is absent are left out. */
doc *shape_write(const void *in, const struct shape_field *shape);
void shape_free(void *in, const struct shape_field *shape); /* everything owned, then zero */

/* May the table's number be this one? */
int64_t shape_most(const struct shape_field *f);
bool shape_in_bounds(const struct shape_field *f, int64_t n);

/* A number of that kind exactly, as YAML would say it: "90s", "64kB", "7". */
void shape_exact(char out[32], enum shape_kind kind, int64_t n);

/* A length of time and a number of bytes for people: "2m 5s", "1.3 MB". */
void shape_ms_text(char out[32], int64_t ms);
void shape_bytes_text(char out[32], int64_t bytes);
/* The same as YAML reads them. */
must_check bool shape_ms_of(int64_t *out, struct str text);
must_check bool shape_bytes_of(int64_t *out, struct str text);
