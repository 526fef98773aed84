/* access.yaml, as operators write it. Apart from what hosts read: the agent knows no YAML. */
#include <stdlib.h>

#include "manifests/access.h"
#include "manifests/ssh_key.h"
#include "manifests/yaml.h"

/* As pasted from a .pub file: the key stays, what its owner wrote behind it goes. */
static bool bare_key(struct operator *o, struct err *e)
{
	char *bare = NULL;

	if (!ssh_key_read(&bare, str_of(o->key), e))
		return err_in(e, "operator %s: key", o->name);
	free(o->key);
	o->key = bare;
	return true;
}

bool access_read_yaml(struct access *out, struct str yaml, const char *file, struct err *e)
{
	cleanup(access_free) struct access a = {0};
	cleanup(yaml_free) struct yaml y = {0};

	if (!yaml_read(&y, yaml, file, e))
		return false;
	const struct shape_from from = yaml_from(&y);
	if (!shape_read(&a, access_yaml_shape, y.root, &from, e))
		return false;
	for (size_t i = 0; i < a.operators.count; i++)
		if (!bare_key((struct operator *)a.operators.items + i, e))
			return shape_blame(&from, doc_at(doc_get(y.root, "operators"), i), e);
	a.format = ACCESS_FORMAT;
	return access_take(out, &a, y.root, &from, e);
}
