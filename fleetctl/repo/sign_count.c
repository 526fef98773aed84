/* Which version comes next. A thief of the online keys may have counted so far up that nothing of ours would ever be newer;
 * hosts forget what they hold of timestamp and snapshot when a root replaces these keys (TUF 5.3.11), so then counting
 * starts anew. */
#include "base/fs.h"
#include "fleetctl/repo/sign_state.h"

/* A signature a second for a hundred years: whoever is above has not counted. */
#define COUNT_MAX ((uint64_t)1 << 32)

static doc *root_keyids(const doc *root, size_t role)
{
	static const char *const name[] = {[SIGN_SNAPSHOT] = "snapshot", [SIGN_TIMESTAMP] = "timestamp"};

	return doc_get(doc_get(doc_get(root, "roles"), name[role]), "keyids");
}

bool count_online_changed(const struct sign *s)
{
	const struct sign_role *root = &s->role[SIGN_ROOT];

	for (size_t i = SIGN_SNAPSHOT; root->before && i <= SIGN_TIMESTAMP; i++)
		if (!doc_equal(root_keyids(root->before, i), root_keyids(sign_body(root), i)))
			return true;
	return false;
}

static bool any_left(const doc *old, const doc *new)
{
	for (size_t i = 0; i < doc_count(old); i++)
		for (size_t j = 0; j < doc_count(new); j++)
			if (str_eq(doc_str(doc_at(old, i)), doc_str(doc_at(new, j))))
				return true;
	return false;
}

/* None of the keys before signs on. */
static bool online_replaced(const struct sign *s)
{
	const struct sign_role *root = &s->role[SIGN_ROOT];

	for (size_t i = SIGN_SNAPSHOT; i <= SIGN_TIMESTAMP; i++)
		if (any_left(root_keyids(root->before, i), root_keyids(sign_body(root), i)))
			return false;
	return true;
}

bool count_check(const struct sign *s, struct err *e)
{
	for (size_t i = SIGN_TARGETS; i < s->roles; i++)
		if (s->role[i].old >= COUNT_MAX && !online_replaced(s))
			return err_set(e, ERR_SIGNATURE,
				"%s stands at version %llu, which nobody can have counted to: somebody else has signed "
				"with its keys. Give timestamp and snapshot new keys in keys.yaml (and %s too), then sign: "
				"counting starts anew",
				s->role[i].name, (unsigned long long)s->role[i].old, s->role[i].name);
	return true;
}

/* "7.plan-D.json" of plan-D: 7. */
static uint64_t number_of(const char *file, const char *role)
{
	struct str rest, front = str_cut(str_of(file), '.', &rest);
	cleanup(free_ptr) char *back = path_form("%s.json", role);
	uint64_t n;

	return str_is(rest, back) && str_number(&n, front, COUNT_MAX - 1) ? n : 0;
}

uint64_t count_next(const struct sign *s, const struct sign_role *r)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	uint64_t highest = 0;

	if (r->old < COUNT_MAX)
		return r->old + 1;
	if (!fs_names(&names, s->at.at, "metadata", NULL)) /* then none of them will be in the way */
		return 1;
	for (size_t i = 0; i < names.count; i++)
		highest = MAX(highest, number_of(names.name[i], r->name));
	return highest + 1;
}
