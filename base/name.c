/* Which names we handle: written once, for the signer and the verifier. */
#include "base/name.h"

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool only(struct str s, const char *marks)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.data[i]) && (s.data[i] == 0 || !strchr(marks, s.data[i])))
			return false;
	return true;
}

static bool same_in_any_case(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	return true;
}

bool name_check(struct str name, struct err *e)
{
	if (name.len == 0)
		return err_set(e, ERR_UNSAFE, "a name must not be empty");
	if (name.len > NAME_LEN_MAX)
		return err_set(
			e, ERR_UNSAFE, "name '%.*s...' is longer than %d bytes", NAME_LEN_MAX, name.data, NAME_LEN_MAX);
	if (name.data[0] == '-' || name.data[0] == '.')
		return err_set(
			e, ERR_UNSAFE, "name '" STR_FMT "' must not begin with '%c'", STR_ARG(name), name.data[0]);
	if (!only(name, "._-"))
		return err_set(e, ERR_UNSAFE, "name '" STR_FMT "' may hold only A-Z a-z 0-9 . _ -", STR_ARG(name));
	return true;
}

/* In any case: on a disk that does not tell case apart, Root.json would stand in for root.json. */
bool name_check_plan(struct str name, struct err *e)
{
	static const char *const taken[] = {"root", "targets", "snapshot", "timestamp", "mirrors", "agent", "fleet"};
	const struct str rollout = STR("rollout-");

	if (!name_check(name, e))
		return false;
	for (size_t i = 0; i < COUNT_OF(taken); i++)
		if (same_in_any_case(name, str_of(taken[i])))
			return err_set(e, ERR_UNSAFE, "a plan cannot be named '" STR_FMT "': that is a role's name",
				STR_ARG(name));
	if (same_in_any_case(str_bytes(name.data, MIN(name.len, rollout.len)), rollout))
		return err_set(e, ERR_UNSAFE, "a plan cannot be named '" STR_FMT "': rollout-PLAN are roles' names",
			STR_ARG(name));
	return true;
}

static bool check_part(struct str part, struct str path, struct err *e)
{
	if (part.len == 0)
		return err_set(
			e, ERR_UNSAFE, "path '" STR_FMT "' must be relative, without an empty part", STR_ARG(path));
	if (str_is(part, ".") || str_is(part, ".."))
		return err_set(e, ERR_UNSAFE, "path '" STR_FMT "' must not hold '.' or '..'", STR_ARG(path));
	if (!only(part, "._+@-"))
		return err_set(
			e, ERR_UNSAFE, "path '" STR_FMT "' may hold only A-Z a-z 0-9 . _ + @ - and '/'", STR_ARG(path));
	return true;
}

bool name_check_path(struct str path, struct err *e)
{
	size_t slashes = 0;

	if (path.len == 0)
		return err_set(e, ERR_UNSAFE, "a path must not be empty");
	if (path.len > PATH_LEN_MAX)
		return err_set(
			e, ERR_UNSAFE, "path '%.*s...' is longer than %d bytes", PATH_LEN_MAX, path.data, PATH_LEN_MAX);
	for (size_t i = 0, from = 0; i <= path.len; i++) {
		if (i < path.len && path.data[i] != '/')
			continue;
		if (!check_part(str_bytes(path.data + from, i - from), path, e))
			return false;
		slashes += i < path.len;
		from = i + 1;
	}
	if (slashes >= PATH_DEPTH_MAX)
		return err_set(
			e, ERR_UNSAFE, "path '" STR_FMT "' is deeper than %d parts", STR_ARG(path), PATH_DEPTH_MAX);
	return true;
}

bool name_same_but_case(struct str a, struct str b)
{
	return same_in_any_case(a, b) && !str_eq(a, b);
}
