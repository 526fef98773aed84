/* What is held: the anchor, what the disk had, and what can be asked of it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "manifests/trust_state.h"

bool trust_new(struct trust **out, struct str anchor, struct trust_time now, struct err *e)
{
	cleanup(role_free) struct role root = {0};

	if (anchor.len > TRUST_ROOT_MAX)
		return err_set(e, ERR_LIMIT, "root: longer than %d bytes", TRUST_ROOT_MAX);
	if (!role_read(&root, ROLE_ROOT, anchor, e) || !role_signed_by(&root, &root.ring, &root.keys[ROLE_ROOT], e))
		return err_in(e, "root");
	struct trust *t = mem_new(1, sizeof *t);
	t->now = now;
	t->top[ROLE_ROOT] = root;
	root = (struct role){0};
	*out = t;
	return true;
}

void trust_free(struct trust **t)
{
	if (!*t)
		return;
	for (size_t i = 0; i < ROLE_KINDS; i++)
		role_free(&(*t)->top[i]);
	for (size_t i = 0; i < (*t)->parts; i++) {
		role_free(&(*t)->part[i]->role);
		free((*t)->part[i]);
	}
	free((*t)->part);
	seek_forget(&(*t)->seek);
	free_ptr(t);
}

/* The same checks as for a fetched one, or a root that was refused then would be believed now (CVE-2020-15163). */
static void hold_root(struct trust *t, struct role *root)
{
	struct role *now = &t->top[ROLE_ROOT];

	if (root->version != now->version + 1 || !role_signed_by(root, &now->ring, &now->keys[ROLE_ROOT], NULL) ||
		!role_signed_by(root, &root->ring, &root->keys[ROLE_ROOT], NULL))
		return;
	role_free(now);
	*now = *root;
	*root = (struct role){0};
}

static void hold_top(struct trust *t, struct role *r)
{
	const struct role *root = &t->top[ROLE_ROOT];

	if (!role_signed_by(r, &root->ring, &root->keys[r->kind], NULL))
		return;
	if (r->kind == ROLE_TIMESTAMP)
		t->signed_at = MAX(t->signed_at, role_signed_at(r));
	role_free(&t->top[r->kind]);
	t->top[r->kind] = *r;
	*r = (struct role){0};
}

void trust_hold(struct trust *t, const char *role, struct str bytes)
{
	static const uint64_t most[ROLE_KINDS] = {
		TRUST_ROOT_MAX, TRUST_TIMESTAMP_MAX, TRUST_SNAPSHOT_MAX, TRUST_TARGETS_MAX};
	cleanup(role_free) struct role r = {0};
	enum role_kind kind = ROLE_ROOT;

	while (kind < ROLE_TARGETS && strcmp(role, role_words[kind]) != 0)
		kind++;
	if (t->started || bytes.len > most[kind] || strlen(role) >= ROLE_NAME_SIZE || !role_read(&r, kind, bytes, NULL))
		return;
	if (kind == ROLE_ROOT)
		hold_root(t, &r);
	else if (strcmp(role, role_words[kind]) == 0)
		hold_top(t, &r);
	else
		seek_hold(t, role, &r);
}

struct part *trust_part(const struct trust *t, const char *name)
{
	for (size_t i = 0; i < t->parts; i++)
		if (strcmp(t->part[i]->name, name) == 0)
			return t->part[i];
	return NULL;
}

void trust_part_set(struct trust *t, const char *name, struct role *role)
{
	struct part *p = trust_part(t, name);

	if (!p) {
		p = mem_new(1, sizeof *p);
		snprintf(p->name, sizeof p->name, "%s", name);
		t->part = mem_grow(t->part, t->parts + 1, sizeof(struct part *));
		t->part[t->parts++] = p;
	}
	role_free(&p->role);
	p->role = *role;
	*role = (struct role){0};
}

const struct role *trust_role(const struct trust *t, const char *role)
{
	const struct part *p = trust_part(t, role);

	for (size_t i = 0; i < ROLE_KINDS; i++)
		if (strcmp(role, role_words[i]) == 0)
			return t->top[i].version ? &t->top[i] : NULL;
	return p && p->verified ? &p->role : NULL;
}

bool trust_holds(const struct trust *t, const char *role, struct str bytes)
{
	const struct role *r = trust_role(t, role);

	return r && str_eq(buf_str(&r->bytes), bytes);
}

uint64_t trust_version(const struct trust *t, const char *role)
{
	const struct role *r = trust_role(t, role);

	return r ? r->version : 0;
}

int64_t trust_expires(const struct trust *t, const char *role)
{
	const struct role *r = trust_role(t, role);

	return r ? r->expires : 0;
}

bool trust_consistent(const struct trust *t)
{
	return t->top[ROLE_ROOT].consistent;
}

int64_t trust_signed_at(const struct trust *t)
{
	return t->signed_at;
}

bool trust_stale(const struct trust *t)
{
	return t->stale.code != ERR_NONE;
}

static bool is_plain(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
	       c == '-' || c == '~';
}

void trust_role_file(char out[512], const char *role, uint64_t version)
{
	cleanup(buf_free) struct buf text = BUF_MAX(511);

	if (version)
		buf_form(&text, "%llu.", (unsigned long long)version);
	for (const char *c = role; *c; c++) {
		char hex[3];
		hex_write(hex, c, 1);
		if (is_plain(*c))
			buf_byte(&text, *c);
		else /* RFC 3986, 2.1: upper case */
			buf_form(&text, "%%%c%c", hex[0] >= 'a' ? hex[0] - 32 : hex[0],
				hex[1] >= 'a' ? hex[1] - 32 : hex[1]);
	}
	buf_text(&text, ".json");
	snprintf(out, 512, "%s", buf_str(&text).data);
}

void trust_want_file(char out[512], const struct trust *t, const struct trust_want *want)
{
	(void)t;
	trust_role_file(out, want->role, want->version);
}

bool trust_target_check(const struct trust_target *want, struct str bytes, struct err *e)
{
	struct role_file f = {
		.has_length = true,
		.length = want->length,
		.has_hashes = true,
		.has_sha256 = want->has_sha256,
		.has_sha512 = want->has_sha512,
		.sha256 = want->sha256,
	};

	memcpy(f.sha512, want->sha512, sizeof f.sha512);
	return role_file_check(&f, bytes, e);
}
