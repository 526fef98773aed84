#include "fleetctl/db/deed.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/hex.h"

enum { ID_BYTES = 16, ID_HEX = 2 * ID_BYTES, FILE_MAX = 100 };

struct deed {
	char id[ID_HEX + 1];
	int64_t rollouts;
};
struct place { /* what a copy does not take along; born 0: that file system does not say */
	int64_t inode, born;
};

static bool place_of(struct place *out, struct db *db, struct err *e)
{
	struct statx st;
	if (statx(db->dir, DB_FILE, AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &st) != 0)
		return err_sys(e, "%s", db->path);
	*out = (struct place){ (int64_t)st.stx_ino, st.stx_mask & STATX_BTIME ? st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec : 0 };
	return true;
}

static bool read_file(struct deed *out, struct db *db)
{
	cleanup(buf_free) struct buf text = BUF_MAX(FILE_MAX);
	uint8_t raw[ID_BYTES];
	uint64_t rollouts;
	struct err ignored;
	struct str count, id;
	if (!fs_read(&text, db->dir, DEED_FILE, &ignored))
		return false;
	id = str_cut(str_trim(buf_str(&text)), ' ', &count);
	if (!hex_read(raw, sizeof raw, id) || !str_number(&rollouts, count, INT32_MAX))
		return false;
	hex_write(out->id, raw, sizeof raw);
	out->rollouts = (int64_t)rollouts;
	return true;
}

static bool write_file(struct db *db, const struct deed *d, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(FILE_MAX);
	buf_form(&text, "%s %lld\n", d->id, (long long)d->rollouts);
	return fs_write(db->dir, DEED_FILE, buf_str(&text), 0644, e);
}

static bool count_rollouts(int64_t *out, struct db *db, struct err *e)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	bool more;
	if (!sql_prepare(&s, db->sql, e, "SELECT count(*) FROM rollout", "") || !sql_step(s, &more, e))
		return false;
	*out = sql_int(s, 0);
	return true;
}

/* The file first: killed between the two, the next start finds an id and no row, and takes that one. */
static bool make(struct db *db, const struct place *here, int64_t rollouts, struct err *e)
{
	struct deed d;
	uint8_t raw[ID_BYTES];
	if (!read_file(&d, db)) {
		random_bytes(raw, sizeof raw);
		hex_write(d.id, raw, sizeof raw);
	}
	d.rollouts = rollouts;
	return write_file(db, &d, e) &&
		sql_run(db->sql, e, "INSERT INTO deed (id, inode, born) VALUES (?,?,?)", "tii", d.id, here->inode, here->born);
}

static bool say(const struct db *db, struct err *e, const char *what)
{
	return err_set(e, ERR_REFUSED, "%s %s: what it says of rollouts may be past. Go on where the true one is; or make this folder's"
		" own anew from what the hosts say: `fleetctl status --rebuild`", db->path, what);
}

static bool compare(struct db *db, const char *id, const struct place *then, const struct place *here, int64_t rollouts, struct err *e)
{
	struct deed d;
	if (!read_file(&d, db))
		return say(db, e, "stands without the file `" DEED_FILE "` that was made with it");
	if (!id || strcmp(id, d.id) != 0)
		return say(db, e, "is the database of another fleet folder");
	if (then->inode != here->inode || then->born != here->born)
		return say(db, e, "is a copy: this folder was copied from elsewhere, or came out of a backup");
	if (rollouts < d.rollouts)
		return say(db, e, "is an older one, put back: rollouts were begun here that it does not know");
	return true;
}

bool deed_check(struct db *db, struct err *e)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	struct place here = { 0 };
	int64_t rollouts = 0;
	bool there;
	if (!place_of(&here, db, e) || !count_rollouts(&rollouts, db, e) ||
		!sql_prepare(&s, db->sql, e, "SELECT id, inode, born FROM deed", "") || !sql_step(s, &there, e))
		return false;
	if (!there)
		return make(db, &here, rollouts, e);
	cleanup(free_ptr) char *id = sql_text(s, 0);
	const struct place then = { sql_int(s, 1), sql_int(s, 2) };
	return compare(db, id, &then, &here, rollouts, e);
}

bool deed_count(struct db *db, struct err *e)
{
	struct deed d;
	int64_t rollouts;
	if (!read_file(&d, db))
		return say(db, e, "stands without the file `" DEED_FILE "` that was made with it");
	if (!count_rollouts(&rollouts, db, e))
		return false;
	d.rollouts = MAX(d.rollouts, rollouts);
	return write_file(db, &d, e);
}
