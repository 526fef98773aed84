#include "fleetctl/push/shell.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"

enum { LOOK_MS = 500, WRITE_S = 120, PIECE = 16 * KIB };

struct shell {
	ssh_session ssh;
	ssh_event event;
	char *host_key, *fingerprint, *where;
};

/* One command of it. */
struct talk_to {
	struct shell_end end;
	bool closed;
	int64_t heard_ms;
};

static bool unreachable(struct shell *s, const char *doing, struct err *e)
{
	return err_set(e, ERR_UNREACHABLE, "%s: %s", doing, ssh_get_error(s->ssh));
}

void shell_close(struct shell **s)
{
	if (!*s)
		return;
	if ((*s)->event)
		ssh_event_free((*s)->event);
	if (ssh_is_connected((*s)->ssh))
		ssh_disconnect((*s)->ssh);
	ssh_free((*s)->ssh);
	free_ptr(&(*s)->host_key);
	free_ptr(&(*s)->fingerprint);
	free_ptr(&(*s)->where);
	free_ptr(s);
}

/* --- the connection --- */

static bool configure(struct shell *s, const struct shell_to *to, struct err *e)
{
	int no = 0;
	long seconds = (long)(to->connect_ms / 1000);
	unsigned int port = (unsigned)to->port;
	struct str rest, type = str_cut(str_of(to->host_key), ' ', &rest);
	cleanup(free_ptr) char *kinds = !to->host_key ? str_dup(STR("ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512"))
		: str_is(type, "ssh-rsa") ? str_dup(STR("rsa-sha2-512,rsa-sha2-256")) : str_dup(type);

	if (ssh_options_set(s->ssh, SSH_OPTIONS_HOST, to->address) != SSH_OK || ssh_options_parse_config(s->ssh, NULL) != SSH_OK)
		return unreachable(s, "ssh_config", e);
	ssh_options_set(s->ssh, SSH_OPTIONS_PROCESS_CONFIG, &no);
	if (to->user)
		ssh_options_set(s->ssh, SSH_OPTIONS_USER, to->user);
	if (port)
		ssh_options_set(s->ssh, SSH_OPTIONS_PORT, &port);
	ssh_options_set(s->ssh, SSH_OPTIONS_TIMEOUT, &seconds);
	ssh_options_set(s->ssh, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
	ssh_options_set(s->ssh, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
	ssh_options_set(s->ssh, SSH_OPTIONS_HOSTKEYS, kinds);
	return true;
}

static bool look_at_key(struct shell *s, struct err *e)
{
	cleanup(free_ptr) char *base64 = NULL;
	unsigned char *hash = NULL;
	char *print = NULL;
	size_t len = 0;
	ssh_key key = NULL;

	if (ssh_get_server_publickey(s->ssh, &key) != SSH_OK || ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK ||
		ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) != SSH_OK)
		unreachable(s, "its host key", e);
	else {
		s->host_key = path_form("%s %s", ssh_key_type_to_char(ssh_key_type(key)), base64);
		print = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len);
		s->fingerprint = str_dup(str_of(print));
	}
	ssh_string_free_char(print);
	ssh_clean_pubkey_hash(&hash);
	ssh_key_free(key);
	return s->host_key != NULL;
}

/* Type and base64 alike; a comment behind them says nothing. */
static bool is_same_key(const char *pinned, const char *shown)
{
	struct str rest, type = str_cut(str_of(pinned), ' ', &rest), body = str_cut(str_trim(rest), ' ', &rest);
	struct str shown_body, shown_type = str_cut(str_of(shown), ' ', &shown_body);

	return str_eq(type, shown_type) && str_eq(body, shown_body);
}

/* As a person named it, and the port that ssh_config may have named. */
static char *where(struct shell *s, const struct shell_to *to)
{
	unsigned int port = 0;

	(void)ssh_options_get_port(s->ssh, &port);
	return path_form("%s port %u", to->address, port);
}

static bool connect_to(struct shell *s, const struct shell_to *to, struct err *e)
{
	if (ssh_connect(s->ssh) != SSH_OK)
		return unreachable(s, s->where, e);
	if (!look_at_key(s, e))
		return err_in(e, "%s", s->where);
	return !to->host_key || is_same_key(to->host_key, s->host_key) ||
		err_set(e, ERR_HOSTKEY, "%s shows another host key than the one expected: %s. Nothing was sent; look at the key on the host itself",
			s->where, s->fingerprint);
}

bool shell_dial(struct shell **out, const struct shell_to *to, struct err *e)
{
	cleanup(shell_close) struct shell *s = mem_new(1, sizeof *s);

	s->ssh = mem_must(ssh_new());
	if (!configure(s, to, e))
		return false;
	s->where = where(s, to);
	if (!connect_to(s, to, e))
		return false;
	*out = s;
	s = NULL;
	return true;
}

const char *shell_where(const struct shell *s)
{
	return s->where;
}

const char *shell_host_key(const struct shell *s)
{
	return s->host_key;
}

const char *shell_fingerprint(const struct shell *s)
{
	return s->fingerprint;
}

bool shell_login(struct shell *s, const struct login *login, struct err *e)
{
	char *user = NULL;
	long seconds = WRITE_S;
	int r = login->key ? ssh_userauth_publickey(s->ssh, NULL, login->key) : ssh_userauth_publickey_auto(s->ssh, NULL, NULL);

	if (r == SSH_AUTH_ERROR)
		return unreachable(s, "logging in", e);
	if (r != SSH_AUTH_SUCCESS) {
		(void)ssh_options_get(s->ssh, SSH_OPTIONS_USER, &user);
		err_set(e, ERR_UNREACHABLE, "refuses our SSH key for user %s: `ssh-copy-id` brings one there, --identity or ssh-agent says which, --user says as whom",
			user ? user : "?");
		ssh_string_free_char(user);
		return false;
	}
	ssh_options_set(s->ssh, SSH_OPTIONS_TIMEOUT, &seconds); /* from here on: until a slow line has taken a piece */
	s->event = mem_must(ssh_event_new());
	ssh_event_add_session(s->event, s->ssh);
	return true;
}

/* --- a command --- */

static void keep(struct buf *to, const void *data, uint32_t len)
{
	buf_add(to, str_bytes(data, MIN((size_t)len, SHELL_OUTPUT_MAX - to->len)));
}

static int on_data(ssh_session ssh, ssh_channel channel, void *data, uint32_t len, int is_stderr, void *ctx)
{
	struct talk_to *t = ctx;
	(void)ssh, (void)channel;
	t->heard_ms = clock_boot_ms();
	keep(is_stderr ? &t->end.said : &t->end.out, data, len);
	return (int)len;
}

static void on_close(ssh_session ssh, ssh_channel channel, void *ctx)
{
	(void)ssh, (void)channel;
	((struct talk_to *)ctx)->closed = true;
}

static void on_exit_status(ssh_session ssh, ssh_channel channel, int status, void *ctx)
{
	(void)ssh, (void)channel;
	((struct talk_to *)ctx)->end.status = status;
}

/* What a command that has ended does not take is no error of ours: its exit code tells. */
static void give(ssh_channel channel, const struct talk_to *t, struct str input)
{
	size_t given = 0;

	while (given < input.len && !t->closed) {
		int r = ssh_channel_write(channel, input.data + given, (uint32_t)MIN(input.len - given, (size_t)PIECE));
		if (r <= 0)
			return;
		given += (size_t)r;
	}
	if (!t->closed)
		ssh_channel_send_eof(channel);
}

static bool listen_to(struct shell *s, struct talk_to *t, int64_t silence_ms, struct err *e)
{
	t->heard_ms = clock_boot_ms();
	while (!t->closed) {
		if (ssh_event_dopoll(s->event, LOOK_MS) == SSH_ERROR && !t->closed)
			return unreachable(s, "connection lost", e);
		if (!t->closed && !ssh_is_connected(s->ssh))
			return err_set(e, ERR_UNREACHABLE, "connection lost");
		if (!t->closed && clock_boot_ms() - t->heard_ms > silence_ms)
			return err_set(e, ERR_TIMEOUT, "nothing heard for %lld s", (long long)(silence_ms / 1000));
	}
	return true;
}

static bool run_on(ssh_channel channel, struct shell *s, struct talk_to *t, const char *command, struct str input, int64_t silence_ms, struct err *e)
{
	struct ssh_channel_callbacks_struct on = {
		.userdata = t, .channel_data_function = on_data, .channel_close_function = on_close, .channel_exit_status_function = on_exit_status,
	};

	ssh_callbacks_init(&on);
	if (ssh_set_channel_callbacks(channel, &on) != SSH_OK || ssh_channel_open_session(channel) != SSH_OK ||
		ssh_channel_request_exec(channel, command) != SSH_OK)
		return unreachable(s, "starting a command", e);
	give(channel, t, input);
	bool heard = listen_to(s, t, silence_ms, e);
	ssh_remove_channel_callbacks(channel, &on);
	return heard;
}

bool shell_run(struct shell_end *out, struct shell *s, const char *command, struct str input, int64_t silence_ms, struct err *e)
{
	struct talk_to t = { .end = { .status = -1, .out = BUF_MAX(SHELL_OUTPUT_MAX), .said = BUF_MAX(SHELL_OUTPUT_MAX) } };
	ssh_channel channel = mem_must(ssh_channel_new(s->ssh));
	bool ended = run_on(channel, s, &t, command, input, silence_ms, e);

	ssh_channel_free(channel);
	if (!ended) {
		shell_end_free(&t.end);
		return false;
	}
	*out = t.end;
	return true;
}

void shell_end_free(struct shell_end *end)
{
	buf_free(&end->out);
	buf_free(&end->said);
}
