/* One host's way to what it shall be reached by: the access list and sources that are signed now, or another agent. The order, then
 * a second connection, let in by the new keys or answered by the new agent, that confirms it. Nobody confirms: the host goes back by
 * itself. */
#pragma once

#include "fleetctl/push/talk.h"

struct renew_ask;
struct renew_kind { /* what is brought */
	enum order_action action;
	int tries; /* of one that has heard the order, and is not reached any more */
	bool (*is_current)(const struct renew_ask *ask, const struct hello *h); /* has this host what is signed now? */
	bool (*is_about)(const struct receipt *r);
};
extern const struct renew_kind renew_access, renew_agent;
struct renew_papers { /* what renew_access wants: as signed now; zero: not signed */
	struct digest access, sources;
};
bool renew_papers_are(const struct renew_papers *wanted, const struct hello *h); /* in force there? */

struct renew_ask {
	const struct renew_kind *kind;
	const void *wanted; /* renew_access: struct renew_papers; renew_agent: struct programs, those signed now */
	const struct fleet *fleet;
	const struct repository *repository;
	struct loop *loop;
	const struct login *login, *confirm; /* with which the order is brought, and confirmed */
	const char *id, *who;                /* of this push */
	bool take;
};
enum renew_state { RENEW_RUNNING, RENEW_CURRENT, RENEW_DONE, RENEW_BACK, RENEW_REFUSED, RENEW_UNREACHABLE, RENEW_FAILED };
extern const char *const renew_words[]; /* "running" "current" "renewed" "back" "refused" "unreachable" "failed" */
struct renew_end {
	enum renew_state state;
	struct err err;     /* of REFUSED, UNREACHABLE, FAILED and BACK: why */
	struct err confirm; /* why the second connection did not come about; ERR_NONE: it did, or was not asked for */
};
struct renew;
struct renew_calls {
	void (*state)(void *ctx, const struct state *s);
	void (*ended)(void *ctx, const struct renew_end *end); /* once, and nothing after it */
	void *ctx;
};
struct renew *renew_start(const struct renew_ask *ask, const struct host *host, const struct renew_calls *calls); /* ask: borrowed */
void renew_drop(struct renew **r); /* any time, also from within a call */
