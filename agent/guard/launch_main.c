/* fleet-agent, as /usr/bin knows it: runs the newer, by version, of the agent that the package brought and the one that was
 * signed and linked since. So a package upgrade and a self-update never fight. A new agent has a number of starts to prove
 * itself in; each is written down before it gets one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/guard/record.h"
#include "base/clock.h"

#define STATE    "/var/lib/fleet-agent"
#define PACKAGED "/usr/lib/fleet-agent/fleet-agent"

/* Not an order to anybody with more rights: we run as who calls us. */
static const char *or_usual(const char *name, const char *usual)
{
	const char *value = getenv(name);

	return value && *value ? value : usual;
}

/* --- which of both --- */

/* "0.10.2" is newer than "0.9"; what is no number ends the comparison. */
static int compare(const char *a, const char *b)
{
	for (;;) {
		char *after_a, *after_b;
		unsigned long x = strtoul(a, &after_a, 10), y = strtoul(b, &after_b, 10);
		if (x != y)
			return x < y ? -1 : 1;
		if (*after_a != '.' || *after_b != '.')
			return (*after_a == '.') - (*after_b == '.');
		a = after_a + 1;
		b = after_b + 1;
	}
}

static bool linked_is_newer(int state)
{
	cleanup(buf_free) struct buf version = BUF_MAX(64);
	struct err e;

	if (!fs_read(&version, state, "agent/current/version", &e))
		return false;
	buf_byte(&version, 0);
	return buf_ok(&version, &e) && compare(version.data, FLEET_VERSION) > 0;
}

/* --- its trial --- */

/* What a person looks at costs no start; what must work does. */
static bool is_work(const char *word)
{
	static const char *const work[] = {"boot", "pull", "serve"};

	for (size_t i = 0; i < COUNT_OF(work); i++)
		if (word && strcmp(word, work[i]) == 0)
			return true;
	return false;
}

/* False: the linked one has had its chances. Who cannot write the record may still look around. */
static bool count_start(int state, const char *word)
{
	struct guard_record r;
	char boot[40];
	struct err e;

	if (!guard_read(&r, state, &e) || !*r.trial[GUARD_AGENT].back)
		return true;
	clock_boot_id(boot);
	guard_wake(&r, boot, clock_boot_ms());
	if (guard_overdue(&r, GUARD_AGENT)) {
		if (!guard_go_back(&r, GUARD_AGENT, state, &e))
			fprintf(stderr, "fleet-agent: %s\n", e.text);
		return linked_is_newer(state) && !guard_overdue(&r, GUARD_AGENT);
	}
	if (!is_work(word))
		return true;
	r.trial[GUARD_AGENT].starts--;
	return guard_write(&r, state, &e);
}

int main(int argc, char **argv)
{
	const char *packaged = or_usual("FLEET_LAUNCH_PACKAGED", PACKAGED);
	const char *folder = or_usual("FLEET_LAUNCH_STATE", STATE);
	cleanup(fd_close) int state = -1;
	struct err e;

	if (argc < 1)
		return 2;
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
