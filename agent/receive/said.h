/* What an apply said last, kept in memory: where the disk is full or read-only, its reason must still reach the
 * operator. */
#pragma once

#include "base/fs.h"

enum { SAID_MAX = 4 * KIB };
/* A file in memory that becomes the stderr of an apply. It never grows, so nobody can fill it up or wait for it; what
 * is said later is lost. -1 when there is none to be had: then nothing is heard. */
int said_open(void);
void said_clear(int fd);                 /* before another apply is started */
bool said_last(struct buf *out, int fd); /* its last line; false when it said nothing */
