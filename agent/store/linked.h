/* agent/current: the agent that came signed and runs in place of the packaged one, as the tree of its bundle. No link: the
 * packaged one. Which of both is started, and for how long a new one may try, is the launcher's (agent/guard/). */
#pragma once

#include "agent/store/store.h"
#include "keys/digest.h"

/* The bundle it was unpacked from; zero: none is linked. */
must_check bool linked_current(struct digest *bundle, const struct store *s, struct err *e);
/* Atomic; zero takes the link away. */
must_check bool linked_swap(const struct store *s, struct digest bundle, struct err *e);
/* Is it this program, which asks, that was unpacked from that bundle here? */
bool linked_is_us(const struct store *s, struct digest bundle);
/* "../trees/SHA256", or the word for the packaged one: as the guard's record has it. */
void linked_way(char *out, size_t size, struct digest bundle);
