#include "fleetctl/enroll/kit.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/fs.h"
#include "fleetctl/push/login.h"
#include "fleetctl/repo/access.h"

enum { PACKAGE_MAX = 64 * MIB, KEYS_MAX = 1 * MIB };
#define SYSTEM_PACKAGES "/usr/share/fleetctl/packages"
#define PREFIX          "fleet-agent_"

void kit_free(struct kit *k)
{
	free_ptr(&k->package);
	free_ptr(&k->package_version);
	free_ptr(&k->root_file);
	buf_free(&k->deb);
	buf_free(&k->root);
	buf_free(&k->keys);
	buf_free(&k->sources);
	for (size_t i = 0; i < k->metadatas; i++) {
		free_ptr(&k->metadata[i].file);
		buf_free(&k->metadata[i].bytes);
	}
	for (size_t i = 0; i < k->anchors; i++)
		free_ptr(&k->anchor[i]);
	free_ptr(&k->anchor);
	k->metadatas = k->anchors = 0;
}

bool kit_knows_anchor(const struct kit *k, const char *sha256)
{
	for (size_t i = 0; i < k->anchors; i++)
		if (strcmp(k->anchor[i], sha256) == 0)
			return true;
	return false;
}

/* --- the package --- */

bool kit_is_newer(const char *a, const char *b)
{
	for (;;) {
		char *after_a, *after_b;
		unsigned long x = strtoul(a, &after_a, 10), y = strtoul(b, &after_b, 10);
		if (x != y)
			return x > y;
		if (*after_a != '.' || *after_b != '.')
			return *after_a == '.' && *after_b != '.';
		a = after_a + 1;
		b = after_b + 1;
	}
}

/* The version in fleet-agent_VERSION_ARCH.deb; NULL: another file. */
static char *version_in(const char *file, const char *arch)
{
	cleanup(free_ptr) char *end = path_form("_%s.deb", arch);
	struct str name = str_of(file);

	if (!str_starts(name, PREFIX) || !str_ends(name, end) || name.len <= strlen(PREFIX) + strlen(end))
		return NULL;
	return str_dup(str_bytes(name.data + strlen(PREFIX), name.len - strlen(PREFIX) - strlen(end)));
}

static bool newest_in(struct kit *k, const char *dir, const char *arch, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = { 0 };

	if (!fs_names(&names, AT_FDCWD, dir, e))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		char *version = version_in(names.name[i], arch);
		if (version && (!k->package || kit_is_newer(version, k->package_version))) {
			free_ptr(&k->package);
			free_ptr(&k->package_version);
			k->package = path_form("%s/%s", dir, names.name[i]);
			k->package_version = version;
			version = NULL;
		}
		free_ptr(&version);
	}
	return true;
}

/* A folder that was named must be there; of the usual ones, whichever is. */
static bool find_package(struct kit *k, const struct fleet *f, const struct kit_wish *wish, struct err *e)
{
	cleanup(free_ptr) char *own = path_form("%s/packages", f->dir);
	struct err no;

	if (wish->packages) {
		if (!newest_in(k, wish->packages, wish->arch, e))
			return err_in(e, "--packages");
	}
	else if ((!newest_in(k, own, wish->arch, &no) || !k->package) && !newest_in(k, SYSTEM_PACKAGES, wish->arch, &no))
		return true;
	k->deb = BUF_MAX(PACKAGE_MAX);
	return !k->package || fs_read(&k->deb, AT_FDCWD, k->package, e);
}

/* --- trust --- */

static bool add_metadata(struct kit *k, const struct repository *r, const char *role, struct err *e)
{
	uint64_t version = 0;
	struct buf bytes = { 0 };

	if (!repository_version(&version, r, role, e))
		return false;
	if (version == 0)
		return true;
	if (!repository_meta(&bytes, r, role, 0, e))
		return false;
	k->metadata[k->metadatas].file = strcmp(role, "timestamp") == 0 ? str_dup(STR("timestamp.json"))
		: path_form("%llu.%s.json", (unsigned long long)version, role);
	k->metadata[k->metadatas++].bytes = bytes;
	return true;
}

static bool add_roots(struct kit *k, const struct repository *r, struct err *e)
{
	uint64_t newest;

	if (!repository_version(&newest, r, "root", e))
		return false;
	k->anchor = mem_new((size_t)newest + 1, sizeof *k->anchor);
	for (uint64_t v = 1; v <= newest; v++) {
		char hex[DIGEST_HEX + 1];
		buf_free(&k->root);
		if (!repository_meta(&k->root, r, "root", v, e))
			return false;
		digest_hex(hex, digest_of(buf_str(&k->root)));
		k->anchor[k->anchors++] = str_dup(str_of(hex));
	}
	k->root_file = path_form("%llu.root.json", (unsigned long long)newest);
	return true;
}

/* Expired or not is the host's to say, with its own clock. */
static bool check(const struct repository *r, struct err *e)
{
	struct trust *t = NULL;
	bool good = repository_trust(&t, r, (struct trust_time){ 0, true }, 0, e);

	trust_free(&t);
	return good;
}

static bool add_trust(struct kit *k, const struct repository *r, const char *plan, struct err *e)
{
	const char *roles[KIT_METADATA] = { "timestamp", "snapshot", "targets", plan };

	if (!check(r, e) || !add_roots(k, r, e))
		return false;
	for (size_t i = 0; i < KIT_METADATA; i++)
		if (!add_metadata(k, r, roles[i], e))
			return false;
	return true;
}

static bool signed_or_none(struct buf *out, const struct repository *r, const char *path, struct err *e)
{
	return access_signed(out, r, path, e) || e->code == ERR_MISSING;
}

/* --- who may come in --- */

static bool keys_of_list(struct buf *keys, struct str json, struct err *e)
{
	cleanup(access_free) struct access a = { 0 };

	if (!access_read(&a, json, ACCESS_PATH, e))
		return false;
	for (size_t i = 0; i < a.operators.count; i++) {
		const struct operator *o = (const struct operator *)a.operators.items + i;
		buf_form(keys, "%s %s\n", o->key, o->name);
	}
	return true;
}

static bool key_of_identity(struct buf *keys, const char *identity, struct err *e)
{
	cleanup(login_free) struct login *login = NULL;

	if (!identity)
		return err_set(e, ERR_USAGE, "whose SSH key may come in? Say --authorize FILE.pub, or `ssh: {identity: FILE}` in fleet.yaml, or sign an access.yaml");
	if (!login_open(&login, identity, e))
		return false;
	cleanup(free_ptr) char *public = login_public(login);
	if (!public)
		return err_set(e, ERR_USAGE, "SSH key %s shows no public half: say --authorize FILE.pub", identity);
	buf_form(keys, "%s\n", public);
	return true;
}

static bool add_keys(struct kit *k, const struct repository *r, const struct kit_wish *wish, const char *identity, struct err *e)
{
	cleanup(buf_free) struct buf list = BUF_MAX(ACCESS_FILE_MAX);

	k->keys = BUF_MAX(KEYS_MAX);
	if (wish->authorize)
		return fs_read(&k->keys, AT_FDCWD, wish->authorize, e) || err_in(e, "--authorize");
	if (!signed_or_none(&list, r, ACCESS_PATH, e))
		return false;
	return list.len ? keys_of_list(&k->keys, buf_str(&list), e) : key_of_identity(&k->keys, identity, e);
}

static bool pack(struct kit *k, const struct fleet *f, const struct kit_wish *wish, struct err *e)
{
	cleanup(repository_free) struct repository r = { .at = -1 };

	k->sources = BUF_MAX(ORIGINS_FILE_MAX);
	return repository_open(&r, f->dir, e) && add_trust(k, &r, wish->plan, e) && signed_or_none(&k->sources, &r, SOURCES_PATH, e) &&
		add_keys(k, &r, wish, wish->identity ? wish->identity : f->ssh.identity, e) && find_package(k, f, wish, e);
}

bool kit_pack(struct kit *out, const struct fleet *f, const struct kit_wish *wish, struct err *e)
{
	struct kit k = { 0 };

	if (!pack(&k, f, wish, e)) {
		kit_free(&k);
		return false;
	}
	*out = k;
	return true;
}
