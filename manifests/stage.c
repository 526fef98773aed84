/* PLAN/rollout.json: what it says, and what that means for one host. */
#include "manifests/stage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/version.h"

enum { COUNTER_BITS = 53 };
#define NUMBER_MAX ((int64_t)1 << COUNTER_BITS) /* what every JSON reader holds exactly */
#define DEFER_MAX  ((int64_t)365 * 24 * 3600 * 1000)

const char *const stage_state_words[] = {"go", "hold", "abort", NULL};
const char *const stage_say_words[] = {"take", "wait", "hold", "back", NULL};

/* clang-format off */
static const struct shape_field stage_host_shape[] = {
	{ "id", SHAPE_NAME, offsetof(struct stage_host, id), .required = true },
	{ "site", SHAPE_NAME, offsetof(struct stage_host, site) },
	{ 0 },
};

static const struct shape_field stage_share_shape[] = {
	{ "hosts", SHAPE_INT, offsetof(struct stage_share, hosts), .required = true, .min = 1, .max = STAGE_HOSTS_MAX },
	{ 0 },
};

static const struct shape_field agent_shape[] = {
	{ "version", SHAPE_NAME, offsetof(struct stage_agent, version), .required = true },
	{ "hosts", SHAPE_INT, offsetof(struct stage_agent, hosts), .required = true, .max = STAGE_HOSTS_MAX },
	{ 0 },
};

#define AT(f) offsetof(struct stage, f)
static const struct shape_field stage_shape[] = {
	{ "format", SHAPE_INT, AT(format), .required = true, .min = STAGE_FORMAT, .max = STAGE_FORMAT },
	{ "plan", SHAPE_PLAN, AT(plan), .required = true },
	{ "rollout", SHAPE_NAME, AT(rollout), .required = true },
	{ "counter", SHAPE_INT, AT(counter), .required = true, .min = 1, .max = NUMBER_MAX },
	{ "release", SHAPE_HEX, AT(release), .required = true, .bytes = sizeof(struct digest) },
	{ "number", SHAPE_INT, AT(number), .required = true, .min = 1, .max = NUMBER_MAX },
	{ "hosts", SHAPE_LIST, AT(hosts), .of = stage_host_shape, .size = sizeof(struct stage_host), .key = "id",
		.max = STAGE_HOSTS_MAX, .required = true },
	{ "canary", SHAPE_LIST, AT(canary), .item = SHAPE_NAME, .max = STAGE_HOSTS_MAX },
	{ "stages", SHAPE_LIST, AT(stages), .of = stage_share_shape, .size = sizeof(struct stage_share), .max = STAGES_MAX,
		.required = true },
	{ "open", SHAPE_INT, AT(open), .max = STAGES_MAX },
	{ "state", SHAPE_WORD, AT(state), .required = true, .words = stage_state_words },
	{ "back", SHAPE_BOOL, AT(back) },
	{ "windows", SHAPE_LIST, AT(windows), .of = window_shape, .size = sizeof(struct window), .max = STAGE_WINDOWS_MAX },
	{ "defer", SHAPE_MS, AT(defer_ms), .json = "defer_ms", .max = DEFER_MAX, .number = STAGE_DEFER_MS },
	{ "agent", SHAPE_OBJECT, AT(agent), .of = agent_shape, .has = AT(has_agent) },
	{ 0 },
};
/* clang-format on */

static const struct stage_host *host_at(const struct stage *s, size_t i)
{
	return (const struct stage_host *)s->hosts.items + i;
}

/* --- what a table cannot say --- */

static bool check_canary(const struct stage *s, struct err *e)
{
	char *const *canary = s->canary.items;

	for (size_t i = 0; i < s->canary.count; i++) {
		bool listed = false, again = false;
		for (size_t k = 0; k < s->hosts.count && !listed; k++)
			listed = strcmp(host_at(s, k)->id, canary[i]) == 0;
		for (size_t k = 0; k < i && !again; k++)
			again = strcmp(canary[k], canary[i]) == 0;
		if (!listed || again)
			return err_set(e, ERR_SYNTAX, "canary: %s %s", canary[i],
				listed ? "stands there twice" : "is none of the hosts");
	}
	return true;
}

static bool check_stages(const struct stage *s, struct err *e)
{
	const struct stage_share *share = s->stages.items;
	int64_t hosts = (int64_t)s->hosts.count, most = MAX(hosts / 2, 1), before = 0;

	for (size_t i = 0; i < s->stages.count; i++) {
		if (share[i].hosts <= before || share[i].hosts > hosts)
			return err_set(e, ERR_SYNTAX, "stages[%zu]: %lld hosts after %lld, of %lld in all", i,
				(long long)share[i].hosts, (long long)before, (long long)hosts);
		if (share[i].hosts - before > most)
			return err_set(e, ERR_SYNTAX,
				"stages[%zu]: %lld hosts at once; never more than half of them may be on trial: %lld",
				i, (long long)(share[i].hosts - before), (long long)most);
		before = share[i].hosts;
	}
	return s->open <= (int64_t)s->stages.count ||
	       err_set(e, ERR_SYNTAX, "open: %lld stages, there are %zu", (long long)s->open, s->stages.count);
}

static bool check_agent(const struct stage *s, struct err *e)
{
	int64_t number;

	if (!s->has_agent)
		return true;
	if (!version_read(&number, str_of(s->agent.version), e))
		return err_in(e, "agent");
	return s->agent.hosts <= (int64_t)s->hosts.count ||
	       err_set(e, ERR_SYNTAX, "agent: %lld hosts, there are %zu", (long long)s->agent.hosts, s->hosts.count);
}

bool stage_check(const struct stage *s, struct err *e)
{
	const struct window *w = s->windows.items;

	if (!s->hosts.count || !s->stages.count)
		return err_set(e, ERR_SYNTAX, "no %s", s->hosts.count ? "stages" : "hosts");
	for (size_t i = 0; i < s->windows.count; i++)
		if (!window_check(&w[i], e))
			return err_in(e, "windows[%zu]", i);
	return check_canary(s, e) && check_stages(s, e) && check_agent(s, e);
}

/* --- bytes --- */

void stage_write(struct buf *out, const struct stage *s)
{
	struct stage whole = *s;

	whole.format = STAGE_FORMAT;
	cleanup(doc_free) doc *d = shape_write(&whole, stage_shape);
	doc_canonical(out, d);
}

static bool check_bytes(const struct stage *s, struct str json, struct err *e)
{
	cleanup(buf_free) struct buf again = BUF_MAX(2 * STAGE_BYTES_MAX);

	stage_write(&again, s);
	return (!again.failed && str_eq(buf_str(&again), json)) ||
	       err_set(e, ERR_SYNTAX, "these are not the canonical bytes of this document");
}

static bool read_whole(struct stage *out, struct str json, struct err *e)
{
	cleanup(doc_free) doc *d = NULL;

	if (json.len > STAGE_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "%zu bytes: at most %d", json.len, STAGE_BYTES_MAX);
	return doc_read(&d, json, e) && shape_read(out, stage_shape, d, &(struct shape_from){0}, e) &&
	       stage_check(out, e) && check_bytes(out, json, e);
}

bool stage_read(struct stage *out, struct str json, struct err *e)
{
	cleanup(stage_free) struct stage s = {0};

	if (!read_whole(&s, json, e))
		return err_in(e, "rollout.json");
	*out = s;
	s = (struct stage){0};
	return true;
}

void stage_free(struct stage *s)
{
	shape_free(s, stage_shape);
}

/* --- ranks --- */

struct ranked {
	const char *site;
	struct digest lot; /* SHA-256(release, id) */
	size_t nth;        /* of its site */
	size_t at;         /* of hosts */
	size_t canary;     /* its place among them; else their number */
};

static int by_lot(const struct ranked *a, const struct ranked *b)
{
	int order = memcmp(a->lot.bytes, b->lot.bytes, sizeof a->lot.bytes);

	return order ? order : (a->at > b->at) - (a->at < b->at);
}

static int by_site(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;
	int order = strcmp(a->site, b->site);

	if (a->canary != b->canary && !order)
		return a->canary < b->canary ? -1 : 1;
	return order ? order : by_lot(a, b);
}

static int by_turn(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;

	if (a->canary != b->canary)
		return a->canary < b->canary ? -1 : 1;
	if (a->nth != b->nth)
		return a->nth < b->nth ? -1 : 1;
	return by_lot(a, b);
}

static struct ranked draw(const struct stage *s, size_t i)
{
	const struct stage_host *h = host_at(s, i);
	char *const *canary = s->canary.items;
	struct ranked r = {.site = h->site ? h->site : h->id, .at = i, .canary = s->canary.count};
	struct hasher lot = {0};

	hasher_start(&lot);
	hasher_add(&lot, str_bytes(s->release.bytes, sizeof s->release.bytes));
	hasher_add(&lot, str_of(h->id));
	r.lot = hasher_end(&lot);
	hasher_free(&lot);
	for (size_t k = 0; k < s->canary.count && r.canary == s->canary.count; k++)
		if (strcmp(canary[k], h->id) == 0)
			r.canary = k;
	return r;
}

void stage_ranks(size_t *rank, const struct stage *s)
{
	size_t count = s->hosts.count;
	cleanup(free_ptr) struct ranked *r = mem_new(count + 1, sizeof *r);

	for (size_t i = 0; i < count; i++)
		r[i] = draw(s, i);
	qsort(r, count, sizeof *r, by_site);
	for (size_t i = 0; i < count; i++)
		r[i].nth = i && strcmp(r[i].site, r[i - 1].site) == 0 ? r[i - 1].nth + 1 : 0;
	qsort(r, count, sizeof *r, by_turn);
	for (size_t i = 0; i < count; i++)
		rank[r[i].at] = i;
}

bool stage_rank(size_t *out, const struct stage *s, const char *host)
{
	cleanup(free_ptr) size_t *rank = mem_new(s->hosts.count + 1, sizeof *rank);

	for (size_t i = 0; i < s->hosts.count; i++) {
		if (strcmp(host_at(s, i)->id, host) != 0)
			continue;
		stage_ranks(rank, s);
		*out = rank[i];
		return true;
	}
	return false;
}

int64_t stage_reaches(const struct stage *s)
{
	const struct stage_share *share = s->stages.items;

	return s->open > 0 ? share[s->open - 1].hosts : 0;
}

/* --- what it means for one host --- */

static struct stage_answer say(enum stage_say what, const char *form, ...) printf_like(2, 3);
static struct stage_answer say(enum stage_say what, const char *form, ...)
{
	struct stage_answer a = {.say = what};
	va_list args;

	va_start(args, form);
	vsnprintf(a.why, sizeof a.why, form, args);
	va_end(args);
	return a;
}

static bool in_window(const struct stage *s, int64_t unix_s)
{
	const struct window *w = s->windows.items;
	bool open = s->windows.count == 0;

	for (size_t i = 0; i < s->windows.count && !open; i++)
		open = window_is_open(&w[i], unix_s);
	return open;
}

/* Why nobody can say here whether a window is open; empty: one can. A host that lacks a zone would else wait for ever, and say
 * nothing of it that a person would look for. */
static void why_unsure(char out[160], const struct stage *s, const struct stage_ask *ask)
{
	const struct window *w = s->windows.items;

	out[0] = 0;
	if (!ask->now.synced)
		snprintf(out, 160, "the clock is not sure");
	for (size_t i = 0; i < s->windows.count && !out[0]; i++)
		if (!window_is_known(&w[i]))
			snprintf(out, 160, "this host does not know the zone %.80s (package tzdata)", w[i].zone);
}

static struct stage_answer decide_time(const struct stage *s, const struct stage_ask *ask)
{
	struct stage_answer a;
	char left[32], unsure[160];

	if (s->windows.count == 0)
		return say(STAGE_TAKE, "its turn has come");
	if (ask->now.synced && in_window(s, ask->now.unix_s))
		return say(STAGE_TAKE, "its turn has come, and its window is open");
	why_unsure(unsure, s, ask);
	if (!unsure[0]) {
		a = say(STAGE_WAIT, "outside of its windows");
		a.for_window = true;
		return a;
	}
	if (ask->waited_ms >= s->defer_ms)
		return say(STAGE_TAKE, "no window could be known: %s; it has waited long enough", unsure);
	shape_ms_text(left, s->defer_ms - ask->waited_ms);
	a = say(STAGE_WAIT, "%s, so no window is open; it waits no longer than another %s", unsure, left);
	a.for_window = a.for_clock = true;
	return a;
}

static struct stage_answer decide_turn(const struct stage *s, const struct stage_ask *ask)
{
	size_t rank = 0;

	if (digest_eq(ask->current, s->release))
		return say(STAGE_HOLD, "release %lld runs here already", (long long)s->number);
	if (!stage_rank(&rank, s, ask->host))
		return say(STAGE_HOLD, "rollout %s is not about this host", s->rollout);
	if ((int64_t)rank >= stage_reaches(s))
		return say(STAGE_WAIT, "rollout %s reaches %lld of %zu hosts, and this one is number %zu", s->rollout,
			(long long)stage_reaches(s), s->hosts.count, rank + 1);
	return decide_time(s, ask);
}

static struct stage_answer decide_abort(const struct stage *s, const struct stage_ask *ask)
{
	if (!digest_eq(ask->current, s->release))
		return say(STAGE_HOLD, "rollout %s was aborted", s->rollout);
	if (!s->back)
		return say(STAGE_HOLD, "rollout %s was aborted; those that run release %lld keep it", s->rollout,
			(long long)s->number);
	return say(
		STAGE_BACK, "rollout %s was aborted, and release %lld is taken back", s->rollout, (long long)s->number);
}

/* Foreign or old: HOLD says why. */
static bool is_for(struct stage_answer *no, const struct stage *s, const struct stage_ask *ask)
{
	bool plan = strcmp(s->plan, ask->plan) == 0;

	if (plan && s->counter >= ask->counter)
		return true;
	*no = !plan ? say(STAGE_HOLD, "the rollout is of plan %s", s->plan)
		    : say(STAGE_HOLD, "the rollout's counter went back, from %lld to %lld: nobody advances by it",
			      (long long)ask->counter, (long long)s->counter);
	return false;
}

struct stage_answer stage_decide(const struct stage *s, const struct stage_ask *ask)
{
	struct stage_answer no;

	if (!is_for(&no, s, ask))
		return no;
	switch ((enum stage_state)s->state) {
	case STAGE_ABORTED:
		return decide_abort(s, ask);
	case STAGE_HELD:
		return say(STAGE_HOLD, "rollout %s is held", s->rollout);
	case STAGE_GO:
		break;
	}
	return decide_turn(s, ask);
}

/* --- and the agent itself --- */

/* The version stands in the release's place. */
static struct stage drawn_for(const struct stage *s, const char *version)
{
	struct stage drawn = *s;

	drawn.release = digest_of(str_of(version));
	return drawn;
}

static bool agent_rank(size_t *rank, const struct stage *s, const char *host)
{
	const struct stage drawn = drawn_for(s, s->agent.version);

	return stage_rank(rank, &drawn, host);
}

void stage_agent_ranks(size_t *rank, const struct stage *s, const char *version)
{
	const struct stage drawn = drawn_for(s, version);

	stage_ranks(rank, &drawn);
}

struct stage_answer stage_decide_agent(const struct stage *s, const struct stage_ask *ask, int64_t runs)
{
	struct stage_answer no;
	int64_t number = 0;
	size_t rank = 0;
	struct err e;

	if (!is_for(&no, s, ask))
		return no;
	if (!s->has_agent || !version_read(&number, str_of(s->agent.version), &e))
		return say(STAGE_HOLD, "no agent is open to those who pull");
	if (number <= runs)
		return say(STAGE_HOLD, "agent %s is not newer than the one that runs here", s->agent.version);
	if (!agent_rank(&rank, s, ask->host))
		return say(STAGE_HOLD, "it is not about this host");
	if ((int64_t)rank >= s->agent.hosts)
		return say(STAGE_WAIT, "agent %s reaches %lld of %zu hosts, and this one is number %zu", s->agent.version,
			(long long)s->agent.hosts, s->hosts.count, rank + 1);
	return decide_time(s, ask);
}
