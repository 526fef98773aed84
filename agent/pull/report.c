/* Receipts on their way home. */
#include "agent/pull/report.h"

#include "agent/pull/keys.h"
#include "agent/pull/reach.h"
#include "agent/store/ledger.h"
#include "agent/store/receipts.h"
#include "sources/deliver.h"
#include "sources/post.h"

#define LOGIN "pull/put-login"
enum { LOGIN_MAX = 512 };

struct way {
	const struct origin *to;
	const struct config *config;
	const struct store *store;
};

/* --- put --- */

static bool send_one(struct deliver *d, const struct config *c, const struct store *s, int64_t number, struct err *e)
{
	cleanup(buf_free) struct buf bytes = {0};
	cleanup(free_ptr) char *name = path_form("%s/%lld.json", c->id, (long long)number);

	if (!receipts_bytes(&bytes, s, number, e))
		return e->code == ERR_MISSING; /* a gap stays one */
	return deliver_put(d, name, buf_str(&bytes), e);
}

/* The host's own: what one thief can write is one host's receipts, which are signed besides. */
static bool read_login(struct buf *out, const struct store *s, struct err *e)
{
	if (!fs_exists(s->dir, LOGIN))
		return true;
	if (!fs_read(out, s->dir, LOGIN, e))
		return false;
	if (!out->len)
		return err_set(e, ERR_SYNTAX, LOGIN ": it is empty");
	out->len = str_trim(buf_str(out)).len;
	out->data[out->len] = 0;
	return strchr(out->data, ':') || err_set(e, ERR_SYNTAX, LOGIN ": expected USER:PASSWORD");
}

static bool open_put(struct deliver **out, const struct way *w, struct err *e)
{
	cleanup(free_ptr) char *helper = NULL;
	cleanup(free_ptr) char *ca = NULL;
	cleanup(buf_free) struct buf login = BUF_MAX(LOGIN_MAX);

	if (!reach_helper(&helper, "fleet-fetch-https", e) || !reach_ca(&ca, w->to, "ca-receipts", w->store, e) ||
		!read_login(&login, w->store, e))
		return false;
	return deliver_open(out, &(struct delivery){helper, w->to->url, ca, login.data, !clock_now().synced}, e);
}

static bool put(int64_t *sent, int64_t first, int64_t last, const struct way *w, struct err *e)
{
	cleanup(deliver_close) struct deliver *d = NULL;

	if (!open_put(&d, w, e))
		return false;
	for (int64_t n = first; n <= last; n++) {
		if (!send_one(d, w->config, w->store, n, e))
			return err_in(e, "receipt %lld", (long long)n);
		*sent = n;
	}
	return true;
}

/* --- git --- */

/* Its key is another one than that by which this host fetches: what it opens is this host's branch, to write. */
static bool push(int64_t *sent, int64_t first, int64_t last, const struct way *w, struct err *e)
{
	const struct list *pins = &w->to->host_keys;
	cleanup(free_ptr) char *helper = NULL;
	cleanup(free_ptr) char *dir = path_form("%s/pull/post", w->store->path);
	cleanup(free_ptr) char *from = path_form("%s/receipts", w->store->path);
	cleanup(free_ptr) char *key = NULL;
	cleanup(free_ptr) const char **host_keys = mem_new(pins->count + 1, sizeof *host_keys);

	for (size_t i = 0; i < pins->count; i++)
		host_keys[i] = ((char **)pins->items)[i];
	if (!reach_helper(&helper, "fleet-post-git", e) || !fs_mkdir(w->store->dir, "pull", 0755, e) ||
		(pins->count && !pull_key_path(&key, w->store, PULL_PUSH_KEY, e)))
		return false;
	const struct post p = {
		.helper = helper,
		.url = w->to->url,
		.branch = w->to->branch,
		.dir = dir,
		.key = key,
		.host_keys = host_keys,
	};
	if (!post_bring(&p, w->config->id, from, first, last, clock_now().unix_s, e))
		return false;
	*sent = last;
	return true;
}

bool report_home(
	struct pull_state *state, const struct origin *to, const struct config *c, const struct store *s, struct err *e)
{
	static bool (*const ways[])(int64_t *, int64_t, int64_t, const struct way *, struct err *) = {
		[ORIGIN_GIT] = push,
		[ORIGIN_PUT] = put,
	};
	cleanup(ledger_free) struct ledger l = {0};
	const struct way w = {to, c, s};

	if (!ledger_load(&l, s, e))
		return false;
	int64_t first = MAX(state->sent, l.receipt - REPORT_MAX) + 1;
	if (first > l.receipt)
		return true;
	if ((size_t)to->kind >= COUNT_OF(ways) || !ways[to->kind])
		return err_set(e, ERR_USAGE, "receipts do not go to a place of kind %s", origin_words[to->kind]);
	return ways[to->kind](&state->sent, first, l.receipt, &w, e);
}
