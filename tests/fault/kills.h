/* Every step, killed: the program dies before, after, and in the middle of each operation. */
#pragma once

#include "tests/fault/points.h"
#include "tests/fault/trial.h"

void kills_try(struct told *t, struct points *p);
