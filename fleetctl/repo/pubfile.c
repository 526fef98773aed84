#include "fleetctl/repo/pubfile.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/name.h"
#include "fleetctl/repo/keyset.h"

static const char mark[] = "fleet-key";

void key_short(char out[KEY_SHORT_SIZE], const struct public_key *key)
{
	char id[DIGEST_HEX + 1];

	public_keyid(id, key);
	snprintf(out, KEY_SHORT_SIZE, "%.4s-%.4s-%.4s-%.4s", id, id + 4, id + 8, id + 12);
}

bool pubfile_write(const char *path, const char *name, const struct public_key *key, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(PUBFILE_MAX);

	if (fs_exists(AT_FDCWD, path))
		return err_set(e, ERR_EXISTS, "%s is there already", path);
	buf_form(&text, "%s %s ", mark, name);
	keyset_key_text(&text, key);
	buf_byte(&text, '\n');
	return buf_ok(&text, e) && fs_write(AT_FDCWD, path, buf_str(&text), 0644, e);
}

bool pubfile_of(char **name, struct public_key *key, struct str text, struct err *e)
{
	struct str after, line = str_cut(text, '\n', &after), rest, value;

	if (after.len || !str_is(str_cut(line, ' ', &rest), mark))
		return err_set(e, ERR_SYNTAX,
			"expected one line \"%s NAME ed25519 HEX\", as `fleetctl key new NAME --out` writes it", mark);
	struct str who = str_cut(rest, ' ', &value);
	if (!name_check(who, e) || !keyset_key_read(key, value, e))
		return false;
	*name = str_dup(who);
	return true;
}

bool pubfile_read(char **name, struct public_key *key, const char *path, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(PUBFILE_MAX);

	return fs_read(&text, AT_FDCWD, path, e) && (pubfile_of(name, key, buf_str(&text), e) || err_in(e, "%s", path));
}
