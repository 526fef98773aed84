/* Is this release well? */
#include "agent/apply/health.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/apply/alive.h"
#include "agent/script.h"

void health_say(struct receipt_check *into, const char *form, ...)
{
	char text[RECEIPT_OUTPUT_MAX];
	va_list args;

	va_start(args, form);
	vsnprintf(text, sizeof text, form, args);
	va_end(args);
	free(into->output);
	into->output = str_dup(str_of(text));
}

static void say_end(struct receipt_check *into, const struct run *r, const struct proc_end *end)
{
	struct str said = buf_str(&end->output);
	char after[32];

	shape_ms_text(after, r->timeout_ms);
	if (end->timed_out)
		health_say(into, "killed after %s\n" STR_FMT, after, STR_ARG(said));
	else
		health_say(into, STR_FMT, STR_ARG(said));
}

enum check_result health_script(struct receipt_check *into, const struct run *r)
{
	struct proc_end end = {0};
	struct err e;

	free_ptr(&into->output);
	into->took_ms = into->status = 0;
	if (!script_run(&end, r, &e)) {
		into->status = 127;
		health_say(into, "could not be run: %s", e.text);
		return CHECK_RED;
	}
	bool red = end.timed_out || end.status != 0;
	into->took_ms = end.took_ms;
	into->status = end.status;
	if (red)
		say_end(into, r, &end);
	buf_free(&end.output);
	return red ? CHECK_RED : CHECK_GREEN;
}

static enum check_result ask_alive(struct receipt_check *into, const struct health_ask *q)
{
	cleanup(buf_free) struct buf wrong = BUF_MAX(RUN_OUTPUT_MAX);

	free_ptr(&into->output);
	into->took_ms = into->status = 0;
	if (alive_look(&wrong, q->config, q->release, q->swapped_ms, INT64_MAX))
		return CHECK_GREEN;
	into->status = 1;
	health_say(into, STR_FMT, STR_ARG(buf_str(&wrong)));
	return CHECK_RED;
}

enum check_result health_ask(struct receipt_check *into, const struct health_ask *q)
{
	if (!q->check->run)
		return ask_alive(into, q);
	struct run run = {
		.config = q->config,
		.release = q->release,
		.script = q->check->run,
		.args = &q->check->args,
		.name = q->check->name,
		.aside = true,
		.timeout_ms = MAX(MIN(q->check->timeout_ms, q->left_ms), 1),
	};

	return health_script(into, &run);
}

void health_mark(struct health_mark *m, enum check_result now, int64_t boot_ms)
{
	if (now != CHECK_GREEN)
		*m = (struct health_mark){0};
	else
		*m = (struct health_mark){m->first_ms ? m->first_ms : boot_ms, boot_ms};
}

enum check_result health_samples(size_t green, size_t of)
{
	if (of == 0)
		return CHECK_UNKNOWN;
	return green * 2 > of ? CHECK_GREEN : CHECK_RED;
}

static bool holds(const struct receipt_check *c, const struct health_mark *m, int64_t settle_ms)
{
	return c->after == CHECK_GREEN && m->first_ms && m->last_ms - m->first_ms >= settle_ms;
}

static void close_check(struct receipt_check *c, const struct health_mark *m, int64_t settle_ms)
{
	if (holds(c, m, settle_ms))
		return;
	if (c->after == CHECK_GREEN)
		health_say(c, "green, but not for as long as settle asks");
	if (!c->output)
		health_say(c, "not asked before the deadline");
	c->after = c->class == CHECK_PATH && c->before != CHECK_GREEN ? CHECK_UNKNOWN : CHECK_RED;
}

enum health_verdict health_judge(struct list *checks, const struct health_mark *mark, int64_t settle_ms, bool end)
{
	struct receipt_check *c = checks->items;
	enum health_verdict says = HEALTH_PASS;

	for (size_t i = 0; i < checks->count; i++) {
		if (end)
			close_check(&c[i], &mark[i], settle_ms);
		else if (!holds(&c[i], &mark[i], settle_ms))
			return HEALTH_MORE;
		if (c[i].after == CHECK_RED)
			says = HEALTH_RED;
		else if (c[i].after == CHECK_UNKNOWN && says == HEALTH_PASS)
			says = HEALTH_UNPROVEN;
	}
	return says;
}

const struct receipt_check *health_first_red(const struct list *checks)
{
	const struct receipt_check *c = checks->items;

	for (size_t i = 0; i < checks->count; i++)
		if (c[i].after == CHECK_RED)
			return &c[i];
	return NULL;
}
