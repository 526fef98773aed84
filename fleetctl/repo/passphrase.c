#include "fleetctl/repo/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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
	if (n < 0 && errno != EINTR)
		return err_sys(e, "reading the passphrase");
	return (n >= 0 && buf_ok(out, e)) || err_set(e, ERR_STOPPED, "no passphrase was given");
}

static bool ask_terminal(struct buf *out, const char *prompt, struct err *e)
{
	struct termios before, silent;
	cleanup(fd_close) int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0 || tcgetattr(tty, &before) != 0)
		return err_set(e, ERR_PASSPHRASE, "a passphrase is needed and there is no terminal to ask at: give it with --passphrase-fd N");
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	dprintf(tty, "%s: ", prompt);
	tcsetattr(tty, TCSAFLUSH, &silent);
	bool good = read_line(out, tty, e);
	tcsetattr(tty, TCSAFLUSH, &before);
	dprintf(tty, "\n");
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

bool passphrase_ask(void *ctx, struct buf *out, const char *key_name, struct err *e)
{
	struct passphrase *p = ctx;
	cleanup(free_ptr) char *prompt = path_form("Passphrase of the key %s", key_name);
	return p->fd >= 0 ? from_descriptor(p, out, e) : ask_terminal(out, prompt, e);
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
