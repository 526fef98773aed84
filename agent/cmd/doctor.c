/* fleet-agent doctor: what boot looks after, for a person, and without a boot. */
#include <stdio.h>

#include "agent/boot/boot.h"
#include "agent/command.h"

/* A finding a line. */
static void print(struct str told)
{
	while (told.len) {
		struct str one = str_cut(told, ';', &told);
		printf(STR_FMT "\n", STR_ARG(str_trim(one)));
	}
}

static int run(const struct command *me, int argc, char **argv)
{
	struct where w = {0};
	const struct opt table[] = {WHERE_OPTS(w), {0}};
	cleanup(host_close) struct host h = {0};
	struct boot boot = {.config = &h.config, .store = &h.store, .launch = launch_apply};
	char told[BOOT_TOLD];
	struct err e;
	int code;

	if (!command_begin(me, table, argc, argv, &code))
		return code;
	if (!host_open(&h, &w, &e) || !host_as_owner(&h, &e) || !boot_run(told, &boot, &e))
		return command_fail(me, &e);
	print(str_of(told));
	return COMMAND_OK;
}

const struct command cmd_doctor = {
	"doctor", NULL, "Heal what a disk spoilt, make a lost state anew, and say what was found", run};
