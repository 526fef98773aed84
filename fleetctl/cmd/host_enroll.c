/* host enroll: from a machine that one can log in to, to a host of the fleet. Each step looks first; the second time there is
 * nothing left to do. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/name.h"
#include "fleetctl/cmd/host_pin.h"
#include "fleetctl/enroll/server.h"
#include "fleetctl/enroll/steps.h"
#include "fleetctl/repo/passphrase.h"
#include "keys/secret.h"

struct wishes {
	struct common common;
	const char *address, *id, *plan, *site, *user, *packages, *host_key, *identity, *authorize;
	int64_t port, passphrase_fd;
	bool yes, dry;
};
struct enrolling {
	const struct wishes *wish;
	const struct show *show;
	struct fleet fleet;
	const struct host *host; /* in hosts.yaml already; NULL: not yet */
	struct login *login;
	struct shell *shell;
	struct sudo sudo;
	struct machine machine;
	struct kit kit;
	struct origins origins;
	struct server_keys servers;
	doc *steps, *pins;
	bool changed;
	int code;
};

static void enrolling_free(struct enrolling *en)
{
	machine_free(&en->machine);
	sudo_free(&en->sudo);
	kit_free(&en->kit);
	origins_free(&en->origins);
	server_keys_free(&en->servers);
	shell_close(&en->shell);
	login_free(&en->login);
	doc_free(&en->steps);
	doc_free(&en->pins);
	fleet_free(&en->fleet);
}

/* --- who is asked, and is it that one? --- */

static bool open_fleet(struct enrolling *en, struct err *e)
{
	const struct wishes *w = en->wish;

	if (!name_check(str_of(w->id), e) || !name_check_plan(str_of(w->plan), e) || (w->site && !name_check(str_of(w->site), e)) ||
		!fleet_open(&en->fleet, w->common.fleet, e))
		return false;
	en->host = fleet_find(&en->fleet, str_of(w->id));
	if (en->host && strcmp(en->host->plan, w->plan) != 0)
		return err_set(e, ERR_FOREIGN, "host %s stands in hosts.yaml with plan %s", w->id, en->host->plan);
	if (en->host && !en->host->host_key)
		return err_set(e, ERR_HOSTKEY, "host %s stands in hosts.yaml without a host_key: add it there, or take the line out", w->id);
	return true;
}

/* One look by a person decides what is believed ever after. */
static bool ask_about_key(const struct enrolling *en, struct err *e)
{
	const struct wishes *w = en->wish;
	char answer[16] = "";

	show_note(en->show, "%s shows the host key %s\n  %s", w->address, shell_fingerprint(en->shell), shell_host_key(en->shell));
	if (w->yes || w->dry)
		return true;
	cleanup(fd_close) int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0)
		return err_set(e, ERR_USAGE, "is that its key? There is no terminal to ask at: say --host-key 'TYPE BASE64', or --yes to believe what it shows");
	dprintf(tty, "Is that its key (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there)? [y/N] ");
	ssize_t n = read(tty, answer, sizeof answer - 1);
	return (n > 0 && (answer[0] == 'y' || answer[0] == 'Y')) || err_set(e, ERR_STOPPED, "nothing was sent");
}

static bool log_in(struct enrolling *en, struct err *e)
{
	const char *rollouts = en->fleet.ssh.identity;
	struct err second;

	if (!login_open(&en->login, en->wish->identity, e))
		return false;
	if (shell_login(en->shell, en->login, e))
		return true;
	if (en->wish->identity || !rollouts || e->code != ERR_UNREACHABLE)
		return false;
	login_free(&en->login);
	return login_open(&en->login, rollouts, &second) && shell_login(en->shell, en->login, &second);
}

/* Never in the arguments of a command, never kept. */
static bool ask_for_password(struct enrolling *en, struct err *e)
{
	struct passphrase from = { .fd = (int)en->wish->passphrase_fd };
	struct err why;

	secret_guard_process();
	en->sudo.way = SUDO_ASKS;
	en->sudo.password = BUF_MAX(PASSPHRASE_MAX);
	bool given = passphrase_other(&from, &en->sudo.password, "sudo asks there for the password of its user", &why);
	passphrase_free(&from);
	if (given)
		return true;
	if (why.code != ERR_PASSPHRASE) {
		*e = why;
		return false;
	}
	return err_set(e, ERR_REFUSED, "sudo asks for a password there: --passphrase-fd N gives it where no terminal is. Or as root, "
		"`echo \"$USER ALL=(ALL) NOPASSWD: ALL\" >/etc/sudoers.d/enroll` lets this user in without one (remove the file afterwards), or log in as root (--user root)");
}

/* Who is root there sees more. */
static bool look(struct enrolling *en, struct err *e)
{
	if (!machine_look(&en->machine, en->shell, NULL, e) || !machine_fits(&en->machine, e))
		return false;
	en->sudo.way = strcmp(en->machine.rights, "root") == 0 ? SUDO_NOT_NEEDED : SUDO_FREE;
	if (strcmp(en->machine.rights, "password") != 0)
		return true;
	if (!ask_for_password(en, e))
		return false;
	machine_free(&en->machine);
	return machine_look(&en->machine, en->shell, &en->sudo, e);
}

static bool reach(struct enrolling *en, struct err *e)
{
	const struct wishes *w = en->wish;
	const char *pinned = w->host_key ? w->host_key : en->host ? en->host->host_key : NULL;
	struct shell_to to = { .address = w->address, .user = w->user, .port = w->port, .host_key = pinned, .connect_ms = en->fleet.defaults.connect_ms };

	return shell_dial(&en->shell, &to, e) && ((pinned || ask_about_key(en, e)) && log_in(en, e) && look(en, e) ? true
		: err_in(e, "%s", shell_where(en->shell)));
}

/* --- the steps --- */

static const char *state_of(const struct enrolling *en, const struct enroll_step *s)
{
	return s->done ? "done already" : en->wish->dry ? "to do" : "done";
}

static void tell(const struct enrolling *en, const struct enroll_step *s, const char *state)
{
	doc *d = doc_object(), *lines = doc_list();

	doc_set_text(d, "step", s->name);
	doc_set_text(d, "state", state);
	doc_set_text(d, "note", s->note);
	for (size_t i = 0; i < s->lines; i++)
		doc_add_str(lines, str_of(s->line[i].text));
	doc_set(d, "commands", lines);
	doc_add(en->steps, d);
	if (en->show->json)
		return;
	printf("# %s: %s: %s\n", s->name, state, s->note);
	for (size_t i = 0; en->wish->dry && i < s->lines; i++) {
		const struct enroll_line *l = &s->line[i];
		printf("%s", l->text);
		if (l->input.len)
			printf("   # %zu bytes: %s", l->input.len, l->from);
		putchar('\n');
	}
}

/* It has been done, also by a dry run: it changes nothing. Where sudo asks, root has looked, too. */
static void tell_look(const struct enrolling *en)
{
	cleanup(free_ptr) char *first = machine_look_line(), *second = path_form("sudo %s", first);

	tell(en, &(struct enroll_step){ .name = "look", .note = (char *)"reads only", .line = { { .text = first }, { .text = second } },
		.lines = en->sudo.way == SUDO_ASKS ? 2 : 1 }, "done");
}

static bool do_steps(struct enrolling *en, struct enroll_step step[ENROLL_STEPS], struct err *e)
{
	for (size_t i = 0; i < ENROLL_STEPS; i++) {
		if (!step[i].done && !en->wish->dry) {
			show_note(en->show, "%s ...", step[i].doing);
			if (!enroll_do(&step[i], en->shell, &en->sudo, e))
				return false;
		}
		en->changed = en->changed || !step[i].done;
		tell(en, &step[i], state_of(en, &step[i]));
	}
	return true;
}

static bool on_the_machine(struct enrolling *en, struct err *e)
{
	const struct wishes *w = en->wish;
	struct kit_wish kit = { .plan = w->plan, .arch = en->machine.arch, .packages = w->packages, .authorize = w->authorize };
	struct enroll what = { .id = w->id, .plan = w->plan, .site = w->site, .machine = &en->machine, .sudo = &en->sudo, .kit = &en->kit };
	struct enroll_step step[ENROLL_STEPS] = { 0 };

	tell_look(en);
	if (!kit_pack(&en->kit, &en->fleet, &kit, e) || !enroll_plan(step, &what, e))
		return false;
	if (en->kit.sources.len && !origins_read(&en->origins, buf_str(&en->kit.sources), "fleet/sources.json", e))
		return false;
	bool good = do_steps(en, step, e);
	enroll_steps_free(step);
	return good;
}

/* --- hosts.yaml, and as rollouts see it --- */

static bool list_host(struct enrolling *en, struct err *e)
{
	const struct wishes *w = en->wish;
	cleanup(enroll_keys_free) struct enroll_keys keys = { 0 };
	struct host h = { .id = (char *)w->id, .plan = (char *)w->plan, .site = (char *)w->site, .address = (char *)w->address, .user = (char *)"fleet-agent",
		.host_key = (char *)shell_host_key(en->shell), .port = w->port };
	struct enroll_step s = { .name = "hosts.yaml", .done = en->host != NULL };
	cleanup(free_ptr) char *note = s.done ? path_form("%s is there", w->id) : path_form("%s at %s", w->id, w->address);

	cleanup(free_ptr) char *ask = sudo_line(&en->sudo, ENROLL_ASK);
	s.note = note;
	s.line[0] = (struct enroll_line){ .text = ask };
	bool asks = !s.done || server_keys_wanted(&en->origins);
	s.lines = asks ? 1 : 0;
	if (asks && !w->dry) {
		if (!enroll_ask_keys(&keys, en->shell, &en->sudo, e))
			return false;
		server_keys_of(&en->servers, &en->origins, w->id, keys.git, keys.push);
		h.receipt_key = keys.receipt;
		if (!s.done && !fleet_add_host(&en->fleet, &h, e))
			return false;
	}
	en->changed = en->changed || !s.done;
	tell(en, &s, state_of(en, &s));
	return true;
}

/* For whoever has the git server. */
static doc *tell_servers(const struct enrolling *en)
{
	doc *all = doc_list();

	for (size_t i = 0; i < en->servers.count; i++) {
		const struct server_key *k = &en->servers.at[i];
		doc *d = doc_object();
		doc_set_text(d, "server", k->server);
		doc_set_text(d, "to", k->to);
		doc_set_text(d, "line", k->line);
		doc_add(all, d);
		if (!en->show->json)
			printf("# %s: to %s there, %s needs this line of authorized_keys:\n%s\n", k->server, k->to, en->wish->id, k->line);
	}
	return all;
}

/* By the pinned host key, as fleet-agent, with the key that rollouts use: what works now works then. */
static bool greet(struct enrolling *en, struct err *e)
{
	cleanup(fleet_free) struct fleet f = { .at = -1 };
	cleanup(chosen_free) struct chosen c = { 0 };
	struct str id = str_of(en->wish->id);
	const char *identity = en->fleet.ssh.identity ? NULL : en->wish->identity;

	if (!fleet_open(&f, en->wish->common.fleet, e) || !select_hosts(&c, &f, &(struct opt_words){ &id, 1 }, e))
		return false;
	return host_pin(&en->code, en->pins, en->show, &f, &c, identity, false, e) || err_in(e, "greeting it as rollouts do");
}

static void tell_greeting(const struct enrolling *en)
{
	const struct wishes *w = en->wish;
	cleanup(free_ptr) char *line = w->port ? path_form("ssh -p %lld fleet-agent@%s", (long long)w->port, w->address) : path_form("ssh fleet-agent@%s", w->address);
	struct enroll_step s = { .name = "greeting", .note = (char *)"as rollouts do: sshd runs `fleet-agent serve` for it, and it shows its receipt",
		.line = { { .text = line } }, .lines = 1 };

	tell(en, &s, state_of(en, &s));
}

static bool enroll(struct enrolling *en, struct err *e)
{
	const struct wishes *w = en->wish;

	if (!open_fleet(en, e))
		return false;
	if (!reach(en, e))
		return false;
	if (!on_the_machine(en, e) || !list_host(en, e))
		return err_in(e, "%s", shell_where(en->shell));
	if (!w->dry && !greet(en, e))
		return false;
	tell_greeting(en);
	if (w->dry)
		return true;
	if (en->code == 0)
		show_note(en->show, en->changed ? "%s is a host of the fleet" : "%s is a host of the fleet: nothing was to be changed", w->id);
	return true;
}

static int run(const struct command *me, int argc, char **argv)
{
	struct wishes w = { .passphrase_fd = -1 };
	struct opt table[] = {
		{ "ADDRESS", 0, OPT_ARG, &w.address, NULL, "where it answers to SSH", .required = true },
		{ "id", 0, OPT_TEXT, &w.id, "ID", "the host's id", .required = true },
		{ "plan", 'p', OPT_TEXT, &w.plan, "PLAN", "the plan of its SIM", .required = true },
		{ "site", 's', OPT_TEXT, &w.site, "SITE", "where it stands" },
		{ "user", 'u', OPT_TEXT, &w.user, "USER", "log in as (ssh_config's, else ours); root, or one with sudo" },
		{ "passphrase-fd", 0, OPT_COUNT, &w.passphrase_fd, "N", "read the password that sudo asks for there from this descriptor", .max = 1024 },
		{ "port", 0, OPT_COUNT, &w.port, "N", "SSH port (ssh_config's, else 22)", .min = 1, .max = 65535 },
		{ "identity", 'i', OPT_TEXT, &w.identity, "FILE", "SSH key to log in with (ssh-agent's and ~/.ssh's, then fleet.yaml's)" },
		{ "host-key", 'k', OPT_TEXT, &w.host_key, "KEY", "'ssh-ed25519 AAAA...': this one and no other; nothing is asked" },
		{ "packages", 0, OPT_TEXT, &w.packages, "DIR", "where fleet-agent_VERSION_ARCH.deb lies (packages/ here, then the system's)" },
		{ "authorize", 0, OPT_TEXT, &w.authorize, "FILE", "public SSH keys that may come in (access.yaml's as signed, else fleet.yaml's identity)" },
		{ "yes", 'y', OPT_FLAG, &w.yes, NULL, "believe the host key that it shows" },
		{ "dry-run", 'n', OPT_FLAG, &w.dry, NULL, "look, say every command, change nothing" },
		COMMON_OPTS(w.common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;

	if (!command_begin(me, table, &w.common, argc, argv, &show, &code))
		return code;
	cleanup(enrolling_free) struct enrolling en = { .wish = &w, .show = &show, .fleet = { .at = -1 }, .steps = doc_list(), .pins = doc_list() };
	if (!enroll(&en, &e))
		return command_fail(&show, &e);
	doc *servers = tell_servers(&en);
	if (show.json) {
		doc *whole = show_doc(&show);
		doc_set_text(whole, "host", w.id);
		doc_set_bool(whole, "changed", en.changed && !w.dry);
		doc_set(whole, "steps", doc_ref(en.steps));
		doc_set(whole, "hosts", doc_ref(en.pins));
		doc_set(whole, "authorized_keys", doc_ref(servers));
		show_json(whole);
	}
	doc_free(&servers);
	return en.code;
}

const struct command cmd_host_enroll = {
	"host enroll", "ADDRESS --id ID --plan PLAN", "Make a Debian machine that one can log in to a host of the fleet",
	"Installs the agent, gives it the root of trust and the keys that may come in, and writes it into hosts.yaml.\n"
	"Example:\n  fleetctl host enroll 10.0.0.2 --user pi --id ber-D --plan plan-D --site berlin --dry-run", run,
};
