/* A rollout without a controller: hosts take the release by themselves, as far as PLAN/rollout.json lets them. What it says is the
 * state of the rollout; here it is signed, one stage after the other, as the receipts that came home allow. */
#pragma once

#include "fleetctl/receipts/home.h"
#include "fleetctl/rollout/pull_sheet.h"
#include "fleetctl/rollout/rollout.h"
#include "fleetctl/show/show.h"

#define PULL_ACTION "pull" /* of rollout_row.action */

struct pull_drive {
	const struct show *show; /* these are borrowed, set by the caller */
	const struct fleet *fleet;
	struct repository *repository;
	struct db *db;
	struct sheet_keys keys;
	struct rollout_options options;
	struct rollout_row row;
	struct member_row *member; /* of a plan, by rank */
	size_t count;
	bool news;                 /* something was signed that is not published yet */
	bool adopted;              /* the database does not know it: only its documents are */
};
struct pull_wishes {
	bool any_time;     /* also outside of the plans' windows */
	int64_t defer_ms;  /* as stage.defer_ms */
};
/* In the database, and the first stage signed: all plans' documents at once. */
must_check bool pull_start(struct pull_drive *p, const struct pull_wishes *w, const struct rollout_target *target, size_t count,
	const char *who, struct err *e);
/* From the database. ERR_USAGE: it is not one of these. */
must_check bool pull_load(struct pull_drive *p, const char *id, struct err *e);
must_check bool pull_goes_on(const struct pull_drive *p, struct err *e); /* ERR_USAGE: it is over */
/* One that the database does not know, because it was lost or another folder began it: it can be stopped, no more. */
void pull_adopt(struct pull_drive *p, const char *id);
/* Looks at the receipts that came home (fleet.yaml: receipts), and signs what follows: the next stage of a plan where all hosts
 * that may take the release committed it; a hold where too many failed. `go`: one that was held goes on. */
must_check bool pull_look(struct pull_drive *p, bool go, struct err *e);
/* The same where the last stage is open and nothing can follow: is it done? Signs nothing. */
must_check bool pull_settled(bool *out, struct pull_drive *p, struct err *e);
/* Nobody advances any more in the plans that still follow it: STAGE_HELD, or for good STAGE_ABORTED; `back`: who committed it goes
 * back, too, also when it was over. ERR_USAGE: it was over. ERR_REFUSED: no plan follows it. */
must_check bool pull_stop(struct pull_drive *p, enum stage_state to, bool back, struct err *e);
int pull_exit(const struct pull_drive *p);
void pull_drive_free(struct pull_drive *p); /* what it owns */

/* One member, as far as its host's receipts tell; the database learns it. False only where nobody can look. pull_hear.c */
must_check bool pull_hear(struct pull_drive *d, const struct home *home, struct member_row *m, struct err *e);

/* The stages of a plan: canary, then shares, none of them more than half at once. */
void pull_stages(struct list *out, size_t hosts, const struct wave_options *w); /* of struct stage_share, owned */
