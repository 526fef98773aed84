/* Names and sizes. */
#include "sources/git_layout.h"

#include <stdio.h>

void git_layout_ref(char out[GIT_REF_SIZE], const char *path)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, digest_of(str_of(path)));
	snprintf(out, GIT_REF_SIZE, "refs/fleet/%.16s", hex);
}

uint64_t git_layout_piece(uint64_t length)
{
	uint64_t least = (length + GIT_PIECES_MAX - 1) / GIT_PIECES_MAX;

	return MAX(1, (least + GIT_PIECE_MIN - 1) / GIT_PIECE_MIN) * GIT_PIECE_MIN;
}

void git_layout_piece_name(char out[8], size_t at)
{
	snprintf(out, 8, "%03x", (unsigned)at & 0xfff);
}
