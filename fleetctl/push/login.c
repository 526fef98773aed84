#include "fleetctl/push/login.h"

#include <libssh/libssh.h>
#include <stdlib.h>

#include "base/fs.h"

bool login_open(struct login **out, const char *identity, struct err *e)
{
	ssh_key key = NULL;
	if (identity) {
		/* The passphrase is empty, not absent: libssh would ask on the terminal. */
		int r = ssh_pki_import_privkey_file(identity, "", NULL, NULL, &key);
		if (r == SSH_EOF)
			return err_set(e, ERR_MISSING, "SSH key %s is not there or not readable", identity);
		if (r != SSH_OK)
			return err_set(e, ERR_PASSPHRASE, "SSH key %s can't be read; if it has a passphrase: `ssh-add %s`, and leave out --identity", identity, identity);
	}
	*out = mem_new(1, sizeof **out);
	(*out)->key = key;
	return true;
}

char *login_public(const struct login *l)
{
	char *base64 = NULL, *public = NULL;
	if (l->key && ssh_pki_export_pubkey_base64(l->key, &base64) == SSH_OK)
		public = path_form("%s %s", ssh_key_type_to_char(ssh_key_type(l->key)), base64);
	ssh_string_free_char(base64);
	return public;
}

void login_free(struct login **l)
{
	if (*l)
		ssh_key_free((*l)->key);
	free_ptr(l);
}

bool login_scan(char **host_key, const char *address, int port, int64_t connect_ms, struct err *e)
{
	ssh_session ssh = ssh_new();
	ssh_key key = NULL;
	cleanup(free_ptr) char *base64 = NULL;
	long seconds = (long)(connect_ms / 1000);
	unsigned int number = port ? (unsigned)port : 22;
	ssh_options_set(ssh, SSH_OPTIONS_HOST, address);
	ssh_options_set(ssh, SSH_OPTIONS_PORT, &number);
	ssh_options_set(ssh, SSH_OPTIONS_TIMEOUT, &seconds);
	ssh_options_set(ssh, SSH_OPTIONS_HOSTKEYS, "ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512");
	bool good = ssh_connect(ssh) == SSH_OK && ssh_get_server_publickey(ssh, &key) == SSH_OK &&
		ssh_pki_export_pubkey_base64(key, &base64) == SSH_OK;
	if (good)
		*host_key = path_form("%s %s", ssh_key_type_to_char(ssh_key_type(key)), base64);
	else
		err_set(e, ERR_UNREACHABLE, "%s port %u: %s", address, number, ssh_get_error(ssh));
	ssh_key_free(key);
	if (ssh_is_connected(ssh))
		ssh_disconnect(ssh);
	ssh_free(ssh);
	return good;
}
