#include "sources/old.h"

static int64_t since(const struct old_list *l, const char *name)
{
	for (struct str rest = l->before; rest.len;) {
		struct str is, line = str_cut(rest, '\n', &rest), when = str_cut(line, ' ', &is);
		uint64_t n;
		if (str_is(is, name) && str_number(&n, when, INT64_MAX))
			return (int64_t)n;
	}
	return l->now;
}

bool old_stays(struct old_list *l, const char *name)
{
	int64_t from = since(l, name);

	if (l->now - from >= l->grace_s)
		return false;
	buf_form(&l->after, "%lld %s\n", (long long)from, name);
	return true;
}
