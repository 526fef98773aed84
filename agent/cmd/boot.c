/* fleet-agent boot: before the plan's scripts start. fleet-agent doctor: the same for a person, without a boot. */
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

static int run_either(const struct command *me, int argc, char **argv, bool person)
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
	if (!host_open(&h, &w, &e) || (person && !host_as_owner(&h, &e)) || !boot_run(told, &boot, &e))
		return command_fail(me, &e);
	if (person)
		print(str_of(told));
	else
		puts(told);
	host_came_through(&h);
	return COMMAND_OK;
}

static int run(const struct command *me, int argc, char **argv)
{
	return run_either(me, argc, argv, false);
}

static int run_doctor(const struct command *me, int argc, char **argv)
{
	return run_either(me, argc, argv, true);
}

const struct command cmd_boot = {"boot", NULL, "Before the scripts start: take up an open trial, heal what runs", run};
const struct command cmd_doctor = {
	"doctor", NULL, "Heal what a disk spoilt, make a lost state anew, and say what was found", run_doctor};
