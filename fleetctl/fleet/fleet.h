/* The folder that operators keep in git: fleet.yaml and hosts.yaml, read and checked. */
#pragma once

#include "fleetctl/fleet/home.h"
#include "fleetctl/fleet/place.h"

struct host {
	char *id, *plan, *site, *address, *user;
	char *host_key;     /* "ssh-ed25519 AAAA...", pinned under the id; NULL: not pinned yet, refused by a rollout */
	char *receipt_key;  /* 64 digits: Ed25519, signs its receipts; NULL: not pinned yet, its receipts are not verified */
	int64_t port;       /* 0: what ssh_config says, else 22 */
	struct list labels; /* struct shape_pair */
};

struct fleet_defaults {
	int64_t parallel, connect_ms, silence_ms;
};

struct fleet {
	char *dir;   /* where fleet.yaml is */
	int at;      /* the same, open */
	char *name;
	struct fleet_defaults defaults;
	int64_t releases; /* how many of a plan's stay permitted */
	struct {
		char *identity; /* private key file for SSH; NULL: ssh-agent, then the user's own */
	} ssh;
	doc *receipts_said;         /* as fleet.yaml has it, and */
	struct home_place receipts; /* where receipts of hosts that pull come home */
	struct list publish; /* struct fleet_place */
	struct list hosts; /* struct host, in the file's order */
	const struct host **by_id; /* the same, sorted: for fleet_find */
};

/* `dir` NULL: the nearest folder at or above the working directory that holds fleet.yaml. */
must_check bool fleet_open(struct fleet *out, const char *dir, struct err *e);
void fleet_free(struct fleet *f);
static inline struct host *fleet_host(const struct fleet *f, size_t i)
{
	return (struct host *)f->hosts.items + i;
}
/* NULL when there is none of that id. */
struct host *fleet_find(const struct fleet *f, struct str id);
must_check bool fleet_find_or_say(struct host **out, const struct fleet *f, struct str id, struct err *e); /* names the nearest */

/* Appended to hosts.yaml as one line, comments and order of the rest untouched; the whole file is checked first and after. */
must_check bool fleet_add_host(const struct fleet *f, const struct host *h, struct err *e);
extern const struct shape_field host_shape[];

/* The fleet's own folder of state, git-ignored, made when absent: the database and the lock live there. */
#define FLEET_STATE ".fleetctl"
must_check bool fleet_state_dir(int *out, const struct fleet *f, struct err *e);
