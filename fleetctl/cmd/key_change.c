/* key add, revoke, replace, threshold: keys.yaml is changed by its own lines, noted, and what `sign` will make of it is said. */
#include <stdio.h>
#include <stdlib.h>

#include "fleetctl/cmd/key_step.h"
#include "fleetctl/command.h"
#include "fleetctl/fleet/fleet.h"
#include "fleetctl/repo/duty.h"
#include "fleetctl/repo/keyset_edit.h"
#include "fleetctl/repo/pubfile.h"

struct change {
	struct common common;
	const char *name, *file, *role, *transcript;
	struct opt_words roles;
	int64_t threshold;
	/* opened */
	struct fleet fleet;
	struct public_key key;
	char *key_name;
	struct buf words; /* what changed */
	bool top, delegated; /* which documents `sign` will make anew */
};

static void change_free(struct change *c)
{
	opt_words_free(&c->roles);
	fleet_free(&c->fleet);
	public_free(&c->key);
	free_ptr(&c->key_name);
	buf_free(&c->words);
}

static void touch(struct change *c, const char *role)
{
	if (duty_of(role) == DUTY_NONE)
		c->top = true;
	else
		c->delegated = true;
}

static void touch_roles_of(struct change *c, const char *name)
{
	cleanup(keyset_free) struct keyset k = { 0 };
	if (!keyset_read(&k, c->fleet.dir, NULL))
		return;
	for (size_t i = 0; i < k.keys.count; i++)
		for (size_t j = 0; strcmp(keyset_at(&k, i)->name, name) == 0 && j < keyset_at(&k, i)->roles.count; j++)
			touch(c, ((char **)keyset_at(&k, i)->roles.items)[j]);
}

static void say_next(const struct change *c, const struct show *show)
{
	if (c->top)
		show_note(show, "the next `fleetctl sign` makes a new root, signed by as many keys as the root before asks for, and as this one does");
	if (c->delegated)
		show_note(show, "the next `fleetctl sign` makes new targets, signed by the targets keys; a role that is not signed by enough of its keys then is signed anew");
	show_note(show, "keys on other machines: fleetctl sign --request FILE");
}

static int finish(struct change *c, const struct show *show, const char *brief)
{
	if (!show->json) {
		printf(STR_FMT "\n", STR_ARG(buf_str(&c->words)));
		say_next(c, show);
		return 0;
	}
	doc *d = show_doc(show);
	doc_set_str(d, "change", buf_str(&c->words));
	doc_set_text(d, "digest", brief);
	show_json(d);
	return 0;
}

/* Opens the fleet; false: the command is over, with *code. */
static bool begin(struct change *c, const struct command *me, const struct opt *table, int argc, char **argv, struct show *show, int *code)
{
	struct err e;
	if (!command_begin(me, table, &c->common, argc, argv, show, code))
		return false;
	if (fleet_open(&c->fleet, c->common.fleet, &e))
		return true;
	*code = command_fail(show, &e);
	return false;
}

/* --- add --- */

static const char *known_as(const struct keyset *k, const struct public_key *key)
{
	for (size_t i = 0; i < k->keys.count; i++)
		if (digest_eq(keyset_at(k, i)->key.same, key->same))
			return keyset_at(k, i)->name;
	return NULL;
}

/* A key that is there already gets the roles that it has not. */
static bool add(struct change *c, struct err *e)
{
	cleanup(keyset_free) struct keyset k = { 0 };
	cleanup(free_ptr) const char **role = mem_new(c->roles.count + 1, sizeof *role);
	char brief[KEY_SHORT_SIZE];
	bool good = pubfile_read(&c->key_name, &c->key, c->file, e), any = false;
	struct err why = { 0 };
	if (!good)
		return false;
	if (!keyset_read(&k, c->fleet.dir, &why) && why.code != ERR_MISSING)
		return err_set(e, why.code, "%s", why.text);
	const char *name = known_as(&k, &c->key);
	any = name != NULL;
	if (any && strcmp(name, c->key_name) != 0)
		return err_set(e, ERR_EXISTS, KEYSET_FILE " has that key under the name %s", name);
	key_short(brief, &c->key);
	buf_form(&c->words, "key %s (%s)", c->key_name, brief);
	for (size_t i = 0; i < c->roles.count; i++) {
		role[i] = str_dup(c->roles.word[i]);
		touch(c, role[i]);
		buf_form(&c->words, "%s%s", i ? ", " : " may sign for ", role[i]);
	}
	if (!any)
		good = keyset_add(c->fleet.dir, c->key_name, role, c->roles.count, &c->key, e);
	for (size_t i = 0; i < c->roles.count; i++) {
		good = good && (!any || keyset_grant(c->fleet.dir, c->key_name, role[i], e));
		free((char *)role[i]);
	}
	return good;
}

static int run_add(const struct command *me, int argc, char **argv)
{
	cleanup(change_free) struct change c = { .fleet = { .at = -1 } };
	struct opt table[] = {
		{ "FILE", 0, OPT_ARG, &c.file, NULL, "NAME.pub, as `fleetctl key new NAME --offline` wrote it", .required = true },
		{ "role", 'r', OPT_WORDS, &c.roles, "ROLE", "what it may sign for; several" },
		{ "transcript", 0, OPT_TEXT, &c.transcript, "FILE", "note the step there (the fleet's keys.log)" },
		COMMON_OPTS(c.common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	char brief[KEY_SHORT_SIZE];
	if (!begin(&c, me, table, argc, argv, &show, &code))
		return code;
	if (!add(&c, &e) || !key_note_step(c.fleet.dir, c.transcript, "key add", c.key_name, &c.key, &e, STR_FMT, STR_ARG(buf_str(&c.words))))
		return command_fail(&show, &e);
	key_short(brief, &c.key);
	show_note(&show, "compare %s with what %s's machine showed, by voice", brief, c.key_name);
	for (size_t i = 0; i < c.roles.count; i++) {
		cleanup(free_ptr) char *role = str_dup(c.roles.word[i]);
		key_doubt_plan(c.fleet.at, &show, role);
	}
	return finish(&c, &show, brief);
}

/* --- revoke --- */

static int run_revoke(const struct command *me, int argc, char **argv)
{
	cleanup(change_free) struct change c = { .fleet = { .at = -1 } };
	struct opt table[] = {
		{ "NAME", 0, OPT_ARG, &c.name, NULL, "which key", .required = true },
		{ "role", 'r', OPT_TEXT, &c.role, "ROLE", "from this role only (from all)" },
		{ "transcript", 0, OPT_TEXT, &c.transcript, "FILE", "note the step there (the fleet's keys.log)" },
		COMMON_OPTS(c.common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!begin(&c, me, table, argc, argv, &show, &code))
		return code;
	if (c.role)
		touch(&c, c.role);
	else
		touch_roles_of(&c, c.name);
	buf_form(&c.words, "key %s is revoked%s%s", c.name, c.role ? " for " : "", c.role ? c.role : "");
	if (!keyset_revoke(c.fleet.dir, c.name, c.role, &e) ||
		!key_note_step(c.fleet.dir, c.transcript, "key revoke", NULL, NULL, &e, STR_FMT, STR_ARG(buf_str(&c.words))))
		return command_fail(&show, &e);
	return finish(&c, &show, NULL);
}

/* --- replace --- */

static bool replace(struct change *c, struct err *e)
{
	char brief[KEY_SHORT_SIZE];
	if (!pubfile_read(&c->key_name, &c->key, c->file, e))
		return false;
	key_short(brief, &c->key);
	touch_roles_of(c, c->name);
	buf_form(&c->words, "key %s (%s) takes the place of %s", c->key_name, brief, c->name);
	return keyset_replace(c->fleet.dir, c->name, c->key_name, &c->key, e) &&
		key_note_step(c->fleet.dir, c->transcript, "key replace", c->key_name, &c->key, e, STR_FMT, STR_ARG(buf_str(&c->words)));
}

static int run_replace(const struct command *me, int argc, char **argv)
{
	cleanup(change_free) struct change c = { .fleet = { .at = -1 } };
	struct opt table[] = {
		{ "OLD", 0, OPT_ARG, &c.name, NULL, "the name of the key that goes", .required = true },
		{ "FILE", 0, OPT_ARG, &c.file, NULL, "NEW.pub, of the key that comes", .required = true },
		{ "transcript", 0, OPT_TEXT, &c.transcript, "FILE", "note the step there (the fleet's keys.log)" },
		COMMON_OPTS(c.common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	char brief[KEY_SHORT_SIZE];
	if (!begin(&c, me, table, argc, argv, &show, &code))
		return code;
	if (!replace(&c, &e))
		return command_fail(&show, &e);
	key_short(brief, &c.key);
	show_note(&show, "compare %s with what %s's machine showed, by voice", brief, c.key_name);
	return finish(&c, &show, brief);
}

/* --- threshold --- */

static bool threshold(struct change *c, const char *number, struct err *e)
{
	uint64_t n;
	if (!str_number(&n, str_of(number), 64) || n == 0)
		return err_set(e, ERR_USAGE, "%s: expected a number from 1 to 64", number);
	touch(c, c->role);
	buf_form(&c->words, "%s needs %s %s", c->role, number, n == 1 ? "signature" : "signatures");
	return keyset_set_threshold(c->fleet.dir, c->role, (int64_t)n, e) &&
		key_note_step(c->fleet.dir, c->transcript, "key threshold", NULL, NULL, e, STR_FMT, STR_ARG(buf_str(&c->words)));
}

static int run_threshold(const struct command *me, int argc, char **argv)
{
	cleanup(change_free) struct change c = { .fleet = { .at = -1 } };
	const char *number = NULL;
	struct opt table[] = {
		{ "ROLE", 0, OPT_ARG, &c.role, NULL, "root, targets, snapshot, timestamp, plans, rollouts, fleet, agent, or a plan's name", .required = true },
		{ "N", 0, OPT_ARG, &number, NULL, "how many of its keys must sign", .required = true },
		{ "transcript", 0, OPT_TEXT, &c.transcript, "FILE", "note the step there (the fleet's keys.log)" },
		COMMON_OPTS(c.common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!begin(&c, me, table, argc, argv, &show, &code))
		return code;
	if (!threshold(&c, number, &e))
		return command_fail(&show, &e);
	key_doubt_plan(c.fleet.at, &show, c.role);
	return finish(&c, &show, NULL);
}

const struct command cmd_key_add = { "key add", "FILE --role ROLE...", "Take a public key that was made elsewhere into keys.yaml",
	"A key that is there already gets the role.", run_add };
const struct command cmd_key_revoke = { "key revoke", "NAME [--role ROLE]", "Take a key out of keys.yaml, or out of one role", NULL, run_revoke };
const struct command cmd_key_replace = { "key replace", "OLD FILE", "Another key in the place of one, with the same roles", NULL, run_replace };
const struct command cmd_key_threshold = { "key threshold", "ROLE N", "How many keys of a role must sign", NULL, run_threshold };
