#include "fleetctl/db/sql.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/fault.h"
#include "base/str.h"

/* What is lost with it is history: what each host runs, the host itself says. */
bool sql_broken(sqlite3 *db, struct err *e, const char *form, ...)
{
	char what[300];
	va_list args;
	va_start(args, form);
	vsnprintf(what, sizeof what, form, args);
	va_end(args);
	return err_set(e, ERR_IO, "%s is broken: %s; hosts keep what they run: `fleetctl status --rebuild` moves it aside and makes a new one from what they say",
		sqlite3_db_filename(db, "main"), what);
}

bool sql_fail(sqlite3 *db, struct err *e, const char *doing)
{
	int code = sqlite3_errcode(db);
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		return sql_broken(db, e, "%s", sqlite3_errmsg(db));
	enum err_code as = code == SQLITE_FULL ? ERR_SPACE : code == SQLITE_BUSY ? ERR_BUSY : ERR_IO;
	return err_set(e, as, "the fleet's database: %s: %s", doing, sqlite3_errmsg(db));
}

static bool prepare(sqlite3_stmt **out, sqlite3 *db, struct err *e, const char *sql, const char *types, va_list args)
{
	sqlite3_stmt *s = NULL;
	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		return sql_fail(db, e, sql);
	for (int i = 1; *types; i++, types++) {
		if (*types == 'i')
			sqlite3_bind_int64(s, i, va_arg(args, int64_t));
		else
			sqlite3_bind_text(s, i, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
	}
	*out = s;
	return true;
}

bool sql_prepare(sqlite3_stmt **out, sqlite3 *db, struct err *e, const char *sql, const char *types, ...)
{
	va_list args;
	va_start(args, types);
	bool good = prepare(out, db, e, sql, types, args);
	va_end(args);
	return good;
}

bool sql_run(sqlite3 *db, struct err *e, const char *sql, const char *types, ...)
{
	cleanup(sql_finish) sqlite3_stmt *s = NULL;
	bool more = true;
	va_list args;
	fault_point("sql", sql);
	va_start(args, types);
	bool good = prepare(&s, db, e, sql, types, args);
	va_end(args);
	while (good && more)
		good = sql_step(s, &more, e);
	return good;
}

bool sql_step(sqlite3_stmt *s, bool *more, struct err *e)
{
	int r = sqlite3_step(s);
	*more = r == SQLITE_ROW;
	return r == SQLITE_ROW || r == SQLITE_DONE || sql_fail(sqlite3_db_handle(s), e, "writing");
}

void sql_finish(sqlite3_stmt **s)
{
	sqlite3_finalize(*s);
	*s = NULL;
}

char *sql_text(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);
	return text ? str_dup(str_of(text)) : NULL;
}

int64_t sql_int(sqlite3_stmt *s, int column)
{
	return sqlite3_column_int64(s, column);
}
