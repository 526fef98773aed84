#include "fleetctl/db/db.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "fleetctl/db/sql.h"

const char *const member_words[] = {
#define X(state, word, end, failed) word,
	MEMBER_STATES(X)
#undef X
	NULL
};
const char *const rollout_words[] = {
#define X(state, word) word,
	ROLLOUT_STATES(X)
#undef X
	NULL
};
static const bool ends[] = {
#define X(state, word, end, failed) end,
	MEMBER_STATES(X)
#undef X
};
static const bool fails[] = {
#define X(state, word, end, failed) failed,
	MEMBER_STATES(X)
#undef X
};

bool member_ended(enum member_state s)
{
	return ends[s];
}

bool member_failed(enum member_state s)
{
	return fails[s];
}

struct db {
	sqlite3 *sql;
	int dir, lock;
};

enum { BUSY_MS = 10000 };
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
};

static bool run(struct db *db, const char *sql, struct err *e)
{
	return sqlite3_exec(db->sql, sql, NULL, NULL, NULL) == SQLITE_OK || sql_fail(db->sql, e, "opening");
}

static bool settle_schema(struct db *db, struct err *e)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	bool more;
	if (!run(db, "BEGIN IMMEDIATE", e) || !sql_prepare(&s, db->sql, e, "PRAGMA user_version", "") || !sql_step(s, &more, e))
		return false;
	int64_t version = sql_int(s, 0);
	sql_finish(&s);
	if (version < 0 || version > (int64_t)COUNT_OF(schemas))
		return err_set(e, ERR_USAGE, "the fleet's database is of schema %d, this fleetctl knows %d: use a newer fleetctl", (int)version, (int)COUNT_OF(schemas));
	for (size_t i = (size_t)version; i < COUNT_OF(schemas); i++)
		if (!run(db, schemas[i], e))
			return false;
	return run(db, "COMMIT", e);
}

/* What is lost with it is history: what each host runs, the host itself says. */
static bool say_broken(const char *path, struct err *e)
{
	struct err why = *e;
	return err_set(e, ERR_IO, "%s: %s; move it away (with its -wal and -shm): hosts keep what they run, and `fleetctl status` asks them anew",
		path, why.text);
}

bool db_open(struct db **out, const struct fleet *f, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/" FLEET_STATE "/fleet.db", f->dir);
	struct db *db = mem_new(1, sizeof *db);
	db->dir = db->lock = -1;
	bool good = fleet_state_dir(&db->dir, f, e);
	if (good && sqlite3_open_v2(path, &db->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL) != SQLITE_OK)
		good = sql_fail(db->sql, e, path);
	if (good) {
		sqlite3_busy_timeout(db->sql, BUSY_MS);
		good = run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON", e) && settle_schema(db, e);
	}
	if (!good) {
		int code = db->sql ? sqlite3_errcode(db->sql) : SQLITE_OK;
		db_close(&db);
		if (code == SQLITE_CANTOPEN || code == SQLITE_READONLY || code == SQLITE_PERM)
			return err_set(e, ERR_USAGE, "%s can't be opened for writing: rollouts and what was last heard of hosts are kept there; is the folder yours, and is there room?", path);
		return code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? say_broken(path, e) : false;
	}
	*out = db;
	return true;
}

void db_close(struct db **db)
{
	if (!*db)
		return;
	sqlite3_close((*db)->sql);
	fd_close(&(*db)->lock);
	fd_close(&(*db)->dir);
	free_ptr(db);
}

bool db_lock(struct db *db, const char *who, struct err *e)
{
	bool taken;
	cleanup(buf_free) struct buf other = BUF_MAX(1024);
	if (!fs_lock(&db->lock, &taken, db->dir, "lock", false, e))
		return false;
	if (!taken) {
		struct err ignored;
		if (!fs_read(&other, db->dir, "driver", &ignored))
			buf_text(&other, "another fleetctl");
		return err_set(e, ERR_BUSY, "this fleet's rollouts are being driven by " STR_FMT ": wait for it, or pause it with `fleetctl rollout pause`",
			STR_ARG(str_trim(buf_str(&other))));
	}
	buf_form(&other, "%s (process %d)\n", who, (int)getpid());
	return fs_write(db->dir, "driver", buf_str(&other), 0644, e);
}

/* --- rollouts --- */

void member_row_free(struct member_row *m)
{
	free(m->host), free(m->plan), free(m->code), free(m->text), free(m->from), free(m->receipt);
	*m = (struct member_row){ 0 };
}

void rollout_row_free(struct rollout_row *r)
{
	free(r->id), free(r->who), free(r->action), free(r->reason), free(r->options);
	*r = (struct rollout_row){ 0 };
}

static int word_at(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (word && strcmp(words[i], word) == 0)
			return i;
	return 0;
}

bool db_member_set(struct db *db, const char *rollout, const struct member_row *m, struct err *e)
{
	char release[DIGEST_HEX + 1];
	digest_hex(release, m->release);
	return sql_run(db->sql, e,
		"INSERT INTO member (rollout, host, plan, wave, state, release, number, ordered, code, text, before, bytes_in,"
		" bytes_out, tries, started, ended, receipt) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
		" ON CONFLICT (rollout, host) DO UPDATE SET wave = excluded.wave, state = excluded.state, ordered = excluded.ordered,"
		" code = excluded.code, text = excluded.text, before = excluded.before, bytes_in = excluded.bytes_in,"
		" bytes_out = excluded.bytes_out, tries = excluded.tries, started = excluded.started, ended = excluded.ended,"
		" receipt = excluded.receipt",
		"tttittiitttiiiiit", rollout, m->host, m->plan, m->wave, member_words[m->state], release, m->number, (int64_t)m->ordered,
		m->code, m->text, m->from, m->bytes_in, m->bytes_out, m->tries, m->started, m->ended, m->receipt);
}

bool db_rollout_add(struct db *db, const struct rollout_row *r, const struct member_row *m, size_t count, struct err *e)
{
	if (!run(db, "BEGIN IMMEDIATE", e))
		return false;
	bool good = sql_run(db->sql, e, "INSERT INTO rollout (id, who, action, state, reason, options, started) VALUES (?,?,?,?,?,?,?)",
		"tttttti", r->id, r->who, r->action, rollout_words[r->state], r->reason, r->options, r->started);
	for (size_t i = 0; good && i < count; i++)
		good = db_member_set(db, r->id, &m[i], e);
	struct err ignored;
	return good ? run(db, "COMMIT", e) : (run(db, "ROLLBACK", &ignored), false);
}

bool db_rollout_set(struct db *db, const char *id, enum rollout_state state, const char *reason, struct err *e)
{
	int64_t ended = state == ROLLOUT_RUNNING ? 0 : clock_now().unix_s;
	return sql_run(db->sql, e, "UPDATE rollout SET state = ?, reason = ?, ended = ?, wish = NULL WHERE id = ?", "ttit",
		rollout_words[state], reason, ended, id);
}

#define ROLLOUT_COLUMNS "id, who, action, state, reason, options, started, ended"

static void rollout_of(struct rollout_row *r, sqlite3_stmt *s)
{
	cleanup(free_ptr) char *state = sql_text(s, 3);
	*r = (struct rollout_row){
		.id = sql_text(s, 0), .who = sql_text(s, 1), .action = sql_text(s, 2), .state = word_at(rollout_words, state),
		.reason = sql_text(s, 4), .options = sql_text(s, 5), .started = sql_int(s, 6), .ended = sql_int(s, 7),
	};
}

static void member_of(struct member_row *m, sqlite3_stmt *s)
{
	cleanup(free_ptr) char *state = sql_text(s, 3);
	cleanup(free_ptr) char *release = sql_text(s, 4);
	*m = (struct member_row){
		.host = sql_text(s, 0), .plan = sql_text(s, 1), .wave = sql_int(s, 2), .state = word_at(member_words, state),
		.number = sql_int(s, 5), .ordered = sql_int(s, 6) != 0, .code = sql_text(s, 7), .text = sql_text(s, 8),
		.from = sql_text(s, 9), .bytes_in = sql_int(s, 10), .bytes_out = sql_int(s, 11), .tries = sql_int(s, 12),
		.started = sql_int(s, 13), .ended = sql_int(s, 14), .receipt = sql_text(s, 15),
	};
	if (!digest_read(&m->release, str_of(release)))
		m->release = (struct digest){ 0 };
}

static bool members_get(struct db *db, const char *id, struct member_row **out, size_t *count, struct err *e)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	struct member_row *m = NULL;
	size_t n = 0;
	bool more = true;
	bool good = sql_prepare(&s, db->sql, e, "SELECT host, plan, wave, state, release, number, ordered, code, text, before, bytes_in,"
		" bytes_out, tries, started, ended, receipt FROM member WHERE rollout = ? ORDER BY rowid", "t", id);
	while (good && (good = sql_step(s, &more, e)) && more) {
		m = mem_grow(m, n + 1, sizeof *m);
		member_of(&m[n++], s);
	}
	*out = m;
	*count = n;
	return good;
}

bool db_rollout_get(struct db *db, const char *id, struct rollout_row *r, struct member_row **m, size_t *count, struct err *e)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	bool more;
	if (!sql_prepare(&s, db->sql, e, id ? "SELECT " ROLLOUT_COLUMNS " FROM rollout WHERE id = ?"
			: "SELECT " ROLLOUT_COLUMNS " FROM rollout ORDER BY rowid DESC LIMIT 1", id ? "t" : "", id) || !sql_step(s, &more, e))
		return false;
	if (!more)
		return id ? err_set(e, ERR_USAGE, "no rollout \"%s\": `fleetctl rollout status --all` lists them", id)
			: err_set(e, ERR_USAGE, "no rollout was started from this fleet folder yet: `fleetctl rollout start all`");
	rollout_of(r, s);
	return members_get(db, r->id, m, count, e);
}

bool db_knows(struct db *db, const char *id)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	bool more = false;
	struct err ignored;
	return sql_prepare(&s, db->sql, &ignored, "SELECT 1 FROM rollout WHERE id = ?", "t", id) && sql_step(s, &more, &ignored) && more;
}

bool db_rollouts(struct db *db, struct rollout_row **r, size_t *count, int64_t most, struct err *e)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	bool more = true;
	*r = NULL;
	*count = 0;
	bool good = sql_prepare(&s, db->sql, e, "SELECT " ROLLOUT_COLUMNS " FROM rollout ORDER BY rowid DESC LIMIT ?", "i", most);
	while (good && (good = sql_step(s, &more, e)) && more) {
		*r = mem_grow(*r, *count + 1, sizeof **r);
		rollout_of(&(*r)[(*count)++], s);
	}
	return good;
}

bool db_ask(struct db *db, const char *rollout, const char *wish, struct err *e)
{
	return sql_run(db->sql, e, "UPDATE rollout SET wish = ? WHERE id = ?", "tt", wish, rollout);
}

bool db_asked(struct db *db, const char *rollout, char **wish, struct err *e)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	bool more;
	*wish = NULL;
	if (!sql_prepare(&s, db->sql, e, "SELECT wish FROM rollout WHERE id = ?", "t", rollout) || !sql_step(s, &more, e))
		return false;
	*wish = more ? sql_text(s, 0) : NULL;
	sql_finish(&s);
	return !*wish || db_ask(db, rollout, NULL, e);
}

/* --- history --- */

bool db_event(struct db *db, const char *rollout, const char *host, const char *text, struct err *e)
{
	return sql_run(db->sql, e, "INSERT INTO event (rollout, at, host, text) VALUES (?,?,?,?)", "titt", rollout, clock_now().unix_s, host, text);
}

bool db_events(struct db *db, const char *rollout, struct event_row **out, size_t *count, struct err *e)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	bool more = true;
	*out = NULL;
	*count = 0;
	bool good = sql_prepare(&s, db->sql, e, "SELECT at, host, text FROM event WHERE rollout = ? ORDER BY n", "t", rollout);
	while (good && (good = sql_step(s, &more, e)) && more) {
		*out = mem_grow(*out, *count + 1, sizeof **out);
		(*out)[(*count)++] = (struct event_row){ sql_int(s, 0), sql_text(s, 1), sql_text(s, 2) };
	}
	return good;
}

void event_row_free(struct event_row *r)
{
	free(r->host), free(r->text);
	*r = (struct event_row){ 0 };
}

/* --- what was last heard --- */

static char *text_or_null(struct str s)
{
	return s.len ? str_dup(s) : NULL;
}

bool db_seen(struct db *db, const char *host, struct str hello, struct str receipt, struct err *e)
{
	cleanup(free_ptr) char *h = text_or_null(hello);
	cleanup(free_ptr) char *r = text_or_null(receipt);
	return sql_run(db->sql, e, "INSERT INTO seen (host, hello, receipt, at) VALUES (?,?,?,?) ON CONFLICT (host) DO UPDATE SET"
		" hello = excluded.hello, receipt = coalesce(excluded.receipt, receipt), at = excluded.at, error = NULL, error_at = 0",
		"ttti", host, h, r, clock_now().unix_s);
}

bool db_unseen(struct db *db, const char *host, const char *error, struct err *e)
{
	return sql_run(db->sql, e, "INSERT INTO seen (host, error, error_at) VALUES (?,?,?) ON CONFLICT (host) DO UPDATE SET"
		" error = excluded.error, error_at = excluded.error_at", "tti", host, error, clock_now().unix_s);
}

bool db_seen_get(struct db *db, const char *host, struct seen_row *out, struct err *e)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	bool more;
	if (!sql_prepare(&s, db->sql, e, "SELECT hello, receipt, at, error, error_at FROM seen WHERE host = ?", "t", host) || !sql_step(s, &more, e))
		return false;
	*out = (struct seen_row){ 0 };
	if (more)
		*out = (struct seen_row){ str_dup(str_of(host)), sql_text(s, 0), sql_text(s, 1), sql_text(s, 3), sql_int(s, 2), sql_int(s, 4) };
	return true;
}

/* --- receipts --- */

bool db_links(struct db *db, const char *host, const char *key, struct link_row **out, size_t *count, struct err *e)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	bool more = true;
	*out = NULL;
	*count = 0;
	bool good = sql_prepare(&s, db->sql, e, "SELECT number, digest, at, checked FROM link WHERE host = ? AND key = ? ORDER BY number",
		"tt", host, key);
	while (good && (good = sql_step(s, &more, e)) && more) {
		cleanup(free_ptr) char *hex = sql_text(s, 1);
		struct link_row row = { .number = sql_int(s, 0), .at = sql_int(s, 2), .checked = sql_int(s, 3) != 0 };
		if (!digest_read(&row.digest, str_of(hex)))
			continue; /* not ours: then it was never seen */
		*out = mem_grow(*out, *count + 1, sizeof **out);
		(*out)[(*count)++] = row;
	}
	return good;
}

static bool link_add(struct db *db, const char *host, const char *key, const struct link_row *row, struct err *e)
{
	char hex[DIGEST_HEX + 1];
	digest_hex(hex, row->digest);
	return sql_run(db->sql, e, "INSERT INTO link (host, key, number, digest, at, checked) VALUES (?,?,?,?,?,?)"
		" ON CONFLICT (host, key, number) DO UPDATE SET checked = max(checked, excluded.checked)",
		"ttitii", host, key, row->number, hex, row->at ? row->at : clock_now().unix_s, (int64_t)row->checked);
}

bool db_links_add(struct db *db, const char *host, const char *key, const struct link_row *row, size_t count, struct err *e)
{
	struct err ignored;
	if (!run(db, "BEGIN IMMEDIATE", e))
		return false;
	bool good = true;
	for (size_t i = 0; good && i < count; i++)
		good = link_add(db, host, key, &row[i], e);
	good = good && sql_run(db->sql, e, "DELETE FROM link WHERE host = ?1 AND key = ?2 AND number <="
		" (SELECT max(number) FROM link WHERE host = ?1 AND key = ?2) - ?3", "tti", host, key, (int64_t)LINKS_KEPT);
	return good ? run(db, "COMMIT", e) : (run(db, "ROLLBACK", &ignored), false);
}

bool db_links_of_other_key(struct db *db, const char *host, const char *key)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	bool more = false;
	struct err ignored;
	return sql_prepare(&s, db->sql, &ignored, "SELECT 1 FROM link WHERE host = ? AND key <> ? LIMIT 1", "tt", host, key) &&
		sql_step(s, &more, &ignored) && more;
}

void seen_row_free(struct seen_row *r)
{
	free(r->host), free(r->hello), free(r->receipt), free(r->error);
	*r = (struct seen_row){ 0 };
}
