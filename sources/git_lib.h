/* libgit2, made to look at nothing but what it is told: no configuration of the user or the system, no hooks, no agents. */
#pragma once

#include <git2.h>

#include "base/buf.h"

enum { GIT_OBJECTS_MAX = 200000 };

/* Once, before all else. `home`: the folder that stands for the user's own, with the pins of git_link.h in it. */
must_check bool git_lib_begin(const char *home, struct err *e);
/* What libgit2 says of its last failure, as ours; always false. */
bool git_lib_failed(struct err *e, int code, const char *what);
/* A bare repository at that path; made when there is none. */
must_check bool git_lib_open(git_repository **out, const char *path, struct err *e);

/* Cleanup. */
void git_lib_repo_free(git_repository **r);
void git_lib_commit_free(git_commit **c);
void git_lib_tree_free(git_tree **t);
void git_lib_entry_free(git_tree_entry **t);
void git_lib_odb_free(git_odb **o);
void git_lib_object_free(git_odb_object **o);
void git_lib_builder_free(git_treebuilder **b);
void git_lib_reference_free(git_reference **r);
void git_lib_remote_free(git_remote **r);
