/* The database's file: opened and made what this fleetctl knows, locked, found broken, moved aside. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/fs.h"
#include "fleetctl/db/deed.h"

enum { BUSY_MS = 10000, CHECKED_MAX = 4 * MIB }; /* up to here a look at every page costs no time that anybody feels */

/* One more for each schema: a database of an older one gets what it lacks. */
static const char *const schemas[] = {
	"CREATE TABLE rollout (id TEXT PRIMARY KEY, who TEXT, action TEXT NOT NULL, state TEXT NOT NULL, reason TEXT,"
	" options TEXT, started INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0, wish TEXT);"
	"CREATE TABLE member (rollout TEXT NOT NULL REFERENCES rollout(id), host TEXT NOT NULL, plan TEXT NOT NULL,"
	" wave INTEGER NOT NULL, state TEXT NOT NULL, release TEXT NOT NULL, number INTEGER NOT NULL, ordered INTEGER NOT NULL,"
	" code TEXT, text TEXT, before TEXT, bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL, tries INTEGER NOT NULL,"
	" started INTEGER NOT NULL, ended INTEGER NOT NULL, receipt TEXT, PRIMARY KEY (rollout, host));"
	"CREATE TABLE event (n INTEGER PRIMARY KEY, rollout TEXT NOT NULL, at INTEGER NOT NULL, host TEXT, text TEXT NOT NULL);"
	"CREATE INDEX event_rollout ON event (rollout, n);"
	"CREATE TABLE seen (host TEXT PRIMARY KEY, hello TEXT, receipt TEXT, at INTEGER NOT NULL DEFAULT 0, error TEXT,"
	" error_at INTEGER NOT NULL DEFAULT 0);"
	"PRAGMA user_version = 1",
	"CREATE TABLE link (host TEXT NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL, digest TEXT NOT NULL,"
	" at INTEGER NOT NULL, checked INTEGER NOT NULL, PRIMARY KEY (host, key, number)) WITHOUT ROWID;"
	"PRAGMA user_version = 2",
	"CREATE TABLE deed (id TEXT NOT NULL, inode INTEGER NOT NULL, born INTEGER NOT NULL); PRAGMA user_version = 3",
};

bool db_run(struct db *db, const char *sql, struct err *e)
{
	fault_point("sql", sql);
	return sqlite3_exec(db->sql, sql, NULL, NULL, NULL) == SQLITE_OK || sql_fail(db->sql, e, sql);
}

bool db_end(struct db *db, bool good, struct err *e)
{
	struct err ignored;
	if (good && db_run(db, "COMMIT", e))
		return true;
	(void)!db_run(db, "ROLLBACK", &ignored);
	return false;
}

static bool raise_schema(struct db *db, struct err *e)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	bool more;
	if (!sql_prepare(&s, db->sql, e, "PRAGMA user_version", "") || !sql_step(s, &more, e))
		return false;
	int64_t version = sql_int(s, 0);
	sql_finish(&s);
	if (version < 0 || version > (int64_t)COUNT_OF(schemas))
		return err_set(e, ERR_USAGE, "the fleet's database is of schema %d, this fleetctl knows %d: use a newer fleetctl", (int)version, (int)COUNT_OF(schemas));
	for (size_t i = (size_t)version; i < COUNT_OF(schemas); i++)
		if (!db_run(db, schemas[i], e))
			return false;
	return true;
}

static bool check_pages(struct db *db, struct err *e)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	bool more;
	if (!sql_prepare(&s, db->sql, e, "PRAGMA quick_check(1)", "") || !sql_step(s, &more, e))
		return false;
	cleanup(free_ptr) char *said = sql_text(s, 0);
	return (said && strcmp(said, "ok") == 0) || sql_broken(db->sql, e, "%s", said ? said : "it can't be checked");
}

static bool is_small(const struct db *db)
{
	uint64_t size = 0;
	struct err ignored;
	return fs_size(&size, db->dir, DB_FILE, &ignored) && size <= CHECKED_MAX;
}

static bool settle(struct db *db, struct err *e)
{
	return db_run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON", e) &&
		(!is_small(db) || check_pages(db, e)) && db_begin(db, e) && db_end(db, raise_schema(db, e) && deed_check(db, e), e);
}

static bool open_file(struct db *db, const struct fleet *f, struct err *e)
{
	if (!fleet_state_dir(&db->dir, f, e))
		return false;
	db->path = path_form("%s/" FLEET_STATE "/" DB_FILE, f->dir);
	if (sqlite3_open_v2(db->path, &db->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL) != SQLITE_OK)
		return sql_fail(db->sql, e, "opening");
	sqlite3_busy_timeout(db->sql, BUSY_MS);
	return settle(db, e);
}

static bool is_closed_to_us(struct db *db)
{
	int code = db->sql ? sqlite3_errcode(db->sql) : SQLITE_OK;
	return code == SQLITE_CANTOPEN || code == SQLITE_READONLY || code == SQLITE_PERM;
}

bool db_open(struct db **out, const struct fleet *f, struct err *e)
{
	struct db *db = mem_new(1, sizeof *db);
	db->dir = db->lock = -1;
	bool good = open_file(db, f, e);
	if (!good && is_closed_to_us(db))
		err_set(e, ERR_USAGE, "%s can't be opened for writing: rollouts and what was last heard of hosts are kept there; is the folder yours, and is there room?",
			db->path);
	if (good)
		*out = db;
	else
		db_close(&db);
	return good;
}

void db_close(struct db **db)
{
	if (!*db)
		return;
	sqlite3_close((*db)->sql);
	fd_close(&(*db)->lock);
	fd_close(&(*db)->dir);
	free_ptr(&(*db)->path);
	free_ptr(db);
}

static bool take_lock(int *lock, int dir, const char *who, struct err *e)
{
	bool taken;
	cleanup(buf_free) struct buf other = BUF_MAX(1024);
	if (!fs_lock(lock, &taken, dir, "lock", false, e))
		return false;
	if (!taken) {
		struct err ignored;
		if (!fs_read(&other, dir, "driver", &ignored))
			buf_text(&other, "another fleetctl");
		return err_set(e, ERR_BUSY, "this fleet's rollouts are being driven by " STR_FMT ": wait for it, or pause it with `fleetctl rollout pause`",
			STR_ARG(str_trim(buf_str(&other))));
	}
	buf_form(&other, "%s (process %d)\n", who, (int)getpid());
	return fs_write(dir, "driver", buf_str(&other), 0644, e);
}

bool db_lock(struct db *db, const char *who, struct err *e)
{
	return take_lock(&db->lock, db->dir, who, e) && (is_small(db) || check_pages(db, e));
}

/* --- made anew --- */

/* What belongs to the file first: a log that stayed behind would be taken for the new one's. */
static bool move_aside(char **to, int dir, const struct fleet *f, struct err *e)
{
	static const char *const parts[] = { DB_FILE "-wal", DB_FILE "-shm", DEED_FILE, DB_FILE };
	char at[24];
	clock_text(at, clock_now().unix_s);
	cleanup(free_ptr) char *folder = path_form("lost-%s", at);
	if (!fs_mkdir(dir, folder, 0755, e))
		return false;
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		cleanup(free_ptr) char *path = path_form("%s/%s", folder, parts[i]);
		if (fs_exists(dir, parts[i]) && !fs_rename(dir, parts[i], path, e))
			return false;
	}
	*to = path_form("%s/" FLEET_STATE "/%s", f->dir, folder);
	return true;
}

bool db_open_anew(struct db **out, char **lost, struct err *why, const struct fleet *f, const char *who, struct err *e)
{
	cleanup(fd_close) int dir = -1, lock = -1;
	*why = (struct err){ 0 };
	if (!fleet_state_dir(&dir, f, e) || !take_lock(&lock, dir, who, e))
		return false;
	if (!db_open(out, f, why)) {
		*e = *why;
		if ((why->code != ERR_IO && why->code != ERR_REFUSED) || !move_aside(lost, dir, f, e) || !db_open(out, f, e))
			return false;
	}
	(*out)->lock = lock;
	lock = -1;
	return true;
}
