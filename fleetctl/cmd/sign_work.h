/* Inside `fleetctl sign`: what its ways share. sign.c has the command, sign_far.c what goes to keys elsewhere. */
#pragma once

#include "fleetctl/command.h"
#include "fleetctl/fleet/fleet.h"
#include "fleetctl/repo/access.h"
#include "fleetctl/repo/agents.h"
#include "fleetctl/repo/compile.h"
#include "fleetctl/repo/passphrase.h"
#include "fleetctl/repo/request.h"

struct sign_work {
	struct common common;
	struct opt_words names; /* plans; of --collect: files */
	const char *keys, *transcript, *request, *answer, *collect, *out;
	int64_t passphrase_fd;
	bool yes, dry, refresh, force;
	/* opened */
	struct fleet fleet;
	int turn; /* repo/turn.h: from what is computed until it is written */
	char *dir; /* of the private keys */
	struct compiled_list compiled;
	struct access_files access;
	struct agent_files agents;
	struct sign_document document[2 + AGENTS_MAX]; /* of both */
	struct sign_release *release; /* of compiled; lives until it is written */
	struct passphrase passphrase;
	struct signers signers;
	struct sign *sign;
	struct buf words;
};
void sign_work_free(struct sign_work *w);

/* The keys folder of that fleet, or --keys, and what can sign there. */
must_check bool sign_open_keys(struct sign_work *w, const char *fleet, struct err *e);
/* plans/ compiled, those of `plans` or all; what would be signed. `here`: as sign_compute's signers. */
must_check bool sign_work_out(struct sign_work *w, const struct opt_words *plans, const struct sign *asked, const struct signers *here, struct err *e);
/* Words for w->words that only this folder can say: which files differ. */
must_check bool sign_file_changes(struct sign_work *w, struct err *e);
void sign_make_patches(const struct sign_work *w);
/* A person says yes; a program says --yes. */
must_check bool sign_agreed(const struct sign_work *w, const char *question, struct err *e);
/* One line more in the transcript of `folder`, or in --transcript. */
must_check bool sign_note_step(const struct sign_work *w, const char *folder, const char *step, struct str what, const char *digest,
	const struct sign *made, struct err *e);
int sign_tell(const struct show *show, const char *state, const char *digest, const struct buf *words, const struct buf *standing);

/* sign_far.c */
int sign_request(struct sign_work *w, const struct show *show);
int sign_answer(struct sign_work *w, const struct show *show);
int sign_collect(struct sign_work *w, const struct show *show);
