/* The host's first words. */
#include "agent/receive/greet.h"

#include <stdlib.h>

#include "agent/receive/papers.h"
#include "agent/store/access.h"
#include "agent/store/bundle.h"
#include "agent/store/lease.h"
#include "agent/store/release.h"
#include "agent/store/staging.h"
#include "agent/store/trustdir.h"
#include "base/version.h"

static void hello_free(struct hello *h)
{
	shape_free(h, hello_shape);
}

static void add_version(struct list *to, const struct trust *t, const char *role)
{
	uint64_t version = trust_version(t, role);

	if (!version)
		return;
	struct version_held *v = to->items = mem_grow(to->items, to->count + 1, sizeof *v);
	v[to->count++] = (struct version_held){str_dup(str_of(role)), (int64_t)version};
}

static bool fill_trust(struct hello *h, const struct config *c, const struct store *s, struct err *e)
{
	cleanup(trust_free) struct trust *t = NULL;
	cleanup(buf_free) struct buf prefix = BUF_MAX(PAPERS_MAX_BYTES);

	if (!trustdir_open(&t, s, c, clock_now(), e) || !papers_prefix(&prefix, s, c->plan, e))
		return false;
	add_version(&h->trust, t, "root");
	add_version(&h->trust, t, "timestamp");
	add_version(&h->trust, t, "snapshot");
	add_version(&h->trust, t, "targets");
	add_version(&h->trust, t, c->plan);
	add_version(&h->trust, t, "fleet");
	struct digest d = digest_of(buf_str(&prefix));
	memcpy(h->papers, d.bytes, sizeof h->papers);
	return true;
}

static bool fill_release(struct hello *h, const struct store *s, struct err *e)
{
	cleanup(release_close) struct release r = {0};

	if (!release_current(&h->release, s, e) || !release_open(&r, s, h->release, e))
		return false;
	h->number = r.manifest.number;
	return true;
}

static bool fill_held(struct hello *h, const struct store *s, struct err *e)
{
	cleanup(free_ptr) struct digest *bundle = NULL;
	cleanup(free_ptr) struct digest *part = NULL;
	size_t bundles, parts;
	uint64_t room;

	if (!digest_names(&bundle, &bundles, s, "bundles", ".tar", e) ||
		!digest_names(&part, &parts, s, "staging", ".part", e) || !fs_space(&room, s->dir, e))
		return false;
	struct bundle_held *b = mem_new(bundles + 1, sizeof *b);
	for (size_t i = 0; i < bundles; i++)
		b[i].sha256 = bundle[i];
	h->bundles = (struct list){b, bundles};
	struct partial *p = mem_new(parts + 1, sizeof *p);
	for (size_t i = 0; i < parts; i++)
		p[i] = (struct partial){part[i], (int64_t)staging_have(s, part[i])};
	h->partial = (struct list){p, parts};
	h->free = (int64_t)room;
	return true;
}

static struct list held_of(const struct list *marks)
{
	const struct mark *m = marks->items;
	struct bundle_held *b = mem_new(marks->count + 1, sizeof *b);

	for (size_t i = 0; i < marks->count; i++)
		b[i].sha256 = m[i].release;
	return (struct list){b, marks->count};
}

static bool fill_ledger(struct hello *h, const struct store *s, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};

	if (!ledger_load(&l, s, e))
		return false;
	h->since = l.since;
	h->receipt = l.receipt;
	h->guilty = held_of(&l.guilty);
	h->held = held_of(&l.held);
	h->has_trial = l.has_attempt;
	if (!l.has_attempt)
		return true;
	h->trial.release = l.attempt.release;
	h->trial.step = str_dup(str_of(step_words[l.step]));
	h->trial.left_ms = attempt_left_ms(&l.attempt);
	h->trial.rollout = l.attempt.receipt.rollout ? str_dup(str_of(l.attempt.receipt.rollout)) : NULL;
	h->trial.who = l.attempt.who ? str_dup(str_of(l.attempt.who)) : NULL;
	return true;
}

static bool fill_access(struct hello *h, const struct store *s, struct err *e)
{
	cleanup(access_set_free) struct access_set set = {0};

	if (!access_open(&set, s, e))
		return false;
	h->access = (struct document_held){set.access.number, set.access_sha256};
	h->sources = (struct document_held){set.sources.number, set.sources_sha256};
	h->has_access = set.has_access;
	h->has_sources = set.has_sources;
	return true;
}

static void fill_self(struct hello *h, const struct config *c, const struct store *s)
{
	struct moment now = clock_now();
	char boot[40];

	clock_boot_id(boot);
	h->oldest = WIRE_OLDEST;
	h->newest = wire_newest;
	h->agent = str_dup(str_of(fleet_version));
	h->platform = wire_newest >= WIRE_AGENT ? str_dup(STR(FLEET_PLATFORM)) : NULL;
	h->id = str_dup(str_of(c->id));
	h->plan = str_dup(str_of(c->plan));
	h->boot = str_dup(str_of(boot));
	h->time = now.unix_s;
	h->synced = now.synced;
	h->has_lease = lease_read(&h->lease, s);
}

bool greet_send(struct session *to, const struct config *c, const struct store *s, struct err *e)
{
	cleanup(hello_free) struct hello h = {0};
	cleanup(buf_free) struct buf out = {0};

	fill_self(&h, c, s);
	if (!fill_release(&h, s, e) || !fill_ledger(&h, s, e) || !fill_held(&h, s, e) || !fill_trust(&h, c, s, e) ||
		!fill_access(&h, s, e))
		return false;
	buf_add(&out, str_bytes(WIRE_GREETING, WIRE_GREETING_LEN));
	hello_write(&out, &h);
	return buf_ok(&out, e) && session_send(to, buf_str(&out), e);
}
