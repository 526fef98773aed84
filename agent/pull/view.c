/* How pulling goes, for `status`. */
#include "agent/pull/view.h"

struct view {
	struct pull_state state;
	struct pull_last last;
	int64_t next_ms;
};

static void view_fill(struct view *v, const struct config *c, const struct store *s, int64_t every_ms)
{
	struct err unheard;
	char boot[40];

	clock_boot_id(boot);
	(void)!pull_state_load(&v->state, s, &unheard);
	pull_last_load(&v->last, s);
	v->next_ms = pull_due_ms(&v->state, &v->last, c->id, every_ms, boot, clock_boot_ms());
}

static void view_free(struct view *v)
{
	pull_state_free(&v->state);
	pull_last_free(&v->last);
}

void pull_view_line(struct buf *out, const struct config *c, const struct store *s, int64_t every_ms)
{
	cleanup(view_free) struct view v = {0};
	char left[32];

	view_fill(&v, c, s, every_ms);
	if (v.last.at_ms < 0 && !v.state.failures)
		return;
	shape_ms_text(left, v.next_ms);
	buf_form(out, "%s%s%s; next poll in %s", v.last.say ? v.last.say : "not yet in this boot",
		v.last.why ? ": " : "", v.last.why ? v.last.why : "", left);
	if (v.state.failures > 1)
		buf_form(out, ", after %lld failures", (long long)v.state.failures);
}

doc *pull_view_doc(const struct config *c, const struct store *s, int64_t every_ms)
{
	cleanup(view_free) struct view v = {0};
	doc *d = doc_object();

	view_fill(&v, c, s, every_ms);
	doc_set_text(d, "last", v.last.say);
	doc_set_text(d, "why", v.last.why);
	doc_set_text(d, "code", v.last.code);
	doc_set_int(d, "at", v.last.unix_s);
	doc_set_int(d, "next_ms", v.next_ms);
	doc_set_int(d, "failures", v.state.failures);
	doc_set_int(d, "receipt_home", v.state.sent);
	return d;
}
