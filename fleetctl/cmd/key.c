/* key new: private halves lie outside the fleet's folder; keys.yaml names the public ones, or a file carries them there. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/name.h"
#include "fleetctl/cmd/key_step.h"
#include "fleetctl/command.h"
#include "fleetctl/fleet/fleet.h"
#include "fleetctl/repo/keyset.h"
#include "fleetctl/repo/passphrase.h"
#include "fleetctl/repo/pubfile.h"
#include "fleetctl/repo/signer.h"

struct wishes {
	struct common common;
	struct opt_words roles;
	const char *name, *keys, *agent, *uri, *provider, *offline, *out, *transcript;
	int64_t passphrase_fd;
	bool plain, all;
	/* opened */
	struct fleet fleet;
	char *dir;
	struct passphrase passphrase;
	doc *made; /* names */
};

static void wishes_free(struct wishes *w)
{
	opt_words_free(&w->roles);
	fleet_free(&w->fleet);
	free_ptr(&w->dir);
	passphrase_free(&w->passphrase);
	doc_free(&w->made);
}

/* One operator alone: what signs rarely, what signs each day, what signs releases. */
static const struct lone {
	const char *name, *role[5];
	size_t roles;
} lone[] = {
	{ "root", { "root", "targets", "fleet", "agent" }, 4 },
	{ "online", { "snapshot", "timestamp", "rollouts" }, 3 },
	{ "plans", { "plans" }, 1 },
};

/* What keys.yaml can't take shows before a key is made. */
static bool keys_file_is_good(const struct wishes *w, struct err *e)
{
	cleanup(keyset_free) struct keyset k = { 0 };
	return w->offline || !fs_exists(w->fleet.at, KEYSET_FILE) || keyset_read(&k, w->fleet.dir, e);
}

/* NAME.pub, to be carried to the fleet's folder. */
static bool carry_it(const struct wishes *w, const char *name, const struct public_key *key, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s.pub", name);
	return pubfile_write(w->out ? w->out : path, name, key, e);
}

/* In keys.yaml, or not there at all; but for a file that wants its line by hand (ERR_SYNTAX), the key is kept. */
static bool name_it(struct wishes *w, const char *name, const char *const *role, size_t roles, const struct public_key *key, struct err *e)
{
	if (w->offline ? carry_it(w, name, key, e) : keyset_add(w->fleet.dir, name, role, roles, key, e))
		return true;
	cleanup(free_ptr) char *path = path_form("%s/%s.%s", w->dir, name, w->uri ? "uri" : "pem");
	if (!w->agent && e->code != ERR_SYNTAX && !fs_remove(AT_FDCWD, path, NULL))
		err_in(e, "%s stays behind", path);
	return false;
}

/* What was made is told, and noted. */
static bool made(struct wishes *w, const struct show *show, const char *name, const char *const *role, size_t roles, const struct public_key *key,
	struct err *e)
{
	cleanup(buf_free) struct buf words = { 0 };
	char brief[KEY_SHORT_SIZE];
	for (size_t i = 0; i < roles; i++)
		buf_form(&words, "%s%s", i ? ", " : "", role[i]);
	key_short(brief, key);
	show_note(show, "key %s: its digest, to compare: %s", name, brief);
	doc_add(w->made, doc_of_str(str_of(name)));
	return key_note_step(w->offline ? w->dir : w->fleet.dir, w->transcript, "key new", name, key, e, "key %s%s%s", name,
		words.len ? " for " : "", buf_str(&words).data);
}

static bool make(struct wishes *w, const struct show *show, const char *name, const char *const *role, size_t roles, struct str passphrase,
	struct err *e)
{
	struct public_key key = { 0 };
	if (!keys_file_is_good(w, e))
		return false;
	if (!signer_make(&key, w->dir, name, passphrase, w->plain, e)) {
		struct err why = *e;
		if (why.code == ERR_EXISTS)
			err_set(e, ERR_EXISTS, "%s: another role is given by `fleetctl key add`, a new key wants a new name; of an older fleet named %s? Name this one "
				"otherwise in fleet.yaml, or keep its keys elsewhere with --keys",
				why.text, w->fleet.name);
		return false;
	}
	bool good = name_it(w, name, role, roles, &key, e);
	if (good)
		show_note(show, "made key %s in %s", name, w->dir);
	good = good && made(w, show, name, role, roles, &key, e);
	public_free(&key);
	return good;
}

static bool new_all(struct wishes *w, const struct show *show, struct str passphrase, struct err *e)
{
	for (size_t i = 0; i < COUNT_OF(lone); i++)
		if (!make(w, show, lone[i].name, lone[i].role, lone[i].roles, passphrase, e))
			return false;
	return true;
}

/* A key that the ssh-agent holds is only named in keys.yaml. */
static bool take_from_agent(struct wishes *w, const struct show *show, const char *const *role, struct err *e)
{
	cleanup(ssh_agent_close) struct ssh_agent a = { 0 };
	struct ssh_agent_key *key = NULL;
	size_t count = 0, hits = 0, at = 0;
	if (!ssh_agent_open(&a, NULL, e) || !ssh_agent_list(&key, &count, &a, e))
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(key[i].comment, w->agent) == 0) {
			hits++;
			at = i;
		}
	bool good = hits == 1 ? name_it(w, w->name, role, w->roles.count, &key[at].key, e)
		: err_set(e, ERR_USAGE, "%zu keys in the ssh-agent have the comment \"%s\": expected one that can sign (Ed25519 or P-256; `ssh-add -l`)", hits, w->agent);
	if (good)
		show_note(show, "key %s: the agent's \"%s\"", w->name, w->agent);
	good = good && made(w, show, w->name, role, w->roles.count, &key[at].key, e);
	for (size_t i = 0; i < count; i++)
		ssh_agent_key_free(&key[i]);
	free(key);
	return good;
}

/* A key that a provider keeps is named too, and written down where it is. */
static bool take_from_provider(struct wishes *w, const struct show *show, const char *const *role, struct err *e)
{
	cleanup(public_free) struct public_key key = { 0 };
	const struct provider_place at = { w->provider ? w->provider : "default", w->uri };
	if (!keys_file_is_good(w, e) || !signer_take(&key, w->dir, w->name, at, passphrase_ask, &w->passphrase, e) ||
		!name_it(w, w->name, role, w->roles.count, &key, e))
		return false;
	show_note(show, "key %s: %s, by OpenSSL's provider %s; tried", w->name, at.uri, at.provider);
	return made(w, show, w->name, role, w->roles.count, &key, e);
}

static bool new_one(struct wishes *w, const struct show *show, struct str passphrase, struct err *e)
{
	cleanup(free_ptr) const char **role = mem_new(w->roles.count + 1, sizeof *role);
	for (size_t i = 0; i < w->roles.count; i++)
		role[i] = str_dup(w->roles.word[i]);
	bool good = w->agent ? take_from_agent(w, show, role, e) : w->uri ? take_from_provider(w, show, role, e) : make(w, show, w->name, role, w->roles.count, passphrase, e);
	for (size_t i = 0; i < w->roles.count; i++) {
		if (good && !w->offline)
			key_doubt_plan(w->fleet.at, show, role[i]);
		free((char *)role[i]);
	}
	return good;
}

/* Before anybody is asked for a passphrase. */
static bool is_a_wish(const struct wishes *w, struct err *e)
{
	if (w->all && (w->name || w->roles.count || w->agent))
		return err_set(e, ERR_USAGE, "--all makes the keys root, online and plans with their roles: leave out NAME, --role and --agent");
	if ((w->agent && w->uri) || (w->all && w->uri) || (w->provider && !w->uri))
		return err_set(e, ERR_USAGE, "a key is new, or the agent's (--agent), or a provider's (--uri, with --provider)");
	if (w->uri && !provider_place_check((struct provider_place){ w->provider ? w->provider : "default", w->uri }, e))
		return err_in(e, "--uri");
	if (w->offline && (w->all || w->roles.count || !w->name || !name_check(str_of(w->offline), e)))
		return err_set(e, ERR_USAGE, "--offline makes one key for the fleet of that name: `fleetctl key new NAME --offline FLEET`; its roles are given where it is added");
	if (w->out && !w->offline)
		return err_set(e, ERR_USAGE, "--out says where --offline writes the public half");
	return w->all || w->offline || (w->name && w->roles.count) ||
		err_set(e, ERR_USAGE, "which key, for what? `fleetctl key new NAME --role ROLE`, or --all for a lone operator's set");
}

static bool new(struct wishes *w, const struct show *show, struct err *e)
{
	struct buf passphrase = BUF_MAX(PASSPHRASE_MAX);
	if (!is_a_wish(w, e) || (!w->offline && !fleet_open(&w->fleet, w->common.fleet, e)))
		return false;
	w->made = doc_list();
	w->dir = w->keys ? str_dup(str_of(w->keys)) : signer_folder(w->offline ? w->offline : w->fleet.name);
	if (w->offline && !fs_exists(AT_FDCWD, w->dir) && !fs_mkdir(AT_FDCWD, w->dir, 0700, e))
		return false;
	w->passphrase.fd = (int)w->passphrase_fd;
	bool good = w->plain || w->agent || w->uri || passphrase_new(&w->passphrase, &passphrase, w->all ? "the new keys" : w->name, e);
	good = good && (w->all ? new_all(w, show, buf_str(&passphrase), e) : new_one(w, show, buf_str(&passphrase), e));
	secret_wipe(&passphrase);
	return good;
}

static int run_new(const struct command *me, int argc, char **argv)
{
	cleanup(wishes_free) struct wishes w = { .passphrase_fd = -1, .fleet = { .at = -1 } };
	struct opt table[] = {
		{ "NAME", 0, OPT_ARG, &w.name, NULL, "what the key is called: \"ann\"" },
		{ "role", 'r', OPT_WORDS, &w.roles, "ROLE", "root, targets, snapshot, timestamp, plans, rollouts, fleet, agent, or one plan's name; several" },
		{ "all", 0, OPT_FLAG, &w.all, NULL, "a lone operator's set: root, online, plans" },
		{ "passphrase-fd", 0, OPT_COUNT, &w.passphrase_fd, "N", "read the passphrase's line from this descriptor", .max = 1024 },
		{ "plain", 0, OPT_FLAG, &w.plain, NULL, "no passphrase: for tests and unattended machines" },
		{ "agent", 0, OPT_TEXT, &w.agent, "COMMENT", "no new key: name one that the ssh-agent holds" },
		{ "uri", 0, OPT_TEXT, &w.uri, "URI", "no new key: name one that a provider of OpenSSL's keeps" },
		{ "provider", 0, OPT_TEXT, &w.provider, "NAME", "which provider: tpm2, pkcs11, ... (default: OpenSSL's own, for file:)" },
		{ "offline", 0, OPT_TEXT, &w.offline, "FLEET", "a machine without the fleet's folder: write the public half to a file" },
		{ "out", 0, OPT_TEXT, &w.out, "FILE", "which file (NAME.pub)" },
		{ "transcript", 0, OPT_TEXT, &w.transcript, "FILE", "note the step there (the fleet's keys.log; offline: beside the keys)" },
		{ "keys", 0, OPT_TEXT, &w.keys, "DIR", "where private keys lie (~/.local/share/fleetctl/keys/FLEET)" },
		COMMON_OPTS(w.common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &w.common, argc, argv, &show, &code))
		return code;
	secret_guard_process();
	if (!new(&w, &show, &e))
		return command_fail(&show, &e);
	if (w.offline)
		show_note(&show, "wrote %s%s: carry it to the fleet's folder, and there: fleetctl key add FILE --role ROLE", w.out ? w.out : w.name,
			w.out ? "" : ".pub");
	else
		show_note(&show, "keys.yaml names the public halves; `fleetctl sign` makes them count");
	if (show.json) {
		doc *d = show_doc(&show);
		doc_set(d, "keys", doc_ref(w.made));
		doc_set_text(d, "folder", w.agent ? NULL : w.dir);
		show_json(d);
	}
	return 0;
}

const struct command cmd_key_new = {
	"key new", "NAME --role ROLE...", "Make a key, encrypted with a passphrase, and name it in keys.yaml",
	"Examples:\n"
	"  fleetctl key new --all                         one operator alone, threshold 1 everywhere\n"
	"  fleetctl key new ann --role root,targets\n"
	"  fleetctl key new ann --offline tower           on her own machine: ann.pub goes to the fleet's folder\n"
	"  fleetctl key new ann --role plans --agent ann@laptop\n"
	"  fleetctl key new online --role snapshot,timestamp --provider tpm2 --uri 'handle:0x81000001?pass'\n"
	"Thresholds stand in keys.yaml; `fleetctl key threshold` changes them.", run_new,
};
