#include "fleetctl/enroll/machine.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/doc.h"
#include "base/fs.h"

enum { LOOK_MS = 60000, ROOM_KIB = 48 * KIB, DEBIAN = 12 };

/* One round trip: a word and what it is, a line each. For any POSIX shell; reads only. */
static const char look[] =
	"PATH=$PATH:/usr/sbin:/sbin\n"
	"as='sudo -n'\n"
	"if [ \"$(id -u)\" = 0 ]; then as=; echo rights root\n"
	"elif ! command -v sudo >/dev/null; then echo rights none\n"
	"elif sudo -n true 2>/dev/null; then echo rights sudo\n"
	"else echo rights password; as=false; fi\n"
	"echo arch $(dpkg --print-architecture 2>/dev/null)\n"
	"echo cpu $(uname -m)\n"
	"(. /etc/os-release; echo os $ID; echo version $VERSION_ID; echo name $PRETTY_NAME)\n"
	"while read -r _ at kind how _; do [ \"$at\" != / ] || { slash=$kind; mount=$how; }; done </proc/mounts\n"
	"echo slash $slash; echo mount $mount\n"
	"df -Pk /var | { read -r _; read -r _ _ _ free _; echo free $free; }\n"
	"[ ! -d /run/systemd/system ] || echo systemd yes\n"
	"case $(dpkg-query -W -f '${db:Status-Status}' fleet-agent 2>/dev/null) in\n"
	"installed) echo package $(dpkg-query -W -f '${Version}' fleet-agent) ;; esac\n"
	"[ ! -e /etc/fleet-agent/agent.json ] || { printf 'agent %s\\n' \"$(tr '\\n' ' ' </etc/fleet-agent/agent.json)\"; echo anchor $(sha256sum </etc/fleet-agent/root.json); }\n"
	"running=yes; for unit in " MACHINE_UNITS "; do systemctl is-active --quiet $unit 2>/dev/null || running=no; done; echo running $running\n"
	"$as " MACHINE_SSHD " 2>/dev/null | grep -qi '^authorizedkeysfile /var/lib/fleet-agent/' && echo comes yes\n"
	"exit 0\n";

static const struct {
	const char *word;
	size_t at;
} texts[] = {
	{ "rights", offsetof(struct machine, rights) }, { "arch", offsetof(struct machine, arch) }, { "os", offsetof(struct machine, os) },
	{ "version", offsetof(struct machine, version) }, { "name", offsetof(struct machine, name) }, { "slash", offsetof(struct machine, slash) },
	{ "mount", offsetof(struct machine, mount) }, { "package", offsetof(struct machine, package) }, { "cpu", offsetof(struct machine, cpu) },
};

static char **text_at(struct machine *m, size_t i)
{
	return (char **)((char *)m + texts[i].at);
}

/* Of a machine that nobody knows yet: a terminal must not obey what it says. */
static void put(char **to, struct str text)
{
	free_ptr(to);
	*to = str_dup(text);
	for (char *c = *to; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

static void read_agent(struct machine *m, struct str json)
{
	cleanup(doc_free) doc *d = NULL;
	struct err no;

	if (!doc_read(&d, json, &no))
		return;
	put(&m->id, doc_str(doc_get(d, "id")));
	put(&m->plan, doc_str(doc_get(d, "plan")));
}

static void read_line(struct machine *m, struct str word, struct str said)
{
	struct str rest;

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if (str_is(word, texts[i].word))
			put(text_at(m, i), said);
	if (str_is(word, "free") && !str_number(&m->free_kib, said, UINT64_MAX))
		m->free_kib = 0;
	m->systemd = m->systemd || str_is(word, "systemd");
	m->running = m->running || (str_is(word, "running") && str_is(said, "yes"));
	m->comes_in = m->comes_in || str_is(word, "comes");
	if (str_is(word, "agent"))
		read_agent(m, said);
	if (str_is(word, "anchor"))
		put(&m->anchor, str_cut(said, ' ', &rest));
}

char *machine_look_line(void)
{
	return path_form(MACHINE_LOOK " <<'LOOK'\n%sLOOK", look);
}

static bool look_by(struct shell_end *end, struct shell *s, const struct sudo *how, struct err *e)
{
	return how ? sudo_run(end, s, how, MACHINE_LOOK, str_of(look), LOOK_MS, e) : shell_run(end, s, MACHINE_LOOK, str_of(look), LOOK_MS, e);
}

bool machine_read(struct machine *out, struct str answer)
{
	struct machine m = { .id = str_dup(STR("")), .plan = str_dup(STR("")), .anchor = str_dup(STR("")) };

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		*text_at(&m, i) = str_dup(STR(""));
	for (struct str rest = answer, line, said; rest.len;) {
		line = str_cut(rest, '\n', &rest);
		struct str word = str_cut(line, ' ', &said);
		read_line(&m, word, str_trim(said));
	}
	if (*m.rights) {
		*out = m;
		return true;
	}
	machine_free(&m);
	return false;
}

bool machine_look(struct machine *out, struct shell *s, const struct sudo *how, struct err *e)
{
	cleanup(shell_end_free) struct shell_end end = { 0 };

	if (!look_by(&end, s, how, e))
		return false;
	if (machine_read(out, buf_str(&end.out)))
		return true;
	struct str said = str_trim(buf_str(&end.said));
	if (how && said.len && strstr(end.said.data, "incorrect password"))
		return err_set(e, ERR_PASSPHRASE, "sudo does not take that password");
	return err_set(e, ERR_PROTOCOL, "has no shell for us: status %d" STR_FMT STR_FMT, end.status, STR_ARG(said.len ? STR(": ") : STR("")), (int)MIN(said.len, (size_t)200),
		said.data);
}

void machine_free(struct machine *m)
{
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		free_ptr(text_at(m, i));
	free_ptr(&m->id);
	free_ptr(&m->plan);
	free_ptr(&m->anchor);
}

/* --- whether it can --- */

static bool has_rights(const struct machine *m, struct err *e)
{
	return strcmp(m->rights, "none") != 0 ||
		err_set(e, ERR_REFUSED, "needs root there, and there is no sudo: log in as root (--user root), or install sudo and let this user use it");
}

static bool is_packaged(const char *arch)
{
	static const char *const all[] = { "amd64", "arm64", "armhf" };

	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (strcmp(arch, all[i]) == 0)
			return true;
	return false;
}

static bool is_right_system(const struct machine *m, struct err *e)
{
	bool debian = strcmp(m->os, "debian") == 0 || strcmp(m->os, "raspbian") == 0;

	if (!*m->arch)
		return err_set(e, ERR_REFUSED, "is no Debian (no dpkg): it says \"%.80s\". Debian 12 or Raspberry Pi OS of the same age is needed", m->name);
	if (debian && strtol(m->version, NULL, 10) < DEBIAN)
		return err_set(e, ERR_REFUSED, "is \"%.80s\": Debian 12 (bookworm) or Raspberry Pi OS of the same age is needed", m->name);
	if (!is_packaged(m->arch))
		return err_set(e, ERR_REFUSED, "its architecture is %.40s: there are packages for amd64, arm64 and armhf alone", m->arch);
	if (str_starts(str_of(m->cpu), "armv6"))
		return err_set(e, ERR_REFUSED, "its processor is an %.40s (a Pi 1 or Zero): the package of armhf is for ARMv7 and newer", m->cpu);
	return m->systemd || err_set(e, ERR_REFUSED, "systemd does not run there: the agent's units need it");
}

/* Is `word` one of the comma-separated options? */
static bool has_option(const char *options, const char *word)
{
	for (struct str rest = str_of(options); rest.len;)
		if (str_is(str_cut(rest, ',', &rest), word))
			return true;
	return false;
}

static bool keeps_what_is_written(const struct machine *m, struct err *e)
{
	if (strcmp(m->slash, "overlay") == 0)
		return err_set(e, ERR_REFUSED, "its root file system is an overlay: a restart would forget all of it. `sudo raspi-config`, Performance Options, Overlay File System: "
			"off; restart it, then enroll");
	if (has_option(m->mount, "ro"))
		return err_set(e, ERR_REFUSED, "its root file system is read-only: `sudo mount -o remount,rw /`, and correct /etc/fstab; or its card is worn out");
	return m->free_kib >= ROOM_KIB || err_set(e, ERR_REFUSED, "has %llu MiB free in /var; %d MiB are needed: `sudo apt-get clean` makes room",
		(unsigned long long)(m->free_kib / KIB), ROOM_KIB / KIB);
}

bool machine_fits(const struct machine *m, struct err *e)
{
	return is_right_system(m, e) && has_rights(m, e) && keeps_what_is_written(m, e);
}
