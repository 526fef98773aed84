/* YAML, forged. What is accepted is a list or an object whose every node knows its line; and a plan made of it is
 * sound. */
#include <stdlib.h>

#include "manifests/plan.h"
#include "manifests/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void every_node_has_a_line(const struct yaml *y, doc *d)
{
	if (yaml_line(y, d) < 1)
		abort();
	for (size_t i = 0; doc_kind(d) == DOC_LIST && i < doc_count(d); i++)
		every_node_has_a_line(y, doc_at(d, i));
	for (void *i = doc_kind(d) == DOC_OBJECT ? doc_first(d) : NULL; i; i = doc_next(d, i))
		every_node_has_a_line(y, doc_value(i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(yaml_free) struct yaml y = {0};
	cleanup(plan_free) struct plan p = {0};
	struct str text = str_bytes(data, size);
	struct err e = {0};

	if (!yaml_read(&y, text, "a.yaml", &e)) {
		if (y.root || y.file || y.lines || e.code == ERR_NONE)
			abort();
		return 0;
	}
	if (doc_kind(y.root) != DOC_OBJECT && doc_kind(y.root) != DOC_LIST)
		abort();
	if (doc_count(y.root))
		every_node_has_a_line(&y, y.root);
	if (plan_read(&p, text, NULL, &e) && (!p.plan || !p.scripts.count || p.trial.settle_ms >= p.trial.deadline_ms))
		abort();
	return 0;
}
