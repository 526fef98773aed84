/* A target through the delegations, TUF 5.6.7: pre-order, depth first, the delegator's order; `terminating` ends it. */
#include <stdio.h>
#include <stdlib.h>

#include "manifests/trust_state.h"

static bool signed_by_link(const struct role *r, const struct visit *by, struct err *e)
{
	return role_signed_by(r, &by->from->ring, &by->from->link[by->link].keys, e);
}

/* Held ones are verified at once where we know who delegates, so that their versions can be told. */
void seek_hold(struct trust *t, const char *name, struct role *role)
{
	trust_part_set(t, name, role);
	struct part *p = trust_part(t, name);
	p->verified = false;
	for (size_t at = 0; at <= t->parts; at++) {
		const struct role *from = at == t->parts ? &t->top[ROLE_TARGETS] : &t->part[at]->role;
		if (at < t->parts && (!t->part[at]->verified || t->part[at] == p))
			continue;
		for (size_t i = 0; i < from->links && !p->verified; i++)
			p->verified =
				role_names(from, i, name) && signed_by_link(&p->role, &(struct visit){from, i}, NULL);
	}
}

void seek_forget(struct seek *s)
{
	free_ptr(&s->path);
	free_ptr(&s->todo);
	*s = (struct seek){.number = s->number};
}

static void found(struct trust *t, const char *role, const struct role_file *f)
{
	struct trust_target *to = &t->seek.target;

	*to = (struct trust_target){
		.length = f->length,
		.has_sha256 = f->has_sha256,
		.has_sha512 = f->has_sha512,
		.sha256 = f->sha256,
	};
	memcpy(to->sha512, f->sha512, sizeof to->sha512);
	snprintf(to->role, sizeof to->role, "%s", role);
	t->seek.found = true;
	t->seek.count = 0;
}

/* Those that lead to the path go on the stack, the first on top. A terminating one ends the list, and all that was
 * still to be visited elsewhere (CVE-2025-2886). */
static void push_links(struct seek *s, const struct role *from)
{
	char name[ROLE_NAME_SIZE];
	size_t start = s->count;

	for (size_t i = 0; i < from->links; i++) {
		if (!role_leads(from, i, s->path, name))
			continue;
		s->todo = mem_grow(s->todo, s->count + 1, sizeof *s->todo);
		s->todo[s->count++] = (struct visit){from, i};
		if (!from->link[i].terminating)
			continue;
		memmove(s->todo, s->todo + start, (s->count - start) * sizeof *s->todo);
		s->count -= start;
		start = 0;
		break;
	}
	for (size_t a = start, b = s->count; a + 1 < b; a++, b--) {
		struct visit swap = s->todo[a];
		s->todo[a] = s->todo[b - 1];
		s->todo[b - 1] = swap;
	}
}

static void visit(struct trust *t, const char *name, const struct role *r)
{
	struct role_file f;

	if (role_target(r, t->seek.path, &f))
		found(t, name, &f);
	else
		push_links(&t->seek, r);
}

void trust_seek(struct trust *t, const char *path)
{
	struct seek *s = &t->seek;

	seek_forget(s);
	s->path = str_dup(str_of(path));
	s->number++;
}

/* Is the held one what the snapshot lists, and signed by this delegator's keys? One that was given in this session and
 * fits the snapshot, but not the delegator, is refused: asking again would bring the same. */
static enum trust_say use_part(struct trust *t, struct part *p, const struct role_file *listed, struct err *e)
{
	struct err why = {0};

	if (!p->role.version || !trust_fits(&p->role, listed, &why) || !role_is_of(&p->role, p->name))
		return TRUST_WANTS;
	p->verified = signed_by_link(&p->role, &t->seek.by, &why);
	if (!p->verified && !p->given)
		return TRUST_WANTS;
	if (!p->verified || !trust_fresh(t, &p->role, p->name, &why)) {
		if (!p->verified)
			err_in(&why, "%s", p->name);
		*e = why;
		return TRUST_FAILED;
	}
	p->seen_in = t->seek.number;
	t->seek.wants = NULL;
	visit(t, p->name, &p->role);
	return TRUST_DONE;
}

static bool next_part(struct trust *t)
{
	struct seek *s = &t->seek;
	char name[ROLE_NAME_SIZE];

	while (s->count && s->visited < TRUST_ROLES_MAX) {
		struct visit by = s->todo[--s->count];
		if (!role_leads(by.from, by.link, s->path, name))
			continue;
		if (!trust_part(t, name))
			trust_part_set(t, name, &(struct role){0});
		struct part *p = trust_part(t, name);
		if (p->seen_in == s->number) /* 5.6.7.1: cycles */
			continue;
		s->visited++;
		s->wants = p;
		s->by = by;
		return true;
	}
	return false;
}

/* With an unsure clock, what has expired blocks only where nothing newer came. */
static enum trust_say seek_done(struct trust *t, struct err *e)
{
	t->seek.wants = NULL;
	if (!t->seek.found || t->newer || t->stale.code == ERR_NONE)
		return TRUST_DONE;
	*e = t->stale;
	return TRUST_FAILED;
}

enum trust_say seek_next(struct trust *t, struct trust_want *want, struct err *e)
{
	struct seek *s = &t->seek;

	if (!s->begun)
		visit(t, role_words[ROLE_TARGETS], &t->top[ROLE_TARGETS]);
	s->begun = true;
	while (!s->found && (s->wants || next_part(t))) {
		struct part *p = s->wants;
		struct role_file listed;
		if (!role_meta(&t->top[ROLE_SNAPSHOT], p->name, &listed)) {
			err_set(e, ERR_MISSING, "%s: the snapshot does not list it", p->name);
			return TRUST_FAILED;
		}
		enum trust_say say = use_part(t, p, &listed, e);
		if (say == TRUST_FAILED)
			return say;
		if (say == TRUST_DONE)
			continue;
		struct trust_want w = {
			.what = TRUST_DELEGATED,
			.version = trust_consistent(t) ? listed.version : 0,
			.max = trust_limit(&listed, TRUST_TARGETS_MAX),
		};
		snprintf(w.role, sizeof w.role, "%s", p->name);
		*want = w;
		return TRUST_WANTS;
	}
	return seek_done(t, e);
}

bool seek_give(struct trust *t, struct str bytes, struct trust_keep *keep, struct err *e)
{
	struct part *p = t->seek.wants;
	cleanup(role_free) struct role r = {0};
	struct role_file listed;

	if (!role_meta(&t->top[ROLE_SNAPSHOT], p->name, &listed))
		return err_set(e, ERR_MISSING, "the snapshot does not list it");
	if (bytes.len > trust_limit(&listed, TRUST_TARGETS_MAX))
		return err_set(e, ERR_LIMIT, "longer than %llu bytes",
			(unsigned long long)trust_limit(&listed, TRUST_TARGETS_MAX));
	if (!role_file_check(&listed, bytes, e) || !role_read(&r, ROLE_TARGETS, bytes, e) ||
		!signed_by_link(&r, &t->seek.by, e) || !trust_fits(&r, &listed, e) || !trust_fresh(t, &r, p->name, e))
		return false;
	if (!role_is_of(&r, p->name))
		return err_set(e, ERR_FOREIGN, "it was signed as the role of another plan");
	snprintf(keep->role, sizeof keep->role, "%s", p->name);
	keep->version = r.version;
	t->newer = t->newer || r.version > p->role.version;
	trust_part_set(t, p->name, &r);
	p->given = true;
	return true;
}

bool trust_found(const struct trust *t, struct trust_target *out)
{
	if (t->step != STEP_READY || !t->seek.found || t->seek.failed.code != ERR_NONE)
		return false;
	*out = t->seek.target;
	return true;
}
