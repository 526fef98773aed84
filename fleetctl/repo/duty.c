/* Four kinds of role, one row each. */
#include "fleetctl/repo/duty.h"

#include <fnmatch.h>

#include "base/fs.h"
#include "base/name.h"

static const char rollout_front[] = "rollout-";

static const struct row {
	const char *name, *word;
	const char *path[DUTY_PATHS]; /* of the plan, or of the role's name */
	const char *door;
} rows[] = {
	[DUTY_PLAN] = {NULL, "plans", {"%s/*", "%s/*/*"}, "%s/manifest.json"},
	[DUTY_ROLLOUT] = {NULL, "rollouts", {"%s/rollout.json"}, "%s/rollout.json"},
	[DUTY_FLEET] = {"fleet", "fleet", {"%s/*"}, "%s/access.json"},
	[DUTY_AGENT] = {"agent", "agent", {"%s/*"}, "%s/agent"},
};

enum duty duty_of(const char *role)
{
	for (enum duty d = DUTY_FLEET; d <= DUTY_AGENT; d++)
		if (strcmp(role, rows[d].name) == 0)
			return d;
	if (name_check_plan(str_of(role), NULL))
		return DUTY_PLAN;
	if (str_starts(str_of(role), rollout_front) &&
		name_check_plan(str_of(role + sizeof rollout_front - 1), NULL))
		return DUTY_ROLLOUT;
	return DUTY_NONE;
}

const char *duty_word(enum duty duty)
{
	return rows[duty].word;
}

const char *duty_plan(const char *role)
{
	switch (duty_of(role)) {
	case DUTY_PLAN: return role;
	case DUTY_ROLLOUT: return role + sizeof rollout_front - 1;
	default: return NULL;
	}
}

static char *fill(const char *form, const char *role)
{
	const char *plan = duty_plan(role), *name = plan ? plan : role, *hole = strstr(form, "%s");

	return path_form("%.*s%s%s", (int)(hole - form), form, name, hole + strlen("%s"));
}

size_t duty_paths(char *out[DUTY_PATHS], const char *role)
{
	const struct row *row = &rows[duty_of(role)];
	size_t count = 0;

	while (count < DUTY_PATHS && row->path[count]) {
		out[count] = fill(row->path[count], role);
		count++;
	}
	return count;
}

bool duty_has(const char *role, const char *path)
{
	char *pattern[DUTY_PATHS];
	size_t count = duty_paths(pattern, role);
	bool has = false;

	for (size_t i = 0; i < count; i++) {
		has = has || fnmatch(pattern[i], path, FNM_PATHNAME | FNM_NOESCAPE) == 0;
		free_ptr(&pattern[i]);
	}
	return has;
}

char *duty_door(const char *role)
{
	return fill(rows[duty_of(role)].door, role);
}
