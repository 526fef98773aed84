/* A host, the repository that it pulls from, and the programs that run on it, below one temporary folder. What a power cut may
 * change is its disk: etc/, state/ and results/ there. */
#pragma once

#include "manifests/stage.h"
#include "manifests/trust.h"
#include "tests/unit/agent/tower.h"

#define WORLD_NEXT "98.0.0" /* of build/tests/agent-next */
enum { WORLD_PARTS = 3 };
extern const char *const world_parts[WORLD_PARTS]; /* of the disk */

struct world {
	struct tower t;
	char *build, *agent, *guard;            /* its folder, and two programs of it */
	char *packaged;                         /* agent is the launcher, and this is what it launches; NULL: it is not */
	char *saved;                            /* the disk as the story begins with it */
	char *boot, *count, *log, *said;        /* files: boot id, count and record of operations, output of the last program */
	char *looks;                            /* and record of what was looked at */
	struct buf frames;                      /* what a controller sends */
	struct buf access, sources;             /* what role fleet signs; empty: nothing */
	struct buf program;                     /* what role agent signs for this platform; empty: nothing */
	struct secret_key *stamp;               /* who signs the timestamp now; NULL: who signs all */
	bool new_root;                          /* version 2 is published */
	const struct program_limit *limit;      /* what programs are given less of; NULL: nothing */
	bool record;                            /* all that runs is noted, with numbers that go on from one to the next */
	int boots;
	long done;                              /* operations since program_operations was asked */
	long strike;                            /* so many from there, and the power goes off; 0: it does not; -1: it has */
};
/* Enrolled, with the folder t.dir/repo as its source. */
void world_open(struct world *w, const char *build);
void world_close(struct world *w);

/* --- the disk --- */
void world_clear(struct world *w);
void world_save(struct world *w);
void world_restore(struct world *w);
/* A line for each entry: kind, mode, path, and the digest or where it leads. */
void world_list(struct buf *out, struct world *w);

/* --- what is published --- */
/* A release of the scripts as they stand, in the repository from the next world_publish on. */
struct tower_release *world_release(struct world *w, int64_t number, const char *yaml);
/* All anew, one version up; a rollout opens the newest release to this host. */
void world_publish(struct world *w);
/* What role agent signs, from the next world_publish on: build/tests/agent-next, as that version; its bundle says `says`. */
void world_next_agent(struct world *w, const char *says);
/* The source has the timestamp of that version again. */
void world_publish_old(struct world *w, uint64_t version);
/* From now on it is the launcher that is started. */
void world_launch(struct world *w);
/* What a controller sends to bring `r`, on any connection. */
void world_frames(struct world *w, const struct tower_release *r);
/* To undo; or, with what was published, to take the lists of role fleet. */
void world_frames_undo(struct world *w);
void world_frames_access(struct world *w);
