/* An agent among the yard's documents: its bundle lies in the repository, what is signed of it is given to the next signing. */
#pragma once

#include "manifests/program.h"
#include "tests/unit/fleetctl/repo/yard.h"

struct yard_agent {
	char *path;
	struct buf text;
	struct digest bundle;
};

static inline void yard_agent_free(struct yard_agent *a)
{
	free_ptr(&a->path);
	buf_free(&a->text);
}

static inline void yard_bundle(struct yard *y, struct str bundle)
{
	struct repository r = {0};
	char *tar = path_form("%s/agent.tar", y->top);

	if (!fs_write(AT_FDCWD, tar, bundle, 0644, &y->why) || !repository_make(&r, y->fleet, &y->why) ||
		!repository_put_bundle(&r, digest_of(bundle), bundle.len, tar, &y->why))
		fail_msg("%s", y->why.text);
	repository_free(&r);
	free(tar);
}

/* In place of all other documents; signed under the path of `at`, for `platform`: usually the same. */
static inline void yard_agent_at(struct yard *y, struct yard_agent *a, const char *at, const char *platform, const char *version, struct str bundle)
{
	struct program p = {.platform = (char *)platform, .version = (char *)version, .bundle = {digest_of(bundle), (int64_t)bundle.len}};

	yard_agent_free(a);
	yard_bundle(y, bundle);
	program_write(&a->text, &p);
	a->path = program_path(at);
	a->bundle = p.bundle.sha256;
	y->documents = 0;
	y->document[y->documents++] = (struct sign_document){PROGRAM_ROLE, a->path, buf_str(&a->text)};
}

static inline void yard_agent_one(struct yard *y, struct yard_agent *a, const char *platform, const char *version, struct str bundle)
{
	yard_agent_at(y, a, platform, platform, version, bundle);
}
