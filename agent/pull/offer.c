/* What one source offers this host. */
#include "agent/pull/offer.h"

#include <stdio.h>

#include "agent/store/release.h"
#include "agent/store/staging.h"
#include "base/version.h"

#define KEPT "pull.rollout" /* the document that was obeyed last: what did not change is not fetched again */

/* --- the document --- */

static bool is_held(struct buf *out, const struct store *s, const struct trust_target *target)
{
	struct err e;

	out->max = STAGE_BYTES_MAX;
	if (fs_read(out, s->dir, KEPT, &e) && trust_target_check(target, buf_str(out), &e))
		return true;
	buf_clear(out);
	return false;
}

static bool get_document(struct buf *out, bool *there, struct fetched *f, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/rollout.json", f->config->plan);
	cleanup(free_ptr) char *role = path_form("rollout-%s", f->config->plan);
	struct trust_target target;

	*there = fetch_seek(&target, f, path, role, e);
	if (!*there)
		return e->code == ERR_MISSING;
	if (is_held(out, f->store, &target))
		return true;
	return fetch_target(out, f, path, &target, STAGE_BYTES_MAX, e) &&
	       store_write(f->store, KEPT, buf_str(out), 0644, e);
}

/* --- the decision --- */

/* What only the clock keeps from this host is counted in time that it was awake and polled. */
static int64_t waited(const struct offer *o, struct moment now)
{
	const struct pull_last *last = o->fetched->last;
	bool same = o->state->has_waiting && digest_eq(o->state->waiting, o->stage.release);

	if (!same)
		return 0;
	return o->state->waited_ms + (last->at_ms >= 0 ? MAX(now.boot_ms - last->at_ms, 0) : now.boot_ms);
}

/* Who stole the rollout's key may have counted to the end. A new root is how all else that he counted up is left behind
 * (TUF 5.3.11), and this too; without one, the versions of snapshot and role still keep an old document out. */
static void forget_counter(struct pull_state *state, int64_t root)
{
	if (state->counter_root == root)
		return;
	state->counter = 0;
	state->counter_root = root;
}

static struct stage_ask ask_of(const struct offer *o)
{
	struct stage_ask ask = {
		.host = o->fetched->config->id,
		.plan = o->fetched->config->plan,
		.current = o->current,
		.counter = o->state->counter,
		.now = clock_now(),
	};

	ask.waited_ms = waited(o, ask.now);
	return ask;
}

static void decide(struct offer *o)
{
	struct stage_ask ask = ask_of(o);

	o->answer = stage_decide(&o->stage, &ask);
	o->agent_answer = stage_decide_agent(&o->stage, &ask, version_ours());
	bool for_clock = o->answer.for_clock || o->agent_answer.for_clock;
	o->state->counter = MAX(o->state->counter, o->stage.counter);
	o->state->has_waiting = for_clock;
	o->state->waiting = for_clock ? o->stage.release : (struct digest){0};
	o->state->waited_ms = for_clock ? ask.waited_ms : 0;
}

bool offer_decide(struct offer *o, struct err *e)
{
	cleanup(buf_free) struct buf text = {0};
	bool there = false;

	if (!get_document(&text, &there, o->fetched, e))
		return false;
	if (!there) {
		o->answer.say = o->agent_answer.say = STAGE_HOLD;
		snprintf(o->answer.why, sizeof o->answer.why, "no rollout of plan %s is open to those who pull",
			o->fetched->config->plan);
		return true;
	}
	if (!stage_read(&o->stage, buf_str(&text), e))
		return false;
	o->has_stage = true;
	forget_counter(o->state, (int64_t)trust_version(o->fetched->trust, "root"));
	decide(o);
	return true;
}

bool offer_opens(const struct offer *with)
{
	cleanup(buf_free) struct buf text = BUF_MAX(STAGE_BYTES_MAX);
	struct offer o = *with;
	struct err e;

	if (!fs_read(&text, o.fetched->store->dir, KEPT, &e) || !stage_read(&o.stage, buf_str(&text), &e))
		return false;
	struct stage_ask ask = ask_of(&o);
	bool opens = stage_decide(&o.stage, &ask).say == STAGE_TAKE ||
		     stage_decide_agent(&o.stage, &ask, version_ours()).say == STAGE_TAKE;
	stage_free(&o.stage);
	return opens;
}

/* --- the release --- */

/* Where a target of the plan's role has these bytes: what the plan runs now, or one of those still permitted. */
static bool fetch_manifest(struct offer *o, struct err *e)
{
	struct fetched *f = o->fetched;
	const char *plan = f->config->plan;
	cleanup(free_ptr) char *now = path_form("%s/manifest.json", plan);
	cleanup(free_ptr) char *one = path_form("%s/releases/%lld.json", plan, (long long)o->stage.number);
	const char *const path[] = {now, one};

	for (size_t i = 0; i < COUNT_OF(path); i++) {
		struct trust_target target;
		bool there = fetch_seek(&target, f, path[i], plan, e);
		if (!there && e->code != ERR_MISSING)
			return false;
		if (there && target.has_sha256 && digest_eq(target.sha256, o->stage.release))
			return fetch_target(&o->bytes, f, path[i], &target, MANIFEST_MAX, e);
	}
	return err_set(e, ERR_SIGNATURE, "rollout %s names release %lld, which role %s does not permit",
		o->stage.rollout, (long long)o->stage.number, plan);
}

static bool get_manifest(struct offer *o, struct err *e)
{
	const struct store *s = o->fetched->store;

	if (release_has(s, o->stage.release))
		return release_manifest(&o->bytes, s, o->stage.release, e);
	return fetch_manifest(o, e);
}

static bool read_manifest(struct offer *o, struct err *e)
{
	const char *plan = o->fetched->config->plan;

	if (!manifest_read(&o->manifest, buf_str(&o->bytes), "manifest", e))
		return false;
	if (!digest_eq(manifest_id(buf_str(&o->bytes)), o->stage.release))
		return err_set(e, ERR_DIGEST, "the manifest is not the release that the rollout names");
	if (o->manifest.number == 0)
		return err_set(
			e, ERR_REFUSED, "number 0 is the baseline of an enrolment; it is not taken from outside");
	return strcmp(o->manifest.plan.plan, plan) == 0 ||
	       err_set(e, ERR_FOREIGN, "the release is for plan %s, this host has %s", o->manifest.plan.plan, plan);
}

bool offer_take(struct offer *o, struct err *e)
{
	o->bytes.max = MANIFEST_MAX;
	return get_manifest(o, e) && read_manifest(o, e) &&
	       fetch_permits(o->fetched, &o->manifest, buf_str(&o->bytes), o->current_number, e) &&
	       payload_pull(&o->payload, o->fetched, &o->manifest.bundle, e) &&
	       staging_manifest_save(o->fetched->store, o->stage.release, buf_str(&o->bytes), e);
}

void offer_free(struct offer *o)
{
	stage_free(&o->stage);
	buf_free(&o->bytes);
	manifest_free(&o->manifest);
}
