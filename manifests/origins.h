/* Where a host fetches the repository from, and where its receipts go when it pulls: fleet/sources.json (role `fleet`), and the
 * bootstrap list of agent.json, in the same shape.
 *
 *   {"format": 1,
 *    "sources": [{"kind": "https", "url": "https://cdn.example/fleet/"},
 *                {"kind": "git", "url": "ssh://git@git.example/fleet.git", "host_keys": ["ssh-ed25519 AAAA..."]}],
 *    "receipts": {"kind": "put", "url": "https://dav.example/receipts/"}} */
#pragma once

#include "base/shape.h"

enum origin_kind { ORIGIN_HTTPS, ORIGIN_GIT, ORIGIN_FOLDER, ORIGIN_PUT };
extern const char *const origin_words[]; /* "https" "git" "folder" "put" */
enum { ORIGINS_FORMAT = 1, ORIGINS_MAX = 16, ORIGINS_FILE_MAX = 64 * KIB };

struct origin {
	int kind;              /* enum origin_kind; of a source: https, git, folder; of receipts: put, git */
	char *url;             /* https: and put: with metadata/ targets/ ... below it; git: ssh://, https://, file:// ; folder: absolute path */
	char *branch;          /* git; NULL: main */
	char *ca;              /* PEM of the one CA believed; NULL: the system's */
	struct list host_keys; /* char *, "ssh-ed25519 AAAA...": git over ssh; one at least there */
	struct list redirects; /* char *, origins that https may be led to: "https://mirror.example" */
};
struct origins {
	int64_t format;
	int64_t number;     /* of fleet/sources.json: it only rises; 0 in agent.json */
	struct list source; /* struct origin, in the order they are tried */
	bool has_receipts;
	struct origin receipts;
};
extern const struct shape_field origins_shape[];
/* Strict; ERR_SYNTAX names the field. `where` names the document in errors. `*out` must be zero. */
must_check bool origins_read(struct origins *out, struct str json, const char *where, struct err *e);
/* sources.yaml as people write it: without format and number. `file` is for errors, with the line. */
must_check bool origins_read_yaml(struct origins *out, struct str yaml, const char *file, struct err *e);
/* What both share, for origins_yaml.c: a person's fields, and from what was read to what is believed. */
extern const struct shape_field origins_yaml_shape[];
must_check bool origins_take(struct origins *out, struct origins *read, const doc *d, const struct shape_from *from, struct err *e);
/* One spelling: keys sorted, indent 1 (canonical JSON knows no newlines, and a certificate has some). */
void origins_write(struct buf *out, const struct origins *o);
void origins_free(struct origins *o);
