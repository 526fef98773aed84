/* What was last heard of a host, and the receipts of it that were seen. */
#include <stdlib.h>

#include "base/clock.h"
#include "fleetctl/db/inside.h"

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
	if (!db_begin(db, e))
		return false;
	bool good = true;
	for (size_t i = 0; good && i < count; i++)
		good = link_add(db, host, key, &row[i], e);
	good = good && sql_run(db->sql, e, "DELETE FROM link WHERE host = ?1 AND key = ?2 AND number <="
		" (SELECT max(number) FROM link WHERE host = ?1 AND key = ?2) - ?3", "tti", host, key, (int64_t)LINKS_KEPT);
	return db_end(db, good, e);
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
