/* Every root as an anchor, every role with its days, every manifest to its bundle. What is wrong is listed, not only the first. */
#include "fleetctl/repo/doctor.h"

#include "base/clock.h"
#include "fleetctl/repo/apart.h"
#include "manifests/role.h"

enum { DAY_S = 86400 };
const char *const doctor_words[] = {"well", "soon", "broken", NULL};

/* --- what to do --- */

static const char sign[] = "fleetctl sign", refresh[] = "fleetctl refresh";
static const char restore[] = "git checkout repository/ gives back what was signed; then fleetctl doctor";
static const char places[] = "mend fleet.yaml or sources.yaml; then fleetctl doctor";
static const char lost[] = "git checkout repository/ gives back what was signed; what git has deleted, and hosts need every root, "
			   "git log --diff-filter=D -- repository/metadata finds";

static const char *next_for(enum err_code code)
{
	return code == ERR_EXPIRED ? sign : restore;
}

static void trouble(struct doctor_report *d, enum doctor_verdict verdict, const struct err *why, const char *next)
{
	d->verdict = MAX(d->verdict, verdict);
	if (d->troubles == DOCTOR_TROUBLES_MAX)
		return;
	d->trouble = mem_grow(d->trouble, d->troubles + 1, sizeof *d->trouble);
	d->trouble[d->troubles++] = (struct doctor_trouble){verdict, *why, next};
}

static void broken(struct doctor_report *d, const struct err *why)
{
	trouble(d, DOCTOR_BROKEN, why, next_for(why->code));
}

/* --- the roots --- */

/* Dates are looked at apart: an expired role must not hide what else is wrong. */
static const struct trust_time never = {0, true};

static bool try_anchor(struct doctor_report *d, const struct repository *r, uint64_t anchor, uint64_t newest)
{
	struct trust *t = NULL;
	struct err why = {0};
	bool good = repository_trust_from(&t, r, anchor, never, 0, &why);

	if (good && trust_version(t, "root") != newest)
		good = err_set(&why, ERR_MISSING, "%llu.root.json is not there, so no host gets to root %llu",
			(unsigned long long)trust_version(t, "root") + 1, (unsigned long long)newest);
	trust_free(&t);
	if (good) {
		d->anchors++;
		return true;
	}
	err_in(&why, "from root %llu", (unsigned long long)anchor);
	trouble(d, DOCTOR_BROKEN, &why, why.code == ERR_MISSING ? lost : restore);
	return false;
}

static bool try_anchors(struct doctor_report *d, const struct repository *r)
{
	struct err why = {0};
	uint64_t newest = 0;

	if (!repository_version(&newest, r, "root", &why)) {
		broken(d, &why);
		return false;
	}
	if (newest == 0) {
		err_set(&why, ERR_MISSING, "there is no root");
		broken(d, &why);
		return false;
	}
	for (uint64_t n = 1; n <= newest; n++)
		if (!try_anchor(d, r, n, newest))
			return false; /* the others say the same, or less */
	return true;
}

/* --- the dates --- */

static bool is_online(const char *role)
{
	return strcmp(role, role_words[ROLE_SNAPSHOT]) == 0 || strcmp(role, role_words[ROLE_TIMESTAMP]) == 0;
}

/* Whole days, downwards: -1 is "expired within the last day". */
static int64_t days_left(int64_t expires, int64_t now)
{
	int64_t s = expires - now;

	return s >= 0 ? s / DAY_S : -((-s + DAY_S - 1) / DAY_S);
}

static void judge(struct doctor_report *d, const struct repository_role *f, const struct doctor_wish *wish)
{
	bool online = is_online(f->role);
	struct doctor_role r = {str_dup(str_of(f->role)), f->version, f->expires, days_left(f->expires, wish->now), DOCTOR_WELL};
	struct err why = {0};
	char date[24];

	clock_text(date, f->expires);
	if (f->expires <= wish->now) {
		r.verdict = DOCTOR_BROKEN;
		err_set(&why, ERR_EXPIRED, "%s: expired on %s", f->role, date);
	} else if (r.days < (online ? wish->online_days : wish->days)) {
		r.verdict = DOCTOR_SOON;
		err_set(&why, ERR_EXPIRED, "%s: %lld days are left, until %s", f->role, (long long)r.days, date);
	}
	if (r.verdict != DOCTOR_WELL)
		trouble(d, r.verdict, &why, online ? refresh : sign);
	d->role = mem_grow(d->role, d->roles + 1, sizeof *d->role);
	d->role[d->roles++] = r;
}

/* --- all --- */

static void note_top(struct repository_facts *f, const struct trust *t, const char *role)
{
	f->role = mem_grow(f->role, f->roles + 1, sizeof *f->role);
	f->role[f->roles++] = (struct repository_role){
		str_dup(str_of(role)), trust_version(t, role), trust_expires(t, role)};
}

static void read_all(struct doctor_report *d, const struct repository *r, struct trust *t)
{
	const struct role *targets = trust_role(t, "targets");

	for (size_t i = 0; i < ROLE_KINDS; i++)
		note_top(&d->facts, t, role_words[i]);
	for (size_t i = 0; i < targets->links; i++) {
		struct err why = {0};
		if (!repository_verify_role(&d->facts, r, t, targets->link[i].name, &why))
			broken(d, &why);
	}
}

void doctor_repository(struct doctor_report *out, const struct repository *r, const struct doctor_wish *wish)
{
	struct doctor_report d = {0};
	struct trust *t = NULL;
	struct err why = {0};

	if (try_anchors(&d, r)) {
		if (repository_trust(&t, r, never, 0, &why))
			read_all(&d, r, t);
		else
			broken(&d, &why);
		trust_free(&t);
	}
	for (size_t i = 0; i < d.facts.roles; i++)
		judge(&d, &d.facts.role[i], wish);
	*out = d;
}

void doctor_places(struct doctor_report *report, const struct fleet *f)
{
	struct err why = {0};

	if (!apart_check(f, &why))
		trouble(report, DOCTOR_BROKEN, &why, places);
}

bool doctor_allows(const struct doctor_report *report, struct err *e)
{
	for (size_t i = 0; i < report->troubles; i++) {
		const struct doctor_trouble *t = &report->trouble[i];
		if (t->verdict == DOCTOR_BROKEN)
			return err_set(e, t->why.code, "%s; next: %s", t->why.text, t->next);
	}
	return true;
}

void doctor_free(struct doctor_report *report)
{
	for (size_t i = 0; i < report->roles; i++)
		free_ptr(&report->role[i].role);
	free_ptr(&report->role);
	free_ptr(&report->trouble);
	repository_facts_free(&report->facts);
	*report = (struct doctor_report){0};
}
