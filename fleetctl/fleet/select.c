#include "fleetctl/fleet/select.h"

#include <fnmatch.h>
#include <stdlib.h>

static bool glob(struct str pattern, const char *text)
{
	char p[256];
	if (!text || pattern.len >= sizeof p)
		return false;
	memcpy(p, pattern.data, pattern.len);
	p[pattern.len] = 0;
	return fnmatch(p, text, 0) == 0;
}

static bool term_holds(const struct host *h, struct str term)
{
	struct str value, key = str_cut(term, '=', &value);
	if (key.len == term.len)
		return str_is(term, "all") || glob(term, h->id);
	if (str_is(key, "id"))
		return glob(value, h->id);
	if (str_is(key, "plan"))
		return glob(value, h->plan);
	if (str_is(key, "site"))
		return glob(value, h->site);
	const struct shape_pair *label = h->labels.items;
	for (size_t i = 0; i < h->labels.count; i++)
		if (str_is(key, label[i].key))
			return glob(value, label[i].value);
	return false;
}

static bool selector_holds(const struct host *h, struct str selector)
{
	while (selector.len) {
		struct str term = str_cut(selector, ',', &selector);
		if (!term_holds(h, term))
			return false;
	}
	return true;
}

bool select_hosts(struct chosen *out, const struct fleet *f, const struct opt_words *selectors, struct err *e)
{
	if (selectors->count == 0)
		return err_set(e, ERR_USAGE, "which hosts? Say \"all\", an id, plan=NAME, site=NAME or a label like rack=a");
	cleanup(free_ptr) bool *in = mem_new(f->hosts.count + 1, sizeof *in);
	for (size_t s = 0; s < selectors->count; s++) {
		size_t hits = 0;
		if (str_trim(selectors->word[s]).len == 0) /* an unset variable of a script must not mean everybody */
			return err_set(e, ERR_USAGE, "an empty selector: say \"all\" if all hosts are meant");
		for (size_t i = 0; i < f->hosts.count; i++)
			if (selector_holds(fleet_host(f, i), selectors->word[s])) {
				in[i] = true;
				hits++;
			}
		struct host *none;
		struct str word = selectors->word[s];
		if (hits == 0 && !memchr(word.data, '=', word.len) && !memchr(word.data, '*', word.len) && !str_is(word, "all"))
			return fleet_find_or_say(&none, f, word, e);
		if (hits == 0 && f->hosts.count == 0)
			return err_set(e, ERR_USAGE, "hosts.yaml has no hosts yet: `fleetctl host add` or `fleetctl host enroll`");
		if (hits == 0)
			return err_set(e, ERR_USAGE, "no host matches \"" STR_FMT "\": `fleetctl host list` shows ids, plans, sites and labels", STR_ARG(word));
	}
	struct chosen c = { mem_new(f->hosts.count + 1, sizeof *c.host), 0 };
	for (size_t i = 0; i < f->hosts.count; i++)
		if (in[i])
			c.host[c.count++] = fleet_host(f, i);
	*out = c;
	return true;
}

void chosen_free(struct chosen *c)
{
	free_ptr(&c->host);
	c->count = 0;
}
