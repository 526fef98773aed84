/* Signing by a key in a file, behind a provider, or by the agent: the same to those who ask. */
#include "fleetctl/repo/signer.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/name.h"
#include "fleetctl/repo/keyset.h"

enum { URI_FILE_MAX = 8 * KIB };

#define URI_LINE_1 "# fleet public key: "

static struct signer *add(struct signers *s, const char *name)
{
	s->signer = mem_grow(s->signer, s->count + 1, sizeof *s->signer);
	s->signer[s->count] = (struct signer){.name = str_dup(str_of(name))};
	return &s->signer[s->count++];
}

/* "# fleet public key: p256 BASE64", and under it "PROVIDER URI". */
static bool read_place(struct signer *to, struct str text, struct err *e)
{
	struct str rest, line = str_cut(text, '\n', &rest), start = STR(URI_LINE_1);
	struct str uri, provider = str_cut(str_trim(rest), ' ', &uri);

	if (!str_starts(line, start.data))
		return err_set(e, ERR_SYNTAX, "line 1: expected '" URI_LINE_1 "...'");
	if (!keyset_key_read(&to->key, str_bytes(line.data + start.len, line.len - start.len), e))
		return err_in(e, "line 1");
	to->provider = str_dup(provider);
	to->uri = str_dup(str_trim(uri));
	return provider_place_check((struct provider_place){to->provider, to->uri}, e) ||
	       err_in(e, "line 2 (PROVIDER URI)");
}

static bool peek_pem(struct signer *k, struct err *e)
{
	return secret_peek(&k->key, k->path, e);
}

static bool peek_uri(struct signer *k, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(URI_FILE_MAX);

	return fs_read(&text, AT_FDCWD, k->path, e) && (read_place(k, buf_str(&text), e) || err_in(e, "%s", k->path));
}

static const struct {
	const char *end;
	bool (*peek)(struct signer *k, struct err *e);
} files[] = {{".pem", peek_pem}, {".uri", peek_uri}};

static bool add_file(struct signers *s, const char *dir, const char *file, struct err *e)
{
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		if (file[0] == '.' || !str_ends(str_of(file), files[i].end))
			continue;
		cleanup(free_ptr) char *name = str_dup(str_bytes(file, strlen(file) - strlen(files[i].end)));
		struct signer *new = add(s, name);
		new->path = path_form("%s/%s", dir, file);
		return files[i].peek(new, e) || err_in(e, "key %s", name);
	}
	return true;
}

static bool add_files(struct signers *s, const char *dir, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};

	if (!fs_exists(AT_FDCWD, dir))
		return true;
	if (!fs_names(&names, AT_FDCWD, dir, e))
		return err_in(e, "keys");
	for (size_t i = 0; i < names.count; i++)
		if (!add_file(s, dir, names.name[i], e))
			return false;
	return true;
}

/* The agent's own public key stays its own: it is borrowed by pointer, and the list is not moved any more. */
static bool add_agent(struct signers *s, const char *socket, struct err *e)
{
	struct err why = {0};

	if ((socket && !*socket) || !ssh_agent_open(&s->agent, socket, &why))
		return true;
	if (!ssh_agent_list(&s->agent_key, &s->agent_keys, &s->agent, e))
		return err_in(e, "ssh-agent");
	for (size_t i = 0; i < s->agent_keys; i++)
		add(s, s->agent_key[i].comment)->agent_key = &s->agent_key[i];
	return true;
}

bool signers_open(struct signers *out, const char *dir, const char *agent, signer_ask *ask, void *ctx, struct err *e)
{
	struct signers s = {.ask = ask, .ctx = ctx};

	if (!add_files(&s, dir, e) || !add_agent(&s, agent, e)) {
		signers_free(&s);
		return false;
	}
	*out = s;
	return true;
}

void signers_free(struct signers *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free_ptr(&s->signer[i].name);
		free_ptr(&s->signer[i].path);
		public_free(&s->signer[i].key);
		free_ptr(&s->signer[i].provider);
		free_ptr(&s->signer[i].uri);
		secret_free(&s->signer[i].secret);
		provider_free(&s->signer[i].far);
	}
	for (size_t i = 0; i < s->agent_keys; i++)
		ssh_agent_key_free(&s->agent_key[i]);
	free_ptr(&s->agent_key);
	free_ptr(&s->signer);
	ssh_agent_close(&s->agent);
	*s = (struct signers){0};
}

static const struct public_key *public_of_signer(const struct signer *s)
{
	return s->agent_key ? &s->agent_key->key : &s->key;
}

static struct signer *find(const struct signers *s, const struct public_key *key)
{
	for (size_t i = 0; i < s->count; i++)
		if (digest_eq(public_of_signer(&s->signer[i])->same, key->same))
			return &s->signer[i];
	return NULL;
}

bool signers_have(const struct signers *s, const struct public_key *key)
{
	return find(s, key) != NULL;
}

static bool open_file(struct signers *s, struct signer *k, struct err *e)
{
	cleanup(secret_wipe) struct buf passphrase = BUF_MAX(4 * KIB);

	if (k->secret)
		return true;
	if (!secret_is_plain(k->path)) {
		if (!s->ask)
			return err_set(e, ERR_PASSPHRASE, "it has a passphrase, and nobody can be asked for it");
		if (!s->ask(s->ctx, &passphrase, k->name, e))
			return false;
	}
	return secret_load(&k->secret, k->path, buf_str(&passphrase), e);
}

/* A provider asks whom it is given, but it does not know the key's name. */
struct asked {
	signer_ask *ask;
	void *ctx;
	const char *name;
};

static bool ask_by_name(void *ctx, struct buf *pin, struct err *e)
{
	struct asked *a = ctx;

	return a->ask(a->ctx, pin, a->name, e);
}

static bool reach(struct provider_key **out, struct provider_place at, const char *name, signer_ask *ask, void *ctx,
	struct err *e)
{
	struct asked a = {ask, ctx, name};

	return provider_open(out, at, ask ? ask_by_name : NULL, &a, e);
}

static bool sign_by(struct buf *made, struct signers *s, struct signer *k, struct str message, struct err *e)
{
	if (k->agent_key)
		return ssh_agent_sign(made, &s->agent, k->agent_key, message, e);
	if (!k->uri)
		return open_file(s, k, e) && secret_sign(made, k->secret, message, e);
	struct provider_place at = {k->provider, k->uri};
	return (k->far || reach(&k->far, at, k->name, s->ask, s->ctx, e)) && provider_sign(made, k->far, message, e);
}

bool signers_sign(
	struct buf *signature, struct signers *s, const struct public_key *key, struct str message, struct err *e)
{
	cleanup(buf_free) struct buf made = {0};
	struct signer *k = find(s, key);
	char id[DIGEST_HEX + 1];

	if (!k) {
		public_keyid(id, key);
		return err_set(e, ERR_MISSING, "key %.12s is neither in the keys folder nor in the ssh-agent", id);
	}
	if (!sign_by(&made, s, k, message, e))
		return err_in(e, "key %s", k->name);
	if (!public_verify(key, message, buf_str(&made)))
		return err_set(e, ERR_SIGNATURE, "key %s: what it signed does not verify", k->name);
	buf_add(signature, buf_str(&made));
	return buf_ok(signature, e);
}

char *signer_folder(const char *fleet_name)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (data && data[0] == '/')
		return path_form("%s/fleetctl/keys/%s", data, fleet_name);
	return path_form("%s/.local/share/fleetctl/keys/%s", home ? home : "", fleet_name);
}

/* The folder may not exist yet: what exists of the way to it decides. */
static bool in_work_tree(const char *dir)
{
	cleanup(free_ptr) char *way = str_dup(str_of(dir));
	cleanup(free_ptr) char *at = realpath(way, NULL);

	while (!at && strrchr(way, '/') && strrchr(way, '/') != way) {
		*strrchr(way, '/') = 0;
		at = realpath(way, NULL);
	}
	if (!at)
		at = realpath(".", NULL);
	while (at && *at) {
		cleanup(free_ptr) char *git = path_form("%s/.git", at);
		if (fs_exists(AT_FDCWD, git))
			return true;
		*strrchr(at, '/') = 0;
	}
	return false;
}

static void secret_close(struct secret_key **k)
{
	secret_free(k);
}

/* A place for a new key of that name, made when it is not there. */
static bool make_place(const char *dir, const char *name, struct err *e)
{
	if (!name_check(str_of(name), e))
		return false;
	if (in_work_tree(dir))
		return err_set(e, ERR_REFUSED,
			"%s is in a git work tree: a private key would be one commit from everybody", dir);
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		cleanup(free_ptr) char *path = path_form("%s/%s%s", dir, name, files[i].end);
		if (fs_exists(AT_FDCWD, path))
			return err_set(e, ERR_EXISTS, "%s: a key is there already", path);
	}
	return fs_mkdir(AT_FDCWD, dir, 0700, e);
}

bool signer_make(
	struct public_key *out, const char *dir, const char *name, struct str passphrase, bool plain, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/%s.pem", dir, name);
	cleanup(secret_close) struct secret_key *k = NULL;

	return (make_place(dir, name, e) && secret_new(&k, e) && secret_save(k, path, passphrase, plain, e) &&
		       secret_public(out, k, e)) ||
	       err_in(e, "key %s", name);
}

/* What a PIN, a policy or a driver forbids shows here, and not in the night of the first refresh. */
static bool try(const struct provider_key *k, const struct public_key *key, struct err *e)
{
	cleanup(buf_free) struct buf signature = {0};
	const struct str text = STR("fleetctl tries this key");

	return provider_sign(&signature, k, text, e) &&
	       (public_verify(key, text, buf_str(&signature)) ||
		       err_set(e, ERR_SIGNATURE, "what it signed does not verify"));
}

static bool write_place(const char *path, const struct public_key *key, struct provider_place at, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(URI_FILE_MAX);

	buf_text(&text, URI_LINE_1);
	keyset_key_text(&text, key);
	buf_form(&text, "\n%s %s\n", at.provider, at.uri);
	return buf_ok(&text, e) && fs_write(AT_FDCWD, path, buf_str(&text), 0600, e);
}

bool signer_take(struct public_key *out, const char *dir, const char *name, struct provider_place at, signer_ask *ask,
	void *ctx, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/%s.uri", dir, name);
	cleanup(provider_free) struct provider_key *k = NULL;
	cleanup(public_free) struct public_key key = {0};

	if (!make_place(dir, name, e) || !reach(&k, at, name, ask, ctx, e) || !provider_public(&key, k, e) ||
		!try(k, &key, e) || !write_place(path, &key, at, e))
		return err_in(e, "key %s", name);
	*out = key;
	key = (struct public_key){0};
	return true;
}
