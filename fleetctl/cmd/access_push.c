#include <stdio.h>

#include "base/hex.h"
#include "fleetctl/command.h"
#include "fleetctl/fleet/select.h"
#include "fleetctl/push/renew.h"
#include "fleetctl/repo/access.h"
#include "fleetctl/rollout/drive.h"

struct wishes {
	struct common common;
	struct opt_words selectors;
	const char *identity, *confirm;
	int64_t parallel;
	bool take;
};

/* One host of the push. */
struct way {
	struct push *push;
	const struct host *host;
	struct renew *renew;
	bool begun, over;
	struct renew_end end;
};
struct push {
	struct fleet fleet;
	struct repository repository;
	struct login *login, *confirm; /* confirm NULL: login does both */
	struct loop *loop;
	struct timer *more;
	struct chosen chosen;
	struct way *way;
	struct renew_ask ask;
	struct access access; /* as signed; empty: only sources are */
	bool has_access;
	char id[32];
	size_t next, running, done, parallel;
	bool proven;          /* one host came through: then the others, side by side */
	bool halted, stopped;
	const struct show *show;
};

static void push_free(struct push *p)
{
	for (size_t i = 0; p->way && i < p->chosen.count; i++)
		renew_drop(&p->way[i].renew);
	timer_close(&p->more);
	loop_free(&p->loop);
	free_ptr(&p->way);
	chosen_free(&p->chosen);
	access_free(&p->access);
	login_free(&p->confirm);
	login_free(&p->login);
	repository_free(&p->repository);
	fleet_free(&p->fleet);
}

/* --- what is signed, and with what we come --- */

static bool load_digest(struct buf *text, struct digest *out, const struct repository *r, const char *path, struct err *e)
{
	if (!access_signed(text, r, path, e))
		return e->code == ERR_MISSING;
	*out = digest_of(buf_str(text));
	return true;
}

static bool load_signed(struct push *p, struct err *e)
{
	cleanup(buf_free) struct buf access = BUF_MAX(ACCESS_FILE_MAX);
	cleanup(buf_free) struct buf sources = BUF_MAX(ORIGINS_FILE_MAX);
	if (!load_digest(&access, &p->ask.access, &p->repository, ACCESS_PATH, e) ||
		!load_digest(&sources, &p->ask.sources, &p->repository, SOURCES_PATH, e))
		return false;
	p->has_access = access.len > 0;
	if (!access.len && !sources.len)
		return err_set(e, ERR_MISSING, "nothing to push: write access.yaml or sources.yaml, then `fleetctl sign`");
	return !access.len || access_read(&p->access, buf_str(&access), ACCESS_PATH, e);
}

/* Found out here it costs a sentence, on the hosts a trial each. Which key an ssh-agent will show, nobody knows before. */
static bool check_way_back(const struct push *p, struct err *e)
{
	cleanup(free_ptr) char *key = login_public(p->ask.confirm);
	const struct operator *o = p->access.operators.items;
	if (!p->has_access || !key)
		return true;
	for (size_t i = 0; i < p->access.operators.count; i++)
		if (strcmp(o[i].key, key) == 0)
			return (o[i].may & MAY_ROLL) || err_set(e, ERR_REFUSED,
				"by the signed list operator %s, who comes with this key, may not roll, so each host would go back: name another key with --confirm-identity FILE", o[i].name);
	return err_set(e, ERR_REFUSED,
		"the signed access list does not know the key you come with, so each host would go back: name one that it knows with --confirm-identity FILE");
}

static bool push_open(struct push *p, const struct wishes *w, struct err *e)
{
	struct str all = STR("all");
	struct opt_words everything = { &all, 1 };
	uint8_t random[4];
	char hex[2 * sizeof random + 1];
	if (!fleet_open(&p->fleet, w->common.fleet, e) || !repository_open(&p->repository, p->fleet.dir, e) || !load_signed(p, e) ||
		!select_hosts(&p->chosen, &p->fleet, w->selectors.count ? &w->selectors : &everything, e) ||
		!login_open(&p->login, w->identity ? w->identity : p->fleet.ssh.identity, e) ||
		(w->confirm && !login_open(&p->confirm, w->confirm, e)))
		return false;
	p->loop = loop_new();
	p->parallel = (size_t)(w->parallel ? w->parallel : p->fleet.defaults.parallel);
	random_bytes(random, sizeof random);
	hex_write(hex, random, sizeof random);
	snprintf(p->id, sizeof p->id, "access-%s", hex);
	p->ask.fleet = &p->fleet;
	p->ask.repository = &p->repository;
	p->ask.loop = p->loop;
	p->ask.login = p->login;
	p->ask.confirm = p->confirm ? p->confirm : p->login;
	p->ask.id = p->id;
	p->ask.who = drive_who();
	p->ask.take = w->take;
	return check_way_back(p, e);
}

/* --- one after the other, then side by side --- */

static void say(const struct push *p, const struct way *w)
{
	bool unconfirmed = w->end.state == RENEW_BACK && w->end.confirm.code;
	show_waits(p->show, NULL, 0, 0);
	show_note(p->show, "%s: %s%s%s%s%s", w->host->id, renew_words[w->end.state], w->end.state >= RENEW_BACK ? ": " : "",
		w->end.state >= RENEW_BACK ? w->end.err.text : "", unconfirmed ? "; the second connection: " : "",
		unconfirmed ? w->end.confirm.text : "");
}

static void ended(void *ctx, const struct renew_end *end)
{
	struct way *w = ctx;
	struct push *p = w->push;
	w->end = *end;
	w->over = true;
	p->running--;
	p->proven = p->proven || end->state == RENEW_DONE;
	p->halted = p->halted || end->state == RENEW_BACK || end->state == RENEW_FAILED;
	say(p, w);
	p->done++;
	show_waits(p->show, "hosts that are done", p->done, p->halted ? p->done : p->chosen.count);
	timer_in(p->more, 0);
}

static void start_more(void *ctx)
{
	struct push *p = ctx;
	size_t at_once = p->proven ? p->parallel : 1;
	while (!p->halted && !p->stopped && p->next < p->chosen.count && p->running < at_once) {
		struct way *w = &p->way[p->next];
		*w = (struct way){ .push = p, .host = p->chosen.host[p->next], .begun = true };
		p->next++;
		p->running++;
		w->renew = renew_start(&p->ask, w->host, &(struct renew_calls){ .ended = ended, .ctx = w });
	}
	if (p->running == 0)
		loop_stop(p->loop);
}

/* The first time hosts on trial are waited for, the second time nobody is. */
static void stop(void *ctx)
{
	struct push *p = ctx;
	if (p->stopped || !p->running)
		loop_stop(p->loop);
	p->stopped = true;
}

static void drive(struct push *p)
{
	p->way = mem_new(p->chosen.count + 1, sizeof *p->way);
	p->more = timer_new(p->loop, start_more, p);
	timer_in(p->more, 0);
	show_waits(p->show, "hosts that are done", 0, p->chosen.count);
	loop_on_stop(p->loop, stop, p);
	loop_run(p->loop);
}

/* --- what is told --- */

static int exit_of_way(const struct way *w)
{
	static const int codes[] = { [RENEW_BACK] = 9, [RENEW_UNREACHABLE] = 4, [RENEW_REFUSED] = 6, [RENEW_FAILED] = 3 };
	int by_code = exit_of(w->end.err.code);
	if (!w->over || w->end.state < RENEW_BACK)
		return 0;
	return by_code == 7 ? 7 : codes[w->end.state];
}

static doc *way_doc(const struct way *w, const struct host *h)
{
	doc *d = doc_object();
	bool bad = w->over && w->end.state >= RENEW_BACK;
	doc_set_text(d, "host", h->id);
	doc_set_text(d, "state", !w->begun ? "not-begun" : renew_words[w->end.state]);
	doc_set_text(d, "code", bad ? err_word(w->end.err.code) : NULL);
	doc_set_text(d, "error", bad ? w->end.err.text : NULL);
	doc_set_text(d, "confirm", bad && w->end.confirm.code ? w->end.confirm.text : NULL);
	return d;
}

static int tell(const struct push *p)
{
	int code = p->stopped ? 130 : 0;
	size_t good = 0;
	for (size_t i = 0; i < p->chosen.count; i++) {
		good += p->way[i].over && p->way[i].end.state < RENEW_BACK;
		code = code == 130 ? code : show_worse(code, p->way[i].begun ? exit_of_way(&p->way[i]) : 8);
	}
	if (p->show->json) {
		doc *d = show_doc(p->show), *list = doc_list();
		doc_set_int(d, "number", p->access.number);
		doc_set_bool(d, "halted", p->halted);
		for (size_t i = 0; i < p->chosen.count; i++)
			doc_add(list, way_doc(&p->way[i], p->chosen.host[i]));
		doc_set(d, "hosts", list);
		show_json(d);
	}
	else
		printf("%zu of %zu hosts let in whom the signed list says\n", good, p->chosen.count);
	if (p->halted && p->next < p->chosen.count)
		show_note(p->show, "halted: %zu hosts were not begun; their keys are as before", p->chosen.count - p->next);
	return code;
}

static int run(const struct command *me, int argc, char **argv)
{
	struct wishes w = { 0 };
	struct opt table[] = {
		{ "HOSTS", 0, OPT_REST, &w.selectors, NULL, "ids, globs, plan=NAME, site=NAME, LABEL=VALUE (all)" },
		{ "identity", 'i', OPT_TEXT, &w.identity, "FILE", "SSH key to come with (default: fleet.yaml, then ssh-agent)" },
		{ "confirm-identity", 0, OPT_TEXT, &w.confirm, "FILE", "SSH key of the second connection, when the list drops the first" },
		{ "parallel", 0, OPT_COUNT, &w.parallel, "N", "hosts at once, after the first (fleet.yaml's default)", .min = 1, .max = 1024 },
		{ "take", 0, OPT_FLAG, &w.take, NULL, "take hosts over from another operator's rollout" },
		COMMON_OPTS(w.common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &w.common, argc, argv, &show, &code))
		return code;
	cleanup(push_free) struct push p = { .fleet = { .at = -1 }, .repository = { .at = -1 }, .show = &show };
	bool good = push_open(&p, &w, &e);
	opt_words_free(&w.selectors);
	if (!good)
		return command_fail(&show, &e);
	drive(&p);
	return tell(&p);
}

const struct command cmd_access_push = {
	"access push", "[HOSTS...]", "Let hosts accept the operators and sources that are signed now",
	"One host first; when it was come in by the new keys, the others side by side. A host that nobody comes in to goes back by\n"
	"itself. What is pushed: access.yaml and sources.yaml, as `fleetctl sign` signed them.",
	run,
};
