/* Who is at the other end. */
#include "agent/receive/caller.h"

#include "base/fs.h"
#include "base/name.h"

static bool read_may(unsigned *out, struct str text, struct err *e)
{
	while (text.len) {
		struct str word = str_cut(text, ',', &text);
		size_t i = 0;
		while (may_words[i] && !str_is(word, may_words[i]))
			i++;
		if (!may_words[i])
			return err_set(e, ERR_USAGE, "--may " STR_FMT ": expected look or roll", STR_ARG(word));
		*out |= 1u << i;
	}
	return true;
}

bool caller_read(struct caller *out, const char *operator, const char *may, const char *access, struct err *e)
{
	struct caller c = {.operator = operator, .has_access = access != NULL};

	if (operator && !name_check(str_of(operator), e))
		return err_in(e, "--operator");
	if (!operator && (may || access))
		return err_set(e, ERR_USAGE, "--may and --access belong to --operator");
	if (!read_may(&c.may, str_of(may), e))
		return false;
	if (access && !digest_read(&c.access, str_of(access)))
		return err_set(e, ERR_USAGE, "--access: expected the 64 digits of an access list");
	*out = c;
	return true;
}

bool caller_may(const struct caller *c, unsigned needs, const char *order, struct err *e)
{
	char may[32];

	if (!c->operator || (c->may & needs))
		return true;
	may_text(may, c->may);
	return err_set(e, ERR_REFUSED, "operator %s may %s, and `%s` needs more: access.yaml says who may roll", c->operator,
		may[0] ? may : "nothing", order);
}

char *caller_who(const struct caller *c, const char *claimed)
{
	if (!c->operator)
		return claimed ? str_dup(str_of(claimed)) : NULL;
	return claimed ? path_form("%s (%.150s)", c->operator, claimed) : str_dup(str_of(c->operator));
}
