/* One folder of scripts, walked: what of it belongs into a bundle. */
#pragma once

#include "bundles/tree.h"

struct layer {
	const char *folder; /* borrowed, for people */
	uint32_t number;    /* goes into tree_node.layer */
	int dir;
	char **ignore; /* the patterns of its .fleetignore */
	size_t ignores;
};

must_check bool layer_open(struct layer *out, const char *folder, uint32_t number, struct err *e);
/* Adds to `t` what is not there yet: the layer that wins comes first. */
must_check bool layer_walk(struct tree *t, const struct layer *l, struct err *e);
void layer_close(struct layer *l);
