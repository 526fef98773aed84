/* One host's way to the access list and sources that are signed now: the order, then a second connection, let in by the new
 * keys, that confirms it. Nobody confirms: the host goes back by itself. */
#pragma once

#include "fleetctl/push/talk.h"

struct renew_ask {
	const struct fleet *fleet;
	const struct repository *repository;
	struct loop *loop;
	const struct login *login, *confirm; /* with which the order is brought, and confirmed */
	const char *id, *who;                /* of this push */
	bool take;
	struct digest access, sources;       /* as signed now; zero: not signed */
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

/* Has this host what is signed now? */
bool renew_is_current(const struct hello *h, struct digest access, struct digest sources);
