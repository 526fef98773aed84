/* Who may do what on the Pis, by public key: access.yaml as operators write it, fleet/access.json (role `fleet`) as hosts
 * read it.
 *
 *   operators:
 *     - {name: ann, key: 'ssh-ed25519 AAAA... ann@laptop', may: [look, roll]}
 *   deadline: 2m */
#pragma once

#include "base/shape.h"

enum { MAY_LOOK = 1, MAY_ROLL = 2 }; /* bits; who may roll may look */
extern const char *const may_words[]; /* "look" "roll" NULL */
enum { ACCESS_FORMAT = 1, ACCESS_OPERATORS_MAX = 256, ACCESS_FILE_MAX = 256 * KIB };
#define ACCESS_PATH  "fleet/access.json" /* as targets */
#define SOURCES_PATH "fleet/sources.json"

struct operator {
	char *name;
	char *key; /* "TYPE BASE64" */
	unsigned may;
};
struct access {
	int64_t format, number; /* number only rises */
	struct list operators;  /* struct operator */
	int64_t deadline_ms;    /* until then somebody must have come in by these keys; else the ones before are back */
};
/* Strict, both. Refused: nobody who may roll, a name or a key twice, what is no SSH key. `*out` must be zero. `file` is for
 * errors, with the line; of YAML the comment behind a key is left out, and the number is 0. */
must_check bool access_read(struct access *out, struct str json, const char *file, struct err *e);
must_check bool access_read_yaml(struct access *out, struct str yaml, const char *file, struct err *e);
/* What both share, for access_yaml.c: a person's fields, and from what was read to what is believed. */
extern const struct shape_field access_yaml_shape[];
must_check bool access_take(struct access *out, struct access *read, const doc *d, const struct shape_from *from, struct err *e);
void access_write(struct buf *out, const struct access *a); /* one spelling: keys sorted, indent 1 */
void access_free(struct access *a);

/* What sshd reads: a line an operator, each with one command and nothing else. `serve` is that command's beginning, `id` says
 * which list this is. */
void access_keys(struct buf *out, const struct access *a, const char *serve, const char *id);
/* May this become the beginning of a command in such a line? */
must_check bool access_check_serve(const char *serve, struct err *e);

/* For people, a line each: "+ ann may look, roll", "- bob", "bob: another key". `old` may be NULL. */
void access_changes(struct buf *out, const struct access *old, const struct access *new);
/* "look, roll" */
void may_text(char out[32], unsigned may);
