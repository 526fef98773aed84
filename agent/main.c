/* fleet-agent: the commands. */
#include "agent/command.h"

extern const struct command cmd_enrol, cmd_serve, cmd_apply, cmd_status, cmd_verify, cmd_rollback, cmd_allow, cmd_probes, cmd_script, cmd_pull, cmd_boot,
	cmd_doctor, cmd_self_test;

static const struct command *const commands[] = {
	&cmd_enrol, &cmd_serve, &cmd_apply, &cmd_status, &cmd_verify, &cmd_rollback, &cmd_allow, &cmd_probes, &cmd_script, &cmd_pull, &cmd_boot,
	&cmd_doctor, &cmd_self_test, NULL,
};

int main(int argc, char **argv)
{
	return command_main(commands, argc, argv);
}
