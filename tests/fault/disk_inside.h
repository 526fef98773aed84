/* What a disk is made of, for disk.c and disk_cut.c alone. */
#pragma once

#include "tests/fault/disk.h"

enum { MODES = 07777, NO_NODE = -1, SETS_MAX = 2 };

struct blob {
	struct digest digest;
	char *bytes;
	size_t len;
};
struct entry {
	char *name;
	int node;
};
struct folder {
	struct entry *entry;
	size_t count;
};
enum node_kind { NODE_FILE, NODE_FOLDER, NODE_LINK };
enum when { DURABLE, NOW, WHENS };
struct node {
	enum node_kind kind;
	bool fleeting;             /* nobody needs it after a restart: a lock, how far somebody is */
	size_t blob[WHENS];        /* of a file */
	mode_t mode[WHENS];
	char *target;              /* of a link */
	struct folder in[WHENS];
};
/* One change of names in one folder: atomic, and not durable before the folder is synced. */
struct change {
	int folder;
	bool fleeting;
	size_t sets;
	struct entry set[SETS_MAX]; /* name is that node from now on; NO_NODE: it is gone */
};
struct disk {
	struct blob *blob;
	struct node *node;       /* the first is the root */
	struct change *change;   /* pending, in order */
	size_t blobs, nodes, changes;
};

struct str blob_bytes(const struct disk *d, size_t blob);
void folder_set(struct folder *f, const char *name, int node); /* sorted by name */
void folder_free(struct folder *f);
void change_commit(struct folder *to, const struct change *c);
