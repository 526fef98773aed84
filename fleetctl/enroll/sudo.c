#include "fleetctl/enroll/sudo.h"

#include "base/fs.h"
#include "keys/secret.h"

#define MARK "-- what follows is for the command --"

char *sudo_line(const struct sudo *how, const char *command)
{
	static const char *const by[] = { [SUDO_NOT_NEEDED] = "", [SUDO_FREE] = "sudo -n ", [SUDO_ASKS] = "sudo " };

	return path_form("%s%s", by[how->way], command);
}

/* For a shell, in single quotes. */
static void quote(struct buf *to, const char *text)
{
	buf_byte(to, '\'');
	for (; *text; text++)
		if (*text == '\'')
			buf_text(to, "'\\''");
		else
			buf_byte(to, *text);
	buf_byte(to, '\'');
}

/* sudo takes the first line of stdin, or leaves it, where for this command it asks for nothing: so the command's own input begins
 * behind a mark, and a password can never be what is written to a file. */
static bool run_asked(struct shell_end *out, struct shell *s, const struct sudo *how, const char *command, struct str input, int64_t silence_ms,
	struct err *e)
{
	struct buf all = BUF_MAX(input.len + how->password.len + sizeof MARK + 1);
	cleanup(buf_free) struct buf line = { 0 };

	buf_text(&line, "env LC_ALL=C sudo -k -S -p '' sh -c 'while IFS= read -r line && [ \"$line\" != \"" MARK "\" ]; do :; done; eval \"$1\"' sh ");
	quote(&line, command);
	buf_byte(&line, 0);
	buf_add(&all, buf_str(&how->password));
	buf_text(&all, "\n" MARK "\n");
	buf_add(&all, input);
	bool good = buf_ok(&line, e) && buf_ok(&all, e) && shell_run(out, s, line.data, buf_str(&all), silence_ms, e);
	secret_wipe(&all);
	return good;
}

bool sudo_run(struct shell_end *out, struct shell *s, const struct sudo *how, const char *command, struct str input, int64_t silence_ms, struct err *e)
{
	if (how->way == SUDO_ASKS)
		return run_asked(out, s, how, command, input, silence_ms, e);
	cleanup(free_ptr) char *typed = sudo_line(how, command);
	cleanup(free_ptr) char *line = path_form("env LC_ALL=C %s", typed);
	return shell_run(out, s, line, input, silence_ms, e);
}

void sudo_free(struct sudo *how)
{
	secret_wipe(&how->password);
}
