/* fleet-agent, as /usr/bin knows it: runs the newer, by version, of the agent that the package brought and the one that was
 * signed and linked since. So a package upgrade and a self-update never fight. A new agent has a number of starts to prove
 * itself in; each is written down before it gets one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/guard/record.h"
#include "agent/store/store.h"
#include "base/version.h"

#define STATE    "/var/lib/fleet-agent"
#define PACKAGED "/usr/lib/fleet-agent/fleet-agent"

/* Not an order to anybody with more rights: we run as who calls us. */
static const char *or_usual(const char *name, const char *usual)
{
	const char *value = getenv(name);

	return value && *value ? value : usual;
}

/* --- which of both --- */

static bool linked_is_newer(int state)
{
	cleanup(buf_free) struct buf version = BUF_MAX(VERSION_SIZE);
	int64_t number;
	struct err e;

	return fs_read(&version, state, "agent/current/version", &e) &&
	       version_read(&number, str_trim(buf_str(&version)), &e) && number > version_ours();
}

/* --- its trial --- */

/* What a person looks at costs no start; what must work does. */
static bool is_work(const char *word)
{
	static const char *const work[] = {"boot", "pull", "serve", "apply"};

	for (size_t i = 0; i < COUNT_OF(work); i++)
		if (word && strcmp(word, work[i]) == 0)
			return true;
	return false;
}

/* An apply of the new agent that is at work has its own deadlines, and is no start that failed. Who becomes apply has the lock
 * already, or is about to be handed it. */
static bool nobody_works(int state, const char *word)
{
	cleanup(fd_close) int lock = -1;
	bool taken = false;
	struct err e;

	if (word && strcmp(word, "apply") == 0)
		return true;
	return fs_lock(&lock, &taken, state, STORE_LOCK, false, &e) && taken;
}

/* False: the linked one has had its chances. Who cannot write the record may still look around. */
static bool count_start(int state, const char *word)
{
	cleanup(fd_close) int turn = -1;
	struct guard_record r;
	struct err e;

	if (!guard_read(&r, state, &e) || !*r.trial[GUARD_AGENT].back || !guard_turn(&r, &turn, state, &e))
		return true;
	if (guard_overdue(&r, GUARD_AGENT) && nobody_works(state, word)) {
		if (!guard_go_back(&r, GUARD_AGENT, state, &e))
			fprintf(stderr, "fleet-agent: %s\n", e.text);
		return linked_is_newer(state) && !guard_overdue(&r, GUARD_AGENT);
	}
	if (!is_work(word) || r.trial[GUARD_AGENT].starts == 0)
		return true;
	r.trial[GUARD_AGENT].starts--;
	return guard_write(&r, state, &e);
}

/* What the agent starts by itself goes through here again: an apply may be the first to run as the new one. */
static void tell_who_launches(void)
{
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n <= 0)
		return;
	self[n] = 0;
	setenv("FLEET_LAUNCHER", self, 1);
}

int main(int argc, char **argv)
{
	const char *packaged = or_usual("FLEET_LAUNCH_PACKAGED", PACKAGED);
	const char *folder = or_usual("FLEET_LAUNCH_STATE", STATE);
	cleanup(fd_close) int state = -1;
	struct err e;

	if (argc < 1)
		return 2;
	tell_who_launches();
	if (fs_open_dir(&state, AT_FDCWD, folder, &e) && linked_is_newer(state) && count_start(state, argv[1])) {
		cleanup(free_ptr) char *linked = path_form("%s/agent/current/fleet-agent", folder);
		execv(linked, argv);
		fprintf(stderr, "fleet-agent: %s cannot be run (%s): the packaged agent is\n", linked,
			strerror(errno));
	}
	execv(packaged, argv);
	fprintf(stderr, "fleet-agent: %s: %s\n", packaged, strerror(errno));
	return 127;
}
