/* keys.yaml, changed: each change touches its own lines and leaves comments and order of the rest, or is refused with what to
 * write by hand. A change after which a role could not be signed any more, that could be before, is ERR_REFUSED. */
#pragma once

#include "fleetctl/repo/keyset.h"

must_check bool keyset_grant(const char *fleet_dir, const char *name, const char *role, struct err *e);
/* `role` NULL: the key goes, from all its roles; so it does when that was its last. */
must_check bool keyset_revoke(const char *fleet_dir, const char *name, const char *role, struct err *e);
/* Another key in its place, with the same roles. */
must_check bool keyset_replace(const char *fleet_dir, const char *old, const char *name, const struct public_key *key, struct err *e);
must_check bool keyset_set_threshold(const char *fleet_dir, const char *role, int64_t threshold, struct err *e);
