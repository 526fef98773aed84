/* PLAN/rollout.json, signed by role rollout-PLAN: who may take which release by himself now, and whether to stop or to go back.
 * A small document, canonical JSON, format 1; what this host makes of it is decided here, without I/O.
 *
 *   {"back":true,"canary":["ber-D"],"counter":7,"defer_ms":259200000,"format":1,
 *    "hosts":[{"id":"ber-D","site":"berlin"},{"id":"tyo-D","site":"tokyo"}],"number":12,"open":1,"plan":"plan-D",
 *    "release":HEX,"rollout":"20261123-abcd","stages":[{"hosts":1},{"hosts":2}],"state":"go","windows":[]}
 *
 * And with "agent":{"hosts":1,"version":"0.2.0"} beside them: how many of these hosts may take that agent by themselves. */
#pragma once

#include "base/clock.h"
#include "keys/digest.h"
#include "manifests/window.h"

enum stage_state { STAGE_GO, STAGE_HELD, STAGE_ABORTED };
extern const char *const stage_state_words[]; /* "go" "hold" "abort" */
enum {
	STAGE_FORMAT = 1,
	STAGE_BYTES_MAX = 512 * KIB,
	STAGE_HOSTS_MAX = 4096,
	STAGES_MAX = 64,
	STAGE_WINDOWS_MAX = 16,
	STAGE_DEFER_MS = 3 * 24 * 3600 * 1000, /* usual */
};

struct stage_host {
	char *id, *site; /* site NULL: not stated, and a site of its own */
};
struct stage_share {
	int64_t hosts;
};
struct stage_agent {
	char *version;
	int64_t hosts; /* of all of them, so many; 0: none */
};
struct stage {
	int64_t format;
	char *plan, *rollout;
	int64_t counter;        /* of all that was ever signed under this plan's role: only rises */
	struct digest release;
	int64_t number;         /* the release's */
	struct list hosts;      /* struct stage_host: whom this is about, all the others stay as they are */
	struct list canary;     /* char *: of these, who goes first */
	struct list stages;     /* struct stage_share: how many hosts each stage reaches, all before it included */
	int64_t open;           /* how many stages are open; 0: none yet */
	int state;              /* enum stage_state */
	bool back;              /* aborted: hosts that committed it go back, too */
	struct list windows;    /* struct window: a trial begins in one of them; none: any time */
	int64_t defer_ms;       /* longest that a host without a sure clock stays outside of every window */
	bool has_agent;
	struct stage_agent agent; /* whatever `state` says of the release */
};
/* Exactly canonical bytes, else ERR_SYNTAX. Refused, too: a stage that is not above the one before, one that takes more than half
 * of the hosts at once (rounded down, at least one), more open stages than there are, a canary that is none of the hosts. */
must_check bool stage_read(struct stage *out, struct str json, struct err *e);
/* What stage_read asks of a document that is about to be signed. */
must_check bool stage_check(const struct stage *s, struct err *e);
void stage_write(struct buf *out, const struct stage *s);
void stage_free(struct stage *s);

/* Whose turn: hosts in the order in which stages reach them. Canaries first, as listed; then as many of each site as can be, by
 * SHA-256(release, id). False: it is not about this host. */
bool stage_rank(size_t *rank, const struct stage *s, const char *host);
/* The same for all of them at once: rank[i] of hosts.items[i]. */
void stage_ranks(size_t *rank, const struct stage *s);
/* In which order an agent of that version reaches them: drawn anew for each. */
void stage_agent_ranks(size_t *rank, const struct stage *s, const char *version);
int64_t stage_reaches(const struct stage *s); /* how many hosts may take it now */

struct stage_ask {
	const char *host, *plan;
	struct digest current;
	int64_t counter;       /* highest that this host has seen; 0: none */
	struct moment now;
	int64_t waited_ms;     /* for how long a clock that is not sure, or a zone that is not known, has kept this host from it */
};
enum stage_say {
	STAGE_TAKE, /* it may begin */
	STAGE_WAIT, /* not yet: its turn, its window */
	STAGE_HOLD, /* nothing to do: it runs already, or nobody may take it, or this host is not meant */
	STAGE_BACK, /* what runs was taken back */
};
extern const char *const stage_say_words[]; /* "take" "wait" "hold" "back" */
struct stage_answer {
	enum stage_say say;
	bool for_window; /* WAIT, and for nothing but a window */
	bool for_clock;  /* that, and only for want of a sure clock, or of the zone */
	char why[300];  /* one sentence */
};
struct stage_answer stage_decide(const struct stage *s, const struct stage_ask *ask);
/* The same of the agent, of which `runs` (version_ours) runs; ask->current says nothing here. Its turns are drawn anew for each
 * version. TAKE, WAIT or HOLD. */
struct stage_answer stage_decide_agent(const struct stage *s, const struct stage_ask *ask, int64_t runs);
