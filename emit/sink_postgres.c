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
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <postgresql/libpq-fe.h>

#include "jdbc/pg.h"
#include "postgres.h"
#include "sink.h"

struct pg_impl {
	struct fl_pg pg;
	enum { PG_QUIET, PG_ASKED, PG_COPYING, PG_FAILED } stream; /* of this run, see stream() */
	PGresult *failure;	/* PG_FAILED: what the server said */
	uint32_t sent;		/* rows of the run */
	struct fl_arena arena; /* of the connection: names */
	struct pg_names names;
	struct pg_cursor cursor;
	char application[64];
	struct fl_buf sql;
};

/* ---- asking ---- */

static bool
is_stopping(void *ctx)
{
	const struct emit_sink *sink = ctx;

	return __atomic_load_n(&sink->emit->is_stopping, __ATOMIC_ACQUIRE);
}

/* Runs impl->sql. */
static enum fl_code
run_sql(struct emit_sink *sink, PGresult **last, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;

	return fl_pg_run(&impl->pg, impl->sql.data, last, err);
}

static enum fl_code
run_text(struct emit_sink *sink, const char *sql, PGresult **last, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;

	return fl_pg_run(&impl->pg, sql, last, err);
}

/* The server gives up on a client that is gone or frozen, so that its locks end; and what
 * is left of earlier sessions of this sink ends now. */
static enum fl_code
prepare_session(struct emit_sink *sink, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;

	const char *zone = sink->pipeline->plan->zone;

	fl_buf_reset(&impl->sql);
	/* What a TIMESTAMP is in a column timestamptz does not depend on the server's settings. */
	fl_buf_str(&impl->sql, "SET TimeZone = ");
	fl_pg_quote_text(&impl->sql, strcmp(zone, "Z") == 0 ? "UTC" : zone);
	fl_buf_str(&impl->sql, "; SET client_min_messages = warning; SET standard_conforming_strings = on; "
	    "SET idle_in_transaction_session_timeout = '15s'; SET tcp_keepalives_idle = 10; "
	    "SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; "
	    "SET default_transaction_read_only = off; SET work_mem = '32MB'; "
	    "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity "
	    "WHERE usename = current_user AND pid <> pg_catalog.pg_backend_pid() AND application_name = ");
	fl_pg_quote_text(&impl->sql, impl->application);
	return run_sql(sink, NULL, err);
}

/* ---- the target ---- */

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
find_columns(struct emit_sink *sink, const struct fl_pg_found *found, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	const struct fl_table *table = sink->table;
	const char **names = FL_ARENA_ARRAY(&impl->arena, const char *, table->physical.count);
	const char **attnums = FL_ARENA_ARRAY(&impl->arena, const char *, table->physical.count);

	FL_TRY(fl_pg_find_columns(&impl->pg, &impl->arena, found, names, attnums, err));
	impl->names.columns = names;
	return table->primary_key_count > 0 ? check_key(sink, found->oid, attnums, err) : FL_OK;
}

static enum fl_code
create_target(struct emit_sink *sink, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	const struct fl_table *table = sink->table;
	const char *schema, *name;

	FL_TRY(fl_pg_split_name(table->jdbc->table_name, &impl->arena, &schema, &name, err));
	fl_buf_reset(&impl->sql);
	pg_sql_create_table(&impl->sql, table, schema, name);
	return run_sql(sink, NULL, err);
}

static enum fl_code
find_target(struct emit_sink *sink, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	const struct fl_table *table = sink->table;
	struct fl_pg_found found;

	FL_TRY(fl_pg_find_table(&impl->pg, &impl->arena, &found, err));
	if (found.oid == NULL && table->jdbc->create) {
		FL_TRY(create_target(sink, err));
		FL_TRY(fl_pg_find_table(&impl->pg, &impl->arena, &found, err));
	}
	if (found.oid == NULL)
		return FL_FAIL(err, FL_E_TABLE_MISSING, "table \"%s\": there is no table '%s' at %s; make it, or "
		    "SET 'flight.table.%s.create' = 'true'", table->name, table->jdbc->table_name,
		    table->jdbc->where, table->name);
	impl->names.schema = found.schema;
	impl->names.table = found.table;
	FL_TRY(find_columns(sink, &found, err));
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
	fl_pg_quote_text(&impl->sql, fl_arena_printf(&impl->arena, "%s." PG_POSITIONS, impl->names.schema));
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
	PQclear(impl->failure);
	PQfinish(impl->pg.conn);
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
	impl->pg = (struct fl_pg){ .table = sink->table, .application = impl->application,
		.is_stopping = is_stopping, .ctx = sink };
	code = fl_pg_connect(&impl->pg, err);
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

/* PQputCopyData() keeps what the socket does not take; next_result() sends it.  Rows side by
 * side go at once; those that a later one replaces have no bytes. */
static bool
put_rows(struct pg_impl *impl, const struct emit_run *run)
{
	while (impl->sent < run->count) {
		const struct emit_row *row = &run->rows[impl->sent++];
		size_t size = row->size;

		while (impl->sent < run->count && run->rows[impl->sent].at == row->at + size)
			size += run->rows[impl->sent++].size;
		if (size > 0 && PQputCopyData(impl->pg.conn, run->bytes.data + row->at, (int)size) <= 0)
			return false;
	}
	return true;
}

/* Has the server answered that the rows may come? */
static bool
hears_copy(struct pg_impl *impl)
{
	while (PQconsumeInput(impl->pg.conn) != 0 && !PQisBusy(impl->pg.conn)) {
		PGresult *res = PQgetResult(impl->pg.conn);
		ExecStatusType status = PQresultStatus(res);

		if (status == PGRES_COPY_IN || status != PGRES_COMMAND_OK) {
			impl->stream = status == PGRES_COPY_IN ? PG_COPYING : PG_FAILED;
			impl->failure = impl->stream == PG_FAILED ? res : NULL;
			if (impl->stream == PG_COPYING)
				PQclear(res);
			return impl->stream == PG_COPYING;
		}
		PQclear(res);
	}
	return false;
}

/* The server works while the rest is encoded.  Only appended rows are final before the run is. */
static void
postgres_stream(struct emit_sink *sink, struct emit_run *run)
{
	struct pg_impl *impl = sink->impl;

	if (sink->table->primary_key_count > 0)
		return;
	if (impl->stream == PG_QUIET) {
		fl_buf_reset(&impl->sql);
		fl_buf_str(&impl->sql, "BEGIN; ");
		pg_sql_copy(&impl->sql, sink->table, &impl->names);
		run->is_streamed = PQsendQuery(impl->pg.conn, impl->sql.data) != 0;
		impl->stream = run->is_streamed ? PG_ASKED : PG_QUIET;
	} else if (impl->stream == PG_COPYING || (impl->stream == PG_ASKED && hears_copy(impl))) {
		(void)put_rows(impl, run); /* a broken connection is noticed at the end */
	}
	(void)PQflush(impl->pg.conn);
}

/* The answer to stream()'s question, if it has not come yet. */
static enum fl_code
end_stream(struct emit_sink *sink, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	enum fl_code code;

	if (impl->stream != PG_FAILED)
		return impl->stream == PG_ASKED ? fl_pg_finish(&impl->pg, NULL, err) : FL_OK;
	code = impl->failure != NULL ? fl_pg_fail_result(&impl->pg, impl->failure, err) :
				       fl_pg_fail_away(&impl->pg, "the connection broke", err);
	(void)fl_pg_finish(&impl->pg, NULL, &(struct fl_err){ .code = FL_OK });
	return code;
}

static enum fl_code
send_rows(struct emit_sink *sink, struct emit_run *run, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;
	PGresult *res = NULL;
	enum fl_code code = FL_OK;

	if (fl_fault("emit.before_produce"))
		return FL_FAIL(err, FL_E_DATABASE, "fault before sending the rows");
	if (!put_rows(impl, run) || PQputCopyEnd(impl->pg.conn, NULL) <= 0)
		return fl_pg_fail_away(&impl->pg, "the connection broke", err);
	FL_TRY(fl_pg_next(&impl->pg, &res, err));
	if (res != NULL && PQresultStatus(res) != PGRES_COMMAND_OK) {
		run->refused = row_of_line(run, res);
		code = fl_pg_fail_result(&impl->pg, res, err);
	}
	PQclear(res);
	if (code == FL_OK)
		code = fl_pg_finish(&impl->pg, NULL, err);
	else
		(void)fl_pg_finish(&impl->pg, NULL, &(struct fl_err){ .code = FL_OK });
	if (code == FL_OK && fl_fault("emit.after_produce"))
		return FL_FAIL(err, FL_E_DATABASE, "fault after sending the rows");
	return code;
}

/* Runs impl->sql, whose end is the compare-and-set of the position or, after it, COPY. */
static enum fl_code
move_position(struct emit_sink *sink, bool *open_again, struct fl_err *err)
{
	PGresult *last = NULL;
	enum fl_code code = run_sql(sink, &last, err);
	bool moved = code == FL_OK && last != NULL && strcmp(PQcmdTuples(last), "1") == 0;

	PQclear(last);
	if (code != FL_OK || moved)
		return code;
	*open_again = true;
	return FL_FAIL(err, FL_E_DATABASE, "table \"%s\" at %s: the position was moved by somebody else, "
	    "it is read again", sink->table->name, sink->table->jdbc->where);
}

/* BEGIN and the compare-and-set, and with rows COPY: one answer for all of it. */
static enum fl_code
begin(struct emit_sink *sink, const struct emit_run *run, bool *open_again, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;

	fl_buf_reset(&impl->sql);
	fl_buf_str(&impl->sql, "BEGIN; ");
	pg_sql_move_position(
	    &impl->sql, impl->names.schema, &impl->cursor, run->first, run->next, run->chain);
	if (run->bytes.size > 0) {
		fl_buf_str(&impl->sql, "; ");
		pg_sql_copy(&impl->sql, sink->table, &impl->names);
	}
	return move_position(sink, open_again, err);
}

/* What stream() has begun has its compare-and-set at the end. */
static enum fl_code
end_streamed(struct emit_sink *sink, struct emit_run *run, bool *open_again, struct fl_err *err)
{
	struct pg_impl *impl = sink->impl;

	FL_TRY(end_stream(sink, err));
	FL_TRY(send_rows(sink, run, err));
	fl_buf_reset(&impl->sql);
	pg_sql_move_position(
	    &impl->sql, impl->names.schema, &impl->cursor, run->first, run->next, run->chain);
	return move_position(sink, open_again, err);
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

	if (run->is_streamed)
		FL_TRY(end_streamed(sink, run, open_again, err));
	else
		FL_TRY(begin(sink, run, open_again, err));
	if (!run->is_streamed && run->bytes.size > 0) {
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
	if (!run->is_streamed)
		impl->sent = 0;
	code = do_transaction(sink, run, open_again, err);
	impl->stream = PG_QUIET;
	impl->sent = 0;
	PQclear(impl->failure);
	impl->failure = NULL;
	if (code == FL_OK || *open_again)
		return code;
	/* Only a server that can still say ROLLBACK has said how it ended. */
	if (PQtransactionStatus(impl->pg.conn) == PQTRANS_ACTIVE || code != FL_E_SINK_REFUSED ||
	    run_text(sink, "ROLLBACK", NULL, &ignored) != FL_OK)
		*open_again = true;
	return code == FL_E_SINK_REFUSED && *open_again ? (err->code = FL_E_DATABASE) : code;
}

const struct emit_sink_ops emit_sink_postgres = {
	.name = "postgres",
	.run_rows = 500000,
	.run_size = 16u << 20,
	.takes_latest = true,
	.compares = true,
	.open = postgres_open,
	.encode = postgres_encode,
	.stream = postgres_stream,
	.deliver = postgres_deliver,
	.refresh = postgres_refresh,
	.close = postgres_close,
};
