/* For `host add --scan`, which pins both keys at once. */
#pragma once

#include "fleetctl/command.h"
#include "fleetctl/fleet/select.h"

/* Asks each for its receipt key and writes it into hosts.yaml; what came of each is added to `list`, `code` is the exit code of all. */
must_check bool host_pin(int *code, doc *list, const struct show *show, const struct fleet *f, const struct chosen *c, const char *identity, bool replace,
	struct err *e);
