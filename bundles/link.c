/* Links that stay inside. */
#include "bundles/link.h"

/* The folder of `path`, or of a folder the one above it: false when there is none above. */
static bool climb(char *path)
{
	char *slash = strrchr(path, '/');

	if (path[0] == 0)
		return false;
	*(slash ? slash : path) = 0;
	return true;
}

static bool descend(char path[PATH_LEN_MAX + 1], struct str name)
{
	size_t len = strlen(path), slash = len > 0;

	if (len + slash + name.len > PATH_LEN_MAX)
		return false;
	if (slash)
		path[len] = '/';
	memcpy(path + len + slash, name.data, name.len);
	path[len + slash + name.len] = 0;
	return true;
}

bool link_lead(char out[PATH_LEN_MAX + 1], const char *path, const char *target, struct err *e)
{
	char at[PATH_LEN_MAX + 1];
	struct str rest = str_of(target);
	bool named = false;

	if (strlen(path) > PATH_LEN_MAX || rest.len == 0 || rest.len > PATH_LEN_MAX)
		return err_set(e, ERR_UNSAFE, "%s: a link to nothing, or longer than %d bytes", path, PATH_LEN_MAX);
	if (rest.data[0] == '/')
		return err_set(e, ERR_UNSAFE, "%s: the link is absolute: %s", path, target);
	strcpy(at, path);
	climb(at);
	while (rest.len > 0) {
		struct str name = str_cut(rest, '/', &rest);
		if (str_is(name, "."))
			continue;
		if (str_is(name, "..") && (named || !climb(at)))
			return err_set(e, ERR_UNSAFE, "%s: the link leads outward: %s", path, target);
		if (str_is(name, ".."))
			continue;
		named = true;
		if (name.len == 0 || !descend(at, name))
			return err_set(e, ERR_UNSAFE, "%s: no link of ours: %s", path, target);
	}
	if (named && !name_check_path(str_of(at), e))
		return err_in(e, "%s: link to %s", path, target);
	strcpy(out, at);
	return true;
}
