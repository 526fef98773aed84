#include "fleetctl/enroll/steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/doc.h"
#include "base/fs.h"
#include "manifests/ssh_key.h"

enum { SILENCE_MS = 10 * 60 * 1000 }; /* apt on a slow line is silent for long */
#define CARRY "/var/cache/fleet-enroll" /* root's own: nobody else's link may stand in its place */

static char *form(const char *how, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, how, args) < 0)
		text = NULL;
	return mem_must(text);
}

/* A command line; as root, by sudo where that is needed. */
static struct enroll_line *line(struct enroll_step *s, const struct enroll *w, const char *how, ...) printf_like(3, 4);
static struct enroll_line *line(struct enroll_step *s, const struct enroll *w, const char *how, ...)
{
	struct enroll_line *l = &s->line[s->lines++];
	va_list args;

	va_start(args, how);
	*l = (struct enroll_line){ .command = form(how, args) };
	va_end(args);
	l->text = sudo_line(w->sudo, l->command);
	return l;
}

static void bring(struct enroll_step *s, const struct enroll *w, const char *to, const struct buf *bytes, const char *from)
{
	struct enroll_line *l = line(s, w, "tee " CARRY "/%s >/dev/null", to);

	l->input = buf_str(bytes);
	l->from = from;
}

static void note(struct enroll_step *s, bool done, const char *how, ...) printf_like(3, 4);
static void note(struct enroll_step *s, bool done, const char *how, ...)
{
	va_list args;

	va_start(args, how);
	s->note = form(how, args);
	va_end(args);
	s->done = done;
}

/* --- the steps --- */

static bool step_package(struct enroll_step *s, const struct enroll *w, struct err *e)
{
	const struct machine *m = w->machine;
	const struct kit *k = w->kit;

	/* A newer one than ours is left: another operator brought it. */
	if (*m->package && (!k->package || !kit_is_newer(k->package_version, m->package))) {
		note(s, true, "fleet-agent %s is installed", m->package);
		return true;
	}
	if (!k->package)
		return err_set(e, ERR_MISSING, "there is no fleet-agent_VERSION_%s.deb here: `./dev package %s` makes it, --packages DIR says where it lies",
			m->arch, m->arch);
	if (*m->package)
		note(s, false, "fleet-agent %s, in place of %s", k->package_version, m->package);
	else
		note(s, false, "fleet-agent %s", k->package_version);
	line(s, w, "mkdir -p -m 0755 " CARRY);
	bring(s, w, "fleet-agent.deb", &k->deb, k->package);
	/* the lists are fetched where they are missing or old: bytes are money */
	line(s, w, "sh -c 'install() { env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=120 "
		"-o Dpkg::Options::=--force-confold " CARRY "/fleet-agent.deb; }; install || { apt-get update -q && install; }'");
	line(s, w, "rm -rf " CARRY);
	return true;
}

static bool is_ours(const struct enroll *w, struct err *e)
{
	const struct machine *m = w->machine;
	static const char remedy[] = "To make it another: `apt-get purge fleet-agent` there forgets all that it was, then enroll it";

	if (!kit_knows_anchor(w->kit, m->anchor))
		return err_set(e, ERR_FOREIGN, "is a host of another fleet (\"%s\"): its root of trust is none of ours. %s", m->id, remedy);
	if (strcmp(m->id, w->id) != 0)
		return err_set(e, ERR_FOREIGN, "is host %s of this fleet already. %s", m->id, remedy);
	return strcmp(m->plan, w->plan) == 0 || err_set(e, ERR_FOREIGN, "is enrolled for plan %s. %s", m->plan, remedy);
}

static bool step_enrol(struct enroll_step *s, const struct enroll *w, struct err *e)
{
	const struct kit *k = w->kit;

	if (*w->machine->id) {
		note(s, true, "it is %s of plan %s", w->machine->id, w->machine->plan);
		return is_ours(w, e);
	}
	note(s, false, "%s, plan %s, root of trust %s", w->id, w->plan, k->root_file);
	line(s, w, "mkdir -p -m 0755 " CARRY "/metadata");
	bring(s, w, "root.json", &k->root, "repository/metadata/N.root.json");
	bring(s, w, "keys", &k->keys, "the SSH keys that may come in");
	if (k->sources.len)
		bring(s, w, "sources.json", &k->sources, "fleet/sources.json, as signed");
	for (size_t i = 0; i < k->metadatas; i++) {
		cleanup(free_ptr) char *to = path_form("metadata/%s", k->metadata[i].file);
		bring(s, w, to, &k->metadata[i].bytes, "repository/metadata/");
	}
	line(s, w, "fleet-agent enrol --id %s --plan %s%s%s --root " CARRY "/root.json --metadata " CARRY "/metadata --keys " CARRY "/keys%s", w->id, w->plan,
		w->site ? " --site " : "", w->site ? w->site : "", k->sources.len ? " --sources " CARRY "/sources.json" : "");
	line(s, w, "rm -rf " CARRY);
	return true;
}

static bool step_units(struct enroll_step *s, const struct enroll *w, struct err *e)
{
	(void)e;
	note(s, w->machine->running, "%s", w->machine->running ? "they run" : "sockets, timers, probes");
	if (!s->done)
		line(s, w, "systemctl start " MACHINE_UNITS);
	return true;
}

static bool step_sshd(struct enroll_step *s, const struct enroll *w, struct err *e)
{
	(void)e;
	note(s, w->machine->comes_in, "%s", w->machine->comes_in ? "it takes the agent's keys" : "does it read /etc/ssh/sshd_config.d?");
	if (!s->done)
		line(s, w, "sh -c '" MACHINE_SSHD " | grep -i \"^authorizedkeysfile /var/lib/fleet-agent/\" || { echo sshd does not read /etc/ssh/sshd_config.d: "
			"put \\\"Include /etc/ssh/sshd_config.d/*.conf\\\" on top of /etc/ssh/sshd_config, then systemctl reload ssh >&2; exit 1; }'");
	return true;
}

static const struct {
	const char *name, *doing;
	bool (*plan)(struct enroll_step *, const struct enroll *, struct err *);
} table[ENROLL_STEPS] = {
	{ "package", "installing the agent", step_package },
	{ "enrol", "making it a host", step_enrol },
	{ "units", "starting its units", step_units },
	{ "sshd", "asking its sshd", step_sshd },
};

bool enroll_plan(struct enroll_step out[ENROLL_STEPS], const struct enroll *what, struct err *e)
{
	for (size_t i = 0; i < ENROLL_STEPS; i++)
		out[i] = (struct enroll_step){ .name = table[i].name, .doing = table[i].doing };
	if (*what->machine->id && !is_ours(what, e))
		return false;
	for (size_t i = 0; i < ENROLL_STEPS; i++)
		if (!table[i].plan(&out[i], what, e)) {
			enroll_steps_free(out);
			return false;
		}
	return true;
}

void enroll_steps_free(struct enroll_step step[ENROLL_STEPS])
{
	for (size_t i = 0; i < ENROLL_STEPS; i++) {
		free_ptr(&step[i].note);
		for (size_t j = 0; j < step[i].lines; j++) {
			free_ptr(&step[i].line[j].text);
			free_ptr(&step[i].line[j].command);
		}
		step[i].lines = 0;
	}
}

/* --- doing them --- */

/* What a line that failed said, and what that means to a person. */
static const struct {
	const char *said;
	enum err_code code;
	const char *means;
} known[] = {
	{ "No space left on device", ERR_FAILED, "its disk is full: `sudo apt-get clean` makes room" },
	{ "Read-only file system", ERR_FAILED, "its file system is read-only: is an overlay or a worn-out card below it?" },
	{ "unmet dependencies", ERR_FAILED, "packages that the agent depends on are missing there and its apt cannot fetch them: let it reach its mirror "
		"(/etc/apt/sources.list, network), or bring and install them by hand, then enroll again" },
	{ "dpkg --configure -a", ERR_BUSY, "dpkg was interrupted there: `sudo dpkg --configure -a` ends what it began, then enroll again" },
	{ "Temporary failure resolving", ERR_FAILED, "apt has no network there, and needs packages that the agent depends on: let it reach a mirror, or install them by hand" },
	{ "Could not connect to", ERR_FAILED, "apt cannot reach its mirror from there, and needs packages that the agent depends on" },
	{ "Failed to fetch", ERR_FAILED, "apt cannot fetch the packages that the agent depends on" },
	{ "does not match system", ERR_FOREIGN, "the package is of another architecture" },
	{ "Could not get lock", ERR_BUSY, "another apt is at work there: try again when it has ended" },
	{ "sudo: a password is required", ERR_REFUSED, "sudo asks for a password there" },
};

/* apt's "Depends: libzstd1 (>= 1.5.2) but it is not installable", each once. */
static void missing_packages(struct buf *out, const char *said)
{
	static const char before[] = "Depends: ", behind[] = " but it is not";

	for (const char *at = said; (at = strstr(at, before)) != NULL; at++) {
		const char *name = at + strlen(before), *end = strstr(name, behind);
		if (end && !memchr(name, '\n', (size_t)(end - name)))
			buf_form(out, "%s%.*s", out->len ? ", " : ". It lacks: ", (int)MIN(end - name, 100), name);
	}
}

bool enroll_failed(const char *command, const struct shell_end *end, struct err *e)
{
	cleanup(buf_free) struct buf all = BUF_MAX(2 * SHELL_OUTPUT_MAX + 1);
	struct str said = str_trim(buf_str(&end->said));

	buf_add(&all, buf_str(&end->out));
	buf_add(&all, buf_str(&end->said));
	buf_byte(&all, 0);
	if (said.len > 300)
		said = (struct str){ said.data + said.len - 300, 300 };
	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (all.data && strstr(all.data, known[i].said)) {
			cleanup(buf_free) struct buf lacks = BUF_MAX(400);
			missing_packages(&lacks, all.data);
			return err_set(e, known[i].code, "%s" STR_FMT ". It said: " STR_FMT, known[i].means, STR_ARG(buf_str(&lacks)), STR_ARG(said));
		}
	return err_set(e, ERR_FAILED, "`%.200s` ended with status %d: " STR_FMT, command, end->status, STR_ARG(said));
}

bool enroll_do(const struct enroll_step *step, struct shell *s, const struct sudo *how, struct err *e)
{
	for (size_t i = 0; i < step->lines; i++) {
		const struct enroll_line *l = &step->line[i];
		cleanup(shell_end_free) struct shell_end end = { 0 };
		if (!sudo_run(&end, s, how, l->command, l->input, SILENCE_MS, e) || (end.status != 0 && !enroll_failed(l->text, &end, e)))
			return err_in(e, "%s", step->doing);
	}
	return true;
}

/* It becomes a word of a line that a person pastes on a server: no more than that. */
static bool take_ssh_key(char **out, struct str said, struct err *e)
{
	return !said.len || ssh_key_read(out, said, e);
}

bool enroll_ask_keys(struct enroll_keys *out, struct shell *s, const struct sudo *how, struct err *e)
{
	static const char command[] = ENROLL_ASK;
	cleanup(shell_end_free) struct shell_end end = { 0 };
	cleanup(doc_free) doc *d = NULL;

	if (!sudo_run(&end, s, how, command, (struct str){ 0 }, SILENCE_MS, e) || (end.status != 0 && !enroll_failed(command, &end, e)))
		return false;
	if (!doc_read(&d, buf_str(&end.out), e) || !doc_str(doc_get(d, "receipt_key")).data)
		return err_set(e, ERR_PROTOCOL, "`%s` names no receipt_key", command);
	cleanup(enroll_keys_free) struct enroll_keys k = { .receipt = str_dup(doc_str(doc_get(d, "receipt_key"))) };
	if (!take_ssh_key(&k.git, doc_str(doc_get(d, "git_key")), e) || !take_ssh_key(&k.push, doc_str(doc_get(d, "push_key")), e))
		return err_in(e, "`%s`", command);
	*out = k;
	k = (struct enroll_keys){ 0 };
	return true;
}

void enroll_keys_free(struct enroll_keys *k)
{
	free_ptr(&k->receipt);
	free_ptr(&k->git);
	free_ptr(&k->push);
}
