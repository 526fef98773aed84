/* Every I/O error: the kernel says no to each operation, and to each look at a file or a folder; and a program begins
 * with too few files, or too little memory. */
#pragma once

#include "tests/fault/points.h"
#include "tests/fault/trial.h"

void errors_try(struct told *t, struct points *p, const char *only); /* this one alone; NULL: all */
/* The same of reading, where no operation is. */
void looks_try(struct told *t, struct points *p, const char *only);
