#include "fleetctl/push/flight.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "bundles/squeeze.h"
#include "fleetctl/repo/access.h"
#include "fleetctl/repo/programs.h"

enum { PAPERS_MAX = 8 * MIB };

struct papers {
	struct paper *paper;
	size_t count;
	struct buf text;
};

static void papers_free(struct papers *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->paper[i].name);
	free_ptr(&p->paper);
	buf_free(&p->text);
}

static void add_paper(struct papers *p, const char *name, struct str bytes)
{
	p->paper = mem_grow(p->paper, p->count + 1, sizeof *p->paper);
	p->paper[p->count++] = (struct paper){ str_dup(str_of(name)), (int64_t)bytes.len, digest_of(bytes) };
	buf_add(&p->text, bytes);
}

static uint64_t host_version(const struct hello *h, const char *role)
{
	const struct version_held *held = h->trust.items;
	for (size_t i = 0; i < h->trust.count; i++)
		if (strcmp(held[i].role, role) == 0)
			return (uint64_t)held[i].version;
	return 0;
}

static bool behind(const struct hello *h, const char *role, uint64_t newest, struct err *e)
{
	return err_set(e, ERR_OLDER, "the host holds %s version %llu, this repository has %llu: it is behind; get the fleet's newest (git pull)",
		role, (unsigned long long)host_version(h, role), (unsigned long long)newest);
}

static bool add_roots(struct papers *p, const struct repository *r, const struct hello *h, struct err *e)
{
	uint64_t newest;
	if (!repository_version(&newest, r, "root", e))
		return false;
	if (newest < host_version(h, "root"))
		return behind(h, "root", newest, e);
	for (uint64_t n = host_version(h, "root") + 1; n <= newest; n++) {
		cleanup(buf_free) struct buf b = BUF_MAX(TRUST_ROOT_MAX);
		char name[32];
		snprintf(name, sizeof name, "%d.root", (int)n);
		if (!repository_meta(&b, r, "root", n, e))
			return false;
		add_paper(p, name, buf_str(&b));
	}
	return true;
}

/* A root on its way that replaces the online keys: the host forgets what it holds by them, however far a thief has counted. */
static bool forgets(bool *out, const struct repository *r, const struct hello *h, struct err *e)
{
	uint64_t newest, held = host_version(h, "root");
	*out = false;
	return repository_version(&newest, r, "root", e) && (held == 0 || held >= newest || repository_online_changed(out, r, held, newest, e));
}

/* A role's document, if it is newer than the host's. */
static bool add_role(struct papers *p, const struct repository *r, const struct hello *h, const char *role, struct err *e)
{
	cleanup(buf_free) struct buf b = BUF_MAX(TRUST_TARGETS_MAX);
	uint64_t newest, held = host_version(h, role);
	bool anew;
	if (!forgets(&anew, r, h, e) || !repository_version(&newest, r, role, e))
		return false;
	if (anew)
		held = 0;
	if (newest < held)
		return behind(h, role, newest, e);
	if (newest == held)
		return true;
	if (!repository_meta(&b, r, role, 0, e))
		return false;
	add_paper(p, role, buf_str(&b));
	return true;
}

/* What both sides hold: the host's snapshot, its plan's role and its manifest. Empty when ours are others, or not here. */
static void shared_papers(struct buf *out, const struct repository *r, const struct hello *h)
{
	struct err ignored;
	struct buf b = BUF_MAX(TRUST_TARGETS_MAX);
	static const uint8_t none[sizeof h->papers];
	uint64_t snapshot = host_version(h, "snapshot"), role = host_version(h, h->plan);
	if (memcmp(h->papers, none, sizeof none) == 0)
		return;
	bool good = !snapshot || repository_meta(&b, r, "snapshot", snapshot, &ignored);
	buf_add(out, buf_str(&b));
	buf_clear(&b);
	good = good && (!role || repository_meta(&b, r, h->plan, role, &ignored));
	buf_add(out, buf_str(&b));
	buf_clear(&b);
	/* the baseline has no manifest in any repository: the digest below decides */
	if (h->number && repository_release(&b, r, h->plan, h->release, &ignored))
		buf_add(out, buf_str(&b));
	buf_free(&b);
	struct digest d = digest_of(buf_str(out));
	if (!good || memcmp(d.bytes, h->papers, sizeof h->papers) != 0)
		buf_clear(out);
}

static bool holds_bundle(const struct hello *h, struct digest d)
{
	const struct bundle_held *held = h->bundles.items;
	for (size_t i = 0; i < h->bundles.count; i++)
		if (digest_eq(held[i].sha256, d))
			return true;
	return false;
}

struct choice {
	int fd;
	uint64_t length;
};

static bool file_length(uint64_t *out, int fd, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return err_sys(e, "payload");
	*out = (uint64_t)st.st_size;
	return true;
}

/* Making a patch takes longer than a round trip, and the host waits: one that is there already is good enough. */
static bool any_patch(const struct repository *r, const struct hello *h, struct digest bundle)
{
	const struct bundle_held *held = h->bundles.items;
	for (size_t i = 0; i < h->bundles.count; i++)
		if (repository_has_patch(r, held[i].sha256, bundle))
			return true;
	return false;
}

static void choose_patch(struct choice *best, struct order *o, const struct repository *r, const struct hello *h, struct digest bundle)
{
	const struct bundle_held *held = h->bundles.items;
	bool made = any_patch(r, h, bundle);
	struct err ignored;
	for (size_t i = 0; i < h->bundles.count; i++) {
		cleanup(fd_close) int patch = -1;
		uint64_t length = 0;
		if ((made && !repository_has_patch(r, held[i].sha256, bundle)) ||
			!repository_patch(&patch, r, held[i].sha256, bundle, &ignored) ||
			!file_length(&length, patch, &ignored) || length >= best->length)
			continue;
		o->payload = PAYLOAD_PATCH;
		o->base = held[i].sha256;
		fd_close(&best->fd);
		*best = (struct choice){ patch, length };
		patch = -1;
	}
}

static int64_t resume_at(const struct hello *h, const struct order *o)
{
	const struct partial *partial = h->partial.items;
	for (size_t i = 0; i < h->partial.count; i++)
		if (digest_eq(partial[i].payload, o->payload_sha256) && partial[i].have > 0 && partial[i].have <= o->payload_length)
			return partial[i].have;
	return 0;
}

static void choice_close(struct choice *c)
{
	fd_close(&c->fd);
}

/* The smallest that brings the bundle: nothing, a patch against what the host holds, or all of it. */
static bool choose_payload(struct flight *f, struct order *o, const struct repository *r, const struct hello *h, struct digest bundle,
	struct err *e)
{
	cleanup(choice_close) struct choice best = { .fd = -1 };
	if (holds_bundle(h, bundle))
		return true;
	if (!repository_bundle(&best.fd, r, bundle, e) || !file_length(&best.length, best.fd, e))
		return false;
	o->payload = PAYLOAD_FULL;
	choose_patch(&best, o, r, h, bundle);
	if (!digest_fd(&o->payload_sha256, &best.length, best.fd, e))
		return false;
	o->payload_length = (int64_t)best.length;
	o->at = resume_at(h, o);
	f->kind = (enum payload_kind)o->payload;
	f->payload = best.fd;
	f->at = (uint64_t)o->at;
	f->length = best.length;
	best.fd = -1;
	return true;
}

static bool load_update(struct flight *f, struct order *o, struct papers *p, const struct repository *r, const struct hello *h, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);
	cleanup(manifest_free) struct manifest m = { 0 };
	if (!repository_release(&text, r, h->plan, o->release, e) || !manifest_read(&m, buf_str(&text), NULL, e))
		return false;
	if (!add_roots(p, r, h, e) || !add_role(p, r, h, "timestamp", e) || !add_role(p, r, h, "snapshot", e) ||
		!add_role(p, r, h, "targets", e) || !add_role(p, r, h, h->plan, e))
		return false;
	if (!digest_eq(h->release, o->release))
		add_paper(p, "manifest", buf_str(&text));
	return choose_payload(f, o, r, h, m.bundle.sha256, e);
}

/* One of the two documents, unless it is the one in force there. Role fleet may sign one and not the other. */
static bool add_document(struct papers *p, const struct repository *r, const char *path, size_t max, struct digest held, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(max);
	if (!access_signed(&text, r, path, e))
		return e->code == ERR_MISSING;
	if (!digest_eq(digest_of(buf_str(&text)), held))
		add_paper(p, path, buf_str(&text));
	return true;
}

static bool load_access(struct papers *p, const struct repository *r, const struct hello *h, struct err *e)
{
	return add_roots(p, r, h, e) && add_role(p, r, h, "timestamp", e) && add_role(p, r, h, "snapshot", e) &&
		add_role(p, r, h, "targets", e) && add_role(p, r, h, "fleet", e) &&
		add_document(p, r, ACCESS_PATH, ACCESS_FILE_MAX, h->access.sha256, e) &&
		add_document(p, r, SOURCES_PATH, ORIGINS_FILE_MAX, h->sources.sha256, e);
}

/* --- an agent --- */

/* Said before a byte is sent: an agent that does not know the order would only end the session. */
static bool can_take_agent(const struct hello *h, struct err *e)
{
	if (wire_newest < WIRE_AGENT)
		return err_set(e, ERR_REFUSED, "this fleetctl cannot bring agents: use a newer one");
	return (h->newest >= WIRE_AGENT && h->platform) || err_set(e, ERR_REFUSED,
		"agent %s there is too old to take another over the wire: bring it once by its package (fleetctl host enroll, or apt)", h->agent ? h->agent : "");
}

/* The host's bundles that are agents: no patch leads from scripts to programs. */
static void keep_agents(struct list *out, const struct repository *r, const struct hello *h)
{
	cleanup(programs_free) struct programs ever = { 0 };
	const struct bundle_held *held = h->bundles.items;
	struct bundle_held *kept = mem_new(h->bundles.count + 1, sizeof *kept);
	*out = (struct list){ kept, 0 };
	programs_held(&ever, r);
	for (size_t i = 0; i < h->bundles.count; i++)
		if (programs_with(&ever, held[i].sha256))
			kept[out->count++] = held[i];
}

static bool agent_document(struct buf *out, struct program *p, const struct repository *r, const struct hello *h, struct err *e)
{
	cleanup(free_ptr) char *path = program_path(h->platform);
	struct err why = { 0 };
	if (repository_document(out, r, PROGRAM_ROLE, path, &why))
		return program_read(p, buf_str(out), h->platform, e);
	if (why.code != ERR_MISSING)
		return err_set(e, why.code, "%s", why.text);
	return err_set(e, ERR_REFUSED, "no agent is signed for %s: fleetctl agent add, then fleetctl sign", h->platform);
}

static bool load_agent(struct flight *f, struct order *o, struct papers *p, const struct repository *r, const struct hello *h, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(PROGRAM_FILE_MAX);
	cleanup(program_free) struct program program = { 0 };
	if (!can_take_agent(h, e) || !agent_document(&text, &program, r, h, e) || !add_roots(p, r, h, e) || !add_role(p, r, h, "timestamp", e) ||
		!add_role(p, r, h, "snapshot", e) || !add_role(p, r, h, "targets", e) || !add_role(p, r, h, PROGRAM_ROLE, e))
		return false;
	cleanup(free_ptr) char *path = program_path(program.platform);
	add_paper(p, path, buf_str(&text));
	o->release = digest_of(buf_str(&text));
	struct hello near = *h;
	keep_agents(&near.bundles, r, h);
	bool good = choose_payload(f, o, r, &near, program.bundle.sha256, e);
	free(near.bundles.items);
	return good;
}

static bool load(struct flight *f, struct order *o, struct papers *p, const struct repository *r, const struct hello *h, struct err *e)
{
	switch (o->action) {
	case ORDER_UPDATE:
		return load_update(f, o, p, r, h, e);
	case ORDER_ACCESS:
		return load_access(p, r, h, e);
	case ORDER_AGENT:
		return load_agent(f, o, p, r, h, e);
	default:
		return true; /* the order says it all */
	}
}

bool flight_make(struct flight *out, const struct repository *r, const struct hello *hello, const struct flight_wish *wish, struct err *e)
{
	cleanup(flight_free) struct flight f = { .head = BUF_MAX(PAPERS_MAX), .payload = -1 };
	cleanup(papers_free) struct papers papers = { .text = BUF_MAX(PAPERS_MAX) };
	cleanup(buf_free) struct buf shared = BUF_MAX(PAPERS_MAX);
	cleanup(buf_free) struct buf squeezed = BUF_MAX(PAPERS_MAX);
	struct order o = {
		.action = (int)wish->action, .rollout = (char *)wish->rollout, .who = (char *)wish->who, .take = wish->take,
		.lease_ms = wish->lease_ms, .release = wish->release, .nonce = (char *)wish->nonce,
		.chain = wish->chain, .since = wish->since,
	};
	if (!load(&f, &o, &papers, r, hello, e))
		return false;
	if (papers.count) {
		shared_papers(&shared, r, hello);
		o.against = shared.len != 0;
		o.papers = (struct list){ papers.paper, papers.count };
		if (!buf_ok(&papers.text, e) || !squeeze_text(&squeezed, buf_str(&papers.text), buf_str(&shared), e))
			return false;
	}
	order_write(&f.head, &o);
	if (papers.count)
		frame_write(&f.head, FRAME_PAPERS, buf_str(&squeezed));
	if (!buf_ok(&f.head, e))
		return false;
	*out = f;
	f = (struct flight){ .payload = -1 };
	return true;
}

uint64_t flight_bytes(const struct flight *f)
{
	uint64_t left = f->payload < 0 ? 0 : f->length - f->at;
	return f->head.len + left + (left + PIECE_MAX - 1) / PIECE_MAX * FRAME_HEAD;
}

void flight_free(struct flight *f)
{
	buf_free(&f->head);
	fd_close(&f->payload);
}
