#include "base/version.h"

#include <stdio.h>

enum { PARTS = 3, PART_MAX = 999, BASE = PART_MAX + 1 };

bool version_read(int64_t *out, struct str text, struct err *e)
{
	struct str rest = text;
	int64_t number = 0;
	bool good = true;

	for (int i = 0; i < PARTS; i++) {
		uint64_t part = 0;
		bool there = i == 0 || rest.data;
		struct str digits = there ? str_cut(rest, '.', &rest) : (struct str){0};
		good = good && (!there || str_number(&part, digits, PART_MAX));
		number = number * BASE + (int64_t)part;
	}
	if (!good || rest.data)
		return err_set(e, ERR_SYNTAX, "'" STR_FMT "' is no version: expected numbers below 1000, like 1.2.3",
			STR_ARG(str_bytes(text.data, MIN(text.len, 40))));
	*out = number;
	return true;
}

void version_text(char out[VERSION_SIZE], int64_t number)
{
	int major = (int)(number / BASE / BASE % BASE), minor = (int)(number / BASE % BASE), patch = (int)(number % BASE);

	snprintf(out, VERSION_SIZE, "%d.%d.%d", major, minor, patch);
}

int64_t version_ours(void)
{
	int64_t number = 0;
	struct err e;

	return version_read(&number, str_of(fleet_version), &e) ? number : 0;
}
