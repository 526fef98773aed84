#include "fleetctl/rollout/options.h"

#include "base/shape.h"

struct kept {
	char *waves;
	struct rollout_options o;
};
static const struct shape_field shape[] = {
	{ "waves", SHAPE_TEXT, offsetof(struct kept, waves), .required = true },
	{ "canary", SHAPE_INT, offsetof(struct kept, o.waves.canary), .max = INT32_MAX },
	{ "max_failed", SHAPE_INT, offsetof(struct kept, o.max_failed), .max = INT32_MAX },
	{ "max_unreachable", SHAPE_INT, offsetof(struct kept, o.max_unreachable), .min = -1, .max = INT32_MAX },
	{ "parallel", SHAPE_INT, offsetof(struct kept, o.parallel), .required = true, .min = 1, .max = INT32_MAX },
	{ "soak", SHAPE_MS, offsetof(struct kept, o.soak_ms), .json = "soak_ms", .max = INT64_MAX },
	{ "allow_blind", SHAPE_BOOL, offsetof(struct kept, o.allow_blind) },
	{ "take", SHAPE_BOOL, offsetof(struct kept, o.take) },
	{ 0 },
};

doc *rollout_options_doc(const struct rollout_options *o)
{
	cleanup(buf_free) struct buf waves = { 0 };
	for (size_t i = 0; i < o->waves.count; i++)
		buf_form(&waves, "%s%d%%", i ? "," : "", o->waves.percent[i]);
	struct kept k = { waves.data, *o };
	return shape_write(&k, shape);
}

bool rollout_options_read(struct rollout_options *out, struct str json, struct err *e)
{
	cleanup(doc_free) doc *d = NULL;
	struct kept k = { 0 };
	if (!doc_read(&d, json, e) || !shape_read(&k, shape, d, &(struct shape_from){ .file = "the database's rollout options" }, e))
		return false;
	bool good = wave_options_read(&k.o.waves, k.waves, e);
	if (good)
		*out = k.o;
	shape_free(&k, shape);
	return good;
}
