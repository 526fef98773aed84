/* key list: who can sign what, and who of them here. */
#include <stdio.h>

#include "fleetctl/command.h"
#include "fleetctl/fleet/fleet.h"
#include "fleetctl/repo/keyset.h"
#include "fleetctl/repo/pubfile.h"
#include "fleetctl/repo/signer.h"

static void roles_text(struct buf *out, const struct keyset_key *k)
{
	char *const *role = k->roles.items;
	for (size_t i = 0; i < k->roles.count; i++)
		buf_form(out, "%s%s", i ? ", " : "", role[i]);
}

static void list(const struct show *show, const struct keyset *k, const struct signers *s)
{
	doc *whole = show_doc(show), *keys = doc_list(), *thresholds = doc_object();
	struct table t = { .show = show, .columns = 5 };
	const struct shape_pair *threshold = k->threshold.items;
	static const char *const heads[] = { "KEY", "ROLES", "HERE", "DIGEST", "PUBLIC" };
	for (size_t i = 0; i < COUNT_OF(heads); i++)
		table_cell(&t, DIM, "%s", heads[i]);
	for (size_t i = 0; i < k->keys.count; i++) {
		const struct keyset_key *key = keyset_at(k, i);
		cleanup(buf_free) struct buf roles = { 0 };
		bool here = signers_have(s, &key->key);
		char brief[KEY_SHORT_SIZE];
		doc *d = doc_object(), *each = doc_list();
		key_short(brief, &key->key);
		roles_text(&roles, key);
		for (size_t j = 0; j < key->roles.count; j++)
			doc_add_str(each, str_of(((char *const *)key->roles.items)[j]));
		doc_set_text(d, "name", key->name);
		doc_set(d, "roles", each);
		doc_set_bool(d, "here", here);
		doc_set_text(d, "digest", brief);
		doc_set_text(d, "key", key->text);
		doc_add(keys, d);
		table_cell(&t, PLAIN, "%s", key->name);
		table_cell(&t, PLAIN, "%s", roles.data ? roles.data : "");
		table_cell(&t, here ? GREEN : YELLOW, here ? "yes" : "no");
		table_cell(&t, PLAIN, "%s", brief);
		table_cell(&t, PLAIN, "%s", key->text);
	}
	for (size_t i = 0; i < k->threshold.count; i++) {
		uint64_t n;
		if (str_number(&n, str_of(threshold[i].value), INT64_MAX))
			doc_set_int(thresholds, threshold[i].key, (int64_t)n);
	}
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

const struct command cmd_key_list = { "key list", NULL, "The keys, their roles and thresholds, and which can sign here", NULL, run_list };
