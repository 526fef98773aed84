/* fleet-agent enrol: make this Pi a host. */
#include <stdio.h>

#include "agent/command.h"
#include "agent/enrol.h"
#include "agent/pull/keys.h"
#include "agent/store/receipts.h"

static int run(const struct command *me, int argc, char **argv)
{
	struct enrolment want = {0};
	struct where w = {0};
	const struct opt table[] = {
		{"id", 0, OPT_TEXT, &want.id, "ID", "the host's name", .required = true},
		{"plan", 0, OPT_TEXT, &want.plan, "PLAN", "the plan of its SIM", .required = true},
		{"root", 0, OPT_TEXT, &want.root, "FILE", "the root of trust", .required = true},
		{"metadata", 0, OPT_TEXT, &want.metadata, "DIR", "a copy of the repository's metadata/: nothing older is believed"},
		{"site", 0, OPT_TEXT, &want.site, "SITE", "where it stands"},
		{"results", 0, OPT_TEXT, &want.results, "DIR", "where probes write (default: " CONFIG_RESULTS ")"},
		{"run", 0, OPT_TEXT, &want.run, "DIR",
			"folder of the units' sockets (default: " CONFIG_RUN ", if the units are there)"},
		{"keys", 0, OPT_TEXT, &want.keys, "FILE", "SSH keys that may come in until an access list is signed"},
		{"serve", 0, OPT_TEXT, &want.serve, "COMMAND", "what they run (default: " CONFIG_SERVE ")"},
		{"sources", 0, OPT_TEXT, &want.sources, "FILE", "where to fetch from until sources are signed"},
		{"force", 0, OPT_FLAG, &want.force, NULL, "begin anew as the same host: baseline, no trust kept"},
		{"new-key", 0, OPT_FLAG, &want.new_key, NULL, "with --force: new keys, of receipts and of git, and a new chain of receipts"},
		{"allow-volatile", 0, OPT_FLAG, &want.allow_volatile, NULL,
			"also with a state folder that a restart may empty: tmpfs, ramfs, overlay"},
		WHERE_OPTS(w),
		{0},
	};
	cleanup(host_close) struct host h = {0};
	char key[DIGEST_HEX + 1];
	struct err e;
	int code;

	if (!command_begin(me, table, argc, argv, &code))
		return code;
	want.config_dir = w.config_dir;
	want.state_dir = w.state_dir;
	if (!enrol_host(&want, &e) || !host_open(&h, &w, &e) || !receipts_key(key, &h.store, &e))
		return command_fail(me, &e);
	printf("%s is enrolled for plan %s and runs the baseline\nreceipt key %s\n", want.id, want.plan, key);
	for (enum pull_key k = 0; k < PULL_KEYS; k++) {
		cleanup(buf_free) struct buf line = {0};
		pull_key_public(&line, &h.store, k);
		if (line.len)
			printf("%s " STR_FMT " %s\n", pull_key_words[k], STR_ARG(buf_str(&line)), want.id);
	}
	return COMMAND_OK;
}

const struct command cmd_enrol = {"enrol", "--id ID --plan PLAN --root FILE", "Make this Pi a host of the fleet", run};
