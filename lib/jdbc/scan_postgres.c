/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan_postgres.c - a table of PostgreSQL, by one SELECT, which sees one snapshot.
 *
 * Rows come as text, one at a time, whatever their number.  The session says how text
 * looks: ISO dates, UTC, hexadecimal bytes.
 */
#include <stdlib.h>
#include <string.h>

#include <postgresql/libpq-fe.h>

#include "base/util.h"
#include "jdbc/pg.h"
#include "scan.h"

#define OID_BOOL 16
#define OID_BYTEA 17

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "\x00ff" */
static void
put_hex(struct fl_buf *line, const struct fl_scan *scan, uint32_t column, const char *p, size_t size)
{
	struct fl_buf bytes;
	size_t i;

	fl_buf_init(&bytes);
	for (i = 2; i + 1 < size; i += 2)
		fl_buf_byte(&bytes, (char)(hex_digit(p[i]) << 4 | hex_digit(p[i + 1])));
	scan_put_bytes(line, scan, column, bytes.data, bytes.size);
	fl_buf_fini(&bytes);
}

static void
put_value(struct fl_buf *line, const struct fl_scan *scan, const PGresult *row, uint32_t column)
{
	int c = (int)column;
	const char *p = PQgetvalue(row, 0, c);
	size_t size = (size_t)PQgetlength(row, 0, c);
	uint8_t id = scan->table->physical.fields[column].type.id;
	char text[64];

	if (PQgetisnull(row, 0, c)) {
		scan_put_null(line, scan, column);
	} else if (PQftype(row, c) == OID_BYTEA) {
		put_hex(line, scan, column, p, size);
	} else if (PQftype(row, c) == OID_BOOL) {
		p = *p == 't' ? "true" : "false";
		scan_put_text(line, scan, column, p, strlen(p));
	} else if (id == FL_TYPE_TIMESTAMP_LTZ && size > 3 && size < sizeof(text) &&
	    memcmp(p + size - 3, "+00", 3) == 0) {
		memcpy(text, p, size - 3);
		text[size - 3] = 'Z';
		scan_put_text(line, scan, column, text, size - 2);
	} else {
		scan_put_text(line, scan, column, p, size);
	}
}

static enum fl_code
read_rows(struct fl_pg *pg, const struct fl_scan *scan, struct fl_err *err)
{
	enum fl_code code = FL_OK;
	struct fl_buf line;
	PGresult *res;
	uint32_t c;

	fl_buf_init(&line);
	for (;;) {
		code = fl_pg_next(pg, &res, err);
		if (code != FL_OK || res == NULL)
			break;
		if (PQresultStatus(res) == PGRES_SINGLE_TUPLE) {
			for (c = 0; c < scan->table->physical.count; c++)
				put_value(&line, scan, res, c);
			code = scan_take(&line, scan, err);
		} else if (PQresultStatus(res) != PGRES_TUPLES_OK) {
			code = fl_pg_fail_result(pg, res, err);
		}
		PQclear(res);
		if (code != FL_OK)
			break;
	}
	fl_buf_fini(&line);
	return code;
}

static enum fl_code
send_select(struct fl_pg *pg, struct fl_arena *arena, struct fl_err *err)
{
	const struct fl_table *table = pg->table;
	const char **names = FL_ARENA_ARRAY(arena, const char *, table->physical.count);
	const char **attnums = FL_ARENA_ARRAY(arena, const char *, table->physical.count);
	struct fl_pg_found found;
	struct fl_buf sql;
	uint32_t c;
	int sent;

	FL_TRY(fl_pg_run(pg, "SET standard_conforming_strings = on; SET DateStyle = 'ISO'; SET TimeZone = 'UTC'; "
	    "SET bytea_output = 'hex'; SET extra_float_digits = 1", NULL, err));
	FL_TRY(fl_pg_find_table(pg, arena, &found, err));
	if (found.oid == NULL)
		return FL_FAIL(err, FL_E_TABLE_MISSING, "table \"%s\": there is no table '%s' at %s", table->name,
		    table->jdbc->table_name, table->jdbc->where);
	FL_TRY(fl_pg_find_columns(pg, arena, &found, names, attnums, err));
	fl_buf_init(&sql);
	for (c = 0; c < table->physical.count; c++)
		fl_buf_printf(&sql, "%s%s", c == 0 ? "SELECT " : ", ", names[c]);
	fl_buf_printf(&sql, " FROM %s", found.table);
	sent = PQsendQuery(pg->conn, sql.data) == 1 && PQsetSingleRowMode(pg->conn) == 1;
	fl_buf_fini(&sql);
	return sent ? FL_OK : fl_pg_fail_away(pg, "the connection broke", err);
}

enum fl_code
scan_postgres(const struct fl_scan *scan, struct fl_err *err)
{
	struct fl_pg pg = { .table = scan->table, .application = "flight scan",
		.is_stopping = scan->is_stopping, .ctx = scan->ctx };
	struct fl_arena arena;
	enum fl_code code;

	fl_arena_init(&arena);
	code = fl_pg_connect(&pg, err);
	if (code == FL_OK)
		code = send_select(&pg, &arena, err);
	if (code == FL_OK)
		code = read_rows(&pg, scan, err);
	PQfinish(pg.conn);
	fl_arena_fini(&arena);
	if (code == FL_E_SINK_REFUSED) /* a view that divides by zero: no row of ours is to blame */
		code = err->code = FL_E_DATABASE;
	return code;
}
