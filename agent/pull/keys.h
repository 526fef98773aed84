/* How this host logs in to git servers over ssh, to each of the two as another: pull/git-key fetches, pull/push-key brings receipts.
 * They are made where they are first needed, stay where they are, and one that a person brought is as good. */
#pragma once

#include "agent/store/store.h"
#include "manifests/origins.h"

enum pull_key { PULL_GIT_KEY, PULL_PUSH_KEY, PULL_KEYS };
extern const char *const pull_key_words[]; /* "git key" "push key" */

/* The file's path, and there is one. The caller frees. */
must_check bool pull_key_path(char **out, const struct store *s, enum pull_key key, struct err *e);
/* At enrolment: those that these origins (NULL: none are known yet) need. `anew`: those that are there go. */
must_check bool pull_keys_make(const struct store *s, const struct origins *o, bool anew, struct err *e);
/* "ssh-ed25519 AAAA..." for the server; nothing where there is no key, or none that can be read. */
void pull_key_public(struct buf *out, const struct store *s, enum pull_key key);
