/* sources.yaml, as operators write it. Apart from what hosts read: the agent knows no YAML. */
#include "manifests/origins.h"
#include "manifests/yaml.h"

bool origins_read_yaml(struct origins *out, struct str yaml, const char *file, struct err *e)
{
	cleanup(origins_free) struct origins o = {0};
	cleanup(yaml_free) struct yaml y = {0};

	if (!yaml_read(&y, yaml, file, e))
		return false;
	const struct shape_from from = yaml_from(&y);
	o.format = ORIGINS_FORMAT;
	return shape_read(&o, origins_yaml_shape, y.root, &from, e) && origins_take(out, &o, y.root, &from, e);
}
