/* plans/ and scripts/ as operators write them become manifests and bundles, ready to be signed. */
#pragma once

#include "base/opts.h"
#include "bundles/pack.h"
#include "fleetctl/fleet/fleet.h"
#include "manifests/manifest.h"

struct compiled {
	struct manifest manifest; /* number 0: signing gives it */
	char *tar;                /* its bundle, plain, below .fleetctl/ */
};
struct compiled_list {
	struct compiled *plan;
	size_t count;
};
/* All of plans/ when `only` is empty, else those plans. The first mistake is told with file, line, field and remedy. */
must_check bool compile_plans(struct compiled_list *out, const struct fleet *f, const struct opt_words *only, struct err *e);
void compiled_free(struct compiled_list *l);

/* Which files differ between two bundles, a line each: "  ~ probes/dns.sh", "  + ...", "  - ...". old_tar -1: none. */
must_check bool compile_file_changes(struct buf *out, int old_tar, int new_tar, struct err *e);
