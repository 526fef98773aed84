/* A host's receipt key into hosts.yaml, and nothing else of that file: comments, order and the other hosts stay. */
#pragma once

#include "fleetctl/fleet/fleet.h"

/* ERR_SYNTAX when the host's entry is written in a way that we do not dare to edit: then a person does. The caller keeps `f`
 * as it was read. */
must_check bool fleet_pin(const struct fleet *f, const char *id, const char *receipt_key, struct err *e);
/* The same on text: the new one. */
must_check bool pin_text(struct buf *out, struct str hosts, const char *id, const char *receipt_key, struct err *e);
