/* Inside db.h, for this folder alone: the open database, and a transaction on it. */
#pragma once

#include "fleetctl/db/db.h"
#include "fleetctl/db/sql.h"

struct db {
	sqlite3 *sql;
	char *path;    /* for people */
	int dir, lock; /* .fleetctl/, and the lock in it; -1: none */
};

#define DB_FILE "fleet.db"

must_check bool db_run(struct db *db, const char *sql, struct err *e);
static inline bool db_begin(struct db *db, struct err *e)
{
	return db_run(db, "BEGIN IMMEDIATE", e);
}
/* Commits what was good, else drops it all; answers whether it lasts. */
must_check bool db_end(struct db *db, bool good, struct err *e);
