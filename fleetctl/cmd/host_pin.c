/* host pin: the key by which each host signs its receipts, asked for over its pinned SSH connection, into hosts.yaml. */
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "fleetctl/cmd/host_pin.h"
#include "fleetctl/fleet/pin.h"
#include "fleetctl/push/ask.h"
#include "fleetctl/rollout/rollout.h"

struct shown {
	char key[DIGEST_HEX + 1]; /* empty: none */
	bool kept;                /* it is the one that is pinned */
	struct err err;
};
struct pinning {
	const struct chosen *chosen;
	struct shown *shown;
};

static bool answer(void *ctx, size_t i, const struct hello *h, struct flight *out, struct err *e)
{
	(void)ctx;
	(void)i;
	return flight_make(out, NULL, h, &(struct flight_wish){ .action = ORDER_ASK }, e);
}

/* The receipt must be signed by the key that it names: whoever shows a key has it. */
static bool shows_key(struct shown *s, const struct host *h, const struct talk_end *end, struct err *e)
{
	cleanup(public_free) struct public_key k = { 0 };
	if (!end->has_receipt)
		return err_set(e, end->err.code ? end->err.code : ERR_PROTOCOL, "%s", end->err.text);
	if (!public_ed25519(&k, end->receipt.key, e) || !receipt_verify(buf_str(&end->receipt_text), &k, e))
		return false;
	if (strcmp(end->receipt.host, h->id) != 0)
		return err_set(e, ERR_FOREIGN, "its receipt is of host %s", end->receipt.host);
	hex_write(s->key, end->receipt.key, sizeof end->receipt.key);
	return true;
}

static void ended(void *ctx, size_t i, const struct talk_end *end)
{
	struct pinning *p = ctx;
	(void)!shows_key(&p->shown[i], p->chosen->host[i], end, &p->shown[i].err);
}

static bool pin_one(const struct fleet *f, const struct host *h, struct shown *s, bool replace, struct err *e)
{
	s->kept = h->receipt_key && strcmp(h->receipt_key, s->key) == 0;
	if (s->kept)
		return true;
	if (h->receipt_key && !replace)
		return err_set(e, ERR_REFUSED, "shows another key, %s: was its state made anew? Compare with the host's own (`fleet-agent status`), then --replace",
			s->key);
	return fleet_pin(f, h->id, s->key, e);
}

static void say_one(const struct show *show, doc *list, const struct host *h, const struct shown *s)
{
	doc *d = doc_object();
	doc_set_text(d, "host", h->id);
	doc_set_text(d, "receipt_key", s->key[0] ? s->key : NULL);
	doc_set_bool(d, "pinned", !s->err.code);
	doc_set_text(d, "error", s->err.code ? s->err.text : NULL);
	doc_add(list, d);
	if (s->err.code)
		show_note(show, "%s: %s", h->id, s->err.text);
	else
		show_note(show, "%s: %s %s", h->id, s->kept ? "is pinned already:" : "pinned the key that it shows now; compare it with the host's own:", s->key);
}

bool host_pin(int *code, doc *list, const struct show *show, const struct fleet *f, const struct chosen *c, const char *identity, bool replace,
	struct err *e)
{
	cleanup(free_ptr) struct shown *shown = mem_new(c->count + 1, sizeof *shown);
	cleanup(login_free) struct login *login = NULL;
	cleanup(loop_free) struct loop *loop = NULL;
	struct pinning p = { c, shown };
	if (!login_open(&login, identity ? identity : f->ssh.identity, e))
		return false;
	loop = loop_new();
	if (!ask_all(&(struct ask){ f, login, loop, c, answer, ended, &p }, e))
		return false;
	*code = 0;
	for (size_t i = 0; i < c->count; i++) {
		struct shown *s = &shown[i];
		if (s->key[0])
			(void)!pin_one(f, c->host[i], s, replace, &s->err);
		say_one(show, list, c->host[i], s);
		*code = show_worse(*code, exit_of(s->err.code));
	}
	return true;
}

static int run(const struct command *me, int argc, char **argv)
{
	struct common common = { 0 };
	struct opt_words selectors = { 0 };
	const char *identity = NULL;
	bool replace = false;
	struct opt table[] = {
		{ "HOSTS", 0, OPT_REST, &selectors, NULL, "ids, globs, plan=NAME, site=NAME, LABEL=VALUE, all", .required = true },
		{ "replace", 0, OPT_FLAG, &replace, NULL, "also where another key is pinned: the host's state was made anew" },
		{ "identity", 'i', OPT_TEXT, &identity, "FILE", "SSH key (default: fleet.yaml, then ssh-agent)" },
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
	bool good = fleet_open(&f, common.fleet, &e) && select_hosts(&c, &f, &selectors, &e);
	opt_words_free(&selectors);
	cleanup(doc_free) doc *list = doc_list();
	if (!good || !host_pin(&code, list, &show, &f, &c, identity, replace, &e))
		return command_fail(&show, &e);
	if (show.json) {
		doc *whole = show_doc(&show);
		doc_set(whole, "hosts", doc_ref(list));
		show_json(whole);
	}
	return code;
}

const struct command cmd_host_pin = {
	"host pin", "HOSTS...", "Ask hosts for the keys that sign their receipts, and write them into hosts.yaml",
	"What is pinned is believed from then on: compare it with what `fleet-agent enrol` printed on the host.", run,
};
