#include "fleetctl/repo/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/fs.h"
#include "keys/secret.h"

/* One line, without its end. */
static bool read_line(struct buf *out, int fd, struct err *e)
{
	char c;
	ssize_t n;
	while ((n = read(fd, &c, 1)) == 1 && c != '\n')
		buf_byte(out, c);
	if (n < 0 && errno == EBADF)
		return err_set(e, ERR_USAGE, "it is not open: one line of it is the passphrase, as by %d<FILE", fd);
	if (n < 0 && errno != EINTR)
		return err_sys(e, "reading the passphrase");
	return (n >= 0 && buf_ok(out, e)) || err_set(e, ERR_STOPPED, "no passphrase was given");
}

/* What a person or the system may end or stop us by. */
static void endings(sigset_t *out)
{
	static const int all[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP };
	sigemptyset(out);
	for (size_t i = 0; i < COUNT_OF(all); i++)
		sigaddset(out, all[i]);
}

/* False: a signal came before the line did. It stays pending. */
static bool line_comes(int tty, int signals)
{
	struct pollfd p[] = { { .fd = tty, .events = POLLIN }, { .fd = signals, .events = POLLIN } };
	while (poll(p, COUNT_OF(p), -1) < 0 && errno == EINTR)
		;
	return p[1].revents == 0;
}

/* A signal does what it does only after the echo is put back: ^C ends us, ^Z stops us, and then it is asked once more. */
static bool ask_terminal(struct buf *out, const char *prompt, struct err *e)
{
	struct termios before, silent;
	sigset_t held, was;
	bool line = false, good = false;
	cleanup(fd_close) int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0 || tcgetattr(tty, &before) != 0)
		return err_set(e, ERR_PASSPHRASE, "a passphrase is needed and there is no terminal to ask at: give it with --passphrase-fd N");
	endings(&held);
	cleanup(fd_close) int signals = signalfd(-1, &held, SFD_CLOEXEC);
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	while (!line) {
		sigprocmask(SIG_BLOCK, &held, &was);
		tcsetattr(tty, TCSAFLUSH, &silent);
		dprintf(tty, "%s: ", prompt);
		line = line_comes(tty, signals);
		good = line && read_line(out, tty, e);
		tcsetattr(tty, TCSAFLUSH, &before);
		dprintf(tty, "\n");
		sigprocmask(SIG_SETMASK, &was, NULL);
	}
	return good;
}

static bool from_descriptor(struct passphrase *p, struct buf *out, struct err *e)
{
	if (!p->read) {
		p->text = BUF_MAX(PASSPHRASE_MAX);
		if (!read_line(&p->text, p->fd, e))
			return err_in(e, "--passphrase-fd %d", p->fd);
		p->read = true;
	}
	buf_add(out, buf_str(&p->text));
	return buf_ok(out, e);
}

bool passphrase_other(struct passphrase *p, struct buf *out, const char *prompt, struct err *e)
{
	return p->fd >= 0 ? from_descriptor(p, out, e) : ask_terminal(out, prompt, e);
}

bool passphrase_ask(void *ctx, struct buf *out, const char *key_name, struct err *e)
{
	cleanup(free_ptr) char *prompt = path_form("Passphrase of the key %s", key_name);
	return passphrase_other(ctx, out, prompt, e);
}

bool passphrase_new(struct passphrase *p, struct buf *out, const char *what, struct err *e)
{
	if (p->fd >= 0)
		return from_descriptor(p, out, e);
	struct buf again = BUF_MAX(PASSPHRASE_MAX);
	cleanup(free_ptr) char *prompt = path_form("New passphrase for %s", what);
	bool good = ask_terminal(out, prompt, e) && ask_terminal(&again, "The same once more", e);
	if (good && !str_eq(buf_str(out), buf_str(&again)))
		good = err_set(e, ERR_PASSPHRASE, "the two passphrases differ: nothing was made");
	secret_wipe(&again);
	return good;
}

void passphrase_free(struct passphrase *p)
{
	secret_wipe(&p->text);
}
