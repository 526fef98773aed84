/* host add, list, show: hosts.yaml, as the rest of fleetctl reads it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/name.h"
#include "fleetctl/cmd/host_pin.h"
#include "fleetctl/push/login.h"

enum { SCAN_MS = 30000 };

struct added {
	struct common common;
	struct host host;
	const char *id, *plan, *site, *address, *user, *host_key, *receipt_key, *identity;
	int64_t port;
	struct opt_words labels;
	bool scan;
};

static bool labels_of(struct host *h, const struct opt_words *words, struct err *e)
{
	struct shape_pair *pair = mem_new(words->count + 1, sizeof *pair);
	h->labels = (struct list){ pair, words->count };
	for (size_t i = 0; i < words->count; i++) {
		struct str value, key = str_cut(words->word[i], '=', &value);
		pair[i] = (struct shape_pair){ str_dup(key), str_dup(value) };
		if (!name_check(key, e))
			return err_in(e, "--label " STR_FMT, STR_ARG(words->word[i]));
	}
	return true;
}

static char *dup_or_null(const char *text)
{
	return text ? str_dup(str_of(text)) : NULL;
}

/* Where the agent answers too. That it does not yet is no reason not to have added the host. */
static void pin(const struct added *a, const struct show *show)
{
	cleanup(fleet_free) struct fleet f = { .at = -1 };
	cleanup(chosen_free) struct chosen c = { 0 };
	cleanup(doc_free) doc *list = doc_list();
	struct str id = str_of(a->host.id);
	struct err e;
	int code;
	if (!fleet_open(&f, a->common.fleet, &e) || !select_hosts(&c, &f, &(struct opt_words){ &id, 1 }, &e) ||
		!host_pin(&code, list, show, &f, &c, a->identity, false, &e))
		show_note(show, "%s has no receipt_key yet: %s", a->host.id, e.text);
	else if (code)
		show_note(show, "%s has no receipt_key yet: once it is enrolled, `fleetctl host pin %s`", a->host.id, a->host.id);
}

static bool add(struct added *a, const struct show *show, struct err *e)
{
	cleanup(fleet_free) struct fleet f = { .at = -1 };
	struct host *h = &a->host;
	*h = (struct host){
		.id = dup_or_null(a->id), .plan = dup_or_null(a->plan), .site = dup_or_null(a->site), .address = dup_or_null(a->address),
		.user = dup_or_null(a->user), .host_key = dup_or_null(a->host_key), .port = a->port,
		.receipt_key = dup_or_null(a->receipt_key),
	};
	if (!fleet_open(&f, a->common.fleet, e) || !labels_of(h, &a->labels, e))
		return false;
	if (fleet_find(&f, str_of(h->id)))
		return err_set(e, ERR_EXISTS, "host %s is in hosts.yaml already: edit it there", h->id);
	if (a->scan && h->host_key)
		return err_set(e, ERR_USAGE, "--scan and --host-key: say one of both");
	if (a->scan && !login_scan(&h->host_key, h->address, (int)h->port, SCAN_MS, e))
		return false;
	if (!fleet_add_host(&f, h, e))
		return false;
	if (a->scan)
		show_note(show, "pinned the key that %s shows now; compare it with the host's own: %s", h->address, h->host_key);
	else if (!h->host_key)
		show_note(show, "%s has no host_key yet: no rollout goes there before it is pinned (--host-key, or --scan)", h->id);
	show_note(show, "added %s to hosts.yaml", h->id);
	cleanup(free_ptr) char *plan = path_form("plans/%s.yaml", h->plan);
	if (!fs_exists(f.at, plan))
		show_note(show, "there is no %s yet: is \"%s\" the plan's name?", plan, h->plan);
	if (a->scan && !h->receipt_key)
		pin(a, show);
	return true;
}

static doc *host_doc(const struct host *h)
{
	return shape_write(h, host_shape);
}

static void added_free(struct added *a)
{
	opt_words_free(&a->labels);
	shape_free(&a->host, host_shape);
}

static int run_add(const struct command *me, int argc, char **argv)
{
	cleanup(added_free) struct added a = { .user = "fleet-agent" };
	struct opt table[] = {
		{ "ID", 0, OPT_ARG, &a.id, NULL, "the host's id, as it was enrolled", .required = true },
		{ "plan", 'p', OPT_TEXT, &a.plan, "PLAN", "its SIM plan", .required = true },
		{ "address", 'a', OPT_TEXT, &a.address, "ADDRESS", "name or IP address for SSH", .required = true },
		{ "port", 0, OPT_COUNT, &a.port, "N", "SSH port (ssh_config's, else 22)", .min = 1, .max = 65535 },
		{ "user", 'u', OPT_TEXT, &a.user, "USER", "SSH user (fleet-agent)" },
		{ "site", 's', OPT_TEXT, &a.site, "SITE", "where it stands" },
		{ "label", 'l', OPT_WORDS, &a.labels, "KEY=VALUE", "a label to select by; may be repeated" },
		{ "host-key", 'k', OPT_TEXT, &a.host_key, "KEY", "'ssh-ed25519 AAAA...', its /etc/ssh/ssh_host_ed25519_key.pub" },
		{ "receipt-key", 0, OPT_TEXT, &a.receipt_key, "KEY", "what signs its receipts: 64 digits, as `fleet-agent enrol` printed them" },
		{ "scan", 0, OPT_FLAG, &a.scan, NULL, "pin the keys that the address shows now" },
		{ "identity", 'i', OPT_TEXT, &a.identity, "FILE", "SSH key for --scan (default: fleet.yaml, then ssh-agent)" },
		COMMON_OPTS(a.common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &a.common, argc, argv, &show, &code))
		return code;
	if (!add(&a, &show, &e))
		return command_fail(&show, &e);
	if (show.json) {
		doc *d = show_doc(&show);
		doc_set(d, "host", host_doc(&a.host));
		show_json(d);
	}
	return 0;
}

static void list_hosts(const struct show *show, const struct chosen *c)
{
	struct table t = { .show = show, .columns = 5 };
	static const char *const heads[] = { "HOST", "PLAN", "SITE", "ADDRESS", "LABELS" };
	for (size_t i = 0; i < COUNT_OF(heads); i++)
		table_cell(&t, DIM, "%s", heads[i]);
	for (size_t i = 0; i < c->count; i++) {
		const struct host *h = c->host[i];
		const struct shape_pair *label = h->labels.items;
		cleanup(buf_free) struct buf labels = { 0 };
		for (size_t j = 0; j < h->labels.count; j++)
			buf_form(&labels, "%s%s=%s", j ? " " : "", label[j].key, label[j].value);
		table_cell(&t, PLAIN, "%s", h->id);
		table_cell(&t, PLAIN, "%s", h->plan);
		table_cell(&t, PLAIN, "%s", h->site ? h->site : "");
		table_cell(&t, PLAIN, h->port ? "%s port %d" : "%s", h->address, (int)h->port);
		table_cell(&t, PLAIN, "%s", labels.data ? labels.data : "");
	}
	table_print(&t);
}

static int run_list(const struct command *me, int argc, char **argv)
{
	struct common common = { 0 };
	struct opt_words selectors = { 0 };
	struct opt table[] = {
		{ "HOSTS", 0, OPT_REST, &selectors, NULL, "ids, globs, plan=NAME, site=NAME, LABEL=VALUE, all" },
		COMMON_OPTS(common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &common, argc, argv, &show, &code))
		return code;
	cleanup(fleet_free) struct fleet f = { .at = -1 };
	cleanup(chosen_free) struct chosen c = { 0 };
	struct str all = STR("all");
	struct opt_words everything = { &all, 1 };
	bool good = fleet_open(&f, common.fleet, &e) &&
		(f.hosts.count == 0 || select_hosts(&c, &f, selectors.count ? &selectors : &everything, &e));
	opt_words_free(&selectors);
	if (!good)
		return command_fail(&show, &e);
	if (show.json) {
		doc *d = show_doc(&show), *list = doc_list();
		for (size_t i = 0; i < c.count; i++)
			doc_add(list, host_doc(c.host[i]));
		doc_set(d, "hosts", list);
		show_json(d);
	}
	else if (c.count == 0)
		show_note(&show, "no hosts yet: fleetctl host add ID --plan PLAN --address ADDRESS --scan");
	else
		list_hosts(&show, &c);
	return 0;
}

static int run_show(const struct command *me, int argc, char **argv)
{
	struct common common = { 0 };
	const char *id = NULL;
	struct opt table[] = {
		{ "ID", 0, OPT_ARG, &id, NULL, "the host", .required = true },
		COMMON_OPTS(common),
		{ 0 },
	};
	struct show show;
	struct err e;
	struct host *h;
	int code;
	if (!command_begin(me, table, &common, argc, argv, &show, &code))
		return code;
	cleanup(fleet_free) struct fleet f = { .at = -1 };
	if (!fleet_open(&f, common.fleet, &e) || !fleet_find_or_say(&h, &f, str_of(id), &e))
		return command_fail(&show, &e);
	doc *d = host_doc(h);
	if (show.json) {
		doc *whole = show_doc(&show);
		doc_set(whole, "host", d);
		show_json(whole);
		return 0;
	}
	cleanup(buf_free) struct buf text = { 0 };
	doc_pretty(&text, d);
	fputs(text.data, stdout);
	doc_free(&d);
	return 0;
}

const struct command cmd_host_add = {
	"host add", "ID --plan PLAN --address ADDRESS", "Write a host into hosts.yaml, with its SSH key pinned",
	"Example:\n  fleetctl host add ber-D --plan plan-D --site berlin --address 10.0.0.2 --scan", run_add,
};
const struct command cmd_host_list = { "host list", "[HOSTS...]", "The hosts of the fleet", NULL, run_list };
const struct command cmd_host_show = { "host show", "ID", "One host, as hosts.yaml has it", NULL, run_show };
