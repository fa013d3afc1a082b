/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg.h - a session with a PostgreSQL server, for the sink and for scans.
 *
 * libpq's types are named here and known to who includes libpq-fe.h.
 *
 * Thread:  a session belongs to one thread.
 * Errors:  DATABASE_AWAY, DATABASE_AUTH, DATABASE, TABLE_MISSING, DISK_FULL; SINK_REFUSED for a
 *	    value (SQLSTATE 22, 23); INTERRUPTED while is_stopping() says so.
 */
#ifndef FL_JDBC_PG_H
#define FL_JDBC_PG_H

#include "sql/plan.h"

struct pg_conn;
struct pg_result;

struct fl_pg {
	const struct fl_table *table;
	const char *application; /* application_name */
	bool (*is_stopping)(void *ctx);
	void *ctx;
	struct pg_conn *conn; /* of fl_pg_connect(); the caller ends it, also after a failure */
};

/* With a password out of the table's file, if it has one. */
enum fl_code fl_pg_connect(struct fl_pg *pg, struct fl_err *err);
/* Sends what is buffered and waits for the next result; NULL: there is none. */
enum fl_code fl_pg_next(struct fl_pg *pg, struct pg_result **res, struct fl_err *err);
/* Reads all results; the last good one goes to *last (may be NULL), the first bad one makes the
 * error.  COPY's turn ends it too: then the rows come next. */
enum fl_code fl_pg_finish(struct fl_pg *pg, struct pg_result **last, struct fl_err *err);
enum fl_code fl_pg_run(struct fl_pg *pg, const char *sql, struct pg_result **last, struct fl_err *err);
enum fl_code fl_pg_fail_away(struct fl_pg *pg, const char *what, struct fl_err *err);
enum fl_code fl_pg_fail_result(struct fl_pg *pg, const struct pg_result *res, struct fl_err *err);

void fl_pg_quote_text(struct fl_buf *out, const char *text); /* 'it''s', or E'..' for a backslash */
/* 'schema.table' or 'table' as written, either with quotes; schema NULL: none.
 *
 * Errors:  BAD_CONFIG */
enum fl_code fl_pg_split_name(const char *text, struct fl_arena *arena, const char **schema,
    const char **table, struct fl_err *err);

struct fl_pg_found {
	const char *oid;    /* NULL: it is not there */
	const char *schema; /* quoted */
	const char *table;  /* schema.table, quoted */
};
/* The table's 'table-name': as written, else in small letters. */
enum fl_code fl_pg_find_table(
    struct fl_pg *pg, struct fl_arena *arena, struct fl_pg_found *found, struct fl_err *err);
/* Quoted names and numbers of the table's physical columns.  Errors: TABLE_MISSING. */
enum fl_code fl_pg_find_columns(struct fl_pg *pg, struct fl_arena *arena,
    const struct fl_pg_found *found, const char **names, const char **attnums, struct fl_err *err);

#endif
