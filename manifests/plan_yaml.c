/* A plan as operators write it. Apart from what hosts read: the agent knows no YAML. */
#include "manifests/plan.h"
#include "manifests/yaml.h"

/* `mon,wed` in one text, as people write it; the table wants a list. */
static void split_days(struct yaml *y)
{
	doc *window = doc_get(y->root, "window");
	struct str text = doc_str(doc_get(window, "days"));

	if (!text.len || !memchr(text.data, ',', text.len))
		return;
	doc *list = doc_list();
	while (text.data)
		doc_add_str(list, str_trim(str_cut(text, ',', &text)));
	yaml_set(y, window, "days", list);
}

static bool check_scripts(const struct plan *p, const doc *d, const struct shape_from *from, struct err *e)
{
	char *const *folder = p->scripts.items;

	if (p->scripts.count == 0)
		return err_set(e, ERR_SYNTAX, "scripts is missing: the folders of scripts/ that make the bundle") ||
		       shape_blame(from, d, e);
	for (size_t i = 0; i < p->scripts.count; i++)
		for (size_t k = 0; k < i; k++)
			if (str_is(str_of(folder[i]), folder[k]))
				return err_set(e, ERR_SYNTAX, "scripts: %s stands there twice", folder[i]) ||
				       shape_blame(from, doc_at(doc_get(d, "scripts"), i), e);
	return true;
}

static bool check_file(const struct plan *p, const doc *d, const struct shape_from *from, struct err *e)
{
	const char *slash = strrchr(from->file, '/');
	struct str name = str_of(slash ? slash + 1 : from->file), plan = str_of(p->plan);

	if (str_ends(name, ".yaml") && str_eq(str_bytes(name.data, name.len - strlen(".yaml")), plan))
		return true;
	return err_set(e, ERR_SYNTAX, "plan: %s must stand in a file %s.yaml", p->plan, p->plan) ||
	       shape_blame(from, doc_get(d, "plan"), e);
}

bool plan_read(struct plan *out, struct str yaml, const char *file, struct err *e)
{
	cleanup(yaml_free) struct yaml y = {0};
	cleanup(plan_free) struct plan p = {0};

	if (!yaml_read(&y, yaml, file, e))
		return false;
	split_days(&y);
	const struct shape_from from = yaml_from(&y);
	if (!shape_read(&p, plan_shape, y.root, &from, e) || !plan_check(&p, y.root, &from, e) ||
		!check_scripts(&p, y.root, &from, e) || (file && !check_file(&p, y.root, &from, e)))
		return false;
	*out = p;
	p = (struct plan){0};
	return true;
}
