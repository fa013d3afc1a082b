/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_postgres.c - rows into a table of PostgreSQL, exactly once.
 *
 * One transaction holds a run's rows and the move of the position, a row of the table
 * flight_positions beside the target:
 *
 *	BEGIN; UPDATE flight_positions SET position = b WHERE ... AND position = a
 *	    AND generation = g;		one row, or nothing of it is kept
 *	COPY the rows			into the table, or with a PRIMARY KEY into a
 *	INSERT ... ON CONFLICT		temporary one and from there
 *	COMMIT
 *
 * The position moves by compare-and-set, so that a COMMIT whose outcome is unknown is
 * resolved by looking, and two that believe to be this sink do no harm: of both only
 * one passes row a.  Opening ends the sessions of predecessors (known by their
 * application_name) and then waits for the row's lock: after it nothing of theirs is
 * under way.
 *
 * Rows that the server refuses (SQLSTATE 22 and 23) are named by COPY's line, else found
 * by shorter runs (life.c).  The server's state decides about all other errors: waits
 * for what may come back, for tables, keys and privileges too.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <postgresql/libpq-fe.h>

#include "postgres.h"
#include "sink.h"

#define CONNECT_TIMEOUT_MS 10000
#define SLICE_MS 250 /* a program that shall end is not late by more */
#define PASSWORD_MAX 1024u
#define EXTRA_PARAMS 9u

struct pg_impl {
	PGconn *conn;
	struct fl_arena arena; /* of the connection: names */
	struct pg_names names;
	struct pg_cursor cursor;
	char application[64];
	struct fl_buf sql;
};

/* ---- errors ---- */

/* A server's words on one line. */
static const char *
flatten(const char *text, char *buf, size_t size)
{
	size_t n = 0;

	for (; text != NULL && *text != '\0' && n + 1 < size; text++)
		buf[n++] = *text == '\n' || *text == '\t' ? ' ' : *text;
	while (n > 0 && buf[n - 1] == ' ')
		n--;
	buf[n] = '\0';
	return buf;
}

static enum fl_code
fail_away(struct emit_sink *sink, const char *what, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	char text[300];

	return FL_FAIL(err, FL_E_DATABASE_AWAY, "table \"%s\" at %s: %s: %s", sink->table->name,
	    sink->table->jdbc->where, what, flatten(PQerrorMessage(impl->conn), text, sizeof(text)));
}

static enum fl_code
fail_connect(struct emit_sink *sink, struct fl_err *err)
{
	static const char *const REFUSALS[] = { "FATAL:", "certificate", "SSL", "password", "private key" };
	static const char *const SOON[] = { "starting up", "shutting down", "recovery mode", "too many clients",
		"closed the connection" };
	struct pg_impl *impl = sink->impl;
	const char *message = PQerrorMessage(impl->conn);
	bool is_refusal = false;
	char text[300];
	size_t i;

	for (i = 0; i < FL_ARRAY_COUNT(REFUSALS); i++)
		is_refusal |= strstr(message, REFUSALS[i]) != NULL;
	for (i = 0; i < FL_ARRAY_COUNT(SOON); i++)
		is_refusal &= strstr(message, SOON[i]) == NULL;
	/* libpq 15 does not say which. */
	return FL_FAIL(err, is_refusal ? FL_E_DATABASE_AUTH : FL_E_DATABASE_AWAY,
	    "table \"%s\" at %s: no connection: %s%s", sink->table->name, sink->table->jdbc->where,
	    flatten(message, text, sizeof(text)), strstr(message, "certificate verify failed") != NULL ?
	    "; the server's certificate has expired or is not of an authority in sslrootcert" : "");
}

static enum fl_code
code_of(const char *state)
{
	static const struct {
		const char *prefix;
		enum fl_code code;
	} STATES[] = {
		{ "22", FL_E_SINK_REFUSED }, { "23", FL_E_SINK_REFUSED },
		{ "42P01", FL_E_TABLE_MISSING }, { "42703", FL_E_TABLE_MISSING },
		{ "42P10", FL_E_TABLE_MISSING }, { "3F", FL_E_TABLE_MISSING },
		{ "428C9", FL_E_TABLE_MISSING },
		{ "42501", FL_E_DATABASE_AUTH }, { "28", FL_E_DATABASE_AUTH },
		{ "08", FL_E_DATABASE_AWAY }, { "57P", FL_E_DATABASE_AWAY },
		{ "53100", FL_E_DISK_FULL },
	};
	size_t i;

	for (i = 0; state != NULL && i < FL_ARRAY_COUNT(STATES); i++)
		if (strncmp(state, STATES[i].prefix, strlen(STATES[i].prefix)) == 0)
			return STATES[i].code;
	return FL_E_DATABASE;
}

/* What the server said; where in the rows, if it is about one. */
static enum fl_code
fail_result(struct emit_sink *sink, const PGresult *res, struct fl_err *err)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
	const char *primary = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *column = PQresultErrorField(res, PG_DIAG_COLUMN_NAME);
	const char *context = PQresultErrorField(res, PG_DIAG_CONTEXT);
	char text[240], more[160];
	const char *at;

	/* COPY t, line 2, column n: "x" */
	if (column == NULL && context != NULL && (at = strstr(context, ", column ")) != NULL)
		column = at + strlen(", column ");
	flatten(column, more, sizeof(more));
	return FL_FAIL(err, code_of(state), "table \"%s\" at %s: %s%s%s%s%s (SQLSTATE %s)",
	    sink->table->name, sink->table->jdbc->where,
	    flatten(primary != NULL ? primary : PQresultErrorMessage(res), text, sizeof(text)),
	    more[0] != '\0' ? "; column " : "", more, detail != NULL ? "; " : "",
	    detail != NULL ? detail : "", state != NULL ? state : "unknown");
}

/* ---- asking without blocking for ever ---- */

static bool
is_stopping(const struct emit_sink *sink)
{
	return __atomic_load_n(&sink->emit->is_stopping, __ATOMIC_ACQUIRE);
}

static enum fl_code
fail_stopping(struct emit_sink *sink, struct fl_err *err)
{
	return FL_FAIL(err, FL_E_INTERRUPTED, "table \"%s\" at %s: no answer so far, and the program ends",
	    sink->table->name, sink->table->jdbc->where);
}

/*
 * Sends what is buffered and waits for the next result; NULL: there is none.  A server may
 * take long, behind a lock; one that is gone is noticed by keepalives.
 */
static enum fl_code
next_result(struct emit_sink *sink, PGresult **res, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	int64_t began_us = fl_monotonic_us();
	int left;

	for (;;) {
		struct pollfd fd = { .fd = PQsocket(impl->conn), .events = POLLIN };

		if ((left = PQflush(impl->conn)) < 0)
			return fail_away(sink, "the connection broke", err);
		if (left == 0 && !PQisBusy(impl->conn))
			break;
		if (left > 0)
			fd.events |= POLLOUT;
		if (poll(&fd, 1, SLICE_MS) > 0 && (fd.revents & (POLLIN | POLLERR | POLLHUP)) != 0 &&
		    PQconsumeInput(impl->conn) == 0)
			return fail_away(sink, "the connection broke", err);
		if (is_stopping(sink) && fl_monotonic_us() - began_us > 2000000)
			return fail_stopping(sink, err);
	}
	*res = PQgetResult(impl->conn);
	return FL_OK;
}

/* Reads all results; the last one that was good goes to *last (may be NULL), the first that
 * was not makes the error. */
static enum fl_code
finish(struct emit_sink *sink, PGresult **last, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	enum fl_code first = FL_OK, code;
	PGresult *res;

	for (;;) {
		if ((code = next_result(sink, &res, err)) != FL_OK)
			return code;
		if (res == NULL)
			break;
		switch (PQresultStatus(res)) {
		case PGRES_COMMAND_OK:
		case PGRES_TUPLES_OK:
			if (last != NULL) {
				PQclear(*last);
				*last = res;
				res = NULL;
			}
			break;
		case PGRES_COPY_IN:
			PQclear(res);
			return FL_OK; /* the rows come next */
		case PGRES_EMPTY_QUERY:
		case PGRES_COPY_OUT:
		case PGRES_BAD_RESPONSE:
		case PGRES_NONFATAL_ERROR:
		case PGRES_FATAL_ERROR:
		case PGRES_COPY_BOTH:
		case PGRES_SINGLE_TUPLE:
		case PGRES_PIPELINE_SYNC:
		case PGRES_PIPELINE_ABORTED:
			if (first == FL_OK)
				first = fail_result(sink, res, err);
			break;
		}
		PQclear(res);
	}
	if (PQstatus(impl->conn) == CONNECTION_BAD)
		return first == FL_OK ? fail_away(sink, "the connection broke", err) :
		    (err->code = FL_E_DATABASE_AWAY);
	return first;
}

/* Runs impl->sql. */
static enum fl_code
run_sql(struct emit_sink *sink, PGresult **last, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;

	if (PQsendQuery(impl->conn, impl->sql.data) == 0)
		return fail_away(sink, "the connection broke", err);
	return finish(sink, last, err);
}

static enum fl_code
run_text(struct emit_sink *sink, const char *sql, PGresult **last, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;

	fl_buf_reset(&impl->sql);
	fl_buf_str(&impl->sql, sql);
	return run_sql(sink, last, err);
}

/* ---- connecting ---- */

/* The file is read again for each connection: passwords change. */
static enum fl_code
read_password(struct emit_sink *sink, char *password, struct fl_err *err)
{
	const char *path = sink->table->jdbc->password_file;
	struct stat st;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return FL_FAIL_NATIVE(err, FL_E_DATABASE_AUTH, errno,
		    "table \"%s\": could not open the password file \"%s\": %s", sink->table->name, path,
		    strerror(errno));
	if (fstat(fd, &st) != 0 || (st.st_mode & 077) != 0) {
		close(fd);
		return FL_FAIL(err, FL_E_DATABASE_AUTH,
		    "table \"%s\": the password file \"%s\" has mode %04o, expected one that only its owner "
		    "can read (chmod 0400)", sink->table->name, path, (unsigned)(st.st_mode & 07777));
	}
	n = read(fd, password, PASSWORD_MAX - 1);
	close(fd);
	if (n <= 0 || (size_t)n == PASSWORD_MAX - 1)
		return FL_FAIL(err, FL_E_DATABASE_AUTH,
		    "table \"%s\": the password file \"%s\" holds no password of 1 to %u bytes",
		    sink->table->name, path, PASSWORD_MAX - 2);
	password[n] = '\0';
	password[strcspn(password, "\r\n")] = '\0';
	return FL_OK;
}

static void
hear_notice(void *arg, const char *message)
{
	char text[300];

	(void)arg;
	fl_debug("the database says text=%s", flatten(message, text, sizeof(text)));
}

static enum fl_code
poll_connection(struct emit_sink *sink, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	int64_t until_us = fl_monotonic_us() + CONNECT_TIMEOUT_MS * INT64_C(1000);
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (status != PGRES_POLLING_OK) {
		struct pollfd fd = { .fd = PQsocket(impl->conn),
			.events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT };

		if (PQstatus(impl->conn) == CONNECTION_BAD || status == PGRES_POLLING_FAILED)
			return fail_connect(sink, err);
		if (poll(&fd, 1, SLICE_MS) > 0)
			status = PQconnectPoll(impl->conn);
		else if (is_stopping(sink))
			return fail_stopping(sink, err);
		if (fl_monotonic_us() > until_us)
			return FL_FAIL(err, FL_E_DATABASE_AWAY, "table \"%s\" at %s: no connection within %d s",
			    sink->table->name, sink->table->jdbc->where, CONNECT_TIMEOUT_MS / 1000);
	}
	return FL_OK;
}

static enum fl_code
connect_to(struct emit_sink *sink, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	const struct fl_jdbc *jdbc = sink->table->jdbc;
	const char **keys = fl_calloc(jdbc->param_count + EXTRA_PARAMS, sizeof(keys[0]));
	const char **values = fl_calloc(jdbc->param_count + EXTRA_PARAMS, sizeof(values[0]));
	char password[PASSWORD_MAX] = "";
	enum fl_code code = FL_OK;
	uint32_t n, i;
	const struct fl_param extra[] = {
		{ "application_name", impl->application }, { "client_encoding", "UTF8" },
		{ "keepalives_idle", "10" }, { "keepalives_interval", "5" }, { "keepalives_count", "3" },
		{ "tcp_user_timeout", "25000" },
	};

	for (n = 0; n < jdbc->param_count; n++) {
		keys[n] = jdbc->params[n].key;
		values[n] = jdbc->params[n].value;
	}
	for (i = 0; i < FL_ARRAY_COUNT(extra); i++, n++) {
		keys[n] = extra[i].key;
		values[n] = extra[i].value;
	}
	if (jdbc->password_file != NULL) {
		code = read_password(sink, password, err);
		keys[n] = "password";
		values[n++] = password;
	}
	if (code == FL_OK) {
		impl->conn = PQconnectStartParams(keys, values, 0);
		if (impl->conn == NULL)
			code = FL_FAIL(err, FL_E_DATABASE, "out of memory");
	}
	explicit_bzero(password, sizeof(password));
	free(keys);
	free(values);
	FL_TRY(code);
	(void)PQsetNoticeProcessor(impl->conn, hear_notice, NULL);
	FL_TRY(poll_connection(sink, err));
	if (PQsetnonblocking(impl->conn, 1) != 0)
		return fail_away(sink, "the connection broke", err);
	return FL_OK;
}

/* The server gives up on a client that is gone or frozen, so that its locks end; and what
 * is left of earlier sessions of this sink ends now. */
static enum fl_code
prepare_session(struct emit_sink *sink, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;

	fl_buf_reset(&impl->sql);
	fl_buf_str(&impl->sql, "SET client_min_messages = warning; SET standard_conforming_strings = on; "
	    "SET idle_in_transaction_session_timeout = '15s'; SET tcp_keepalives_idle = 10; "
	    "SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; "
	    "SET default_transaction_read_only = off; "
	    "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity "
	    "WHERE usename = current_user AND pid <> pg_catalog.pg_backend_pid() AND application_name = ");
	pg_quote_text(&impl->sql, impl->application);
	return run_sql(sink, NULL, err);
}

/* ---- the target ---- */

static enum fl_code
fail_columns(struct emit_sink *sink, const PGresult *columns, const char *missing, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	const char *list = "";
	int row;

	for (row = 0; row < PQntuples(columns); row++)
		list = fl_arena_printf(&impl->arena, "%s%s%s", list, row > 0 ? ", " : "",
		    PQgetvalue(columns, row, 0));
	return FL_FAIL(err, FL_E_TABLE_MISSING, "table \"%s\" at %s: %s has no column \"%s\"; it has %.200s",
	    sink->table->name, sink->table->jdbc->where, impl->names.table, missing, list);
}

/* The row of the column of that name, else of that name in small letters; -1. */
static int
find_column(const PGresult *columns, const char *name)
{
	int row, found = -1;

	for (row = 0; row < PQntuples(columns); row++) {
		const char *text = PQgetvalue(columns, row, 0);

		if (strcmp(text, name) == 0)
			return row;
		if (strcasecmp(text, name) == 0 && text[strcspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0')
			found = row;
	}
	return found;
}

static enum fl_code
check_key(struct emit_sink *sink, const char *oid, const char *const *attnums, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	const struct fl_table *table = sink->table;
	const char *keys[32], *list = "";
	PGresult *res = NULL;
	enum fl_code code;
	uint32_t i, count = table->primary_key_count;
	bool found;

	if (count > FL_ARRAY_COUNT(keys))
		return FL_FAIL(err, FL_E_BAD_CONFIG, "table \"%s\": a key of %" PRIu32
		    " columns, PostgreSQL takes at most 32", table->name, count);
	for (i = 0; i < count; i++) {
		keys[i] = attnums[table->primary_key[i]];
		list = fl_arena_printf(&impl->arena, "%s%s%s", list, i > 0 ? ", " : "",
		    impl->names.columns[table->primary_key[i]]);
	}
	fl_buf_reset(&impl->sql);
	pg_sql_find_key(&impl->sql, oid, keys, count);
	code = run_sql(sink, &res, err);
	found = code == FL_OK && PQntuples(res) == 1;
	PQclear(res);
	if (code == FL_OK && !found)
		return FL_FAIL(err, FL_E_TABLE_MISSING, "table \"%s\" at %s: %s has no unique index of exactly "
		    "(%s), which the PRIMARY KEY needs", table->name, table->jdbc->where, impl->names.table,
		    list);
	return code;
}

static enum fl_code
find_columns(struct emit_sink *sink, const char *oid, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	const struct fl_table *table = sink->table;
	const char **names = FL_ARENA_ARRAY(&impl->arena, const char *, table->physical.count);
	const char **attnums = FL_ARENA_ARRAY(&impl->arena, const char *, table->physical.count);
	PGresult *res = NULL;
	enum fl_code code;
	uint32_t i;

	fl_buf_reset(&impl->sql);
	fl_buf_printf(&impl->sql, "SELECT attname, quote_ident(attname), attnum FROM pg_catalog.pg_attribute "
	    "WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum", oid);
	code = run_sql(sink, &res, err);
	for (i = 0; code == FL_OK && i < table->physical.count; i++) {
		int row = find_column(res, table->physical.fields[i].name);

		if (row < 0) {
			code = fail_columns(sink, res, table->physical.fields[i].name, err);
			break;
		}
		names[i] = fl_arena_strdup(&impl->arena, PQgetvalue(res, row, 1));
		attnums[i] = fl_arena_strdup(&impl->arena, PQgetvalue(res, row, 2));
	}
	PQclear(res);
	impl->names.columns = names;
	if (code == FL_OK && table->primary_key_count > 0)
		return check_key(sink, oid, attnums, err);
	return code;
}

/* *oid NULL: it is not there. */
static enum fl_code
look_for_table(struct emit_sink *sink, const char *schema, const char *name, const char **oid,
    struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	PGresult *res = NULL;
	enum fl_code code;

	*oid = NULL;
	fl_buf_reset(&impl->sql);
	pg_sql_find_table(&impl->sql, schema, name);
	code = run_sql(sink, &res, err);
	if (code == FL_OK && PQntuples(res) == 1) {
		*oid = fl_arena_strdup(&impl->arena, PQgetvalue(res, 0, 0));
		impl->names.schema = fl_arena_strdup(&impl->arena, PQgetvalue(res, 0, 1));
		impl->names.table = fl_arena_printf(&impl->arena, "%s.%s", impl->names.schema,
		    PQgetvalue(res, 0, 2));
	}
	PQclear(res);
	return code;
}

static enum fl_code
find_target(struct emit_sink *sink, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	const struct fl_table *table = sink->table;
	const char *schema, *name, *oid;

	FL_TRY(pg_split_name(table->jdbc->table_name, &impl->arena, &schema, &name, err));
	FL_TRY(look_for_table(sink, schema, name, &oid, err));
	if (oid == NULL && table->jdbc->create) {
		fl_buf_reset(&impl->sql);
		pg_sql_create_table(&impl->sql, table, schema, name);
		FL_TRY(run_sql(sink, NULL, err));
		FL_TRY(look_for_table(sink, schema, name, &oid, err));
	}
	if (oid == NULL)
		return FL_FAIL(err, FL_E_TABLE_MISSING, "table \"%s\": there is no table '%s' at %s; make it, or "
		    "SET 'flight.table.%s.create' = 'true'", table->name, table->jdbc->table_name,
		    table->jdbc->where, table->name);
	FL_TRY(find_columns(sink, oid, err));
	if (table->primary_key_count == 0)
		return FL_OK;
	fl_buf_reset(&impl->sql);
	pg_sql_stage(&impl->sql, table, &impl->names);
	return run_sql(sink, NULL, err);
}

/* ---- the position ---- */

static enum fl_code
find_positions_table(struct emit_sink *sink, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	PGresult *res = NULL;
	enum fl_code code;
	bool exists;

	fl_buf_reset(&impl->sql);
	fl_buf_str(&impl->sql, "SELECT pg_catalog.to_regclass(");
	pg_quote_text(&impl->sql, fl_arena_printf(&impl->arena, "%s." PG_POSITIONS, impl->names.schema));
	fl_buf_str(&impl->sql, ") IS NOT NULL");
	code = run_sql(sink, &res, err);
	exists = code == FL_OK && PQntuples(res) == 1 && PQgetvalue(res, 0, 0)[0] == 't';
	PQclear(res);
	if (code != FL_OK || exists)
		return code;
	fl_buf_reset(&impl->sql);
	pg_sql_create_positions(&impl->sql, impl->names.schema);
	code = run_sql(sink, NULL, err);
	if (code == FL_E_SINK_REFUSED) /* another sink makes it just now */
		return err->code = FL_E_DATABASE;
	if (code == FL_E_DATABASE_AUTH)
		return FL_FAIL(err, FL_E_DATABASE_AUTH, "table \"%s\" at %s: no right to make the table of "
		    "positions; have somebody do it and GRANT SELECT, INSERT, UPDATE on it: %s",
		    sink->table->name, sink->table->jdbc->where, impl->sql.data);
	return code;
}

/* The row's lock waits for a predecessor's last transaction; then it is final. */
static enum fl_code
read_position(struct emit_sink *sink, bool *known, struct fl_sink_position *position,
    struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	PGresult *res = NULL;
	enum fl_code code;

	fl_buf_reset(&impl->sql);
	fl_buf_str(&impl->sql, "BEGIN; ");
	pg_sql_find_position(&impl->sql, impl->names.schema, &impl->cursor);
	code = run_sql(sink, &res, err);
	*known = code == FL_OK && PQntuples(res) == 1;
	if (*known) {
		position->store = impl->cursor.store;
		position->generation = strtoull(PQgetvalue(res, 0, 0), NULL, 10);
		position->next = strtoull(PQgetvalue(res, 0, 1), NULL, 10);
		position->chain = (uint64_t)strtoll(PQgetvalue(res, 0, 2), NULL, 10);
	}
	PQclear(res);
	FL_TRY(code);
	fl_buf_reset(&impl->sql);
	pg_sql_raise_generation(&impl->sql, impl->names.schema, &impl->cursor);
	fl_buf_str(&impl->sql, "; COMMIT");
	FL_TRY(run_sql(sink, NULL, err));
	if (!*known && sink->has_record)
		return FL_FAIL(err, FL_E_SINK_UNKNOWN,
		    "pipeline \"%s\" sink \"%s\": %s." PG_POSITIONS " at %s has no row of it any more, and rows up "
		    "to %" PRIu64 " were delivered; was the database restored, or another put in its place?",
		    sink->pipeline->name, sink->table->name, impl->names.schema, sink->table->jdbc->where,
		    sink->position.next);
	return FL_OK;
}

static enum fl_code
postgres_refresh(struct emit_sink *sink, bool *open_again, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	enum fl_code code;

	fl_buf_reset(&impl->sql);
	pg_sql_put_position(&impl->sql, impl->names.schema, &impl->cursor, sink->position.next, sink->chain);
	code = run_sql(sink, NULL, err);
	*open_again = code != FL_OK;
	return code == FL_E_SINK_REFUSED ? (err->code = FL_E_DATABASE) : code;
}

/* ---- the ops ---- */

static void
postgres_close(struct emit_sink *sink)
{
	struct pg_impl *impl = sink->impl;

	if (impl == NULL)
		return;
	PQfinish(impl->conn);
	fl_arena_fini(&impl->arena);
	fl_buf_fini(&impl->sql);
	free(impl);
	sink->impl = NULL;
}

static enum fl_code
postgres_open(
    struct emit_sink *sink, bool *known, struct fl_sink_position *position, struct fl_err *err)
{
	struct pg_impl *impl;
	enum fl_code code;
	const char *name;

	postgres_close(sink);
	sink->impl = impl = fl_calloc(1, sizeof(*impl));
	fl_arena_init(&impl->arena);
	fl_buf_init(&impl->sql);
	name = fl_arena_printf(&impl->arena, "%s/%s", sink->pipeline->name, sink->table->name);
	impl->cursor = (struct pg_cursor){ .sink = name, .store = sink->position.store,
		.generation = sink->position.generation };
	snprintf(impl->application, sizeof(impl->application), "flight %016" PRIx64 " %.30s",
	    fl_hash64_seed(name, strlen(name), fl_hash64(&impl->cursor.store, sizeof(impl->cursor.store))),
	    sink->table->name);
	code = connect_to(sink, err);
	if (code == FL_OK)
		code = prepare_session(sink, err);
	if (code == FL_OK)
		code = find_target(sink, err);
	if (code == FL_OK)
		code = find_positions_table(sink, err);
	if (code == FL_OK)
		code = read_position(sink, known, position, err);
	if (code != FL_OK) {
		postgres_close(sink);
		if (code == FL_E_SINK_REFUSED) /* no row is to blame */
			code = err->code = FL_E_DATABASE;
	}
	return code;
}

static enum fl_code
postgres_encode(struct emit_sink *sink, const struct fl_batch *batch, uint32_t i, uint8_t kind,
    struct fl_buf *out, struct fl_err *err)
{
	const struct fl_table *table = sink->table;

	if (kind != FL_CHANGE_INSERT && table->primary_key_count == 0)
		return FL_FAIL(err, FL_E_SINK_REFUSED, "table \"%s\": please declare primary key for sink table "
		    "when query contains update/delete record.", table->name);
	if (kind == FL_CHANGE_UPDATE_BEFORE)
		return FL_OK; /* what it becomes comes next */
	return pg_row(table, batch, i, kind == FL_CHANGE_DELETE, sink->run.next, out, err);
}

/* Rows without bytes are not sent, so COPY does not count them. */
static int64_t
row_of_line(const struct emit_run *run, const PGresult *res)
{
	const char *context = PQresultErrorField(res, PG_DIAG_CONTEXT);
	const char *at = context != NULL ? strstr(context, ", line ") : NULL;
	uint64_t line = at != NULL ? strtoull(at + strlen(", line "), NULL, 10) : 0;
	uint32_t k;

	for (k = 0; line > 0 && k < run->count; k++)
		if (run->rows[k].size > 0 && --line == 0)
			return k;
	return -1;
}

static bool
has_deletes(const struct emit_run *run)
{
	uint32_t k;

	for (k = 0; k < run->count; k++) {
		const char *tab = run->rows[k].size == 0 ? NULL :
		    memchr(run->bytes.data + run->rows[k].at, '\t', run->rows[k].size);

		if (tab != NULL && tab[1] == '1')
			return true;
	}
	return false;
}

/* PQputCopyData() keeps what the socket does not take; next_result() sends it. */
static enum fl_code
send_rows(struct emit_sink *sink, struct emit_run *run, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	PGresult *res = NULL;
	enum fl_code code = FL_OK;

	if (fl_fault("emit.before_produce"))
		return FL_FAIL(err, FL_E_DATABASE, "fault before sending the rows");
	if (PQputCopyData(impl->conn, run->bytes.data, (int)run->bytes.size) <= 0 ||
	    PQputCopyEnd(impl->conn, NULL) <= 0)
		return fail_away(sink, "the connection broke", err);
	FL_TRY(next_result(sink, &res, err));
	if (res != NULL && PQresultStatus(res) != PGRES_COMMAND_OK) {
		run->refused = row_of_line(run, res);
		code = fail_result(sink, res, err);
	}
	PQclear(res);
	if (code == FL_OK)
		code = finish(sink, NULL, err);
	else
		(void)finish(sink, NULL, &(struct fl_err){ .code = FL_OK });
	if (code == FL_OK && fl_fault("emit.after_produce"))
		return FL_FAIL(err, FL_E_DATABASE, "fault after sending the rows");
	return code;
}

/* BEGIN and the compare-and-set, and with rows COPY: one answer for all of it. */
static enum fl_code
begin(struct emit_sink *sink, const struct emit_run *run, bool *moved, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	PGresult *last = NULL;
	enum fl_code code;

	fl_buf_reset(&impl->sql);
	fl_buf_str(&impl->sql, "BEGIN; ");
	pg_sql_move_position(
	    &impl->sql, impl->names.schema, &impl->cursor, run->first, run->next, run->chain);
	if (run->bytes.size > 0) {
		fl_buf_str(&impl->sql, "; ");
		pg_sql_copy(&impl->sql, sink->table, &impl->names);
	}
	code = run_sql(sink, &last, err);
	*moved = code == FL_OK && last != NULL && strcmp(PQcmdTuples(last), "1") == 0;
	PQclear(last);
	return code;
}

/* A transaction that has failed answers COMMIT with ROLLBACK, and no error. */
static enum fl_code
commit(struct emit_sink *sink, struct fl_err *err)
{
	PGresult *last = NULL;
	enum fl_code code = run_text(sink, "COMMIT", &last, err);

	if (code == FL_OK && (last == NULL || strcmp(PQcmdStatus(last), "COMMIT") != 0))
		code = FL_FAIL(err, FL_E_DATABASE, "table \"%s\" at %s: COMMIT was answered with %s",
		    sink->table->name, sink->table->jdbc->where, last != NULL ? PQcmdStatus(last) : "nothing");
	PQclear(last);
	return code;
}

static enum fl_code
do_transaction(struct emit_sink *sink, struct emit_run *run, bool *open_again, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	bool moved = false;

	FL_TRY(begin(sink, run, &moved, err));
	if (!moved) {
		*open_again = true;
		return FL_FAIL(err, FL_E_DATABASE, "table \"%s\" at %s: the position was moved by somebody else, "
		    "it is read again", sink->table->name, sink->table->jdbc->where);
	}
	if (run->bytes.size > 0) {
		FL_TRY(send_rows(sink, run, err));
		if (sink->table->primary_key_count > 0) {
			fl_buf_reset(&impl->sql);
			pg_sql_merge(&impl->sql, sink->table, &impl->names, has_deletes(run));
			FL_TRY(run_sql(sink, NULL, err));
		}
	}
	if (fl_fault("emit.before_commit"))
		return FL_FAIL(err, FL_E_DATABASE, "fault before the commit");
	FL_TRY(commit(sink, err));
	if (fl_fault("emit.after_commit")) {
		*open_again = true;
		return FL_FAIL(err, FL_E_DATABASE, "fault after the commit");
	}
	return FL_OK;
}

static enum fl_code
postgres_deliver(struct emit_sink *sink, struct emit_run *run, bool *open_again, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	struct fl_err ignored = { .code = FL_OK };
	enum fl_code code;

	run->refused = -1;
	code = do_transaction(sink, run, open_again, err);
	if (code == FL_OK || *open_again)
		return code;
	/* Only a server that can still say ROLLBACK has said how it ended. */
	if (PQtransactionStatus(impl->conn) == PQTRANS_ACTIVE || code != FL_E_SINK_REFUSED ||
	    run_text(sink, "ROLLBACK", NULL, &ignored) != FL_OK)
		*open_again = true;
	return code == FL_E_SINK_REFUSED && *open_again ? (err->code = FL_E_DATABASE) : code;
}

const struct emit_sink_ops emit_sink_postgres = {
	.name = "postgres",
	.compares = true,
	.open = postgres_open,
	.encode = postgres_encode,
	.deliver = postgres_deliver,
	.refresh = postgres_refresh,
	.close = postgres_close,
};
