/* Can every host follow what lies in repository/, and for how long? Asked before anything is published, and by cron. Our own
 * client reads it from each root ever shipped: each is the anchor of some host. */
#pragma once

#include "fleetctl/fleet/fleet.h"
#include "fleetctl/repo/repository.h"

enum doctor_verdict { DOCTOR_WELL, DOCTOR_SOON, DOCTOR_BROKEN };
extern const char *const doctor_words[]; /* "well" "soon" "broken" */

enum { DOCTOR_DAYS = 14, DOCTOR_ONLINE_DAYS = 5 }; /* snapshot and timestamp are renewed with 7 left: below 5, refresh does not run */
struct doctor_wish {
	int64_t now;               /* unix seconds */
	int64_t days, online_days; /* fewer left is "soon"; the second of snapshot and timestamp */
};
struct doctor_role {
	char *role;
	uint64_t version;
	int64_t expires, days; /* unix seconds; whole days left, below 0: it has expired */
	enum doctor_verdict verdict;
};
struct doctor_trouble {
	enum doctor_verdict verdict; /* SOON or BROKEN */
	struct err why;
	const char *next; /* what to do about it */
};
enum { DOCTOR_TROUBLES_MAX = 64 }; /* there may be more then */
struct doctor_report {
	enum doctor_verdict verdict;   /* the worst of all */
	uint64_t anchors;              /* roots that a host could start from, and does */
	struct doctor_role *role;
	size_t roles;
	struct repository_facts facts; /* what is permitted, as far as it could be read */
	struct doctor_trouble *trouble;
	size_t troubles;
};
void doctor_repository(struct doctor_report *out, const struct repository *r, const struct doctor_wish *wish);
/* And does what the fleet's files say of places keep apart what hosts write and what they obey? */
void doctor_places(struct doctor_report *report, const struct fleet *f);
/* May it be shown to hosts? Else the first of what is broken, with what to do about it. That a role ends soon forbids nothing. */
must_check bool doctor_allows(const struct doctor_report *report, struct err *e);
void doctor_free(struct doctor_report *report);
