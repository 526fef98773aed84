/* A plan: the table, and what a table cannot say. */
#include "manifests/plan.h"

#include "base/name.h"

#define SECOND_MS ((int64_t)1000)
#define HOUR_MS   (3600 * SECOND_MS)
#define DAY_MS    (24 * HOUR_MS)
#define KBIT_MAX  ((int64_t)100 * 1000 * 1000)
#define BYTES_MAX ((int64_t)1 << 50)

enum {
	ROWS_MAX = 256, /* probes, checks */
	ARGS_MAX = 64,
	SCRIPTS_MAX = 64,
	SAMPLES_MAX = 20,
	APN_MAX = 100, /* 3GPP TS 23.003, section 9 */
	CLASS_MAX = 64,
};

const char *const check_class_words[] = {
	[CHECK_LOCAL] = "local",
	[CHECK_WORK] = "work",
	[CHECK_PATH] = "path",
	NULL,
};
static const char *const touch_words[] = {"network", "ssh", "agent", NULL};
static const char alive[] = "alive"; /* the one check that is built in */

/* clang-format off */
/* `t` is a struct, `f` its field; IN: a field of one of the plan's own structs. */
#define AT(t, f) offsetof(struct t, f)
#define IN(o, f) (offsetof(struct plan, o.f) - offsetof(struct plan, o))
#define TEXTS(n, kind_, where, most) { n, SHAPE_LIST, where, .item = (kind_), .max = (most) }
#define SPAN(n, where, least, most, usual) \
	{ n, SHAPE_MS, where, .json = n "_ms", .min = (least), .max = (most), .number = (usual) }
#define OBJECT(n, o, rows) { n, SHAPE_OBJECT, offsetof(struct plan, o), .of = (rows) }

const struct shape_field probe_shape[] = {
	{ "name", SHAPE_NAME, AT(probe, name), .required = true },
	{ "run", SHAPE_PATH, AT(probe, run), .required = true },
	TEXTS("args", SHAPE_TEXT, AT(probe, args), ARGS_MAX),
	{ "every", SHAPE_MS, AT(probe, every_ms), .json = "every_ms", .required = true, .min = SECOND_MS, .max = 7 * DAY_MS },
	SPAN("timeout", AT(probe, timeout_ms), 1, DAY_MS, 30 * SECOND_MS),
	{ 0 },
};

const struct shape_field check_shape[] = {
	{ "name", SHAPE_NAME, AT(check, name), .required = true },
	{ "run", SHAPE_PATH, AT(check, run) },
	TEXTS("args", SHAPE_TEXT, AT(check, args), ARGS_MAX),
	{ "class", SHAPE_WORD, AT(check, class), .required = true, .words = check_class_words },
	SPAN("timeout", AT(check, timeout_ms), 1, HOUR_MS, 10 * SECOND_MS),
	{ "samples", SHAPE_INT, AT(check, samples), .min = 1, .max = SAMPLES_MAX, .number = 1 },
	{ 0 },
};

static const struct shape_field hooks_shape[] = {
	{ "start", SHAPE_PATH, IN(hooks, start) },
	{ "stop", SHAPE_PATH, IN(hooks, stop) },
	{ 0 },
};

static const struct shape_field trial_shape[] = {
	SPAN("settle", IN(trial, settle_ms), 0, DAY_MS, 10 * SECOND_MS),
	SPAN("deadline", IN(trial, deadline_ms), SECOND_MS, DAY_MS, 120 * SECOND_MS),
	{ "touches", SHAPE_WORDS, IN(trial, touches), .words = touch_words },
	{ 0 },
};

static const struct shape_field poll_shape[] = {
	SPAN("every", IN(poll, every_ms), 60 * SECOND_MS, 30 * DAY_MS, 6 * HOUR_MS),
	{ 0 },
};

static const struct shape_field link_shape[] = {
	{ "apn", SHAPE_TEXT, IN(link, apn), .max = APN_MAX },
	{ "class", SHAPE_TEXT, IN(link, class), .max = CLASS_MAX },
	{ "kbit", SHAPE_INT, IN(link, kbit), .max = KBIT_MAX, .omit_zero = true },
	{ 0 },
};

static const struct shape_field budget_shape[] = {
	{ "month", SHAPE_BYTES, IN(budget, month), .max = BYTES_MAX, .omit_zero = true },
	{ "reserve", SHAPE_BYTES, IN(budget, reserve), .max = BYTES_MAX, .omit_zero = true },
	{ 0 },
};

const struct shape_field plan_shape[] = {
	{ "plan", SHAPE_PLAN, AT(plan, plan), .required = true },
	TEXTS("scripts", SHAPE_PATH, AT(plan, scripts), SCRIPTS_MAX),
	{ "probes", SHAPE_LIST, AT(plan, probes), .of = probe_shape, .size = sizeof(struct probe), .max = ROWS_MAX, .key = "name" },
	OBJECT("hooks", hooks, hooks_shape),
	{ "checks", SHAPE_LIST, AT(plan, checks), .of = check_shape, .size = sizeof(struct check), .max = ROWS_MAX, .key = "name" },
	OBJECT("trial", trial, trial_shape),
	OBJECT("poll", poll, poll_shape),
	{ "window", SHAPE_OBJECT, AT(plan, window), .of = window_shape, .has = AT(plan, has_window) },
	OBJECT("link", link, link_shape),
	OBJECT("budget", budget, budget_shape),
	{ 0 },
};
/* clang-format on */

/* --- what the table cannot say --- */

static bool check_probe(const struct probe *p, struct err *e)
{
	char timeout[32], every[32];

	if (p->timeout_ms < p->every_ms)
		return true;
	shape_ms_text(timeout, p->timeout_ms);
	shape_ms_text(every, p->every_ms);
	return err_set(e, ERR_SYNTAX, "probe %s: its timeout (%s) must be below every (%s)", p->name, timeout, every);
}

static bool check_check(const struct check *c, struct err *e)
{
	if (!str_is(str_of(c->name), alive))
		return c->run ||
		       err_set(e, ERR_SYNTAX, "check %s: run is missing (only `%s` is built in)", c->name, alive);
	if (c->run || c->args.count)
		return err_set(e, ERR_SYNTAX, "check %s is built in: it takes neither run nor args", alive);
	return c->class == CHECK_WORK || err_set(e, ERR_SYNTAX, "check %s: its class is work", alive);
}

static bool check_rows(const struct plan *p, const doc *d, const struct shape_from *from, struct err *e)
{
	const struct probe *probe = p->probes.items;
	const struct check *check = p->checks.items;

	for (size_t i = 0; i < p->probes.count; i++)
		if (!check_probe(&probe[i], e))
			return shape_blame(from, doc_at(doc_get(d, "probes"), i), e);
	for (size_t i = 0; i < p->checks.count; i++)
		if (!check_check(&check[i], e))
			return shape_blame(from, doc_at(doc_get(d, "checks"), i), e);
	return true;
}

static bool check_trial(const struct plan *p, struct err *e)
{
	return p->trial.settle_ms < p->trial.deadline_ms ||
	       err_set(e, ERR_SYNTAX, "trial: settle must be below deadline");
}

static bool check_window(const struct plan *p, struct err *e)
{
	return !p->has_window || window_check(&p->window, e);
}

static bool check_budget(const struct plan *p, struct err *e)
{
	return p->budget.reserve <= p->budget.month || err_set(e, ERR_SYNTAX, "budget: reserve is above month");
}

bool plan_check(const struct plan *p, const doc *d, const struct shape_from *from, struct err *e)
{
	static const struct {
		const char *part;
		bool (*check)(const struct plan *, struct err *);
	} rows[] = {
		{"trial", check_trial},
		{"window", check_window},
		{"budget", check_budget},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (!rows[i].check(p, e))
			return shape_blame(from, doc_get(d, rows[i].part), e);
	return check_rows(p, d, from, e);
}

void plan_free(struct plan *p)
{
	shape_free(p, plan_shape);
}
