/* Folders of scripts, laid over each other, as one reproducible uncompressed tar: the same bytes on every machine. */
#pragma once

#include "keys/digest.h"

struct pack_facts {
	struct digest digest;
	uint64_t length;
	size_t files; /* and links; not folders */
};
/* `layer`: folders, the later wins; file by file. Written to out_fd (a new, empty file), not synced. Refused, with the path:
 * devices, sockets, fifos, links that are absolute or lead outward or nowhere, names outside base/name.h, a file in one layer
 * where another has a folder, setuid and the like of files (a folder's setgid is nothing); more than BUNDLE_ENTRIES_MAX
 * entries or a tar of more than BUNDLE_BYTES_MAX bytes. '.git' and editors' leftovers (*~, .*.swp) are refused too: the error
 * says remove them or ignore them by `.fleetignore`.
 * `.fleetignore` in a layer's top, for that layer: an fnmatch pattern a line, held against the name at any depth and the path
 * ('/' in front: the path alone); '#' begins a comment; what lies in an ignored folder is ignored. */
must_check bool pack_folders(struct pack_facts *out, int out_fd, const char *const *layer, size_t layers, struct err *e);
/* Each file of the folders as it would be packed: for showing what a new release changes. path, size and digest. */
struct pack_file {
	char *path;
	struct digest digest; /* of the contents; of a link: of its target's text */
	uint64_t size;
	bool executable;
	char *link; /* target of a symbolic link, else NULL */
};
struct pack_list {
	struct pack_file *file;
	size_t count;
};
must_check bool pack_list_tar(struct pack_list *out, int tar_fd, struct err *e); /* of a bundle that is verified */
void pack_list_free(struct pack_list *l);
