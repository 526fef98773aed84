/* Bytes as lower-case hexadecimal text, and back. */
#pragma once

#include "base/str.h"

void hex_write(char *out, const void *bytes, size_t n); /* 2n characters and a NUL */
/* Exactly 2n lower-case digits, or false. */
must_check bool hex_read(void *out, size_t n, struct str text);
