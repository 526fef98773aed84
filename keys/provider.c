/* Each key has an OpenSSL library context of its own, with its provider and the default one loaded: nothing that the rest of
 * the program does is done by a provider that somebody named. */
#include "keys/provider.h"

#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include "base/fs.h"
#include "base/name.h"
#include "keys/pair.h"
#include "keys/secret.h"

enum { URI_MAX = 1 * KIB, PIN_MAX = 1 * KIB, FOUND_MAX = 64 };

struct provider_key {
	OSSL_LIB_CTX *library;
	OSSL_PROVIDER *base, *named;
	EVP_PKEY *key;
	char *props;
};

PAIR_CLOSED_BY(OSSL_STORE_CTX, (void)OSSL_STORE_close)
PAIR_CLOSED_BY(OSSL_STORE_INFO, OSSL_STORE_INFO_free)
PAIR_CLOSED_BY(UI_METHOD, UI_destroy_method)

static const struct advice {
	const char *provider, *absent, *silent;
} advices[] = {
	{ "tpm2", "apt install tpm2-openssl", "is a TPM there, and may you use it? TPM2OPENSSL_TCTI says where" },
	{ "pkcs11", "the package is pkcs11-provider, which Debian 12 has not: there, `ssh-add -s MODULE` and sign through the ssh-agent",
		"PKCS11_PROVIDER_MODULE says by which module" },
	{ NULL, "is its module in OpenSSL's folder of modules?", "is its device there?" },
};

static const struct advice *advice(const char *provider)
{
	const struct advice *a = advices;

	while (a->provider && strcmp(a->provider, provider) != 0)
		a++;
	return a;
}

bool provider_place_check(struct provider_place at, struct err *e)
{
	static const char *const secrets[] = { "pin-value", "pass=", "password=" };
	struct str uri = str_of(at.uri);

	if (!at.provider || !name_check(str_of(at.provider), e))
		return err_in(e, "provider");
	if (!uri.len || uri.len > URI_MAX)
		return err_set(e, ERR_UNSAFE, "URI: expected 1 to %d bytes", URI_MAX);
	for (size_t i = 0; i < uri.len; i++)
		if ((unsigned char)uri.data[i] <= ' ' || (unsigned char)uri.data[i] > '~')
			return err_set(e, ERR_UNSAFE, "URI: byte %zu is not printable ASCII: write it as %%%02x", i + 1, (unsigned char)uri.data[i]);
	for (size_t i = 0; i < COUNT_OF(secrets); i++)
		if (strcasestr(at.uri, secrets[i]))
			return err_set(e, ERR_UNSAFE, "URI: it holds a PIN (%s), which everybody on this machine can read: leave it out, it is asked for",
				secrets[i]);
	return true;
}

/* --- the PIN --- */

struct asking {
	provider_ask *ask;
	void *ctx;
	struct err why;
	bool asked, failed;
};

static int answer(char *out, int size, int writing, void *data)
{
	struct asking *a = data;
	cleanup(secret_wipe) struct buf pin = BUF_MAX(PIN_MAX);

	(void)writing;
	a->asked = true;
	a->failed = a->ask ? !a->ask(a->ctx, &pin, &a->why) : !err_set(&a->why, ERR_PASSPHRASE, "it asks for a PIN, and nobody can be asked for it");
	if (!a->failed && pin.len > (size_t)size)
		a->failed = !err_set(&a->why, ERR_PASSPHRASE, "a PIN of more than %d bytes", size);
	if (a->failed)
		return -1;
	if (pin.len)
		memcpy(out, pin.data, pin.len);
	return (int)pin.len;
}

/* --- the provider --- */

/* A module that cannot be loaded is a matter of the loader (DSO); one that was, and says no, has no device to work with. */
static bool load_failed(struct err *e, const char *name)
{
	bool absent = ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_DSO;
	struct err why = { 0 };

	pair_failed(&why, "it does not start");
	if (absent)
		return err_set(e, ERR_MISSING, "OpenSSL has no provider %s: %s", name, advice(name)->absent);
	return err_set(e, ERR_UNREACHABLE, "provider %s: %s; %s", name, why.text, advice(name)->silent);
}

static bool load(struct provider_key *k, const char *name, struct err *e)
{
	k->library = OSSL_LIB_CTX_new();
	k->base = k->library ? OSSL_PROVIDER_load(k->library, "default") : NULL;
	if (!k->base)
		return pair_failed(e, "OpenSSL's default provider");
	k->named = OSSL_PROVIDER_load(k->library, name);
	if (!k->named)
		return load_failed(e, name);
	k->props = path_form("?provider=%s", name);
	return true;
}

/* --- the key --- */

static bool take(struct provider_key *k, OSSL_STORE_CTX *store, struct err *e)
{
	for (int i = 0; i < FOUND_MAX && !OSSL_STORE_eof(store); i++) {
		cleanup(OSSL_STORE_INFO_close) OSSL_STORE_INFO *found = OSSL_STORE_load(store);
		if (!found || OSSL_STORE_INFO_get_type(found) != OSSL_STORE_INFO_PKEY)
			continue;
		if (k->key)
			return err_set(e, ERR_USAGE, "the URI names several keys: expected one");
		k->key = OSSL_STORE_INFO_get1_PKEY(found);
	}
	return k->key || pair_failed(e, "no private key is there");
}

static bool fetch(struct provider_key *k, const char *uri, struct asking *a, struct err *e)
{
	cleanup(UI_METHOD_close) UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(answer, 0);
	cleanup(OSSL_STORE_CTX_close) OSSL_STORE_CTX *store =
		ui ? OSSL_STORE_open_ex(uri, k->library, k->props, ui, a, NULL, NULL, NULL) : NULL;

	if (!store || OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) != 1)
		return pair_failed(e, "it cannot be opened");
	return take(k, store, e);
}

static bool find(struct provider_key *k, const char *uri, provider_ask *ask, void *ctx, struct err *e)
{
	struct asking a = { .ask = ask, .ctx = ctx };
	struct err why = { 0 };

	if (fetch(k, uri, &a, &why)) {
		ERR_clear_error();
		return true;
	}
	if (a.failed)
		return err_set(e, a.why.code, "%s", a.why.text);
	if (why.code != ERR_INTERNAL)
		return err_set(e, why.code, "%s", why.text);
	if (a.asked) /* what a wrong one opens looks, once in 256 times, like something that is no key */
		return err_set(e, ERR_PASSPHRASE, "wrong password or PIN: %s", why.text);
	return err_set(e, ERR_MISSING, "%s", why.text);
}

static bool is_usable(const struct provider_key *k, struct err *e)
{
	cleanup(public_free) struct public_key is = { 0 };

	return provider_public(&is, k, e) && public_check_strength(&is, e);
}

bool provider_open(struct provider_key **out, struct provider_place at, provider_ask *ask, void *ctx, struct err *e)
{
	cleanup(provider_free) struct provider_key *k = mem_new(1, sizeof *k);

	if (!provider_place_check(at, e) || !load(k, at.provider, e))
		return false;
	if (!find(k, at.uri, ask, ctx, e) || !is_usable(k, e))
		return err_in(e, "%s", at.uri);
	*out = k;
	k = NULL;
	return true;
}

static struct pair pair_of(const struct provider_key *k)
{
	return (struct pair){ k->key, k->library, k->props };
}

bool provider_public(struct public_key *out, const struct provider_key *k, struct err *e)
{
	struct pair p = pair_of(k);

	return pair_public(out, &p, e);
}

bool provider_sign(struct buf *signature, const struct provider_key *k, struct str message, struct err *e)
{
	struct pair p = pair_of(k);
	struct err why = { 0 };

	return pair_sign(signature, &p, message, &why) ||
		err_set(e, why.code == ERR_INTERNAL ? ERR_REFUSED : why.code, "the provider does not sign: %s", why.text);
}

void provider_free(struct provider_key **k)
{
	struct provider_key *gone = *k;

	if (!gone)
		return;
	EVP_PKEY_free(gone->key);
	if (gone->named)
		OSSL_PROVIDER_unload(gone->named);
	if (gone->base)
		OSSL_PROVIDER_unload(gone->base);
	OSSL_LIB_CTX_free(gone->library);
	free_ptr(&gone->props);
	free_ptr(k);
}
