/* What is made of what a source says. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/apply/apply.h"
#include "agent/pull/follow.h"
#include "agent/pull/poll.h"
#include "agent/store/access.h"
#include "agent/store/lease.h"
#include "agent/take/begin.h"

bool poll_end(struct poll *p, enum pull_end end, const char *form, ...)
{
	va_list args;

	va_start(args, form);
	vsnprintf(p->out->why, sizeof p->out->why, form, args);
	va_end(args);
	p->out->end = end;
	return true;
}

/* What is wrong with a list or an agent keeps no release from this host, nor the way back from one. What another source may do
 * better is an error all the same. */
static bool is_aside(struct poll *p, const char *what, const struct err *e)
{
	static const enum err_code codes[] = {ERR_FOREIGN, ERR_MISSING, ERR_OLDER, ERR_REFUSED, ERR_SYNTAX};

	for (size_t i = 0; i < COUNT_OF(codes); i++)
		if (e->code == codes[i]) {
			snprintf(p->out->aside, sizeof p->out->aside, "%s: %.250s", what, e->text);
			return true;
		}
	return false;
}

/* A controller's lease: then it is his. */
static bool is_driven(struct poll *p)
{
	cleanup(lease_free) struct lease lease = {0};

	return lease_read(&lease, p->pull->store) && poll_end(p, PULL_BUSY, "rollout %s of %s drives this host", lease.rollout,
		lease.who ? lease.who : "somebody");
}

static char *copy(const char *text)
{
	return str_dup(str_of(text));
}

static bool begin_update(struct poll *p, const struct offer *o, struct err *e)
{
	struct ledger *l = &p->ledger;

	l->attempt = (struct attempt){
		.release = o->stage.release,
		.payload = o->payload.kind,
		.payload_sha256 = o->payload.sha256,
		.payload_length = o->payload.length,
		.base = o->payload.base,
		.who = copy(PULL_WHO),
	};
	l->attempt.receipt.rollout = copy(o->stage.rollout);
	l->attempt.receipt.release_number = o->manifest.number;
	l->attempt.receipt.bytes_in = o->fetched->bytes;
	l->attempt.receipt.stale = trust_stale(o->fetched->trust);
	p->begun = apply_begin(l, p->pull->config, p->pull->store, STEP_FETCH, e);
	return p->begun;
}

static bool take(struct poll *p, struct offer *o, struct err *e)
{
	char text[48];

	release_text(text, o->stage.number, o->stage.release);
	if (!begin_allowed(&p->ledger, o->stage.release, e))
		return e->code == ERR_REFUSED && poll_end(p, PULL_NOTHING, "%s", e->text);
	if (is_driven(p))
		return true;
	if (p->pull->dry)
		return poll_end(p, PULL_WOULD, "it would take release %s: %s", text, o->answer.why);
	return offer_take(o, e) && begin_update(p, o, e);
}

/* An agent is taken before a release: what follows is understood by the newer one. */
static bool begin_agent(struct poll *p, struct offer *o, const struct program *a, struct str document, struct err *e)
{
	struct ledger *l = &p->ledger;
	struct payload payload;

	if (!payload_pull(&payload, o->fetched, &a->bundle, e))
		return false;
	l->attempt = (struct attempt){
		.payload = payload.kind,
		.payload_sha256 = payload.sha256,
		.payload_length = payload.length,
		.base = payload.base,
		.who = copy(PULL_WHO),
	};
	l->attempt.receipt.rollout = copy(o->stage.rollout);
	l->attempt.receipt.bytes_in = o->fetched->bytes;
	l->attempt.receipt.stale = trust_stale(o->fetched->trust);
	p->begun = apply_begin_program(l, p->pull->config, p->pull->store, a, document, e);
	return p->begun;
}

bool poll_agent(struct poll *p, struct offer *o, struct err *e)
{
	cleanup(program_free) struct program a = {0};
	cleanup(buf_free) struct buf document = {0};
	struct err no;

	if (o->agent_answer.say != STAGE_TAKE)
		return true;
	if (!fetch_program(&a, &document, o->fetched, e))
		return is_aside(p, "agent", e);
	if (strcmp(a.version, o->stage.agent.version) != 0) {
		err_set(e, ERR_FOREIGN, "rollout.json offers %s, and role agent signs %s for " FLEET_PLATFORM,
			o->stage.agent.version, a.version);
		return is_aside(p, "agent", e);
	}
	if (!begin_allowed(&p->ledger, digest_of(buf_str(&document)), &no))
		return true;
	if (is_driven(p))
		return true;
	if (p->pull->dry)
		return poll_end(p, PULL_WOULD, "it would take agent %s: %s", a.version, o->agent_answer.why);
	return begin_agent(p, o, &a, buf_str(&document), e);
}

static bool go_back(struct poll *p, const struct offer *o, struct err *e)
{
	if (p->pull->dry)
		return poll_end(p, PULL_WOULD, "it would go back: %s", o->answer.why);
	if (!p->ledger.has_previous)
		return poll_end(p, PULL_NOTHING, "%s; there is no release before it to go back to", o->answer.why);
	p->begun = apply_begin_undo(&p->ledger, p->pull->config, p->pull->store, o->stage.rollout, PULL_WHO, e);
	return p->begun;
}

bool poll_release(struct poll *p, struct offer *o, struct err *e)
{
	switch (o->answer.say) {
	case STAGE_TAKE:
		return take(p, o, e);
	case STAGE_BACK:
		return go_back(p, o, e);
	case STAGE_WAIT:
	case STAGE_HOLD:
		break;
	}
	return poll_end(p, PULL_NOTHING, "%s", o->answer.why);
}

/* --- who may come in, and where to fetch from --- */

bool poll_lists(struct poll *p, struct fetched *f, bool again, struct err *e)
{
	cleanup(access_set_free) struct access_set set = {0};
	struct ledger *l = &p->ledger;
	bool same = false;

	if (!fetch_access(&set, &same, f, e))
		return is_aside(p, "lists", e);
	if (same || marks_has(&l->guilty, set.id) != again)
		return true;
	if (is_driven(p))
		return true;
	if (p->pull->dry)
		return poll_end(p, PULL_WOULD, "it would follow another list of who may come in, or of sources");
	l->attempt = (struct attempt){.who = copy(PULL_WHO)};
	l->attempt.receipt.stale = trust_stale(f->trust);
	l->attempt.receipt.bytes_in = f->bytes;
	p->begun = apply_begin_access(l, p->pull->config, p->pull->store, &set, e);
	return p->begun;
}
