/* YAML as operators write it, read into a doc whose scalars are all text; the one door to libyaml.
 * Refused, with file and line: anchors, aliases, tags, several documents, duplicate keys, keys that are no text,
 * deeper than 16, more than 1,000,000 nodes, not UTF-8. `no` is text; the shape says what it must be. */
#pragma once

#include "base/shape.h"

struct yaml {
	doc *root;   /* an object or a list; an empty file is an empty object */
	char *file;  /* for errors */
	void *lines; /* which node stands where */
};
must_check bool yaml_read(struct yaml *out, struct str text, const char *file, struct err *e);
int yaml_line(const struct yaml *y, const doc *node); /* 0: unknown */
struct shape_from yaml_from(const struct yaml *y);    /* for shape_read; borrowed from y */
/* Put another value (text, or a list of texts) in the place of a field: it stands in the same line. Takes over `value`. */
void yaml_set(struct yaml *y, doc *object, const char *key, doc *value);
/* libyaml has a yaml_free too, and would call ours: the linker knows this one by another name. */
void yaml_free(struct yaml *y) __asm__("fleet_yaml_free");
