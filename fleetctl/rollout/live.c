#include "fleetctl/rollout/live.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { ROWS_MAX = 16, PLAIN_EVERY_MS = 30000, NAMED_MAX = 4, BAR = 12 };

static void erase(struct live *l)
{
	if (l->lines)
		fprintf(stderr, "\033[%dA\033[J", l->lines);
	l->lines = 0;
}

static enum paint paint_of(enum member_state s)
{
	switch (s) {
	case MEMBER_COMMITTED:
	case MEMBER_UNDONE:
		return GREEN;
	case MEMBER_ROLLED_BACK:
	case MEMBER_FAILED:
	case MEMBER_REFUSED:
		return RED;
	case MEMBER_UNREACHABLE:
	case MEMBER_DEFERRED:
		return YELLOW;
	default:
		return PLAIN;
	}
}

static void event(void *ctx, const struct member *m, const char *text)
{
	struct live *l = ctx;
	if (l->show->json)
		return;
	erase(l);
	bool color = l->show->live && l->show->color;
	fprintf(stderr, "%s%s%s%s%s\n", paint_on(color, m ? paint_of((enum member_state)m->row.state) : BOLD), m ? m->row.host : "", m ? ": " : "", text,
		paint_off(color));
}

/* One line, never wider than the terminal: a wrapped line could not be drawn over. */
static void line(struct live *l, const char *text)
{
	int most = l->show->width > 1 ? l->show->width - 1 : 79;
	fprintf(stderr, "%.*s\n", most, text);
	l->lines++;
}

static void bar(char out[24], size_t done, size_t of)
{
	size_t full = of ? done * BAR / of : 0;
	memset(out, '.', BAR);
	memset(out, '#', full);
	out[BAR] = 0;
}

static void draw_member(struct live *l, const struct member *m)
{
	char text[400], share[64] = "", took[32], left[48] = "";
	shape_ms_text(took, (clock_boot_ms() - m->began_ms) / 1000 * 1000);
	if (m->of > 0 && strcmp(m->step, "send") == 0) {
		char of[32];
		shape_bytes_text(of, m->of);
		snprintf(share, sizeof share, " %d%% of %s", (int)(m->done * 100 / m->of), of);
	}
	else if (m->of > 0)
		snprintf(share, sizeof share, " %d of %d", (int)m->done, (int)m->of);
	if (m->due_ms > clock_boot_ms()) {
		char time[32];
		shape_ms_text(time, (m->due_ms - clock_boot_ms()) / 1000 * 1000);
		snprintf(left, sizeof left, ", %s left", time);
	}
	snprintf(text, sizeof text, "  %-16.16s %-10.10s %-8s%s  %s%s", m->row.host, m->row.plan, m->step, share, m->note[0] ? m->note : took, left);
	line(l, text);
}

/* Of hosts that ended, and of those we speak with now. */
static uint64_t bytes_so_far(const struct rollout *r, const struct rollout_counts *c)
{
	uint64_t bytes = c->bytes_in + c->bytes_out;
	for (size_t i = 0; i < r->count; i++) {
		struct session_bytes now = talk_bytes(r->member[i].talk);
		bytes += now.in + now.out;
	}
	return bytes;
}

static void draw(struct live *l, const struct rollout *r)
{
	struct rollout_counts c = rollout_count(r);
	char text[400], drawn[24], bytes[32], took[32], wave[16] = "canary";
	int rows = 0;
	bar(drawn, c.ended, c.all);
	shape_bytes_text(bytes, (int64_t)bytes_so_far(r, &c));
	shape_ms_text(took, (clock_boot_ms() - r->began_ms) / 1000 * 1000);
	erase(l);
	for (size_t i = 0; i < r->count && rows < ROWS_MAX; i++)
		if (r->member[i].row.state == MEMBER_RUNNING) {
			draw_member(l, &r->member[i]);
			rows++;
		}
	if (r->wave > 0)
		snprintf(wave, sizeof wave, "wave %d", r->wave);
	snprintf(text, sizeof text, "[%s] %zu of %zu  %s  %zu good  %zu failed  %zu away  %s  %s%s", drawn, c.ended, c.all, wave,
		c.of[MEMBER_COMMITTED] + c.of[MEMBER_UNDONE] + c.of[MEMBER_SAME], c.failed, c.of[MEMBER_UNREACHABLE], bytes, took,
		r->ending != ROLLOUT_RUNNING ? "  stopping" : "");
	line(l, text);
}

/* Off a terminal, now and then: how far it is, and what the first few hosts are at. */
static void say_where_it_stands(const struct rollout *r)
{
	struct rollout_counts c = rollout_count(r);
	cleanup(buf_free) struct buf text = { 0 };
	size_t named = 0;
	buf_form(&text, "%zu of %zu hosts done", c.ended, c.all);
	for (size_t i = 0; i < r->count && named < NAMED_MAX; i++) {
		const struct member *m = &r->member[i];
		if (m->row.state == MEMBER_RUNNING)
			buf_form(&text, "%s%s: %s%s%s", named++ ? ", " : "; ", m->row.host, m->step, m->note[0] ? " " : "", m->note);
	}
	if (c.trial > named)
		buf_form(&text, ", %zu more", c.trial - named);
	fprintf(stderr, "%s\n", text.data);
}

static void changed(void *ctx, const struct rollout *r)
{
	struct live *l = ctx;
	if (l->show->live) {
		draw(l, r);
		return;
	}
	if (l->show->json || clock_boot_ms() - l->last_ms < PLAIN_EVERY_MS)
		return;
	if (l->last_ms)
		say_where_it_stands(r);
	l->last_ms = clock_boot_ms();
}

struct rollout_calls live_calls(struct live *l)
{
	return (struct rollout_calls){ event, changed, l };
}

void live_end(struct live *l, const struct rollout *r)
{
	(void)r;
	erase(l);
}
