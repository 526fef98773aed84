/* The paths of one bundle: what stands where, and the rules for that. Written once, for packing and for unpacking. */
#pragma once

#include "base/name.h"

enum tree_kind { TREE_FOLDER, TREE_FILE, TREE_LINK };
const char *tree_kind_word(enum tree_kind kind); /* "a folder" ... */

struct tree_node {
	char *path;
	char *link;      /* where a link leads, as it is written; else NULL */
	uint64_t size;   /* of a file */
	enum tree_kind kind;
	uint32_t hash;
	uint32_t layer;  /* of the packer: which folder it comes from */
	bool executable;
	bool implied;    /* a folder that only what lies in it speaks of */
};
/* Zero is empty. */
struct tree {
	struct tree_node *node; /* in the order in which they came */
	size_t count, room;
	uint32_t *slot;
	size_t slots;
	uint64_t bytes; /* of all files */
};

/* Takes a copy. Folders above it that were not named come with it. Refused: names outside base/name.h, twice the same, below
 * what is no folder, a link outward; more than BUNDLE_ENTRIES_MAX nodes or BUNDLE_BYTES_MAX bytes (ERR_LIMIT). */
must_check bool tree_add(struct tree *t, const struct tree_node *node, struct err *e);
const struct tree_node *tree_find(const struct tree *t, struct str path); /* NULL: not there */
/* Does what `n` links to exist, links on the way followed? */
bool tree_leads(const struct tree *t, const struct tree_node *n);
/* All nodes by the bytes of their paths, so a folder before what lies in it. The caller frees the list, not the nodes. */
const struct tree_node **tree_sorted(const struct tree *t);
void tree_free(struct tree *t);
