/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan_sqlite.c - a table of a SQLite file.
 *
 * One SELECT is one read transaction.  The file is opened for writing where that is
 * allowed: after a crash of some writer the first who opens it has to roll back.  A
 * file in WAL mode is as good as another.  No open() of the file anywhere here: the
 * close() after it would drop the locks that SQLite holds on it for a sink of this process.
 */
#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "scan.h"

#define BUSY_MS 500

struct file {
	const struct fl_scan *scan;
	sqlite3 *db;
	int64_t busy_since_us;
};

static enum fl_code
code_of(sqlite3 *db, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return FL_E_TIMED_OUT;
	case SQLITE_INTERRUPT:
		return FL_E_INTERRUPTED;
	case SQLITE_ERROR:
		return FL_E_TABLE_MISSING;
	case SQLITE_IOERR:
		return fl_errno_code(sqlite3_system_errno(db), FL_E_DATABASE);
	case SQLITE_CANTOPEN:
		return sqlite3_system_errno(db) == ENOENT ? FL_E_DATABASE_AWAY : FL_E_DATABASE_AUTH;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return FL_E_DATABASE_AUTH;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
	case SQLITE_FORMAT:
		return FL_E_BAD_CONFIG;
	default:
		return FL_E_DATABASE;
	}
}

static enum fl_code
fail(const struct file *file, int rc, struct fl_err *err)
{
	const struct fl_table *table = file->scan->table;
	enum fl_code code = code_of(file->db, rc);
	const char *more = "";

	if (code == FL_E_TIMED_OUT)
		more = "; another connection writes the file";
	else if (code == FL_E_DATABASE_AUTH)
		more = "; this user must be able to read the file, and to write it and its directory where "
		       "a crash left a journal";
	/* The cause first: status shows the beginning. */
	return FL_FAIL_NATIVE(err, code, rc,
	    "table \"%s\": %.120s%s; could not read table \"%.80s\" of SQLite file \"%.200s\"",
	    table->name, sqlite3_errmsg(file->db), more, table->jdbc->table_name, table->jdbc->database);
}

static int
wait_for_lock(void *arg, int count)
{
	struct file *file = arg;

	if (count == 0)
		file->busy_since_us = fl_monotonic_us();
	if (fl_monotonic_us() - file->busy_since_us > BUSY_MS * INT64_C(1000) ||
	    file->scan->is_stopping(file->scan->ctx))
		return 0;
	(void)usleep(1000);
	return 1;
}

static int
ask_stop(void *arg)
{
	const struct file *file = arg;

	return file->scan->is_stopping(file->scan->ctx);
}

static enum fl_code
open_file(struct file *file, struct fl_err *err)
{
	const struct fl_table *table = file->scan->table;
	const char *path = table->jdbc->database;
	struct stat st;
	int rc;

	if (stat(path, &st) != 0)
		return FL_FAIL_NATIVE(err, errno == EACCES ? FL_E_DATABASE_AUTH : FL_E_DATABASE_AWAY, errno,
		    "table \"%s\": %s: SQLite file \"%.200s\"", table->name, strerror(errno), path);
	rc = sqlite3_open_v2(path, &file->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (rc != SQLITE_OK)
		return fail(file, rc, err);
	(void)sqlite3_busy_handler(file->db, wait_for_lock, file);
	sqlite3_progress_handler(file->db, 100000, ask_stop, file);
	/* A misspelt name in double quotes is an error, not a string. */
	(void)sqlite3_db_config(file->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	return FL_OK;
}

static void
make_select(struct fl_buf *sql, const struct fl_table *table)
{
	uint32_t c;

	for (c = 0; c < table->physical.count; c++) {
		fl_buf_str(sql, c == 0 ? "SELECT " : ", ");
		fl_buf_sql_name(sql, table->physical.fields[c].name);
	}
	fl_buf_str(sql, " FROM main.");
	fl_buf_sql_name(sql, table->jdbc->table_name);
}

/* Some index might hold all columns, and then its order would be the rows'. */
static enum fl_code
prepare(struct file *file, sqlite3_stmt **stmt, struct fl_err *err)
{
	struct fl_buf sql;
	size_t size;
	int rc;

	fl_buf_init(&sql);
	make_select(&sql, file->scan->table);
	size = sql.size;
	fl_buf_str(&sql, " ORDER BY _rowid_");
	rc = sqlite3_prepare_v2(file->db, sql.data, -1, stmt, NULL);
	if ((rc & 0xff) == SQLITE_ERROR) /* a view, or WITHOUT ROWID: in its own order */
		rc = sqlite3_prepare_v2(file->db, sql.data, (int)size, stmt, NULL);
	fl_buf_fini(&sql);
	return rc == SQLITE_OK ? FL_OK : fail(file, rc, err);
}

static void
put_value(struct fl_buf *line, const struct file *file, sqlite3_stmt *stmt, int c)
{
	uint32_t column = (uint32_t)c;

	switch (sqlite3_column_type(stmt, c)) {
	case SQLITE_INTEGER:
		scan_put_i64(line, file->scan, column, sqlite3_column_int64(stmt, c));
		break;
	case SQLITE_FLOAT:
		scan_put_real(line, file->scan, column, sqlite3_column_double(stmt, c));
		break;
	case SQLITE_TEXT:
		scan_put_text(line, file->scan, column, (const char *)sqlite3_column_text(stmt, c),
		    (size_t)sqlite3_column_bytes(stmt, c));
		break;
	case SQLITE_BLOB:
		scan_put_bytes(line, file->scan, column, sqlite3_column_blob(stmt, c),
		    (size_t)sqlite3_column_bytes(stmt, c));
		break;
	default:
		scan_put_null(line, file->scan, column);
		break;
	}
}

static enum fl_code
read_rows(struct file *file, sqlite3_stmt *stmt, struct fl_err *err)
{
	enum fl_code code = FL_OK;
	struct fl_buf line;
	int rc = SQLITE_ROW, c, count = sqlite3_column_count(stmt);

	fl_buf_init(&line);
	while (code == FL_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		for (c = 0; c < count; c++)
			put_value(&line, file, stmt, c);
		code = scan_take(&line, file->scan, err);
	}
	fl_buf_fini(&line);
	return code != FL_OK || rc == SQLITE_DONE ? code : fail(file, rc, err);
}

enum fl_code
scan_sqlite(const struct fl_scan *scan, struct fl_err *err)
{
	struct file file = { .scan = scan };
	sqlite3_stmt *stmt = NULL;
	enum fl_code code = open_file(&file, err);

	if (code == FL_OK)
		code = prepare(&file, &stmt, err);
	if (code == FL_OK)
		code = read_rows(&file, stmt, err);
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close_v2(file.db);
	return code;
}
