#include "fleetctl/fleet/home.h"

static const char *const home_words[] = { "none", "folder", "git", NULL };
enum { KEYS_MAX = 16 };

static const struct shape_field home_shape[] = {
	{ "kind", SHAPE_WORD, offsetof(struct home_place, kind), .required = true, .words = home_words },
	{ "path", SHAPE_TEXT, offsetof(struct home_place, path) },
	{ "url", SHAPE_TEXT, offsetof(struct home_place, url) },
	{ "branch", SHAPE_PATH, offsetof(struct home_place, branch) },
	{ "identity", SHAPE_TEXT, offsetof(struct home_place, identity) },
	{ "host_keys", SHAPE_LIST, offsetof(struct home_place, host_keys), .item = SHAPE_TEXT, .max = KEYS_MAX },
	{ 0 },
};

static bool check_folder(const struct home_place *h, struct err *e)
{
	if (h->url || h->branch || h->identity || h->host_keys.count)
		return err_set(e, ERR_SYNTAX, "receipts: a folder has a path, and nothing of git");
	return h->path || err_set(e, ERR_SYNTAX, "receipts: path: where the folder is");
}

static bool check_git(const struct home_place *h, struct err *e)
{
	bool ssh = h->url && str_starts(str_of(h->url), "ssh://");
	if (h->path)
		return err_set(e, ERR_SYNTAX, "receipts: path: kind git has a url");
	if (!ssh && !(h->url && str_starts(str_of(h->url), "file:///")))
		return err_set(e, ERR_SYNTAX, "receipts: url: expected ssh://[USER@]HOST[:PORT]/PATH or file:///PATH");
	return !ssh || h->host_keys.count ||
		err_set(e, ERR_SYNTAX, "receipts: host_keys: the server's own public keys, as `ssh-keyscan HOST` shows them and its owner confirms");
}

static bool check(const struct home_place *h, struct err *e)
{
	if (h->kind == HOME_NONE)
		return err_set(e, ERR_SYNTAX, "receipts: kind: expected \"folder\" or \"git\"; leave receipts out where there is no place");
	return h->kind == HOME_GIT ? check_git(h, e) : check_folder(h, e);
}

bool home_place_read(struct home_place *out, const doc *d, const struct shape_from *from, struct err *e)
{
	cleanup(home_place_free) struct home_place h = { 0 };
	if (!d)
		return true;
	if (doc_kind(d) == DOC_OBJECT) {
		if (!shape_read(&h, home_shape, d, from, e))
			return err_in(e, "receipts");
	}
	else if (doc_str(d).len) {
		h.kind = HOME_FOLDER;
		h.path = str_dup(doc_str(d));
	}
	if (!check(&h, e))
		return shape_blame(from, d, e);
	*out = h;
	h = (struct home_place){ 0 };
	return true;
}

void home_place_free(struct home_place *h) { shape_free(h, home_shape); }
