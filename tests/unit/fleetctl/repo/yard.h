/* A fleet's folder in /tmp with keys, plans and bundles, for tests of signing and of the repository. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "fleetctl/repo/keyset.h"
#include "fleetctl/repo/sign.h"

enum { YARD_NOW = 1800000000, YARD_DAY = 86400, YARD_RELEASES = 8, YARD_DOCUMENTS = 8 };

struct yard {
	char top[64];
	char *fleet, *keys;
	struct manifest manifest[YARD_RELEASES];
	char *tar[YARD_RELEASES];
	size_t releases;
	struct sign_document document[YARD_DOCUMENTS]; /* of the next signing; borrowed */
	size_t documents;
	int64_t now, kept;
	bool refresh, online, all_keys_count;
	struct err why;
	struct buf words;
	char digest[SIGN_DIGEST_SIZE];
};

#define YARD_PLAN                                                                                                              \
	"plan: %s\nscripts: [common]\n"                                                                                        \
	"probes:\n  - {name: dns, run: probes/dns.sh, args: [%s], every: 60s, timeout: 20s}\n"                                 \
	"checks:\n  - {name: alive, class: work}\n"

static inline void yard_key(struct yard *y, const char *name, const char *roles)
{
	struct public_key key = {0};
	const char *role[8];
	size_t count = 0;
	char *text = str_dup(str_of(roles)), *save = NULL;

	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		role[count++] = w;
	if (!signer_make(&key, y->keys, name, STR(""), true, &y->why) ||
		!keyset_add(y->fleet, name, role, count, &key, &y->why))
		fail_msg("%s", y->why.text);
	public_free(&key);
	free(text);
}

static inline void yard_make(struct yard *y)
{
	*y = (struct yard){.top = "/tmp/fleet-yard-XXXXXX", .now = YARD_NOW};
	assert_non_null(mkdtemp(y->top));
	y->fleet = path_form("%s/fleet", y->top);
	y->keys = path_form("%s/keys", y->top);
	assert_true(fs_mkdir(AT_FDCWD, y->fleet, 0755, NULL));
}

static inline void yard_keys(struct yard *y)
{
	yard_key(y, "ann", "root targets");
	yard_key(y, "online", "snapshot timestamp");
	yard_key(y, "owner", "plans");
}

/* Nothing is to be signed anew. */
static inline void yard_forget(struct yard *y)
{
	for (size_t i = 0; i < y->releases; i++) {
		manifest_free(&y->manifest[i]);
		free_ptr(&y->tar[i]);
	}
	y->releases = y->documents = 0;
}

static inline void yard_free(struct yard *y)
{
	(void)!fs_remove_tree(AT_FDCWD, y->top, NULL);
	yard_forget(y);
	free_ptr(&y->fleet);
	free_ptr(&y->keys);
	buf_free(&y->words);
}

/* The plan with that argument of its probe, and a bundle of these bytes. */
static inline void yard_release(struct yard *y, const char *plan, const char *arg, struct str bundle)
{
	struct manifest m = {.format = 1, .bundle = {digest_of(bundle), (int64_t)bundle.len}};
	char file[100], yaml[1000];
	size_t at = 0;

	snprintf(file, sizeof file, "plans/%s.yaml", plan);
	snprintf(yaml, sizeof yaml, YARD_PLAN, plan, arg);
	if (!plan_read(&m.plan, str_of(yaml), file, &y->why))
		fail_msg("%s", y->why.text);
	while (at < y->releases && strcmp(y->manifest[at].plan.plan, plan) != 0)
		at++;
	assert_true(at < YARD_RELEASES);
	if (at == y->releases) {
		y->releases++;
		y->tar[at] = path_form("%s/%s.tar", y->top, plan);
	} else {
		manifest_free(&y->manifest[at]);
	}
	y->manifest[at] = m;
	assert_true(fs_write(AT_FDCWD, y->tar[at], bundle, 0644, NULL));
}

static inline void yard_document(struct yard *y, const char *role, const char *path, const char *text)
{
	assert_true(y->documents < YARD_DOCUMENTS);
	y->document[y->documents++] = (struct sign_document){role, path, str_of(text)};
}

enum yard_way { YARD_LOOK, YARD_SIGN };

/* As `fleetctl sign`: NONE when it was signed, or when there was nothing to sign (words say so). */
static inline enum err_code yard_go(struct yard *y, enum yard_way way)
{
	struct sign_release release[YARD_RELEASES];
	struct sign_document document[YARD_DOCUMENTS];
	struct sign_job job = {.fleet_dir = y->fleet, .release = release, .releases = y->releases, .now = y->now,
		.refresh = y->refresh, .document = document, .documents = y->documents, .kept = y->kept,
		.online = y->online};
	struct signers signers = {0};
	struct sign *s = NULL;

	y->why = (struct err){0};
	buf_clear(&y->words);
	for (size_t i = 0; i < y->releases; i++)
		release[i] = (struct sign_release){&y->manifest[i], y->tar[i]};
	memcpy(document, y->document, sizeof document);
	bool good = signers_open(&signers, y->keys, "", NULL, NULL, &y->why) && sign_compute(&s, &job, y->all_keys_count ? NULL : &signers, &y->why);
	memset(release, 0, sizeof release); /* the arrays themselves may go */
	memset(document, 0, sizeof document);
	if (good) {
		sign_words(&y->words, s);
		sign_digest(y->digest, s);
	}
	if (good && way == YARD_SIGN && !sign_nothing(s))
		good = sign_write(s, &signers, &y->why);
	sign_free(&s);
	signers_free(&signers);
	return good ? ERR_NONE : y->why.code;
}

static inline void yard_sign(struct yard *y)
{
	if (yard_go(y, YARD_SIGN) != ERR_NONE)
		fail_msg("%s", y->why.text);
}

static inline bool yard_says(const struct yard *y, const char *words)
{
	return strstr(buf_str(&y->words).data, words) != NULL;
}

static inline enum err_code yard_verify(struct yard *y, struct repository_facts *facts)
{
	struct repository r = {0};
	struct repository_facts f = {0};

	y->why = (struct err){0};
	bool good = repository_open(&r, y->fleet, &y->why) &&
		    repository_verify(&f, &r, (struct trust_time){y->now, true}, &y->why);
	repository_free(&r);
	if (good && facts)
		*facts = f;
	else
		repository_facts_free(&f);
	return good ? ERR_NONE : y->why.code;
}

static inline void yard_read(struct yard *y, struct buf *out, const char *file)
{
	char *path = path_form("%s/%s", y->fleet, file);

	buf_free(out);
	if (!fs_read(out, AT_FDCWD, path, &y->why))
		fail_msg("%s", y->why.text);
	free(path);
}

static inline void yard_write(struct yard *y, const char *file, struct str bytes)
{
	char *path = path_form("%s/%s", y->fleet, file);

	if (!fs_write(AT_FDCWD, path, bytes, 0644, &y->why))
		fail_msg("%s", y->why.text);
	free(path);
}

static inline bool yard_has(struct yard *y, const char *file)
{
	char *path = path_form("%s/%s", y->fleet, file);
	bool there = fs_exists(AT_FDCWD, path);

	free(path);
	return there;
}

static inline uint64_t yard_version(struct yard *y, const char *role)
{
	struct repository r = {0};
	uint64_t n = 0;

	if (repository_open(&r, y->fleet, NULL) && !repository_version(&n, &r, role, NULL))
		n = UINT64_MAX;
	repository_free(&r);
	return n;
}

/* One text for another in a file: the first that is found. */
static inline void yard_mend(struct yard *y, const char *file, const char *from, const char *to)
{
	struct buf text = {0}, out = {0};

	yard_read(y, &text, file);
	char *at = strstr(buf_str(&text).data, from);
	assert_non_null(at);
	buf_add(&out, str_bytes(text.data, (size_t)(at - text.data)));
	buf_text(&out, to);
	buf_text(&out, at + strlen(from));
	yard_write(y, file, buf_str(&out));
	buf_free(&text);
	buf_free(&out);
}
