/* The documents of trust that an order brings. */
#include "agent/receive/papers.h"

#include <stdio.h>

#include "agent/store/release.h"
#include "agent/take/obey.h"
#include "bundles/squeeze.h"

enum { NAME_ROOM = 192 };

bool papers_prefix(struct buf *out, const struct store *s, const char *plan, struct err *e)
{
	struct digest current;

	if (!trustdir_add(out, s, "snapshot", e) || !trustdir_add(out, s, plan, e))
		return false;
	return release_current(&current, s, e) && release_manifest(out, s, current, e);
}

/* --- what was sent --- */

static bool check_sum(const struct order *o, size_t *sum, struct err *e)
{
	const struct paper *paper = o->papers.items;

	*sum = 0;
	for (size_t i = 0; i < o->papers.count; i++) {
		*sum += (size_t)paper[i].length;
		if (*sum > PAPERS_MAX_BYTES)
			return err_set(e, ERR_LIMIT, "papers: more than %d bytes", PAPERS_MAX_BYTES);
	}
	return true;
}

static bool check_digests(const struct order *o, struct str text, struct err *e)
{
	const struct paper *paper = o->papers.items;

	for (size_t i = 0; i < o->papers.count; i++) {
		size_t length = (size_t)paper[i].length;
		if (!digest_eq(digest_of(str_bytes(text.data, length)), paper[i].sha256))
			return err_set(e, ERR_DIGEST, "papers: %s is not what the order says", paper[i].name);
		text = str_bytes(text.data + length, text.len - length);
	}
	return true;
}

bool papers_read(struct papers *p, struct str squeezed, struct err *e)
{
	cleanup(buf_free) struct buf prefix = BUF_MAX(PAPERS_MAX_BYTES);
	cleanup(buf_free) struct buf text = {0};
	size_t sum;

	if (!check_sum(p->order, &sum, e))
		return false;
	if (p->order->against && !papers_prefix(&prefix, p->store, p->plan, e))
		return false;
	text.max = sum + 1;
	if (sum && !squeeze_text_expand(&text, squeezed, buf_str(&prefix), sum, e))
		return err_in(e, "papers");
	if (text.len != sum)
		return err_set(e, ERR_DIGEST, "papers: %zu bytes, the order says %zu", text.len, sum);
	if (!check_digests(p->order, buf_str(&text), e))
		return false;
	p->text = text;
	text = (struct buf){0};
	return true;
}

struct str papers_find(const struct papers *p, const char *name)
{
	const struct paper *paper = p->order->papers.items;
	const char *at = p->text.data;

	for (size_t i = 0; i < p->order->papers.count; at += paper[i++].length)
		if (strcmp(paper[i].name, name) == 0)
			return str_bytes(at, (size_t)paper[i].length);
	return (struct str){0};
}

void papers_free(struct papers *p)
{
	buf_free(&p->text);
}

/* --- what trust says --- */

/* What was not sent is what we hold already: the controller knows our versions. */
static bool bring(struct buf *out, bool *absent, void *ctx, const struct trust_want *want, struct err *e)
{
	const struct papers *p = ctx;
	char name[NAME_ROOM];

	if (want->what == TRUST_ROOT)
		snprintf(name, sizeof name, "%llu.root", (unsigned long long)want->version);
	else
		snprintf(name, sizeof name, "%s", want->role);
	struct str bytes = papers_find(p, name);
	if (bytes.len > want->max)
		return err_set(e, ERR_LIMIT, "%s: more than %llu bytes", name, (unsigned long long)want->max);
	if (bytes.data)
		buf_add(out, bytes);
	else if (want->what != TRUST_ROOT && !trustdir_add(out, p->store, want->role, e))
		return false;
	*absent = !bytes.data && !out->len;
	return buf_ok(out, e);
}

static struct obey obey_of(const struct papers *p)
{
	return (struct obey){.store = p->store, .bring = bring, .ctx = (void *)p};
}

bool papers_obey(struct trust *t, const struct papers *p, struct err *e)
{
	struct obey o = obey_of(p);

	return obey_refresh(t, &o, e);
}

static bool take_bytes(struct buf *out, const struct papers *p, struct err *e)
{
	struct str sent = papers_find(p, "manifest");

	if (!sent.data)
		return release_manifest(out, p->store, p->order->release, e) ||
		       err_in(e, "the manifest was not sent, and is not here");
	if (!digest_eq(manifest_id(sent), p->order->release))
		return err_set(e, ERR_DIGEST, "the manifest sent is not the release of the order");
	buf_add(out, sent);
	return buf_ok(out, e);
}

bool papers_permit(struct permitted *out, struct trust *t, const struct papers *p, int64_t number, struct err *e)
{
	cleanup(permitted_free) struct permitted m = {.bytes = BUF_MAX(MANIFEST_MAX)};
	struct obey o = obey_of(p);

	if (!take_bytes(&m.bytes, p, e) || !manifest_read(&m.manifest, buf_str(&m.bytes), "manifest", e))
		return false;
	if (strcmp(m.manifest.plan.plan, p->plan) != 0)
		return err_set(
			e, ERR_FOREIGN, "the release is for plan %s, this host has %s", m.manifest.plan.plan, p->plan);
	if (m.manifest.number == 0)
		return err_set(
			e, ERR_REFUSED, "number 0 is the baseline of an enrolment; it is not taken from outside");
	if (!obey_permits(t, &m.manifest, buf_str(&m.bytes), number, &o, e))
		return false;
	m.stale = trust_stale(t);
	*out = m;
	m = (struct permitted){0};
	return true;
}

void permitted_free(struct permitted *p)
{
	buf_free(&p->bytes);
	manifest_free(&p->manifest);
}

/* --- who may come in --- */

static bool bring_document(struct buf *out, void *ctx, const char *path, const struct trust_target *t, struct err *e)
{
	struct str sent = papers_find(ctx, path);

	(void)t;
	buf_add(out, sent);
	return buf_ok(out, e);
}

bool papers_access(struct access_set *out, bool *same, struct trust *t, const struct papers *p, struct err *e)
{
	struct obey o = obey_of(p);
	struct take_documents with = {.obey = &o, .bring = bring_document, .ctx = (void *)p};

	return take_access(out, same, t, &with, e);
}

bool papers_program(struct program *out, struct buf *document, struct trust *t, const struct papers *p, struct err *e)
{
	struct obey o = obey_of(p);
	struct take_documents with = {.obey = &o, .bring = bring_document, .ctx = (void *)p};

	return take_program(out, document, t, &with, e);
}
