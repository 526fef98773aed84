/* Versions of our own programs: "0.10.2", one to three numbers below 1000, and the number they are compared by: 10002. */
#pragma once

#include "base/err.h"
#include "base/str.h"

enum { VERSION_SIZE = 24 };
extern const char fleet_version[]; /* of the program that asks: version_ours.c */

must_check bool version_read(int64_t *out, struct str text, struct err *e);
void version_text(char out[VERSION_SIZE], int64_t number);
int64_t version_ours(void); /* of fleet_version */
