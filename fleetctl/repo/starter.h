/* The starter fleet (manifests/starter/), carried inside the program. */
#pragma once

#include "base/err.h"

/* Into `dir`, an empty folder. fleet.yaml gets `name`. */
must_check bool starter_unpack(int dir, const char *name, struct err *e);
