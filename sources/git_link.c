/* Both directions of trust: ours in the server by its pins, the server's in us by a key. */
#include "sources/git_link.h"

#include <fcntl.h>

#include "base/fs.h"
#include "keys/issuer.h"
#include "sources/git_net.h"

/* --- ssh: host keys --- */

static void base64(struct buf *out, const unsigned char *bytes, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		size_t n = MIN(len - i, 3);
		uint32_t v = (uint32_t)bytes[i] << 16;
		if (n > 1)
			v |= (uint32_t)bytes[i + 1] << 8;
		if (n > 2)
			v |= bytes[i + 2];
		buf_byte(out, digits[v >> 18]);
		buf_byte(out, digits[v >> 12 & 63]);
		buf_byte(out, n > 1 ? digits[v >> 6 & 63] : '=');
		buf_byte(out, n > 2 ? digits[v & 63] : '=');
	}
}

/* "ssh-ed25519 AAAA... comment": without what follows the key. */
static struct str pin_at(const struct git_access *a, size_t i)
{
	struct str rest, whole = str_trim(str_of(((char **)a->host_keys.items)[i]));
	struct str kind = str_cut(whole, ' ', &rest);
	struct str key = str_cut(rest, ' ', &rest);

	return str_bytes(whole.data, key.len ? (size_t)(key.data + key.len - kind.data) : whole.len);
}

/* The kind stands in front in the key itself, as a length and a text (RFC 4253, 6.6). */
static void shown_key(struct buf *out, const git_cert_hostkey *shown)
{
	const unsigned char *raw = (const unsigned char *)shown->hostkey;
	size_t kind = shown->hostkey_len > 4 ? raw[3] : 0;

	if (!(shown->type & GIT_CERT_SSH_RAW) || kind + 4 > shown->hostkey_len)
		return;
	buf_add(out, str_bytes(raw + 4, kind));
	buf_byte(out, ' ');
	base64(out, raw, shown->hostkey_len);
}

static bool check_host_key(struct git_link *l, const git_cert_hostkey *shown, const char *host)
{
	cleanup(buf_free) struct buf text = {0};

	shown_key(&text, shown);
	for (size_t i = 0; text.len && i < l->access->host_keys.count; i++)
		if (str_eq(pin_at(l->access, i), buf_str(&text)))
			return true;
	return err_set(&l->why, ERR_HOSTKEY, "%s shows another host key than the ones pinned: %.600s", host,
		text.len ? buf_str(&text).data : "none that can be read");
}

/* "[host]:port", or "host": as a known_hosts file names it. */
static bool name_host(struct buf *out, const char *url, struct err *e)
{
	struct str rest, authority = str_cut(str_of(url + strlen("ssh://")), '/', &rest);
	const char *at = memrchr(authority.data, '@', authority.len);
	size_t skip = at ? (size_t)(at + 1 - authority.data) : 0;

	authority = str_bytes(authority.data + skip, authority.len - skip);
	const char *bracket = memrchr(authority.data, ']', authority.len);
	const char *colon = memrchr(authority.data, ':', authority.len);
	if (!colon || (bracket && colon < bracket)) {
		buf_add(out, authority);
		return buf_ok(out, e);
	}
	struct str port = str_bytes(colon + 1, authority.len - (size_t)(colon + 1 - authority.data));
	struct str host = str_bytes(authority.data, (size_t)(colon - authority.data));
	if (str_is(port, "22"))
		buf_add(out, host);
	else
		buf_form(out, "[" STR_FMT "]:" STR_FMT, STR_ARG(host), STR_ARG(port));
	return buf_ok(out, e);
}

bool git_link_pins(const char *home, const struct git_access *a, struct err *e)
{
	cleanup(free_ptr) char *folder = path_form("%s/.ssh", home), *file = path_form("%s/known_hosts", folder);
	cleanup(buf_free) struct buf text = {0}, old = BUF_MAX(64 * KIB), name = {0};

	if (!str_starts(str_of(a->url), "ssh://"))
		return true;
	if (!name_host(&name, a->url, e))
		return false;
	for (size_t i = 0; i < a->host_keys.count; i++)
		buf_form(&text, STR_FMT " " STR_FMT "\n", STR_ARG(buf_str(&name)), STR_ARG(pin_at(a, i)));
	if (fs_read(&old, AT_FDCWD, file, &(struct err){0}) && str_eq(buf_str(&old), buf_str(&text)))
		return true;
	return buf_ok(&text, e) && fs_mkdir(AT_FDCWD, folder, 0700, e) &&
	       fs_write(AT_FDCWD, file, buf_str(&text), 0600, e);
}

/* --- https: certificates --- */

static bool check_certificate(struct git_link *l, const git_cert_x509 *shown, bool valid, const char *host)
{
	struct err why = {0};

	if (valid)
		return true;
	if (!l->access->clock_unsure || !l->access->ca)
		return err_set(&l->why, ERR_HOSTKEY, "the certificate that %s shows is not one to believe", host);
	return issuer_check(str_bytes(shown->data, shown->len), host, l->access->ca, &why) ||
	       err_set(&l->why, why.code, "%s", why.text);
}

static int on_certificate(git_cert *cert, int valid, const char *host, void *link)
{
	struct git_link *l = link;
	bool ok = false;

	if (cert->cert_type == GIT_CERT_HOSTKEY_LIBSSH2)
		ok = check_host_key(l, (const git_cert_hostkey *)cert, host);
	else if (cert->cert_type == GIT_CERT_X509)
		ok = check_certificate(l, (const git_cert_x509 *)cert, valid, host);
	return ok ? 0 : GIT_ECERTIFICATE;
}

/* --- who we are --- */

static int offer(git_credential **out, struct git_link *l, const char *user)
{
	if (l->offered) {
		err_set(&l->why, ERR_REFUSED, "the server does not take our key%s%s for %s: it must know the public half",
			l->access->key ? " " : "", l->access->key ? l->access->key : "", user);
		return GIT_EUSER;
	}
	l->offered = true;
	if (l->access->key)
		return git_credential_ssh_key_new(out, user, NULL, l->access->key, "");
	return git_credential_ssh_key_from_agent(out, user);
}

static int on_credentials(git_credential **out, const char *url, const char *user, unsigned kinds, void *link)
{
	struct git_link *l = link;
	const char *name = user ? user : "git";

	(void)url;
	if (kinds & GIT_CREDENTIAL_USERNAME)
		return git_credential_username_new(out, name);
	if (kinds & GIT_CREDENTIAL_SSH_KEY && (l->access->key || l->access->agent))
		return offer(out, l, name);
	err_set(&l->why, ERR_REFUSED, "the server wants a password, which we have none of");
	return GIT_EUSER;
}

/* --- connecting --- */

void git_link_init(git_remote_callbacks *out, struct git_link *l, const struct git_access *a, uint64_t most_bytes)
{
	*l = (struct git_link){.access = a};
	*out = (git_remote_callbacks)GIT_REMOTE_CALLBACKS_INIT;
	out->certificate_check = on_certificate;
	out->credentials = on_credentials;
	out->payload = l;
	git_net_limit(a->connect_ms, a->idle_ms, a->total_ms, most_bytes);
}

bool git_link_failed(const struct git_link *l, int code, struct err *e)
{
	if (l->why.code != ERR_NONE) {
		*e = l->why;
		return false;
	}
	return !git_net_why(e) && git_lib_failed(e, code, l->access->url);
}

bool git_link_connect(git_remote *remote, git_direction way, git_remote_callbacks *c, struct err *e)
{
	git_remote_connect_options how = GIT_REMOTE_CONNECT_OPTIONS_INIT;
	const struct git_link *l = c->payload;

	how.callbacks = *c;
	how.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	if (l->access->ca)
		git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, l->access->ca, NULL);
	int failed = git_remote_connect_ext(remote, way, &how);
	return failed == 0 || git_link_failed(l, failed, e);
}
