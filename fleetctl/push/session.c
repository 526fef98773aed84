#include "fleetctl/push/session.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "fleetctl/push/dial.h"

enum { WRITE_PIECE = 32 * KIB, ARRIVED_MAX = 4 * MIB, STDERR_MAX = 300 };

/* One good choice of each and one to fall back on: the lists are sent at every connection, and bytes are money. */
#define OUR_KEX     "curve25519-sha256,ecdh-sha2-nistp256"
#define OUR_CIPHERS "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com"
#define OUR_MACS    "hmac-sha2-256-etm@openssh.com"

enum step { CONNECT, KEYS, AUTH, OPEN, EXEC, RUN, ENDED };

struct session {
	struct loop *loop;
	const struct login *login;
	const struct host *host;
	struct session_calls calls;
	enum step step;

	struct dial *dial;
	char *name; /* where to connect: address, or what ssh_config makes of it */
	int port, fd;
	bool proxied;

	struct watch *watch;
	struct timer *patience, *soon;
	ssh_session ssh;
	ssh_channel channel;
	ssh_event event;
	struct ssh_channel_callbacks_struct on;
	struct ssh_counter_struct counted;

	struct buf in;
	struct buf said; /* its first words on stderr, for the error */
	bool closed, wants_write, inside, dropped;
	int status;
	struct err why;
};

static void session_free(struct session *s)
{
	dial_drop(&s->dial);
	watch_close(&s->watch);
	timer_close(&s->patience);
	timer_close(&s->soon);
	if (s->event)
		ssh_event_free(s->event);
	if (s->channel)
		ssh_channel_free(s->channel);
	if (s->ssh) {
		if (ssh_is_connected(s->ssh))
			ssh_disconnect(s->ssh);
		ssh_free(s->ssh);
	}
	fd_close(&s->fd);
	buf_free(&s->in);
	buf_free(&s->said);
	free_ptr(&s->name);
	free(s);
}

void session_close(struct session **s)
{
	if (!*s)
		return;
	(*s)->dropped = true;
	if (!(*s)->inside)
		session_free(*s);
	*s = NULL;
}

/* The end is told from the loop, when nothing of libssh is on the stack. */
static void fail(struct session *s, enum err_code code, const char *what)
{
	if (s->step == ENDED)
		return;
	s->step = ENDED;
	err_set(&s->why, code, "%s", what);
	timer_in(s->soon, 0);
}

static void fail_ssh(struct session *s, const char *doing)
{
	char text[400];
	const char *said = ssh_get_error(s->ssh);
	snprintf(text, sizeof text, "%s: %s", doing, said && *said ? said : "connection lost");
	fail(s, ERR_UNREACHABLE, text);
}

static void tell_end(void *ctx)
{
	struct session *s = ctx;
	if (s->step != ENDED)
		return;
	timer_in(s->patience, -1);
	watch_close(&s->watch);
	s->inside = true;
	s->calls.ended(s->calls.ctx, &s->why);
	s->inside = false;
	if (s->dropped)
		session_free(s);
}

static void out_of_patience(void *ctx)
{
	struct session *s = ctx;
	static const char *const doing[] = { "connecting", "exchanging keys", "logging in", "opening a channel", "starting fleet-agent" };
	char text[100];
	snprintf(text, sizeof text, "no answer while %s", s->step < RUN ? doing[s->step] : "running");
	fail(s, ERR_UNREACHABLE, text);
}

static int on_data(ssh_session ssh, ssh_channel channel, void *data, uint32_t len, int is_stderr, void *ctx)
{
	struct session *s = ctx;
	(void)ssh, (void)channel;
	if (is_stderr)
		buf_add(&s->said, str_bytes(data, MIN((size_t)len, STDERR_MAX - s->said.len)));
	else
		buf_add(&s->in, str_bytes(data, len));
	return (int)len;
}

static void on_close(ssh_session ssh, ssh_channel channel, void *ctx)
{
	(void)ssh, (void)channel;
	((struct session *)ctx)->closed = true;
}

static void on_exit_status(ssh_session ssh, ssh_channel channel, int status, void *ctx)
{
	(void)ssh, (void)channel;
	((struct session *)ctx)->status = status;
}

/* The pin is "TYPE BASE64 [comment]". */
static bool key_is_pinned(struct session *s)
{
	cleanup(free_ptr) char *shown = NULL;
	ssh_key key = NULL;
	char text[700];
	if (ssh_get_server_publickey(s->ssh, &key) != SSH_OK || ssh_pki_export_pubkey_base64(key, &shown) != SSH_OK) {
		ssh_key_free(key);
		fail(s, ERR_HOSTKEY, "shows no readable host key");
		return false;
	}
	struct str rest, type = str_cut(str_of(s->host->host_key), ' ', &rest);
	struct str pin = str_cut(rest, ' ', &rest);
	bool same = str_is(type, ssh_key_type_to_char(ssh_key_type(key))) && str_is(pin, shown);
	snprintf(text, sizeof text, "shows another host key than the one pinned in hosts.yaml: %s %.60s... Nothing was sent. Was it set up anew? Then look at the key by another way and correct host_key",
		ssh_key_type_to_char(ssh_key_type(key)), shown);
	ssh_key_free(key);
	if (!same)
		fail(s, ERR_HOSTKEY, text);
	return same;
}

static bool open_channel(struct session *s)
{
	s->channel = ssh_channel_new(s->ssh);
	if (!s->channel)
		return false;
	s->on = (struct ssh_channel_callbacks_struct){
		.userdata = s,
		.channel_data_function = on_data,
		.channel_close_function = on_close,
		.channel_exit_status_function = on_exit_status,
	};
	ssh_callbacks_init(&s->on);
	return ssh_set_channel_callbacks(s->channel, &s->on) == SSH_OK;
}

static int authenticate(struct session *s)
{
	return s->login->key ? ssh_userauth_publickey(s->ssh, NULL, s->login->key) : ssh_userauth_publickey_auto(s->ssh, NULL, NULL);
}

/* One step of the way to a running command. True: go on at once; false: wait for the socket, or ended. */
static bool advance(struct session *s)
{
	int r;
	switch (s->step) {
	case KEYS:
		r = ssh_connect(s->ssh);
		if (r == SSH_ERROR)
			fail_ssh(s, "SSH");
		if (r != SSH_OK || !key_is_pinned(s))
			return false;
		s->step = AUTH;
		return true;
	case AUTH:
		r = authenticate(s);
		if (r == SSH_AUTH_AGAIN)
			return false;
		if (r == SSH_AUTH_ERROR)
			fail_ssh(s, "logging in");
		else if (r != SSH_AUTH_SUCCESS)
			fail(s, ERR_UNREACHABLE, "refuses our SSH key: is its public half in the host's authorized_keys, with the forced command?");
		if (r != SSH_AUTH_SUCCESS)
			return false;
		s->step = OPEN;
		if (!open_channel(s))
			fail_ssh(s, "opening a channel");
		return s->step == OPEN;
	case OPEN:
		r = ssh_channel_open_session(s->channel);
		if (r == SSH_ERROR)
			fail_ssh(s, "opening a channel");
		if (r != SSH_OK)
			return false;
		s->step = EXEC;
		return true;
	case EXEC:
		r = ssh_channel_request_exec(s->channel, "fleet-agent serve");
		if (r == SSH_ERROR)
			fail_ssh(s, "starting fleet-agent");
		if (r != SSH_OK)
			return false;
		s->step = RUN;
		timer_in(s->patience, -1);
		s->calls.opened(s->calls.ctx);
		return !s->dropped;
	default:
		return false;
	}
}

static void deliver(struct session *s)
{
	if (s->in.failed)
		fail(s, ERR_PROTOCOL, "sends more than it was asked for");
	if (s->in.len && !s->dropped) {
		struct buf arrived = s->in;
		s->in = BUF_MAX(ARRIVED_MAX);
		s->calls.arrived(s->calls.ctx, buf_str(&arrived));
		buf_free(&arrived);
	}
	if (!s->dropped && s->step == RUN && s->wants_write) {
		s->wants_write = false;
		s->calls.writable(s->calls.ctx);
	}
}

static void end_if_over(struct session *s)
{
	if (s->dropped || s->step != RUN || s->in.len)
		return;
	if (s->closed && s->status > 0) {
		char text[100 + STDERR_MAX];
		struct str said = str_trim(buf_str(&s->said));
		snprintf(text, sizeof text, "fleet-agent ended with status %d%s%s" STR_FMT, s->status, s->status == 127 ? " (not installed?)" : "",
			said.len ? ": " : "", STR_ARG(said));
		fail(s, ERR_PROTOCOL, text);
	}
	else if (s->closed) {
		s->step = ENDED;
		s->why = (struct err){ 0 };
		timer_in(s->soon, 0);
	}
	else if (!ssh_is_connected(s->ssh))
		fail(s, ERR_UNREACHABLE, "connection lost");
}

/* libssh closes the socket by itself when the other side says goodbye. Its number may be another's in a moment: it must not be
 * watched any longer. */
static void forget_closed(struct session *s)
{
	if (ssh_get_fd(s->ssh) != SSH_INVALID_SOCKET)
		return;
	watch_close(&s->watch);
	if (s->step < RUN)
		fail_ssh(s, "SSH");
}

/* ssh_event_dopoll comes first at every readiness: it clears libssh's own flags, which would otherwise spin the loop. */
static void ready(void *ctx)
{
	struct session *s = ctx;
	s->inside = true;
	if (s->step > KEYS && s->step < ENDED && ssh_event_dopoll(s->event, 0) == SSH_ERROR && !s->closed)
		fail_ssh(s, "SSH");
	forget_closed(s);
	deliver(s);
	while (!s->dropped && advance(s))
		;
	forget_closed(s);
	deliver(s);
	forget_closed(s);
	end_if_over(s);
	if (!s->dropped && s->watch)
		watch_want(s->watch, s->step != ENDED, s->step != ENDED && (ssh_get_poll_flags(s->ssh) & SSH_WRITE_PENDING));
	s->inside = false;
	if (s->dropped)
		session_free(s);
}

size_t session_write(struct session *s, struct str bytes)
{
	size_t taken = 0;
	while (s->step == RUN && taken < bytes.len) {
		if (ssh_get_poll_flags(s->ssh) & SSH_WRITE_PENDING)
			break;
		int r = ssh_channel_write(s->channel, bytes.data + taken, (uint32_t)MIN(bytes.len - taken, (size_t)WRITE_PIECE));
		if (r < 0)
			fail_ssh(s, "sending");
		if (r <= 0)
			break; /* 0: the host's window is full */
		taken += (size_t)r;
	}
	s->wants_write = taken < bytes.len;
	if (s->watch && s->step == RUN)
		watch_want(s->watch, true, ssh_get_poll_flags(s->ssh) & SSH_WRITE_PENDING);
	return taken;
}

struct session_bytes session_bytes(const struct session *s)
{
	return (struct session_bytes){ s->counted.in_bytes, s->counted.out_bytes };
}

/* --- from a host to a socket --- */

static void begin_ssh(struct session *s)
{
	if (s->fd >= 0)
		ssh_options_set(s->ssh, SSH_OPTIONS_FD, &s->fd);
	s->fd = -1; /* libssh closes it from here on */
	watch_close(&s->watch);
	s->step = KEYS;
	int r = ssh_connect(s->ssh);
	if (r == SSH_ERROR) {
		fail_ssh(s, "SSH");
		return;
	}
	ssh_event_add_session(s->event, s->ssh);
	s->watch = watch_new(s->loop, ssh_get_fd(s->ssh), ready, s);
	watch_want(s->watch, true, true);
}

static void connected(void *ctx, int fd)
{
	struct session *s = ctx;
	s->fd = fd;
	dial_drop(&s->dial);
	begin_ssh(s);
}

static void not_connected(void *ctx, const char *why)
{
	fail(ctx, ERR_UNREACHABLE, why);
}

/* ssh_config may say HostName, Port, identities and a proxy for the address; what hosts.yaml says of user and port wins. */
static bool configure(struct session *s)
{
	int no = 0, yes = 1;
	unsigned int port = (unsigned)s->host->port;
	char *text = NULL;
	struct str type = str_of(s->host->host_key), rest;
	type = str_cut(type, ' ', &rest);
	cleanup(free_ptr) char *kind = str_dup(str_is(type, "ssh-rsa") ? STR("rsa-sha2-512,rsa-sha2-256") : type);
	if (ssh_options_set(s->ssh, SSH_OPTIONS_HOST, s->host->address) != SSH_OK || ssh_options_parse_config(s->ssh, NULL) != SSH_OK)
		return false;
	ssh_options_set(s->ssh, SSH_OPTIONS_PROCESS_CONFIG, &no);
	ssh_options_set(s->ssh, SSH_OPTIONS_USER, s->host->user);
	if (port)
		ssh_options_set(s->ssh, SSH_OPTIONS_PORT, &port);
	ssh_options_set(s->ssh, SSH_OPTIONS_NODELAY, &yes);
	ssh_options_set(s->ssh, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
	ssh_options_set(s->ssh, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
	ssh_options_set(s->ssh, SSH_OPTIONS_HOSTKEYS, kind);
	ssh_options_set(s->ssh, SSH_OPTIONS_KEY_EXCHANGE, OUR_KEX);
	ssh_options_set(s->ssh, SSH_OPTIONS_CIPHERS_C_S, OUR_CIPHERS);
	ssh_options_set(s->ssh, SSH_OPTIONS_CIPHERS_S_C, OUR_CIPHERS);
	ssh_options_set(s->ssh, SSH_OPTIONS_HMAC_C_S, OUR_MACS);
	ssh_options_set(s->ssh, SSH_OPTIONS_HMAC_S_C, OUR_MACS);
	ssh_options_get_port(s->ssh, &port);
	s->port = (int)port;
	if (ssh_options_get(s->ssh, SSH_OPTIONS_HOST, &text) == SSH_OK) {
		s->name = str_dup(str_of(text));
		ssh_string_free_char(text);
	}
	text = NULL;
	s->proxied = ssh_options_get(s->ssh, SSH_OPTIONS_PROXYCOMMAND, &text) == SSH_OK && text;
	ssh_string_free_char(text);
	return s->name != NULL;
}

struct session *session_open(struct loop *loop, const struct login *login, const struct host *host, int64_t connect_ms,
	const struct session_calls *calls)
{
	struct session *s = mem_new(1, sizeof *s);
	s->loop = loop;
	s->login = login;
	s->host = host;
	s->calls = *calls;
	s->fd = -1;
	s->in = BUF_MAX(ARRIVED_MAX);
	s->said = BUF_MAX(STDERR_MAX);
	s->patience = timer_new(loop, out_of_patience, s);
	s->soon = timer_new(loop, tell_end, s);
	timer_in(s->patience, connect_ms);
	if (!host->host_key) {
		fail(s, ERR_HOSTKEY, "has no host_key in hosts.yaml, and nobody is trusted on first sight: write it there, two words of the host's ssh_host_ed25519_key.pub");
		return s;
	}
	s->ssh = ssh_new();
	s->event = ssh_event_new();
	if (!s->ssh || !s->event)
		abort();
	ssh_set_blocking(s->ssh, 0);
	ssh_set_counters(s->ssh, &s->counted, NULL);
	if (!configure(s))
		fail_ssh(s, "ssh_config");
	else if (s->proxied)
		begin_ssh(s);
	else if (!(s->dial = dial_start(loop, s->name, s->port, &(struct dial_calls){ connected, not_connected, s })))
		fail(s, ERR_UNREACHABLE, "its address can be no name of a host");
	return s;
}
