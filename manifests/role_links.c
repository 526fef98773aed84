/* Where a delegation leads (TUF 5.6.7): by patterns, by hash prefixes, or by the bin that the hash falls into. */
#include <fnmatch.h>
#include <stdio.h>

#include "manifests/role.h"

static bool pattern_leads(const doc *patterns, const char *path)
{
	for (size_t i = 0; i < doc_count(patterns); i++) {
		struct str pattern = doc_str(doc_at(patterns, i));
		if (pattern.len <= ROLE_PATH_MAX && fnmatch(pattern.data, path, FNM_PATHNAME | FNM_NOESCAPE) == 0)
			return true;
	}
	return false;
}

static bool prefix_leads(const doc *prefixes, const char *path)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, digest_of(str_of(path)));
	for (size_t i = 0; i < doc_count(prefixes); i++)
		if (str_starts(str_of(hex), doc_str(doc_at(prefixes, i)).data))
			return true;
	return false;
}

static int bin_digits(const struct role_link *link)
{
	return (int)(link->bits + 3) / 4;
}

static void bin_name(char name[ROLE_NAME_SIZE], const struct role_link *link, const char *path)
{
	struct digest d = digest_of(str_of(path));
	uint32_t front =
		(uint32_t)d.bytes[0] << 24 | (uint32_t)d.bytes[1] << 16 | (uint32_t)d.bytes[2] << 8 | d.bytes[3];

	snprintf(name, ROLE_NAME_SIZE, "%s-%0*x", link->name, bin_digits(link), front >> (32 - link->bits));
}

bool role_leads(const struct role *r, size_t i, const char *path, char name[ROLE_NAME_SIZE])
{
	const struct role_link *link = &r->link[i];

	if (strlen(path) > ROLE_PATH_MAX)
		return false;
	if (link->bits) {
		bin_name(name, link, path);
		return true;
	}
	if (link->paths ? !pattern_leads(link->paths, path) : !prefix_leads(link->prefixes, path))
		return false;
	snprintf(name, ROLE_NAME_SIZE, "%s", link->name);
	return true;
}

bool role_names(const struct role *r, size_t i, const char *name)
{
	const struct role_link *link = &r->link[i];
	struct str n = str_of(name);

	if (!link->bits)
		return str_is(n, link->name);
	size_t front = strlen(link->name);
	return str_starts(n, link->name) && n.len == front + 1 + (size_t)bin_digits(link) && name[front] == '-' &&
	       strspn(name + front + 1, "0123456789abcdef") == (size_t)bin_digits(link);
}
