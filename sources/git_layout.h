/* How a repository lies in a git remote. fleetctl.1 says it for people: "How a repository lies in git".
 *
 *   refs/heads/BRANCH   one commit a publishing, its tree has metadata/ and targets/ as they are now; what is long is not
 *                       in it. Its history is short, and begins with a commit that everybody makes alike from a tree.
 *   refs/fleet/HEX      a payload, by its path (bundles/SHA256.tar.zst, a long target or patch), or the short patches of
 *                       one plan (path "plans/PLAN"). HEX: the first digits of the path's SHA-256.
 *   refs/fleet/old      which of them nothing names any more, and since when (git_old.h). Readers do not ask for it.
 *
 * A payload is a chain of commits: the tree of the k-th holds the first k pieces, and a server sends the pieces of the last
 * tree in order. So whoever has the first k pieces can make the first k commits himself and say that he has the k-th; what
 * comes then is the rest. */
#pragma once

#include "keys/digest.h"

enum {
	GIT_INLINE_MAX = 32 * KIB, /* a target or a patch above it is a payload */
	GIT_PIECE_MIN = 16 * KIB, /* a server sends in bites of up to 64 KiB: what a break costs is one of them and a piece */
	GIT_PIECES_MAX = 256,
	GIT_REF_SIZE = 32,
};

/* "refs/fleet/1a2b3c4d5e6f7081" */
void git_layout_ref(char out[GIT_REF_SIZE], const char *path);
/* All pieces but the last are so long: a multiple of GIT_PIECE_MIN. */
uint64_t git_layout_piece(uint64_t length);
/* "000" to "0ff": in the order in which a tree has them. */
void git_layout_piece_name(char out[8], size_t at);
