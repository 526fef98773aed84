/* From a machine to a host: what there is to do, in order, each with its command lines as a person would type them. */
#pragma once

#include "fleetctl/enroll/kit.h"
#include "fleetctl/enroll/machine.h"

struct enroll {
	const char *id, *plan, *site; /* site NULL: not stated */
	const struct machine *machine;
	const struct sudo *sudo;
	const struct kit *kit;
};
enum { ENROLL_LINES = 16 };
struct enroll_line {
	char *text;         /* as a person would type it */
	char *command;      /* for root */
	struct str input;   /* on its stdin; empty: none */
	const char *from;   /* where the input lies, for people */
};
struct enroll_step {
	const char *name, *doing; /* "package", "installing the package" */
	bool done;                /* nothing to do: `note` says why */
	char *note;
	struct enroll_line line[ENROLL_LINES];
	size_t lines;
};
enum { ENROLL_STEPS = 4 };
/* What the machine's state asks for. ERR_FOREIGN: it is another host, or another fleet's; ERR_MISSING: no package for it. */
must_check bool enroll_plan(struct enroll_step out[ENROLL_STEPS], const struct enroll *what, struct err *e);
void enroll_steps_free(struct enroll_step step[ENROLL_STEPS]);
/* All its lines, one after the other, until one fails. */
must_check bool enroll_do(const struct enroll_step *step, struct shell *s, const struct sudo *how, struct err *e);
/* Out of what a command that failed said, in the machine's words: what that means, and what to do. Always false. */
bool enroll_failed(const char *command, const struct shell_end *end, struct err *e);
/* Its public keys, as the host itself says to ENROLL_ASK: what signs its receipts, and what logs in to git servers (NULL: none). */
#define ENROLL_ASK "fleet-agent status --json"
struct enroll_keys {
	char *receipt, *git, *push;
};
must_check bool enroll_ask_keys(struct enroll_keys *out, struct shell *s, const struct sudo *how, struct err *e);
void enroll_keys_free(struct enroll_keys *k);
