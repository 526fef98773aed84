/* A machine that one can log in to, before it is a host: what it is, and whether it can become one. Looked at, never changed. */
#pragma once

#include "base/str.h"
#include "fleetctl/enroll/sudo.h"

struct machine {
	char *os, *version, *name; /* "debian" "12" "Debian GNU/Linux 12 (bookworm)" */
	char *arch, *cpu;          /* as dpkg says: "arm64", empty: no dpkg; as the kernel says: "aarch64" */
	char *rights;              /* "root", "sudo", "password": sudo would ask for one, "none" */
	char *package;             /* version of fleet-agent that is installed; empty: none */
	char *id, *plan;           /* enrolled as; empty: not */
	char *anchor;              /* SHA-256 of its root of trust, 64 digits; empty: none */
	char *slash, *mount;       /* kind of its root file system, options */
	uint64_t free_kib;         /* where packages and state go */
	bool systemd, running, comes_in; /* it is PID 1; all our units run; sshd takes the agent's keys */
};
/* `how` NULL: as who logged in, which tells whether sudo asks; else as root. */
char *machine_look_line(void); /* what it runs, as a person would type it; the caller frees */
#define MACHINE_LOOK "env LC_ALL=C sh -s"
must_check bool machine_look(struct machine *out, struct shell *s, const struct sudo *how, struct err *e);
/* Of what that look answered, a word and what it is on each line. Foreign bytes: control characters become '?'. False: no shell
 * did what we asked. */
must_check bool machine_read(struct machine *out, struct str answer);
void machine_free(struct machine *m);

/* Whether it can take the agent at all, now: rights, system, room. */
must_check bool machine_fits(const struct machine *m, struct err *e);
#define MACHINE_UNITS                                                                                                    \
	"fleet-agent-apply.socket fleet-agent-script.socket fleet-agent-boot.service fleet-agent-probes.service "           \
	"fleet-agent-pull.timer fleet-agent-guard.timer"
#define MACHINE_SSHD "sshd -T -C user=fleet-agent,host=localhost,addr=127.0.0.1"
