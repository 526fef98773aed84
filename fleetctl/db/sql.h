/* SQLite as this room uses it: a statement with its arguments, a row's columns. The door to SQLite. */
#pragma once

#include <sqlite3.h>

#include "base/err.h"

/* Prepared and bound by `types`, one letter an argument: i int64_t, t const char * (NULL is null). */
must_check bool sql_prepare(sqlite3_stmt **out, sqlite3 *db, struct err *e, const char *sql, const char *types, ...);
/* Prepared, run to its end, finished. */
must_check bool sql_run(sqlite3 *db, struct err *e, const char *sql, const char *types, ...);
/* True and *more true: a row is there. */
must_check bool sql_step(sqlite3_stmt *s, bool *more, struct err *e);
void sql_finish(sqlite3_stmt **s); /* cleanup */
char *sql_text(sqlite3_stmt *s, int column); /* owned; NULL for null */
int64_t sql_int(sqlite3_stmt *s, int column);
/* Its bytes are not what they should be: says what is lost, and what to do. Always false. */
bool sql_broken(sqlite3 *db, struct err *e, const char *form, ...) printf_like(3, 4);
must_check bool sql_fail(sqlite3 *db, struct err *e, const char *doing);
