/* The store of what was fetched does not grow with the number of fetches. */
#pragma once

#include "sources/git_lib.h"

/* When too many packs lie there: one new of all that our refs lead to, and the old ones go. */
must_check bool git_tidy(git_repository *repo, struct err *e);
