/* A file, or a payload, out of a repository's objects, told to whoever asked (desk.h). What is in the objects is the remote's word:
 * they may be of another kind, missing, or longer than what may come. */
#pragma once

#include "sources/git_ask.h"
#include "sources/git_lib.h"

/* What a tree says: START, at most ask->max bytes, END. ERR_IO: what was fetched cannot be read any more, and is gone. */
must_check bool git_give_file(git_repository *repo, const git_tree_entry *entry, const struct git_ask *a, struct err *e);
/* The pieces of the commit's tree, one behind the other, as one file. */
must_check bool git_give_payload(git_repository *repo, const git_oid *tip, const struct git_ask *a, struct err *e);
