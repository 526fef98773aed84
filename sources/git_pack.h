/* What is whole in a pack that broke off (gitformat-pack(5)): the objects in front of the break, as they came. Foreign
 * bytes: nothing here is believed, and what is found is named by its own digest. */
#pragma once

#include "base/buf.h"

/* A blob that is not a delta; false: enough, or a failure of `ctx`'s own. */
typedef bool git_pack_blob(void *ctx, struct str content);
/* Blobs above `most` bytes end it, as everything does that is not as it should be. How many there were. */
size_t git_pack_blobs(int fd, size_t most, git_pack_blob *each, void *ctx);
