#include "fleetctl/enroll/server.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "sources/post_job.h"

static const char scheme[] = "ssh://";

static bool logs_in(const struct origin *o)
{
	return o->kind == ORIGIN_GIT && str_starts(str_of(o->url), scheme);
}

/* For the server's shell, which runs the forced command. */
static void put_word(struct buf *to, struct str word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@~";
	bool safe = true;

	for (size_t i = 0; i < word.len; i++)
		safe = safe && strchr(plain, word.data[i]);
	if (safe) {
		buf_add(to, word);
		return;
	}
	buf_byte(to, '\'');
	for (size_t i = 0; i < word.len; i++)
		if (word.data[i] == '\'')
			buf_text(to, "'\\''");
		else
			buf_byte(to, word.data[i]);
	buf_byte(to, '\'');
}

/* "git@hub.example.org" and "/srv/fleet.git"; of "/~ann/fleet.git" without its first stroke, as git does it. */
static void cut_url(struct str *server, struct str *path, const char *url)
{
	struct str whole = str_of(url + strlen(scheme)), behind;

	*server = str_cut(whole, '/', &behind);
	*path = str_starts(behind, "~") ? behind : str_bytes(whole.data + server->len, whole.len - server->len);
}

static void put_fetch(struct buf *to, const struct origin *o, struct str path, const char *host)
{
	(void)o;
	(void)host;
	buf_text(to, "git upload-pack ");
	put_word(to, path);
}

/* Its own branch is all that it sees of the place. */
static void put_receipts(struct buf *to, const struct origin *o, struct str path, const char *host)
{
	cleanup(free_ptr) char *own = path_form("!refs/heads/%s/%s", o->branch ? o->branch : POST_BRANCH, host);

	buf_text(to, "git -c receive.hideRefs=");
	put_word(to, str_of(own));
	buf_text(to, " receive-pack ");
	put_word(to, path);
}

typedef void put_order(struct buf *to, const struct origin *o, struct str path, const char *host);

static void add(struct server_keys *k, const struct origin *o, put_order *put, const char *to, const char *host, const char *key)
{
	cleanup(buf_free) struct buf line = {0};
	struct str server, path;

	if (!logs_in(o) || !key)
		return;
	cut_url(&server, &path, o->url);
	buf_text(&line, "restrict,command=\"");
	put(&line, o, path, host);
	buf_form(&line, "\" %s %s", key, host);
	k->at[k->count++] = (struct server_key){str_dup(server), to, str_dup(buf_str(&line))};
}

void server_keys_of(struct server_keys *out, const struct origins *o, const char *host, const char *git_key, const char *push_key)
{
	const struct origin *source = o->source.items;

	*out = (struct server_keys){0};
	for (size_t i = 0; i < o->source.count; i++)
		add(out, &source[i], put_fetch, "fetch", host, git_key);
	if (o->has_receipts)
		add(out, &o->receipts, put_receipts, "bring receipts", host, push_key);
}

bool server_keys_wanted(const struct origins *o)
{
	const struct origin *source = o->source.items;

	for (size_t i = 0; i < o->source.count; i++)
		if (logs_in(&source[i]))
			return true;
	return o->has_receipts && logs_in(&o->receipts);
}

void server_keys_free(struct server_keys *k)
{
	for (size_t i = 0; i < k->count; i++) {
		free(k->at[i].server);
		free(k->at[i].line);
	}
	k->count = 0;
}
