/* fleet-agent boot: before the plan's scripts start. */
#include <stdio.h>

#include "agent/boot/boot.h"
#include "agent/command.h"

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
	if (!host_open(&h, &w, &e) || !boot_run(told, &boot, &e))
		return command_fail(me, &e);
	puts(told);
	host_came_through(&h);
	return COMMAND_OK;
}

const struct command cmd_boot = {"boot", NULL, "Before the scripts start: take up an open trial, heal what runs", run};
