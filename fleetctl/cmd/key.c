/* key new, key list: who can sign what. Private halves lie outside the fleet's folder; keys.yaml names the public ones. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/name.h"
#include "fleetctl/command.h"
#include "fleetctl/fleet/fleet.h"
#include "fleetctl/repo/keyset.h"
#include "fleetctl/repo/passphrase.h"
#include "fleetctl/repo/signer.h"

struct wishes {
	struct common common;
	struct opt_words roles;
	const char *name, *keys, *agent;
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
	const char *name, *role[3];
	size_t roles;
} lone[] = {
	{ "root", { "root", "targets" }, 2 },
	{ "online", { "snapshot", "timestamp" }, 2 },
	{ "plans", { "plans" }, 1 },
};

/* What keys.yaml can't take shows before a key is made. */
static bool keys_file_is_good(const struct wishes *w, struct err *e)
{
	cleanup(keyset_free) struct keyset k = { 0 };
	return !fs_exists(w->fleet.at, KEYSET_FILE) || keyset_read(&k, w->fleet.dir, e);
}

/* In keys.yaml, or not there at all; but for a file that wants its line by hand (ERR_SYNTAX), the key is kept. */
static bool name_it(struct wishes *w, const char *name, const char *const *role, size_t roles, const struct public_key *key, struct err *e)
{
	if (keyset_add(w->fleet.dir, name, role, roles, key, e))
		return true;
	cleanup(free_ptr) char *path = path_form("%s/%s.pem", w->dir, name);
	if (e->code != ERR_SYNTAX && !fs_remove(AT_FDCWD, path, NULL))
		err_in(e, "%s stays behind", path);
	return false;
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
			err_set(e, ERR_EXISTS, "%s: of an older fleet named %s? Name this one otherwise in fleet.yaml, or keep its keys elsewhere with --keys",
				why.text, w->fleet.name);
		return false;
	}
	bool good = name_it(w, name, role, roles, &key, e);
	public_free(&key);
	if (good) {
		show_note(show, "made key %s in %s", name, w->dir);
		doc_add(w->made, doc_of_str(str_of(name)));
	}
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
	bool good = hits == 1 ? keyset_add(w->fleet.dir, w->name, role, w->roles.count, &key[at].key, e)
		: err_set(e, ERR_USAGE, "%zu keys in the ssh-agent have the comment \"%s\": expected one that can sign (Ed25519 or P-256; `ssh-add -l`)", hits, w->agent);
	if (good) {
		show_note(show, "key %s: the agent's \"%s\"", w->name, w->agent);
		doc_add(w->made, doc_of_str(str_of(w->name)));
	}
	for (size_t i = 0; i < count; i++)
		ssh_agent_key_free(&key[i]);
	free(key);
	return good;
}

/* A role that is a plan's name is good before its plan is there; it may also be a slip. */
static void doubt_plan(const struct wishes *w, const struct show *show, const char *role)
{
	cleanup(free_ptr) char *plan = path_form("plans/%s.yaml", role);
	if (name_check_plan(str_of(role), NULL) && strcmp(role, KEYSET_PLANS) != 0 && !fs_exists(w->fleet.at, plan))
		show_note(show, "there is no %s yet: is \"%s\" the plan's name?", plan, role);
}

static bool new_one(struct wishes *w, const struct show *show, struct str passphrase, struct err *e)
{
	cleanup(free_ptr) const char **role = mem_new(w->roles.count + 1, sizeof *role);
	for (size_t i = 0; i < w->roles.count; i++)
		role[i] = str_dup(w->roles.word[i]);
	bool good = w->agent ? take_from_agent(w, show, role, e) : make(w, show, w->name, role, w->roles.count, passphrase, e);
	for (size_t i = 0; i < w->roles.count; i++) {
		if (good)
			doubt_plan(w, show, role[i]);
		free((char *)role[i]);
	}
	return good;
}

/* Before anybody is asked for a passphrase. */
static bool is_a_wish(const struct wishes *w, struct err *e)
{
	if (w->all && (w->name || w->roles.count || w->agent))
		return err_set(e, ERR_USAGE, "--all makes the keys root, online and plans with their roles: leave out NAME, --role and --agent");
	return w->all || (w->name && w->roles.count) ||
		err_set(e, ERR_USAGE, "which key, for what? `fleetctl key new NAME --role ROLE`, or --all for a lone operator's set");
}

static bool new(struct wishes *w, const struct show *show, struct err *e)
{
	struct buf passphrase = BUF_MAX(PASSPHRASE_MAX);
	if (!is_a_wish(w, e) || !fleet_open(&w->fleet, w->common.fleet, e))
		return false;
	w->made = doc_list();
	w->dir = w->keys ? str_dup(str_of(w->keys)) : signer_folder(w->fleet.name);
	w->passphrase.fd = (int)w->passphrase_fd;
	bool good = w->plain || w->agent || passphrase_new(&w->passphrase, &passphrase, w->all ? "the new keys" : w->name, e);
	good = good && (w->all ? new_all(w, show, buf_str(&passphrase), e) : new_one(w, show, buf_str(&passphrase), e));
	secret_wipe(&passphrase);
	return good;
}

static int run_new(const struct command *me, int argc, char **argv)
{
	cleanup(wishes_free) struct wishes w = { .passphrase_fd = -1, .fleet = { .at = -1 } };
	struct opt table[] = {
		{ "NAME", 0, OPT_ARG, &w.name, NULL, "what the key is called: \"ann\"" },
		{ "role", 'r', OPT_WORDS, &w.roles, "ROLE", "root, targets, snapshot, timestamp, plans, or one plan's name; several" },
		{ "all", 0, OPT_FLAG, &w.all, NULL, "a lone operator's set: root, online, plans" },
		{ "passphrase-fd", 0, OPT_COUNT, &w.passphrase_fd, "N", "read the passphrase's line from this descriptor", .max = 1024 },
		{ "plain", 0, OPT_FLAG, &w.plain, NULL, "no passphrase: for tests and unattended machines" },
		{ "agent", 0, OPT_TEXT, &w.agent, "COMMENT", "no new key: name one that the ssh-agent holds" },
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
	show_note(&show, "keys.yaml names the public halves; `fleetctl sign` makes them count");
	if (show.json) {
		doc *d = show_doc(&show);
		doc_set(d, "keys", doc_ref(w.made));
		doc_set_text(d, "folder", w.agent ? NULL : w.dir);
		show_json(d);
	}
	return 0;
}

static void roles_text(struct buf *out, const struct keyset_key *k)
{
	char *const *role = k->roles.items;
	for (size_t i = 0; i < k->roles.count; i++)
		buf_form(out, "%s%s", i ? ", " : "", role[i]);
}

static void list(const struct show *show, const struct keyset *k, const struct signers *s)
{
	doc *whole = show_doc(show), *keys = doc_list(), *thresholds = doc_object();
	struct table t = { .show = show, .columns = 4 };
	const struct shape_pair *threshold = k->threshold.items;
	static const char *const heads[] = { "KEY", "ROLES", "HERE", "PUBLIC" };
	for (size_t i = 0; i < COUNT_OF(heads); i++)
		table_cell(&t, DIM, "%s", heads[i]);
	for (size_t i = 0; i < k->keys.count; i++) {
		const struct keyset_key *key = keyset_at(k, i);
		cleanup(buf_free) struct buf roles = { 0 };
		bool here = signers_have(s, &key->key);
		doc *d = doc_object();
		roles_text(&roles, key);
		doc_set_text(d, "name", key->name);
		doc_set_str(d, "roles", buf_str(&roles));
		doc_set_bool(d, "here", here);
		doc_set_text(d, "key", key->text);
		doc_add(keys, d);
		table_cell(&t, PLAIN, "%s", key->name);
		table_cell(&t, PLAIN, "%s", roles.data ? roles.data : "");
		table_cell(&t, here ? GREEN : YELLOW, here ? "yes" : "no");
		table_cell(&t, PLAIN, "%s", key->text);
	}
	for (size_t i = 0; i < k->threshold.count; i++)
		doc_set_text(thresholds, threshold[i].key, threshold[i].value);
	doc_set(whole, "keys", keys);
	doc_set(whole, "threshold", thresholds);
	if (show->json) {
		show_json(whole);
		return;
	}
	doc_free(&whole);
	table_print(&t);
	for (size_t i = 0; i < k->threshold.count; i++)
		printf("%sthreshold of %s: %s", i ? ", " : "", threshold[i].key, threshold[i].value);
	if (k->threshold.count)
		putchar('\n');
}

static int run_list(const struct command *me, int argc, char **argv)
{
	struct common common = { 0 };
	const char *keys = NULL;
	struct opt table[] = {
		{ "keys", 0, OPT_TEXT, &keys, "DIR", "where private keys lie (~/.local/share/fleetctl/keys/FLEET)" },
		COMMON_OPTS(common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &common, argc, argv, &show, &code))
		return code;
	cleanup(fleet_free) struct fleet f = { .at = -1 };
	cleanup(keyset_free) struct keyset k = { 0 };
	cleanup(signers_free) struct signers s = { 0 };
	cleanup(free_ptr) char *dir = NULL;
	if (!fleet_open(&f, common.fleet, &e) || !keyset_read(&k, f.dir, &e))
		return command_fail(&show, &e);
	dir = keys ? str_dup(str_of(keys)) : signer_folder(f.name);
	if (!signers_open(&s, dir, NULL, NULL, NULL, &e))
		return command_fail(&show, &e);
	list(&show, &k, &s);
	return 0;
}

const struct command cmd_key_new = {
	"key new", "NAME --role ROLE...", "Make a key, encrypted with a passphrase, and name it in keys.yaml",
	"Examples:\n"
	"  fleetctl key new --all                         one operator alone, threshold 1 everywhere\n"
	"  fleetctl key new ann --role root,targets\n"
	"  fleetctl key new ann --role plans --agent ann@laptop\n"
	"Thresholds stand in keys.yaml: `threshold: {root: 2}`.", run_new,
};
const struct command cmd_key_list = { "key list", NULL, "The keys, their roles and thresholds, and which can sign here", NULL, run_list };
