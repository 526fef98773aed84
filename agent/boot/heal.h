/* Is a release still what was signed? And where it is not: made so again from what this Pi holds. */
#pragma once

#include "agent/config.h"
#include "agent/store/store.h"
#include "manifests/manifest.h"

struct heal {
	int64_t number; /* of the release; 0 too when its manifest can't be read */
	size_t differences;
	bool bundle, tree, link; /* what was made anew: the bundle from the tree, the tree from the bundle, what leads to it */
	bool unhealed;           /* the bundle is spoilt and could not be written again now; its tree is what was signed */
};
/* What the kernel refuses now it may give the next moment, and what is lost by not asking again is a release that was right; what a
 * bad sector has, it never gives. Asked so often, `nap` between. */
enum { HEAL_LOOKS = 3, HEAL_NAP_MS = 100 };
/* Has `why` a reason to look once more? Waits then; `looks` counts. */
bool heal_again(int *looks, const struct err *why);
/* Manifest, bundle and tree, read back from the disk. The manifest is held against the release's id, all else against the
 * manifest. False when it is not, and cannot be made, what was signed; the caller holds the store's lock. */
must_check bool heal_release(struct heal *out, const struct store *s, struct digest id, struct err *e);

enum heal_agent { AGENT_NONE, AGENT_WHOLE, AGENT_HEALED, AGENT_DROPPED };
/* The agent that is linked: its files are made so again from its bundle, or the packaged one runs from now on. The packaged agent
 * asks this: a rotten one need not be able to. */
must_check bool heal_linked(enum heal_agent *out, const struct store *s, struct err *e);
