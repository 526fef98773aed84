/* Rollouts, where their hosts stand, and what happened. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "fleetctl/db/deed.h"
#include "fleetctl/db/inside.h"

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

bool rollout_over(enum rollout_state s)
{
	return s == ROLLOUT_DONE || s == ROLLOUT_ABORTED || s == ROLLOUT_REBUILT;
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

static bool word_at(int *out, sqlite3_stmt *s, int column, const char *const *words, struct err *e)
{
	cleanup(free_ptr) char *word = sql_text(s, column);
	for (*out = 0; words[*out]; ++*out)
		if (word && strcmp(words[*out], word) == 0)
			return true;
	return sql_broken(sqlite3_db_handle(s), e, "a state \"%s\", which no fleetctl writes", word ? word : "");
}

static bool member_set(struct db *db, const char *rollout, const struct member_row *m, struct err *e)
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

bool db_member_set(struct db *db, const char *rollout, const struct member_row *m, const char *told, struct err *e)
{
	if (!told)
		return member_set(db, rollout, m, e);
	return db_begin(db, e) &&
		db_end(db, member_set(db, rollout, m, e) && db_event(db, rollout, m->host, told, e), e);
}

bool db_rollout_add(struct db *db, const struct rollout_row *r, const struct member_row *m, size_t count, struct err *e)
{
	if (!db_begin(db, e))
		return false;
	bool good = sql_run(db->sql, e, "INSERT INTO rollout (id, who, action, state, reason, options, started) VALUES (?,?,?,?,?,?,?)",
		"tttttti", r->id, r->who, r->action, rollout_words[r->state], r->reason, r->options, r->started);
	for (size_t i = 0; good && i < count; i++)
		good = member_set(db, r->id, &m[i], e);
	return db_end(db, good, e) && deed_count(db, e);
}

static bool rollout_set(struct db *db, const char *id, enum rollout_state state, const char *reason, struct err *e)
{
	int64_t ended = state == ROLLOUT_RUNNING ? 0 : clock_now().unix_s;
	return sql_run(db->sql, e, "UPDATE rollout SET state = ?, reason = ?, ended = ?, wish = NULL WHERE id = ?", "ttit",
		rollout_words[state], reason, ended, id);
}

bool db_rollout_set(struct db *db, const char *id, enum rollout_state state, const char *reason, const char *told, struct err *e)
{
	if (!told)
		return rollout_set(db, id, state, reason, e);
	return db_begin(db, e) &&
		db_end(db, rollout_set(db, id, state, reason, e) && db_event(db, id, NULL, told, e), e);
}

#define ROLLOUT_COLUMNS "id, who, action, state, reason, options, started, ended"

static bool rollout_of(struct rollout_row *r, sqlite3_stmt *s, struct err *e)
{
	int state;
	if (!word_at(&state, s, 3, rollout_words, e))
		return false;
	*r = (struct rollout_row){
		.id = sql_text(s, 0), .who = sql_text(s, 1), .action = sql_text(s, 2), .state = state,
		.reason = sql_text(s, 4), .options = sql_text(s, 5), .started = sql_int(s, 6), .ended = sql_int(s, 7),
	};
	return true;
}

static bool member_of(struct member_row *m, sqlite3_stmt *s, struct err *e)
{
	int state;
	if (!word_at(&state, s, 3, member_words, e))
		return false;
	cleanup(free_ptr) char *release = sql_text(s, 4);
	*m = (struct member_row){
		.host = sql_text(s, 0), .plan = sql_text(s, 1), .wave = sql_int(s, 2), .state = state,
		.number = sql_int(s, 5), .ordered = sql_int(s, 6) != 0, .code = sql_text(s, 7), .text = sql_text(s, 8),
		.from = sql_text(s, 9), .bytes_in = sql_int(s, 10), .bytes_out = sql_int(s, 11), .tries = sql_int(s, 12),
		.started = sql_int(s, 13), .ended = sql_int(s, 14), .receipt = sql_text(s, 15),
	};
	if (!digest_read(&m->release, str_of(release)))
		m->release = (struct digest){ 0 };
	return true;
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
		good = member_of(&m[n], s, e);
		n += good;
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
			: "SELECT " ROLLOUT_COLUMNS " FROM rollout ORDER BY state = 'rebuilt', rowid DESC LIMIT 1", id ? "t" : "", id) || !sql_step(s, &more, e))
		return false;
	if (!more)
		return id ? err_set(e, ERR_USAGE, "no rollout \"%s\": `fleetctl rollout status --all` lists them", id)
			: err_set(e, ERR_USAGE, "no rollout was started from this fleet folder yet: `fleetctl rollout start all`");
	return rollout_of(r, s, e) && members_get(db, r->id, m, count, e);
}

bool db_knows(struct db *db, const char *id)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	bool more = false;
	struct err ignored;
	return sql_prepare(&s, db->sql, &ignored, "SELECT 1 FROM rollout WHERE id = ? AND state <> ?", "tt", id, rollout_words[ROLLOUT_REBUILT]) && sql_step(s, &more, &ignored) && more;
}

bool db_rollouts(struct db *db, struct rollout_row **r, size_t *count, int64_t most, struct err *e)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	bool more = true;
	*r = NULL;
	*count = 0;
	bool good = sql_prepare(&s, db->sql, e, "SELECT " ROLLOUT_COLUMNS " FROM rollout ORDER BY state = 'rebuilt', rowid DESC LIMIT ?", "i", most);
	while (good && (good = sql_step(s, &more, e)) && more) {
		*r = mem_grow(*r, *count + 1, sizeof **r);
		good = rollout_of(&(*r)[*count], s, e);
		*count += good;
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

static bool event_add(struct db *db, const char *rollout, int64_t at, const char *host, const char *text, struct err *e)
{
	return sql_run(db->sql, e, "INSERT INTO event (rollout, at, host, text) VALUES (?,?,?,?)", "titt", rollout, at, host, text);
}

bool db_event(struct db *db, const char *rollout, const char *host, const char *text, struct err *e)
{
	return event_add(db, rollout, clock_now().unix_s, host, text, e);
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

/* --- what hosts tell --- */

static bool member_rebuilt(struct db *db, const char *rollout, const struct member_row *m, struct err *e)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	bool newer;
	if (!sql_prepare(&s, db->sql, e, "SELECT 1 FROM member WHERE rollout = ? AND host = ? AND ended >= ?", "tti", rollout, m->host, m->ended) ||
		!sql_step(s, &newer, e))
		return false;
	cleanup(free_ptr) char *told = path_form("%s%s%s", member_words[m->state], m->text ? ": " : "", m->text ? m->text : "");
	return newer || (member_set(db, rollout, m, e) && event_add(db, rollout, m->ended, m->host, told, e));
}

static bool rollout_rebuilt(struct db *db, const struct rollout_row *r, const struct member_row *m, size_t count, struct err *e)
{
	if (db_knows(db, r->id))
		return true;
	bool good = sql_run(db->sql, e, "INSERT INTO rollout (id, who, action, state, reason, options, started, ended) VALUES (?,?,?,?,?,?,?,?)"
		" ON CONFLICT (id) DO UPDATE SET started = min(started, excluded.started), ended = max(ended, excluded.ended)",
		"ttttttii", r->id, r->who, r->action, rollout_words[ROLLOUT_REBUILT], r->reason, r->options, r->started, r->ended);
	for (size_t i = 0; good && i < count; i++)
		good = member_rebuilt(db, r->id, &m[i], e);
	return good;
}

bool db_rebuilt(struct db *db, const struct rollout_row *r, const struct member_row *m, size_t count, struct err *e)
{
	return db_begin(db, e) && db_end(db, rollout_rebuilt(db, r, m, count, e), e) && deed_count(db, e);
}
