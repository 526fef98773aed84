/* An agent that passes its self-test and dies whenever it is started to work. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/version.h"

const char fleet_version[] = "99.0.0";

__attribute__((constructor)) static void die_at_work(int argc, char **argv)
{
	static const char *const work[] = {"serve", "pull", "boot", "apply"};

	for (size_t i = 0; argc > 1 && i < sizeof work / sizeof *work; i++)
		if (strcmp(argv[1], work[i]) == 0)
			raise(SIGSEGV);
}
