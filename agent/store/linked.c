/* The agent that came signed. */
#include "agent/store/linked.h"

#include <fcntl.h>
#include <stdio.h>

#include "agent/guard/record.h"

#define TREES "../trees/"
enum { LINK_SIZE = 512 };

static const char *link_path(void)
{
	return guard_links[GUARD_AGENT];
}

void linked_way(char *out, size_t size, struct digest bundle)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, bundle);
	snprintf(out, size, "%s%s", digest_zero(bundle) ? GUARD_PACKAGED : TREES, digest_zero(bundle) ? "" : hex);
}

bool linked_current(struct digest *bundle, const struct store *s, struct err *e)
{
	char target[LINK_SIZE];
	struct err why = {0};

	*bundle = (struct digest){0};
	if (!fs_readlink(target, s->dir, link_path(), &why))
		return why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text);
	return (str_starts(str_of(target), TREES) && digest_read(bundle, str_of(target + strlen(TREES)))) ||
	       err_set(e, ERR_SYNTAX, "%s leads to %.100s, which is no tree", link_path(), target);
}

bool linked_swap(const struct store *s, struct digest bundle, struct err *e)
{
	char way[GUARD_PATH_MAX];

	if (digest_zero(bundle))
		return !fs_exists(s->dir, link_path()) || fs_remove(s->dir, link_path(), e);
	linked_way(way, sizeof way, bundle);
	return fs_mkdir(s->dir, "agent", 0755, e) && store_link(s, way, link_path(), e);
}

bool linked_is_us(const struct store *s, struct digest bundle)
{
	char self[LINK_SIZE], hex[DIGEST_HEX + 1];
	struct err e;

	digest_hex(hex, bundle);
	cleanup(free_ptr) char *tree = path_form("%s/trees/%s/", s->path, hex);
	return fs_readlink(self, AT_FDCWD, "/proc/self/exe", &e) && str_starts(str_of(self), tree);
}
