/* A repository in a folder: a stick, a mounted share, the fleet's own. Its parts are the folders that source_part_words
 * names. */
#pragma once

#include "sources/source.h"

must_check bool source_folder(struct source **out, const char *dir, struct err *e);
