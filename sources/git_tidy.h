/* A store of what was fetched or is to be sent does not grow with the number of times. */
#pragma once

#include "sources/git_lib.h"

/* When too many packs or loose objects lie there: one new pack of all that our refs lead to, and all else goes. */
must_check bool git_tidy(git_repository *repo, struct err *e);
