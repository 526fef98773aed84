/* A push, whatever it brings: who is next, when it halts, what is told. */
#include "fleetctl/cmd/push_work.h"

#include <stdio.h>

#include "base/hex.h"

/* One host of the push. */
struct way {
	struct push *push;
	const struct host *host;
	struct renew *renew;
	bool begun, over;
	struct renew_end end;
};

void push_free(struct push *p)
{
	for (size_t i = 0; p->way && i < p->chosen.count; i++)
		renew_drop(&p->way[i].renew);
	timer_close(&p->more);
	loop_free(&p->loop);
	free_ptr(&p->way);
	chosen_free(&p->chosen);
	login_free(&p->confirm);
	login_free(&p->login);
	repository_free(&p->repository);
	fleet_free(&p->fleet);
}

bool push_open(struct push *p, const struct push_wishes *w, const struct renew_kind *kind, const struct push_words *words, struct err *e)
{
	struct str all = STR("all");
	struct opt_words everything = { &all, 1 };
	uint8_t random[4];
	char hex[2 * sizeof random + 1];
	if (!fleet_open(&p->fleet, w->common.fleet, e) || !repository_open(&p->repository, p->fleet.dir, e) ||
		!select_hosts(&p->chosen, &p->fleet, w->selectors.count ? &w->selectors : &everything, e) ||
		!login_open(&p->login, w->identity ? w->identity : p->fleet.ssh.identity, e) ||
		(w->confirm && !login_open(&p->confirm, w->confirm, e)))
		return false;
	p->loop = loop_new();
	p->parallel = (size_t)(w->parallel ? w->parallel : p->fleet.defaults.parallel);
	p->words = words;
	random_bytes(random, sizeof random);
	hex_write(hex, random, sizeof random);
	snprintf(p->id, sizeof p->id, "%s-%s", words->id, hex);
	p->ask = (struct renew_ask){ .kind = kind, .fleet = &p->fleet, .repository = &p->repository, .loop = p->loop, .login = p->login,
		.confirm = p->confirm ? p->confirm : p->login, .id = p->id, .who = drive_who(), .take = w->take };
	return true;
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

static int tell(const struct push *p, doc *d)
{
	int code = p->stopped ? 130 : 0;
	size_t good = 0;
	for (size_t i = 0; i < p->chosen.count; i++) {
		good += p->way[i].over && p->way[i].end.state < RENEW_BACK;
		code = code == 130 ? code : show_worse(code, p->way[i].begun ? exit_of_way(&p->way[i]) : 8);
	}
	if (d) {
		doc *list = doc_list();
		doc_set_bool(d, "halted", p->halted);
		for (size_t i = 0; i < p->chosen.count; i++)
			doc_add(list, way_doc(&p->way[i], p->chosen.host[i]));
		doc_set(d, "hosts", list);
		show_json(d);
	}
	else
		printf("%zu of %zu hosts %s\n", good, p->chosen.count, p->words->good);
	if (p->halted && p->next < p->chosen.count)
		show_note(p->show, "halted: %zu hosts were not begun; %s", p->chosen.count - p->next, p->words->begun);
	return code;
}

int push_run(struct push *p, doc *d)
{
	drive(p);
	return tell(p, d);
}
