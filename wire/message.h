/* What the two sides say to each other. Documents travel as opaque bytes with a digest: nothing here knows what a manifest is.
 * Everything read here comes from the other side: bounded, checked, and text for people is cleaned before it is shown. */
#pragma once

#include "base/shape.h"
#include "keys/digest.h"

/* Versions of the protocol. 2: an agent can be told to take another agent (ORDER_AGENT), and says its platform. */
enum { WIRE_OLDEST = 1, WIRE_AGENT = 2 };
extern const int64_t wire_newest;

struct version_held { /* of a role of trust */
	char *role;
	int64_t version;
};
struct bundle_held {
	struct digest sha256;
};
struct partial { /* a payload whose first `have` bytes are staged */
	struct digest payload;
	int64_t have;
};
struct document_held { /* of role `fleet`, in force */
	int64_t number;
	struct digest sha256;
};
struct lease {
	char *rollout, *who;
	int64_t left_ms;
};
/* A trial that is under way, or the last step written. */
struct trial {
	struct digest release;
	char *step;
	int64_t left_ms;
	char *rollout, *who; /* whose it is; NULL: the host's own, or an older one says nothing */
};
struct hello {
	int64_t oldest, newest;   /* protocol versions spoken */
	char *agent;              /* version of the program */
	char *platform;           /* what its programs are built for: "debian12-gnu-arm64" */
	char *id, *plan;
	struct digest release;    /* current */
	int64_t number;           /* its manifest's number; 0: baseline */
	int64_t since;            /* unix seconds of the commit, as the host's clock had it */
	struct list bundles;      /* struct bundle_held */
	struct list trust;        /* struct version_held */
	bool has_access, has_sources;
	struct document_held access, sources; /* fleet/access.json, fleet/sources.json; absent: what was enrolled */
	uint8_t papers[8];        /* first bytes of SHA-256 over the papers held: see squeeze; zero: none */
	struct list partial;      /* struct partial */
	struct list guilty, held; /* struct bundle_held: releases that are refused until `allow` */
	int64_t free;             /* bytes */
	char *boot;
	int64_t time;
	bool synced;
	bool has_lease;
	struct lease lease;
	bool has_trial;
	struct trial trial;
	int64_t receipt;          /* number of the newest receipt */
};

enum order_action {
	ORDER_ASK,     /* the newest receipt, please */
	ORDER_UPDATE,  /* take this release */
	ORDER_UNDO,    /* back to the release before, and hold this one */
	ORDER_FOLLOW,  /* stay until the trial that runs has ended */
	ORDER_CONFIRM, /* you were reached over a new connection */
	ORDER_LET_GO,  /* of the lease */
	ORDER_ACCESS,  /* let in whom role `fleet` says, and fetch from where it says */
	ORDER_AGENT,   /* run the agent that role `agent` signs for this platform; WIRE_AGENT */
};
extern const char *const order_words[];

struct paper {
	char *name;     /* "2.root", "timestamp", "snapshot", "targets", "plan-D", "manifest" */
	int64_t length;
	struct digest sha256;
};
enum payload_kind { PAYLOAD_NONE, PAYLOAD_FULL, PAYLOAD_PATCH };
extern const char *const payload_words[];

struct order {
	int action;               /* enum order_action */
	char *rollout, *who;      /* for the lease */
	bool take;                /* take the lease from whoever has it */
	int64_t lease_ms;         /* 0: no lease wanted; at most 10 min */
	struct digest release;
	struct list papers;       /* struct paper, in the order they stand in PAPERS */
	bool against;             /* PAPERS is squeezed against the papers held */
	int payload;              /* enum payload_kind */
	struct digest payload_sha256, base;
	int64_t payload_length, at;
	char *nonce;              /* of confirm */
	bool chain;               /* of ask: also the receipts before the newest, */
	int64_t since;            /* that come after this number */
};

struct state {
	char *step;               /* the table's word */
	char *text;               /* one line for people, or NULL */
	int64_t left_ms;          /* until its deadline; 0: none */
	int64_t done, of;         /* bytes or checks, 0 when unknown */
	char *nonce;              /* step confirm: to be said over a new connection */
};
struct refused {
	char *code;               /* err_word */
	char *text;
};

extern const struct shape_field hello_shape[], order_shape[], state_shape[], refused_shape[];

/* Each as one frame. */
void hello_write(struct buf *out, const struct hello *m);
void order_write(struct buf *out, const struct order *m);
void state_write(struct buf *out, const struct state *m);
void refused_write(struct buf *out, const struct err *e);
/* Why the host will not take that release: "was found guilty", "was undone and is held"; NULL: nothing is against it. */
const char *hello_refuses(const struct hello *h, struct digest release);
/* A body into a zeroed struct; unknown fields are ignored (a newer side may say more). */
must_check bool message_read(void *out, const struct shape_field *shape, struct str body, const char *what, struct err *e);
/* REFUSED's body as the error it is, with the words of that side cleaned. Always false. */
bool refused_read(struct str body, struct err *e);
