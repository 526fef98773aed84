/* What start, resume, pause and abort do alike where hosts pull: sign, look, say what is next. */
#pragma once

#include "fleetctl/rollout/drive.h"
#include "fleetctl/rollout/pull.h"

struct pull_words {
	const char *keys;
	int64_t passphrase_fd, every_ms, defer_ms;
	bool any_time;
};
#define PULL_WORDS { .passphrase_fd = -1, .defer_ms = STAGE_DEFER_MS }
#define PULL_KEY_OPTS(w)                                                                                                              \
	{ "passphrase-fd", 0, OPT_COUNT, &(w).passphrase_fd, "N", "pull: read the passphrase's line from this descriptor", .max = 1024 }, \
	{ "keys", 0, OPT_TEXT, &(w).keys, "DIR", "pull: where private keys lie (~/.local/share/fleetctl/keys/FLEET)" }
#define PULL_OPTS(w) PULL_KEY_OPTS(w), { "every", 0, OPT_MS, &(w).every_ms, "TIME", "pull: look for receipts so often, until it ends (once, and return)", .min = 1000 }
#define PULL_START_OPTS(w)                                                                                                            \
	{ "any-time", 0, OPT_FLAG, &(w).any_time, NULL, "pull: also outside of the plans' windows" },                                  \
	{ "defer", 0, OPT_MS, &(w).defer_ms, "TIME", "pull: longest that a host without a sure clock waits for a window (3d)" }

bool pull_command_is(struct db *db, const char *id); /* is that rollout one of hosts that pull? */
/* Do hosts of some plan obey it, as what is signed says? Also one that the database does not know. */
bool pull_command_follows(const struct fleet *f, const char *id);
/* What was signed goes to the places of fleet.yaml; *news stays set when it did not, and why is said. */
void pull_publish(bool *news, const struct show *show, const struct fleet *f);
/* The exit code. */
int pull_command_start(struct drive *d, const struct pull_words *w, const struct rollout_options *o, const struct rollout_target *target,
	size_t count);
int pull_command_resume(struct drive *d, const struct pull_words *w, const char *id, int64_t max_failed, int64_t max_unreachable);
/* Also one that the database does not know, by its id. */
must_check bool pull_command_stop(const struct show *show, const struct fleet *f, struct db *db, const struct pull_words *w, const char *id,
	bool abort, bool back, struct err *e);
