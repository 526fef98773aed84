/* Signing by a key in a file, or by the agent: the same to those who ask. */
#include "fleetctl/repo/signer.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/name.h"

static struct signer *add(struct signers *s, const char *name)
{
	s->signer = mem_grow(s->signer, s->count + 1, sizeof *s->signer);
	s->signer[s->count] = (struct signer){.name = str_dup(str_of(name))};
	return &s->signer[s->count++];
}

static bool add_files(struct signers *s, const char *dir, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};

	if (!fs_exists(AT_FDCWD, dir))
		return true;
	if (!fs_names(&names, AT_FDCWD, dir, e))
		return err_in(e, "keys");
	for (size_t i = 0; i < names.count; i++) {
		struct str file = str_of(names.name[i]);
		if (!str_ends(file, ".pem") || file.data[0] == '.')
			continue;
		cleanup(free_ptr) char *name = str_dup(str_bytes(file.data, file.len - strlen(".pem")));
		struct signer *new = add(s, name);
		new->path = path_form("%s/%s", dir, names.name[i]);
		if (!secret_peek(&new->key, new->path, e))
			return err_in(e, "key %s", name);
	}
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
		secret_free(&s->signer[i].secret);
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
	bool done = k->agent_key ? ssh_agent_sign(&made, &s->agent, k->agent_key, message, e)
				 : open_file(s, k, e) && secret_sign(&made, k->secret, message, e);
	if (!done)
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

bool signer_make(
	struct public_key *out, const char *dir, const char *name, struct str passphrase, bool plain, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/%s.pem", dir, name);
	cleanup(secret_close) struct secret_key *k = NULL;

	if (!name_check(str_of(name), e))
		return err_in(e, "key");
	if (in_work_tree(dir))
		return err_set(e, ERR_REFUSED,
			"%s is in a git work tree: a private key would be one commit from everybody", dir);
	return (fs_mkdir(AT_FDCWD, dir, 0700, e) && secret_new(&k, e) && secret_save(k, path, passphrase, plain, e) &&
		       secret_public(out, k, e)) ||
	       err_in(e, "key %s", name);
}
