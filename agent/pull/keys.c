#include "agent/pull/keys.h"

#include "keys/ssh_secret.h"

static const char *const files[] = {[PULL_GIT_KEY] = "pull/git-key", [PULL_PUSH_KEY] = "pull/push-key"};
const char *const pull_key_words[] = {[PULL_GIT_KEY] = "git key", [PULL_PUSH_KEY] = "push key"};

bool pull_key_path(char **out, const struct store *s, enum pull_key key, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/%s", s->path, files[key]);

	if (!fs_exists(s->dir, files[key]) && (!fs_mkdir(s->dir, "pull", 0755, e) || !ssh_secret_make(path, "fleet-agent", e)))
		return err_in(e, "%s", files[key]);
	*out = path;
	path = NULL;
	return true;
}

/* By git over ssh, which is what has host keys. */
static bool logs_in(const struct origin *o)
{
	return o->kind == ORIGIN_GIT && o->host_keys.count > 0;
}

static bool is_needed(const struct origins *o, enum pull_key key)
{
	const struct origin *source = o ? o->source.items : NULL;

	if (o && key == PULL_PUSH_KEY)
		return o->has_receipts && logs_in(&o->receipts);
	for (size_t i = 0; o && i < o->source.count; i++)
		if (logs_in(&source[i]))
			return true;
	return false;
}

bool pull_keys_make(const struct store *s, const struct origins *o, bool anew, struct err *e)
{
	for (enum pull_key key = 0; key < PULL_KEYS; key++) {
		cleanup(free_ptr) char *path = NULL;
		if (anew && fs_exists(s->dir, files[key]) && !fs_remove(s->dir, files[key], e))
			return false;
		if (is_needed(o, key) && !pull_key_path(&path, s, key, e))
			return false;
	}
	return true;
}

void pull_key_public(struct buf *out, const struct store *s, enum pull_key key)
{
	cleanup(free_ptr) char *path = path_form("%s/%s", s->path, files[key]);
	struct err none;

	if (fs_exists(s->dir, files[key]) && !ssh_secret_public(out, path, &none))
		buf_clear(out);
}
