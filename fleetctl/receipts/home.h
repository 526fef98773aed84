/* Receipts that came home, of hosts that pull: HOST/N.json in a folder, as a WebDAV server fills it, or gathered from the branches of
 * a git repository. Who keeps them may lose, change or add some: nothing of them is believed but what the host's own chain holds. */
#pragma once

#include "fleetctl/receipts/chain.h"

struct home {
	const struct fleet *fleet; /* borrowed, as is: */
	struct db *db;
	char *dir; /* NULL: fleet.yaml names no place */
};
/* Of git: gathers what is new, over one connection. */
must_check bool home_open(struct home *out, const struct fleet *f, struct db *db, struct err *e);
void home_close(struct home *h);

/* Of one host: its newest, up to RECEIPTS_KEPT. */
struct home_host {
	const char *id; /* borrowed */
	struct buf *sealed; /* by number; one that was said in two ways is there twice */
	size_t count;
	struct chain_found found;
	bool believed;   /* there are some, and the chain is good: not forged, not of another key, no gap that is new, no fork */
	char doubt[600]; /* why not; empty: there are none, or they are believed */
};
/* Held against hosts.yaml's key and against what was seen before, which learns from it. A gap is told once: then the chain goes on
 * behind it. False only where nobody can look. */
must_check bool home_read(struct home_host *out, const struct home *h, const struct host *host, struct err *e);
/* The newest. False, here and below: there is none, or they are not believed. *sealed is borrowed. */
bool home_newest(struct receipt *out, struct str *sealed, const struct home_host *h);
/* The newest that says how this release was tried there for that rollout, or NULL: for whomever; never one of an agent or a list,
 * whose receipts name the rollout too. */
bool home_tried(struct receipt *out, struct str *sealed, const struct home_host *h, const char *rollout, struct digest release);
/* Does the newest say that it runs, with nothing on trial? In *number, which. */
bool home_runs(int64_t *number, const struct home_host *h, struct digest release);
/* Of an agent, by its version's number: RUNS that one or a newer one, FAILED there, or nothing is known. */
enum home_agent { HOME_AGENT_UNKNOWN, HOME_AGENT_RUNS, HOME_AGENT_FAILED };
enum home_agent home_agent(const struct home_host *h, int64_t number);
void home_host_free(struct home_host *h);
