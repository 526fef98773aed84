/* What a role that targets delegates to is for: told by its name. Design, section 3.
 *
 *   role           signs                                keys.yaml's word for all of the kind
 *   PLAN           PLAN/manifest.json, PLAN/releases/N  plans
 *   rollout-PLAN   PLAN/rollout.json                    rollouts
 *   fleet          fleet/...                            fleet
 *   agent          agent/...                            agent */
#pragma once

#include "base/str.h"

enum duty { DUTY_NONE, DUTY_PLAN, DUTY_ROLLOUT, DUTY_FLEET, DUTY_AGENT }; /* NONE: not ours, left as it is */
enum { DUTY_PATHS = 2 };

enum duty duty_of(const char *role);
const char *duty_word(enum duty duty); /* "plans"; NULL of NONE */
const char *duty_plan(const char *role); /* whose plan a plan's or rollout's role is for; NULL: of none */
/* The patterns of its delegation; the caller frees each. */
size_t duty_paths(char *out[DUTY_PATHS], const char *role);
bool duty_has(const char *role, const char *path); /* does one of them lead there? */
/* A path that leads to the role and to none else, whether or not there is such a target; the caller frees. */
char *duty_door(const char *role);
