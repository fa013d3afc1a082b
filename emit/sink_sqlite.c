/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_sqlite.c - rows into a table of a SQLite file, exactly once.
 *
 *	PATH		the user's file: rows only, its schema stays as it is
 *	PATH.flight	flight_cursor(sink, store, generation, next, chain)
 *
 * One connection has both open, and one transaction writes rows and position.  With a
 * rollback journal in both files SQLite makes that atomic by a super-journal: as long as
 * it exists whoever opens one of the files after a crash rolls that file back, and
 * deleting it is the commit.  In WAL mode each file would commit for itself, so WAL is
 * refused; it is looked for inside every transaction, as anybody may switch it on while
 * no lock is held.
 *
 * Readers: until COMMIT a transaction holds RESERVED, which lets them in; dirty pages are
 * kept in memory (cache_spill) so that this is so to the end.  COMMIT needs the readers
 * out and keeps new ones waiting: it gives up after BUSY_MS and tries again later; between
 * two commits at least a third of the time that one took is left free; one that took
 * longer than HELD_MS makes the next ones smaller.  So whoever waits for 10 s gets in.
 *
 * No open() of PATH anywhere in this file: the close() after it would drop the locks that
 * SQLite holds on it for another sink of this process.
 *
 * A row in the run's bytes: 'P' (put), 'D' (delete) or 'S' (skip), then for each column to
 * be bound 'n', 'i' int64, 'r' double, 't' or 'b' with uint32 size and bytes.
 */
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expr/expr.h"
#include "sink.h"

#define BUSY_MS 500
#define HELD_MS 400
#define REST_MAX_MS 1000
#define APPLICATION_ID 0x466c5371 /* "FlSq" */
#define CURSOR_VERSION 1

struct sqlite_impl {
	sqlite3 *db;
	sqlite3_stmt *put, *del; /* of rows; del only with a PRIMARY KEY */
	sqlite3_stmt *begin, *commit, *mode, *move, *read;
	int64_t busy_since_us;
	int64_t held_us, released_us; /* of the last commit: how long, until when */
	uint64_t generation;	      /* that the position in the file has */
	char *sink;		      /* "pipeline.table" */
	char store[37];
};

static const char *
file_of(const struct emit_sink *sink)
{
	return sink->table->jdbc->database;
}

/* ---- errors ---- */

static enum fl_code
code_of_cannot_open(int native)
{
	switch (native) {
	case EACCES:
	case EPERM:
	case EROFS:
		return FL_E_DATABASE_AUTH;
	case ENOENT:
	case ENOTDIR:
		return FL_E_DATABASE_AWAY;
	default:
		return fl_errno_code(native, FL_E_DATABASE);
	}
}

static enum fl_code
code_of(sqlite3 *db, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
		return FL_E_SINK_REFUSED;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return FL_E_TIMED_OUT;
	case SQLITE_FULL:
		return FL_E_DISK_FULL;
	case SQLITE_IOERR:
		return fl_errno_code(sqlite3_system_errno(db), FL_E_IO);
	case SQLITE_CANTOPEN:
		return code_of_cannot_open(sqlite3_system_errno(db));
	case SQLITE_READONLY: /* moved away: the next opening finds what is there now */
		return rc == SQLITE_READONLY_DBMOVED ? FL_E_DATABASE_AWAY : FL_E_DATABASE_AUTH;
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

/* What SQLite says beside the text does not always tell a stranger what to do. */
static const char *
advice(enum fl_code code)
{
	if (code == FL_E_TIMED_OUT)
		return "; another connection reads or writes the file";
	if (code == FL_E_DATABASE_AUTH)
		return "; this user must be able to write the file and its directory";
	return "";
}

static enum fl_code
fail(struct emit_sink *sink, int rc, const char *what, struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;
	enum fl_code code = code_of(impl->db, rc);
	bool is_system = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;
	int native = is_system ? sqlite3_system_errno(impl->db) : 0;

	return FL_FAIL_NATIVE(err, code, rc,
	    "table \"%s\": could not %s SQLite file \"%.200s\": %.120s%s%s%s", sink->table->name,
	    what, file_of(sink), sqlite3_errmsg(impl->db), native != 0 ? ": " : "",
	    native != 0 ? strerror(native) : "", advice(code));
}

/* ---- statements ---- */

/* One row or none; *rc: SQLITE_ROW, SQLITE_DONE or the failure. */
static int
run_once(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt), reset = sqlite3_reset(stmt);

	return rc == SQLITE_ROW || rc == SQLITE_DONE ? rc : reset;
}

static int
prepare(struct sqlite_impl *impl, const char *sql, sqlite3_stmt **stmt)
{
	return sqlite3_prepare_v3(impl->db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
}

/* The first column of the first row as an integer. */
static int
ask(struct sqlite_impl *impl, const char *sql, int64_t *value)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(impl->db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		*value = sqlite3_column_int64(stmt, 0);
		rc = SQLITE_OK;
	}
	(void)sqlite3_finalize(stmt);
	return rc;
}

static int
execute(struct sqlite_impl *impl, const char *sql)
{
	return sqlite3_exec(impl->db, sql, NULL, NULL, NULL);
}

static void
roll_back(struct sqlite_impl *impl)
{
	/* Fails where a failure, or a trigger that says so, has rolled back already. */
	(void)execute(impl, "ROLLBACK");
}

static void
add_table(struct fl_buf *sql, const struct fl_table *table)
{
	fl_buf_str(sql, "main.");
	fl_buf_sql_name(sql, table->jdbc->table_name);
}

static bool
is_key(const struct fl_table *table, uint32_t column)
{
	uint32_t k;

	for (k = 0; k < table->primary_key_count; k++)
		if (table->primary_key[k] == column)
			return true;
	return false;
}

static void
add_key_list(struct fl_buf *sql, const struct fl_table *table)
{
	uint32_t k;

	for (k = 0; k < table->primary_key_count; k++) {
		fl_buf_str(sql, k == 0 ? "(" : ", ");
		fl_buf_sql_name(sql, table->physical.fields[table->primary_key[k]].name);
	}
	fl_buf_byte(sql, ')');
}

/*
 * ON CONFLICT (key) DO UPDATE, and not INSERT OR REPLACE: that one deletes rows which
 * collide in any other unique column, and empties columns that this table does not name.
 * With updated-last the row also gets the highest rowid, so that the order of the table,
 * which is what a SELECT without ORDER BY shows, is that of the last updates.
 */
static void
add_upsert(struct fl_buf *sql, const struct fl_table *table)
{
	const char *between = " DO UPDATE SET ";
	uint32_t c;

	fl_buf_str(sql, " ON CONFLICT ");
	add_key_list(sql, table);
	for (c = 0; c < table->physical.count; c++) {
		if (is_key(table, c))
			continue;
		fl_buf_str(sql, between);
		fl_buf_sql_name(sql, table->physical.fields[c].name);
		fl_buf_str(sql, " = excluded.");
		fl_buf_sql_name(sql, table->physical.fields[c].name);
		between = ", ";
	}
	if (table->jdbc->updated_last) {
		fl_buf_printf(sql, "%srowid = (SELECT max(rowid) + 1 FROM ", between);
		add_table(sql, table);
		fl_buf_byte(sql, ')');
	} else if (between[0] == ' ') {
		fl_buf_str(sql, " DO NOTHING");
	}
}

static void
make_put(struct fl_buf *sql, const struct fl_table *table)
{
	uint32_t c;

	fl_buf_str(sql, "INSERT INTO ");
	add_table(sql, table);
	for (c = 0; c < table->physical.count; c++) {
		fl_buf_str(sql, c == 0 ? " (" : ", ");
		fl_buf_sql_name(sql, table->physical.fields[c].name);
	}
	for (c = 0; c < table->physical.count; c++)
		fl_buf_printf(sql, "%s?%" PRIu32, c == 0 ? ") VALUES (" : ", ", c + 1);
	fl_buf_byte(sql, ')');
	if (table->primary_key_count > 0)
		add_upsert(sql, table);
}

static void
make_delete(struct fl_buf *sql, const struct fl_table *table)
{
	uint32_t k;

	fl_buf_str(sql, "DELETE FROM ");
	add_table(sql, table);
	for (k = 0; k < table->primary_key_count; k++) {
		fl_buf_str(sql, k == 0 ? " WHERE " : " AND ");
		fl_buf_sql_name(sql, table->physical.fields[table->primary_key[k]].name);
		fl_buf_printf(sql, " = ?%" PRIu32, k + 1);
	}
}

/* ---- the table ---- */

static const char *
column_type(enum fl_type_id id)
{
	if (fl_type_is_integer(id) || id == FL_TYPE_BOOLEAN)
		return "INTEGER";
	if (id == FL_TYPE_FLOAT || id == FL_TYPE_DOUBLE)
		return "REAL";
	return fl_type_is_bytes(id) ? "BLOB" : "TEXT";
}

static void
make_create(struct fl_buf *sql, const struct fl_table *table)
{
	uint32_t c;

	fl_buf_str(sql, "CREATE TABLE IF NOT EXISTS ");
	add_table(sql, table);
	for (c = 0; c < table->physical.count; c++) {
		const struct fl_field *field = &table->physical.fields[c];

		fl_buf_str(sql, c == 0 ? " (" : ", ");
		fl_buf_sql_name(sql, field->name);
		fl_buf_printf(sql, " %s%s", column_type(field->type.id),
		    field->type.nullable ? "" : " NOT NULL");
	}
	if (table->primary_key_count > 0) {
		fl_buf_str(sql, ", PRIMARY KEY ");
		add_key_list(sql, table);
	}
	fl_buf_byte(sql, ')');
}

static enum fl_code
create_table(struct emit_sink *sink, struct fl_err *err)
{
	struct fl_buf sql;
	int rc;

	fl_buf_init(&sql);
	make_create(&sql, sink->table);
	rc = execute(sink->impl, sql.data);
	fl_buf_fini(&sql);
	return rc == SQLITE_OK ? FL_OK : fail(sink, rc, "make the table in", err);
}

/* SQLite's own text names the table, the column or the key that is missing. */
static enum fl_code
fail_statement(struct emit_sink *sink, int rc, struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;

	if ((rc & 0xff) != SQLITE_ERROR)
		return fail(sink, rc, "use", err);
	return FL_FAIL_NATIVE(err, FL_E_TABLE_MISSING, rc,
	    "table \"%s\": SQLite file \"%.200s\" has no table that rows of this one fit: %.160s",
	    sink->table->name, file_of(sink), sqlite3_errmsg(impl->db));
}

static enum fl_code
prepare_rows(struct emit_sink *sink, struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;
	struct fl_buf sql;
	int rc;

	fl_buf_init(&sql);
	make_put(&sql, sink->table);
	rc = prepare(impl, sql.data, &impl->put);
	if (rc == SQLITE_OK && sink->table->primary_key_count > 0) {
		fl_buf_reset(&sql);
		make_delete(&sql, sink->table);
		rc = prepare(impl, sql.data, &impl->del);
	}
	fl_buf_fini(&sql);
	return rc == SQLITE_OK ? FL_OK : fail_statement(sink, rc, err);
}

/* A rowid that is also a column, or is absent, is not ours to change. */
static enum fl_code
check_updated_last(struct emit_sink *sink, struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;
	sqlite3_stmt *stmt = NULL;
	int64_t bad = 1;
	int rc;

	if (!sink->table->jdbc->updated_last)
		return FL_OK;
	rc = sqlite3_prepare_v2(impl->db,
	    "SELECT coalesce(max(wr), 0) OR (SELECT count(*) = 1 AND max(upper(type)) = 'INTEGER'"
	    " FROM pragma_table_info(?1) WHERE pk > 0) OR (SELECT count(*) FROM pragma_table_info(?1)"
	    " WHERE name = 'rowid' COLLATE NOCASE) FROM pragma_table_list(?1) WHERE schema = 'main'",
	    -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(stmt, 1, sink->table->jdbc->table_name, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		bad = sqlite3_column_int64(stmt, 0);
		rc = SQLITE_OK;
	}
	(void)sqlite3_finalize(stmt);
	if (rc != SQLITE_OK)
		return fail(sink, rc, "look at the table in", err);
	if (!bad)
		return FL_OK;
	return FL_FAIL(err, FL_E_BAD_CONFIG,
	    "table \"%s\": 'flight.table.%s.updated-last' moves rows by their rowid, and table "
	    "\"%.80s\" of SQLite file \"%.200s\" is WITHOUT ROWID or has a column that is the rowid",
	    sink->table->name, sink->table->name, sink->table->jdbc->table_name, file_of(sink));
}

/* ---- opening ---- */

static enum fl_code
check_file(struct emit_sink *sink, struct fl_err *err)
{
	const char *path = file_of(sink), *name = sink->table->name;
	char dir[4096];
	struct stat st;

	if (stat(path, &st) == 0) {
		if (S_ISREG(st.st_mode))
			return FL_OK;
		return FL_FAIL(err, FL_E_BAD_CONFIG, "table \"%s\": \"%.200s\" is no file", name, path);
	}
	if (errno != ENOENT)
		return FL_FAIL_NATIVE(err, code_of_cannot_open(errno), errno,
		    "table \"%s\": could not look at SQLite file \"%.200s\": %s", name, path,
		    strerror(errno));
	fl_dir_of(path, dir, sizeof(dir));
	if (stat(dir, &st) != 0)
		return FL_FAIL_NATIVE(err, code_of_cannot_open(errno), errno,
		    "table \"%s\": directory \"%.200s\" of the SQLite file: %s", name, dir,
		    strerror(errno));
	if (sink->table->jdbc->create)
		return FL_OK;
	return FL_FAIL(err, FL_E_DATABASE_AWAY,
	    "table \"%s\": SQLite file \"%.200s\" does not exist; make it and its table, or "
	    "SET 'flight.table.%s.create' = 'true'", name, path, name);
}

/* Millisecond steps: while COMMIT waits for a reader, new readers wait for it. */
static int
wait_for_lock(void *arg, int count)
{
	struct emit_sink *sink = arg;
	struct sqlite_impl *impl = sink->impl;

	if (count == 0)
		impl->busy_since_us = fl_monotonic_us();
	if (fl_monotonic_us() - impl->busy_since_us > BUSY_MS * INT64_C(1000) ||
	    __atomic_load_n(&sink->emit->is_stopping, __ATOMIC_ACQUIRE))
		return 0;
	(void)usleep(1000);
	return 1;
}

static enum fl_code
open_file(struct emit_sink *sink, struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int rc;

	FL_TRY(check_file(sink, err));
	if (sink->table->jdbc->create)
		flags |= SQLITE_OPEN_CREATE;
	rc = sqlite3_open_v2(file_of(sink), &impl->db, flags, NULL);
	if (rc != SQLITE_OK)
		return fail(sink, rc, "open", err);
	(void)sqlite3_busy_handler(impl->db, wait_for_lock, sink);
	/* A misspelt name in double quotes is an error, not a string. */
	(void)sqlite3_db_config(impl->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	if (sqlite3_db_readonly(impl->db, "main") == 1)
		return FL_FAIL(err, FL_E_DATABASE_AUTH,
		    "table \"%s\": SQLite file \"%.200s\" cannot be written by this user",
		    sink->table->name, file_of(sink));
	return FL_OK;
}

static enum fl_code
check_mode(struct emit_sink *sink, sqlite3_stmt *stmt, const char *path, const char *suffix,
    struct fl_err *err)
{
	bool is_wal = false;
	int rc = sqlite3_step(stmt), reset;

	if (rc == SQLITE_ROW)
		is_wal = sqlite3_stricmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;
	reset = sqlite3_reset(stmt);
	if (rc != SQLITE_ROW)
		return fail(sink, reset, "read", err);
	if (!is_wal)
		return FL_OK;
	return FL_FAIL(err, FL_E_BAD_CONFIG,
	    "table \"%s\": SQLite file \"%.200s%s\" is in WAL mode, where rows and their position "
	    "in a second file cannot be committed together; \"PRAGMA journal_mode = DELETE\" ends it",
	    sink->table->name, path, suffix);
}

static enum fl_code
check_cursor_mode(struct emit_sink *sink, struct fl_err *err)
{
	sqlite3_stmt *stmt = NULL;
	enum fl_code code;
	int rc = prepare(sink->impl, "PRAGMA flight.journal_mode", &stmt);

	if (rc != SQLITE_OK)
		return fail(sink, rc, "read the position beside", err);
	code = check_mode(sink, stmt, file_of(sink), ".flight", err);
	(void)sqlite3_finalize(stmt);
	return code;
}

/* The second file has the rights of the first: whoever may roll back the one after a crash
 * has to look at the journal of the other. */
static enum fl_code
attach_cursor(struct emit_sink *sink, struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;
	const char *real = sqlite3_db_filename(impl->db, "main"); /* behind symbolic links */
	sqlite3_stmt *stmt = NULL;
	struct fl_buf path;
	struct stat st;
	int rc;

	fl_buf_init(&path);
	fl_buf_printf(&path, "%s.flight", real);
	if (stat(real, &st) == 0 && mknod(path.data, S_IFREG | 0600, 0) == 0) {
		if (geteuid() == 0 && chown(path.data, st.st_uid, st.st_gid) != 0)
			fl_warn("could not give a file away path=%s", path.data);
		(void)chmod(path.data, st.st_mode & 0666);
	} else if (errno != EEXIST) {
		(void)FL_FAIL_NATIVE(err, code_of_cannot_open(errno), errno,
		    "table \"%s\": could not make \"%.200s\", which keeps the position: %s",
		    sink->table->name, path.data, strerror(errno));
		fl_buf_fini(&path);
		return err->code;
	}
	rc = prepare(impl, "ATTACH DATABASE ?1 AS flight", &stmt);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(stmt, 1, path.data, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = run_once(stmt);
	(void)sqlite3_finalize(stmt);
	fl_buf_fini(&path);
	if (rc != SQLITE_DONE)
		return fail(sink, rc, "open the position beside", err);
	if (sqlite3_db_readonly(impl->db, "flight") == 1)
		return FL_FAIL(err, FL_E_DATABASE_AUTH,
		    "table \"%s\": \"%.200s.flight\" cannot be written by this user",
		    sink->table->name, file_of(sink));
	return FL_OK;
}

/* Syncs are SQLite's most careful ones; what was asked for is read back. */
static enum fl_code
set_pragmas(struct emit_sink *sink, struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;
	int64_t in_main = 0, in_flight = 0;
	int rc;

	rc = execute(impl,
	    "PRAGMA main.synchronous = EXTRA; PRAGMA flight.synchronous = EXTRA;"
	    "PRAGMA cache_spill = OFF; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON");
	if (rc == SQLITE_OK)
		rc = ask(impl, "PRAGMA main.synchronous", &in_main);
	if (rc == SQLITE_OK)
		rc = ask(impl, "PRAGMA flight.synchronous", &in_flight);
	if (rc != SQLITE_OK)
		return fail(sink, rc, "set up", err);
	if (in_main != 3 || in_flight != 3)
		return FL_FAIL(err, FL_E_BAD_CONFIG,
		    "table \"%s\": this SQLite library takes no synchronous = EXTRA", sink->table->name);
	return FL_OK;
}

static enum fl_code
make_cursor(struct emit_sink *sink, struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;
	char sql[512];
	int rc;

	snprintf(sql, sizeof(sql),
	    "BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS flight.flight_cursor ("
	    "sink TEXT NOT NULL, store TEXT NOT NULL, generation INTEGER NOT NULL,"
	    " next INTEGER NOT NULL, chain INTEGER NOT NULL, PRIMARY KEY (sink, store)) WITHOUT ROWID;"
	    "PRAGMA flight.application_id = %d; PRAGMA flight.user_version = %d; COMMIT",
	    APPLICATION_ID, CURSOR_VERSION);
	rc = execute(impl, sql);
	if (rc != SQLITE_OK) {
		enum fl_code code = fail(sink, rc, "make the position beside", err);

		roll_back(impl);
		return code;
	}
	return FL_OK;
}

static enum fl_code
check_cursor(struct emit_sink *sink, struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;
	int64_t id = 0, version = 0, count = 0;
	int rc = ask(impl, "PRAGMA flight.application_id", &id);

	if (rc == SQLITE_OK)
		rc = ask(impl, "PRAGMA flight.user_version", &version);
	if (rc == SQLITE_OK)
		rc = ask(impl, "SELECT count(*) FROM flight.sqlite_master", &count);
	if (rc != SQLITE_OK)
		return fail(sink, rc, "read the position beside", err);
	if (id == 0 && count == 0)
		return make_cursor(sink, err);
	if (id == APPLICATION_ID && version == CURSOR_VERSION)
		return FL_OK;
	return FL_FAIL(err, FL_E_BAD_CONFIG,
	    "table \"%s\": \"%.200s.flight\" is %s (application_id %" PRId64 ", user_version %" PRId64
	    "; expected %d, %d)",
	    sink->table->name, file_of(sink),
	    id == APPLICATION_ID ? "of another version of Flight" : "there and not made by Flight", id,
	    version, APPLICATION_ID, CURSOR_VERSION);
}

static enum fl_code
prepare_own(struct emit_sink *sink, struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;
	int rc = prepare(impl, "BEGIN IMMEDIATE", &impl->begin);

	if (rc == SQLITE_OK)
		rc = prepare(impl, "COMMIT", &impl->commit);
	if (rc == SQLITE_OK)
		rc = prepare(impl,
		    "UPDATE flight.flight_cursor SET generation = ?1, next = ?2, chain = ?3"
		    " WHERE sink = ?4 AND store = ?5 AND next = ?6 AND generation = ?7",
		    &impl->move);
	if (rc == SQLITE_OK)
		rc = prepare(impl,
		    "SELECT generation, next, chain FROM flight.flight_cursor"
		    " WHERE sink = ?1 AND store = ?2", &impl->read);
	return rc == SQLITE_OK ? FL_OK : fail(sink, rc, "use the position beside", err);
}

static enum fl_code
read_position(struct emit_sink *sink, bool *known, struct fl_sink_position *position,
    struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;
	int rc, reset;

	(void)sqlite3_bind_text(impl->read, 1, impl->sink, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(impl->read, 2, impl->store, -1, SQLITE_STATIC);
	rc = sqlite3_step(impl->read);
	*known = rc == SQLITE_ROW;
	if (*known) {
		position->store = sink->position.store;
		position->generation = (uint64_t)sqlite3_column_int64(impl->read, 0);
		position->next = (uint64_t)sqlite3_column_int64(impl->read, 1);
		position->chain = (uint64_t)sqlite3_column_int64(impl->read, 2);
		impl->generation = position->generation;
	}
	reset = sqlite3_reset(impl->read);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return fail(sink, reset, "read the position beside", err);
	if (!*known && sink->has_record)
		return FL_FAIL(err, FL_E_SINK_UNKNOWN,
		    "pipeline \"%s\" sink \"%s\": \"%.200s.flight\" has no position of it any more, and "
		    "rows up to %" PRIu64 " were delivered; was the file restored, or another put in its place?",
		    sink->pipeline->name, sink->table->name, file_of(sink), sink->position.next);
	return FL_OK;
}

static void
sqlite_close(struct emit_sink *sink)
{
	struct sqlite_impl *impl = sink->impl;
	size_t i;

	if (impl == NULL)
		return;
	sqlite3_stmt *all[] = {
		impl->put, impl->del, impl->begin, impl->commit, impl->mode, impl->move, impl->read,
	};
	for (i = 0; i < FL_ARRAY_COUNT(all); i++)
		(void)sqlite3_finalize(all[i]);
	(void)sqlite3_close_v2(impl->db); /* ends a transaction that is open */
	free(impl->sink);
	free(impl);
	sink->impl = NULL;
}

static enum fl_code
open_all(struct emit_sink *sink, bool *known, struct fl_sink_position *position, struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;
	int rc;

	FL_TRY(open_file(sink, err));
	/* Before anything is made: a file that is refused stays without a second one. */
	rc = prepare(impl, "PRAGMA main.journal_mode", &impl->mode);
	if (rc != SQLITE_OK)
		return fail(sink, rc, "read", err);
	FL_TRY(check_mode(sink, impl->mode, file_of(sink), "", err));
	if (sink->table->jdbc->create)
		FL_TRY(create_table(sink, err));
	FL_TRY(check_updated_last(sink, err));
	FL_TRY(prepare_rows(sink, err));
	FL_TRY(attach_cursor(sink, err));
	FL_TRY(check_cursor_mode(sink, err));
	FL_TRY(set_pragmas(sink, err));
	FL_TRY(check_cursor(sink, err));
	FL_TRY(prepare_own(sink, err));
	return read_position(sink, known, position, err);
}

static enum fl_code
sqlite_open(
    struct emit_sink *sink, bool *known, struct fl_sink_position *position, struct fl_err *err)
{
	size_t size = strlen(sink->pipeline->name) + strlen(sink->table->name) + 2;
	struct sqlite_impl *impl = fl_calloc(1, sizeof(*impl));
	enum fl_code code;

	sqlite_close(sink);
	sink->impl = impl;
	impl->sink = fl_malloc(size);
	(void)snprintf(impl->sink, size, "%s.%s", sink->pipeline->name, sink->table->name);
	(void)fl_uuid_print(&sink->position.store, impl->store);
	code = open_all(sink, known, position, err);
	if (code != FL_OK)
		sqlite_close(sink);
	return code;
}

/* ---- encoding ---- */

static enum fl_code
refuse(const struct fl_field *field, const char *why, struct fl_err *err)
{
	return FL_FAIL(err, FL_E_SINK_REFUSED, "column \"%.100s\": %s", field->name, why);
}

static void
put_i64(struct fl_buf *out, int64_t v)
{
	fl_buf_byte(out, 'i');
	fl_buf_add(out, &v, sizeof(v));
}

static enum fl_code
put_real(struct fl_buf *out, double v, const struct fl_field *field, struct fl_err *err)
{
	if (v != v) /* SQLite would store NULL */
		return refuse(field, "NaN, and SQLite has none", err);
	fl_buf_byte(out, 'r');
	fl_buf_add(out, &v, sizeof(v));
	return FL_OK;
}

static void
put_bytes(struct fl_buf *out, char tag, const void *p, size_t size)
{
	uint32_t n = (uint32_t)size; /* a row is 1 MiB at most */

	fl_buf_byte(out, tag);
	fl_buf_add(out, &n, sizeof(n));
	fl_buf_add(out, p, size);
}

static enum fl_code
put_string(const struct fl_col *col, uint32_t i, const struct fl_field *field, struct fl_buf *out,
    struct fl_err *err)
{
	uint32_t size;
	const char *p = fl_col_str(col, i, &size);
	bool is_text = fl_type_is_string(col->type.id);

	/* SQLite would store it, and its functions and most clients would cut it there. */
	if (is_text && memchr(p, '\0', size) != NULL)
		return refuse(field, "a NUL character, and text in SQLite has none", err);
	put_bytes(out, is_text ? 't' : 'b', p, size);
	return FL_OK;
}

/* DECIMAL keeps all its digits; times sort as they follow each other: the fraction has the
 * digits of the type, and an instant is in UTC with a Z. */
static enum fl_code
put_as_text(const struct fl_col *col, uint32_t i, const struct fl_field *field, struct fl_buf *out,
    struct fl_err *err)
{
	size_t at = out->size;
	uint32_t size = 0;

	put_bytes(out, 't', "", 0);
	switch (col->type.id) {
	case FL_TYPE_DECIMAL:
		fl_print_decimal(out, FL_COL_AT(col, fl_i128, i), col->type.scale);
		break;
	case FL_TYPE_DATE:
		fl_print_date(out, FL_COL_AT(col, int32_t, i));
		break;
	case FL_TYPE_TIMESTAMP:
	case FL_TYPE_TIMESTAMP_LTZ:
		fl_print_timestamp(out, FL_COL_AT(col, int64_t, i), ' ', col->type.precision);
		if (col->type.id == FL_TYPE_TIMESTAMP_LTZ)
			fl_buf_byte(out, 'Z');
		break;
	default:
		return refuse(field, "SQLite has no such type", err);
	}
	size = (uint32_t)(out->size - at - 1 - sizeof(size));
	memcpy(out->data + at + 1, &size, sizeof(size));
	return FL_OK;
}

static enum fl_code
put_value(const struct fl_col *col, uint32_t i, const struct fl_field *field, struct fl_buf *out,
    struct fl_err *err)
{
	if (!fl_col_is_valid(col, i)) {
		fl_buf_byte(out, 'n');
		return FL_OK;
	}
	switch (col->type.id) {
	case FL_TYPE_BOOLEAN:
	case FL_TYPE_TINYINT:
	case FL_TYPE_SMALLINT:
	case FL_TYPE_INT:
	case FL_TYPE_BIGINT:
		put_i64(out, fl_load_i64(col, i));
		return FL_OK;
	case FL_TYPE_FLOAT:
		return put_real(out, (double)FL_COL_AT(col, float, i), field, err);
	case FL_TYPE_DOUBLE:
		return put_real(out, FL_COL_AT(col, double, i), field, err);
	default:
		return fl_type_is_var(col->type.id) ? put_string(col, i, field, out, err) :
						      put_as_text(col, i, field, out, err);
	}
}

/* A NULL in a key would never collide with itself: the same key would get two rows. */
static enum fl_code
check_key(const struct fl_table *table, const struct fl_batch *batch, uint32_t i, struct fl_err *err)
{
	uint32_t k;

	for (k = 0; k < table->primary_key_count; k++) {
		uint32_t c = table->primary_key[k];

		if (!fl_col_is_valid(&batch->cols[c], i))
			return refuse(&table->physical.fields[c], "NULL, and it is in the PRIMARY KEY", err);
	}
	return FL_OK;
}

static enum fl_code
sqlite_encode(struct emit_sink *sink, const struct fl_batch *batch, uint32_t i, uint8_t kind,
    struct fl_buf *out, struct fl_err *err)
{
	const struct fl_table *table = sink->table;
	bool is_delete = kind == FL_CHANGE_DELETE;
	uint32_t c;

	if (kind != FL_CHANGE_INSERT && table->primary_key_count == 0)
		return FL_FAIL(err, FL_E_SINK_REFUSED,
		    "table \"%s\" has no PRIMARY KEY, so it takes new rows only, and this one changes "
		    "a row", table->name);
	if (kind == FL_CHANGE_UPDATE_BEFORE) { /* what comes after it says it all */
		fl_buf_byte(out, 'S');
		return FL_OK;
	}
	FL_TRY(check_key(table, batch, i, err));
	fl_buf_byte(out, is_delete ? 'D' : 'P');
	for (c = 0; c < (is_delete ? table->primary_key_count : table->physical.count); c++) {
		uint32_t column = is_delete ? table->primary_key[c] : c;

		FL_TRY(put_value(&batch->cols[column], i, &table->physical.fields[column], out, err));
	}
	return FL_OK;
}

/* ---- delivering ---- */

/* Binds one value; returns what is behind it.  The bytes stay where they are until the
 * run is over. */
static const char *
bind_value(sqlite3_stmt *stmt, int n, const char *p, int *rc)
{
	char tag = *p++;
	uint32_t size;
	int64_t v;
	double d;

	switch (tag) {
	case 'i':
		memcpy(&v, p, sizeof(v));
		*rc = sqlite3_bind_int64(stmt, n, v);
		return p + sizeof(v);
	case 'r':
		memcpy(&d, p, sizeof(d));
		*rc = sqlite3_bind_double(stmt, n, d);
		return p + sizeof(d);
	case 't':
	case 'b':
		memcpy(&size, p, sizeof(size));
		p += sizeof(size);
		*rc = tag == 't' ? sqlite3_bind_text(stmt, n, p, (int)size, SQLITE_STATIC) :
				   sqlite3_bind_blob(stmt, n, p, (int)size, SQLITE_STATIC);
		return p + size;
	default:
		*rc = sqlite3_bind_null(stmt, n);
		return p;
	}
}

static int
write_row(struct sqlite_impl *impl, const char *p, const char *end)
{
	sqlite3_stmt *stmt;
	int rc = SQLITE_OK, n = 0;

	if (*p == 'S')
		return SQLITE_DONE;
	stmt = *p == 'D' ? impl->del : impl->put;
	for (p++; p < end && rc == SQLITE_OK;)
		p = bind_value(stmt, ++n, p, &rc);
	return rc == SQLITE_OK ? run_once(stmt) : rc;
}

/*
 * SQLite has one code for a table that has changed under us and for a row that a CHECK or a
 * trigger of the user cannot compute with (malformed JSON, an overflow).  In the first case
 * the statement cannot be prepared any more.
 */
static bool
is_fault_of_row(struct emit_sink *sink, int rc)
{
	struct sqlite_impl *impl = sink->impl;
	sqlite3_stmt *again = NULL;
	bool is_sound;

	if ((rc & 0xff) != SQLITE_ERROR)
		return code_of(impl->db, rc) == FL_E_SINK_REFUSED;
	is_sound = sqlite3_prepare_v2(impl->db, sqlite3_sql(impl->put), -1, &again, NULL) == SQLITE_OK;
	(void)sqlite3_finalize(again);
	return is_sound;
}

static enum fl_code
fail_row(struct emit_sink *sink, struct emit_run *run, uint32_t k, int rc, struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;
	char text[200];

	snprintf(text, sizeof(text), "%s", sqlite3_errmsg(impl->db));
	if (!is_fault_of_row(sink, rc))
		return (rc & 0xff) == SQLITE_ERROR ? fail_statement(sink, rc, err) :
						     fail(sink, rc, "write rows to", err);
	run->refused = (int64_t)k;
	return FL_FAIL_NATIVE(err, FL_E_SINK_REFUSED, rc, "SQLite table \"%.100s\": %s",
	    sink->table->jdbc->table_name, text);
}

static enum fl_code
write_rows(struct emit_sink *sink, struct emit_run *run, struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;
	enum fl_code code = FL_OK;
	uint32_t k;

	for (k = 0; k < run->count && code == FL_OK; k++) {
		const char *p = run->bytes.data + run->rows[k].at;
		int rc = write_row(impl, p, p + run->rows[k].size);

		if (rc != SQLITE_DONE)
			code = fail_row(sink, run, k, rc, err);
	}
	/* The bytes they point to go away. */
	(void)sqlite3_clear_bindings(impl->put);
	if (impl->del != NULL)
		(void)sqlite3_clear_bindings(impl->del);
	return code;
}

/* Compare and set.  Whoever else has moved it has delivered these very rows. */
static enum fl_code
move_position(struct emit_sink *sink, uint64_t from, uint64_t next, uint64_t chain,
    bool *open_again, struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;
	int rc;

	(void)sqlite3_bind_int64(impl->move, 1, (int64_t)sink->position.generation);
	(void)sqlite3_bind_int64(impl->move, 2, (int64_t)next);
	(void)sqlite3_bind_int64(impl->move, 3, (int64_t)chain);
	(void)sqlite3_bind_text(impl->move, 4, impl->sink, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(impl->move, 5, impl->store, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(impl->move, 6, (int64_t)from);
	(void)sqlite3_bind_int64(impl->move, 7, (int64_t)impl->generation);
	if ((rc = run_once(impl->move)) != SQLITE_DONE)
		return fail(sink, rc, "write the position beside", err);
	if (sqlite3_changes(impl->db) == 1)
		return FL_OK;
	*open_again = true;
	return FL_FAIL(err, FL_E_DATABASE,
	    "table \"%s\": position %" PRIu64 " of generation %" PRIu64 " is not in \"%.200s.flight\" "
	    "any more; somebody else has moved it", sink->table->name, from, impl->generation,
	    file_of(sink));
}

/* Readers get in between two commits: at least a third of what the last one took. */
static void
leave_room(struct emit_sink *sink)
{
	struct sqlite_impl *impl = sink->impl;
	int64_t rest_us = impl->released_us + impl->held_us / 3 - fl_monotonic_us();

	if (impl->released_us != 0 && rest_us > 0)
		(void)usleep((useconds_t)FL_MIN(rest_us, REST_MAX_MS * INT64_C(1000)));
}

/* Readers wait as long as a commit takes, so it stays short.  What was right makes the
 * limit double afterwards. */
static void
judge_size(struct emit_sink *sink, const struct emit_run *run)
{
	struct sqlite_impl *impl = sink->impl;
	int64_t held_ms = impl->held_us / 1000;

	if (run == NULL || held_ms * 2 <= HELD_MS)
		return;
	sink->row_limit = FL_MAX(1u, run->count / (held_ms > HELD_MS ? 4 : 2));
}

static enum fl_code
commit(struct emit_sink *sink, bool *open_again, struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;
	int64_t began_us = fl_monotonic_us();
	int rc = run_once(impl->commit);

	impl->released_us = fl_monotonic_us();
	impl->held_us = impl->released_us - began_us;
	if (rc == SQLITE_DONE)
		return FL_OK;
	/* Readers that do not go, and keys that are checked at the end: nothing was written.
	 * Anything else may have come to an end or not. */
	*open_again = (rc & 0xff) != SQLITE_BUSY && (rc & 0xff) != SQLITE_CONSTRAINT;
	return fail(sink, rc, "commit to", err);
}

/* One transaction: rows (run may be NULL) and the position. */
static enum fl_code
transact(struct emit_sink *sink, struct emit_run *run, uint64_t next, uint64_t chain,
    bool *open_again, struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;
	enum fl_code code;
	int rc;

	leave_room(sink);
	if ((rc = run_once(impl->begin)) != SQLITE_DONE)
		return fail(sink, rc, "begin a transaction on", err);
	code = check_mode(sink, impl->mode, file_of(sink), "", err);
	if (code == FL_OK && run != NULL)
		code = write_rows(sink, run, err);
	if (code == FL_OK)
		code = move_position(sink, sink->position.next, next, chain, open_again, err);
	if (code == FL_OK && fl_fault("emit.before_commit"))
		code = FL_FAIL(err, FL_E_IO, "fault before the commit");
	if (code == FL_OK)
		code = commit(sink, open_again, err);
	if (code == FL_OK && fl_fault("emit.after_commit")) {
		*open_again = true;
		code = FL_FAIL(err, FL_E_IO, "fault after the commit");
	}
	if (code != FL_OK) {
		roll_back(impl);
		/* Of a file that was moved away, say, the next opening finds what is there now. */
		*open_again |= code != FL_E_SINK_REFUSED && code != FL_E_TIMED_OUT &&
		    code != FL_E_DISK_FULL;
		return code;
	}
	impl->generation = sink->position.generation;
	judge_size(sink, run);
	return FL_OK;
}

static enum fl_code
sqlite_deliver(struct emit_sink *sink, struct emit_run *run, bool *open_again, struct fl_err *err)
{
	run->refused = -1;
	return transact(sink, run, run->next, run->chain, open_again, err);
}

/* Makes the row if there is none: the sink is new here. */
static enum fl_code
sqlite_refresh(struct emit_sink *sink, bool *open_again, struct fl_err *err)
{
	struct sqlite_impl *impl = sink->impl;
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = prepare(impl,
	    "INSERT INTO flight.flight_cursor (sink, store, generation, next, chain)"
	    " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (sink, store) DO NOTHING", &stmt);
	if (rc == SQLITE_OK) {
		(void)sqlite3_bind_text(stmt, 1, impl->sink, -1, SQLITE_STATIC);
		(void)sqlite3_bind_text(stmt, 2, impl->store, -1, SQLITE_STATIC);
		(void)sqlite3_bind_int64(stmt, 3, (int64_t)sink->position.generation);
		(void)sqlite3_bind_int64(stmt, 4, (int64_t)sink->position.next);
		(void)sqlite3_bind_int64(stmt, 5, (int64_t)sink->chain);
		rc = run_once(stmt);
	}
	(void)sqlite3_finalize(stmt);
	if (rc != SQLITE_DONE)
		return fail(sink, rc, "write the position beside", err);
	if (sqlite3_changes(impl->db) == 1) {
		impl->generation = sink->position.generation;
		return FL_OK;
	}
	return transact(sink, NULL, sink->position.next, sink->chain, open_again, err);
}

const struct emit_sink_ops emit_sink_sqlite = {
	.name = "sqlite",
	.compares = true,
	.open = sqlite_open,
	.encode = sqlite_encode,
	.deliver = sqlite_deliver,
	.refresh = sqlite_refresh,
	.close = sqlite_close,
};
