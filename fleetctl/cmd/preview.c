#include <stdio.h>
#include <stdlib.h>

#include "fleetctl/command.h"
#include "fleetctl/push/ask.h"
#include "fleetctl/rollout/rollout.h"

/* What a session costs besides the flight: SSH's own bytes both ways, the hello, states and the receipt; and its round
 * trips at a slow link's 600 ms. `./dev bench` prints both as measured. */
enum { SESSION_BYTES = 5000, SESSION_ROUNDS = 9, ROUND_MS = 600 };

struct forecast {
	bool same;
	int64_t from, to;     /* numbers */
	enum payload_kind payload;
	uint64_t bytes;
	int64_t ms;           /* at the plan's speed class; 0: no class is stated */
	struct err err;
};
struct preview {
	const struct repository *repository;
	const struct chosen *chosen;
	struct forecast *forecast;
	const struct show *show;
	size_t done;
};

static bool forecast_make(struct forecast *out, const struct preview *p, const struct hello *h, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);
	cleanup(manifest_free) struct manifest m = { 0 };
	cleanup(flight_free) struct flight flight = { .payload = -1 };
	if (!repository_current(&text, p->repository, h->plan, e) || !manifest_read(&m, buf_str(&text), NULL, e))
		return false;
	struct flight_wish wish = { .action = ORDER_UPDATE, .rollout = "r-20260101-000000-0000", .who = "preview", .release = manifest_id(buf_str(&text)) };
	out->from = h->number;
	out->to = m.number;
	out->same = digest_eq(h->release, wish.release);
	if (out->same)
		return true;
	const char *refuses = hello_refuses(h, wish.release);
	if (refuses)
		return err_set(e, ERR_REFUSED, "release %d %s there: sign a newer one, or on the host: `fleet-agent allow`", (int)m.number, refuses);
	if (!flight_make(&flight, p->repository, h, &wish, e))
		return false;
	out->payload = flight.kind;
	out->bytes = flight_bytes(&flight) + SESSION_BYTES;
	if (m.plan.link.kbit)
		out->ms = (int64_t)(out->bytes * 8 / (uint64_t)m.plan.link.kbit) + SESSION_ROUNDS * ROUND_MS;
	return true;
}

static bool hello_is_enough(void *ctx, size_t i, const struct hello *h, struct flight *out, struct err *e)
{
	(void)ctx, (void)i, (void)h, (void)out, (void)e;
	return true;
}

static void ended(void *ctx, size_t i, const struct talk_end *end)
{
	struct preview *p = ctx;
	struct forecast *f = &p->forecast[i];
	if (end->err.code)
		f->err = end->err;
	else if (!forecast_make(f, p, &end->hello, &f->err))
		f->same = false;
	else
		f->err = (struct err){ 0 };
	show_waits(p->show, "asking the hosts", ++p->done, p->chosen->count);
}

static void print(const struct show *show, const struct preview *p)
{
	struct table t = { .show = show, .columns = 6 };
	static const char *const heads[] = { "HOST", "PLAN", "CHANGE", "BYTES", "TIME", "HOW" };
	size_t changes = 0;
	uint64_t bytes = 0;
	for (size_t i = 0; i < COUNT_OF(heads); i++)
		table_cell(&t, DIM, "%s", heads[i]);
	for (size_t i = 0; i < p->chosen->count; i++) {
		const struct forecast *f = &p->forecast[i];
		char size[32] = "", time[32] = "";
		if (f->bytes)
			shape_bytes_text(size, (int64_t)f->bytes);
		if (f->ms)
			shape_ms_text(time, f->ms / 1000 * 1000);
		table_cell(&t, PLAIN, "%s", p->chosen->host[i]->id);
		table_cell(&t, PLAIN, "%s", p->chosen->host[i]->plan);
		if (f->err.code)
			table_cell(&t, YELLOW, "?");
		else
			table_cell(&t, PLAIN, f->same ? "%d, nothing to do" : "%d -> %d", (int)f->from, (int)f->to);
		table_cell(&t, PLAIN, "%s", size);
		table_cell(&t, PLAIN, "%s", time);
		table_cell(&t, f->err.code ? YELLOW : PLAIN, "%s", f->err.code ? f->err.text : f->same ? "" :
			f->payload == PAYLOAD_NONE ? "papers only: it has the bundle" : f->payload == PAYLOAD_PATCH ? "patch" : "full bundle");
		changes += !f->err.code && !f->same;
		bytes += f->bytes;
	}
	table_print(&t);
	char all[32];
	shape_bytes_text(all, (int64_t)bytes);
	show_note(show, "%zu of %zu hosts would change, about %s in all; times are at each plan's speed class, checks not counted", changes, p->chosen->count, all);
}

static void print_json(const struct show *show, const struct preview *p)
{
	doc *whole = show_doc(show), *list = doc_list();
	for (size_t i = 0; i < p->chosen->count; i++) {
		const struct forecast *f = &p->forecast[i];
		doc *d = doc_object();
		doc_set_text(d, "host", p->chosen->host[i]->id);
		doc_set_text(d, "plan", p->chosen->host[i]->plan);
		doc_set_text(d, "error", f->err.code ? f->err.text : NULL);
		if (!f->err.code) {
			doc_set_bool(d, "changes", !f->same);
			doc_set_int(d, "from", f->from);
			doc_set_int(d, "to", f->to);
			doc_set_int(d, "bytes", (int64_t)f->bytes);
			doc_set_int(d, "ms", f->ms);
			doc_set_text(d, "payload", payload_words[f->payload]);
		}
		doc_add(list, d);
	}
	doc_set(whole, "hosts", list);
	show_json(whole);
}

struct opened {
	struct opt_words selectors;
	struct fleet fleet;
	struct repository repository;
	struct login *login;
	struct loop *loop;
	struct chosen chosen;
	struct forecast *forecast;
};

static void opened_free(struct opened *o)
{
	opt_words_free(&o->selectors);
	free_ptr(&o->forecast);
	chosen_free(&o->chosen);
	loop_free(&o->loop);
	login_free(&o->login);
	repository_free(&o->repository);
	fleet_free(&o->fleet);
}

static int run(const struct command *me, int argc, char **argv)
{
	struct common common = { 0 };
	const char *identity = NULL;
	cleanup(opened_free) struct opened o = { .fleet = { .at = -1 }, .repository = { .at = -1 } };
	struct opt table[] = {
		{ "HOSTS", 0, OPT_REST, &o.selectors, NULL, "ids, globs, plan=NAME, site=NAME, LABEL=VALUE (all)" },
		{ "identity", 'i', OPT_TEXT, &identity, "FILE", "SSH key (default: fleet.yaml, then ssh-agent)" },
		COMMON_OPTS(common),
		{ 0 },
	};
	struct show show;
	struct err e;
	int code;
	if (!command_begin(me, table, &common, argc, argv, &show, &code))
		return code;
	struct str all = STR("all");
	struct opt_words everything = { &all, 1 };
	if (!fleet_open(&o.fleet, common.fleet, &e) || !repository_open(&o.repository, o.fleet.dir, &e) ||
		!select_hosts(&o.chosen, &o.fleet, o.selectors.count ? &o.selectors : &everything, &e) ||
		!login_open(&o.login, identity ? identity : o.fleet.ssh.identity, &e))
		return command_fail(&show, &e);
	o.loop = loop_new();
	o.forecast = mem_new(o.chosen.count + 1, sizeof *o.forecast);
	struct preview p = { &o.repository, &o.chosen, o.forecast, &show, 0 };
	show_waits(&show, "asking the hosts", 0, o.chosen.count);
	if (!ask_all(&(struct ask){ &o.fleet, o.login, o.loop, &o.chosen, hello_is_enough, ended, &p }, &e)) {
		show_waits(&show, NULL, 0, 0);
		return command_fail(&show, &e);
	}
	if (show.json)
		print_json(&show, &p);
	else
		print(&show, &p);
	for (size_t i = 0; i < o.chosen.count; i++)
		code = show_worse(code, exit_of(o.forecast[i].err.code));
	return code;
}

const struct command cmd_preview = {
	"preview", "[HOSTS...]", "Which hosts would change, from what to what, how many bytes and how long", NULL, run,
};
