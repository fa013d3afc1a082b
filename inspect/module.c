/* SPDX-License-Identifier: Apache-2.0 */
/*
 * module.c - the tables as SQLite sees them: one module, whose functions ask the kind.
 *
 * Every scan goes over all rows: the stores are sorted by positions, which nobody asks for,
 * and the state is in memory.  Where two large tables are to be joined SQLite makes an
 * index of one of them when it is a MATERIALIZED subquery.
 */
#include <stdio.h>
#include <stdlib.h>

#include "table.h"

struct vtab {
	sqlite3_vtab base;
	const struct table *table;
};

static int
on_connect(sqlite3 *db, void *ctx, int argc, const char *const *argv, sqlite3_vtab **out, char **text)
{
	const struct inspect *inspect = ctx;
	struct vtab *vtab;
	struct fl_buf sql;
	int64_t index;
	int rc;

	(void)text;
	if (argc < 4 || !fl_parse_i64(argv[3], &index) || index < 0 || index >= inspect->table_count)
		return SQLITE_ERROR;
	fl_buf_init(&sql);
	table_declare(&inspect->tables[index], &sql);
	rc = sqlite3_declare_vtab(db, sql.data);
	fl_buf_fini(&sql);
	if (rc != SQLITE_OK)
		return rc;
	vtab = fl_calloc(1, sizeof(*vtab));
	vtab->table = &inspect->tables[index];
	*out = &vtab->base;
	return SQLITE_OK;
}

static int
on_disconnect(sqlite3_vtab *vtab)
{
	free(vtab);
	return SQLITE_OK;
}

static int
on_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
	double rows = ((const struct vtab *)vtab)->table->kind->rows;

	info->estimatedCost = rows;
	info->estimatedRows = (sqlite3_int64)rows;
	return SQLITE_OK;
}

static int
on_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **cursor)
{
	struct scan *scan = fl_calloc(1, sizeof(*scan));

	scan->table = ((const struct vtab *)vtab)->table;
	fl_buf_init(&scan->text);
	*cursor = &scan->base;
	return SQLITE_OK;
}

static void
end_scan(struct scan *scan)
{
	if (scan->is_open)
		scan->table->kind->close(scan);
	scan->is_open = false;
	memset(&scan->at, 0, sizeof(scan->at));
	scan->row = 0;
}

static int
on_close(sqlite3_vtab_cursor *cursor)
{
	struct scan *scan = (struct scan *)cursor;

	end_scan(scan);
	fl_buf_fini(&scan->text);
	free(scan);
	return SQLITE_OK;
}

/* The first failure is kept; the statement ends with it. */
static int
report(struct scan *scan, enum fl_code code, const struct fl_err *err)
{
	struct inspect *inspect = scan->table->inspect;

	if (code == FL_OK)
		return SQLITE_OK;
	if (inspect->failed.code == FL_OK)
		inspect->failed = *err;
	scan->is_end = true;
	return SQLITE_ERROR;
}

static int
on_next(sqlite3_vtab_cursor *cursor)
{
	struct scan *scan = (struct scan *)cursor;
	struct fl_err err = { .code = FL_OK };
	bool has_row = false;
	enum fl_code code;

	scan->row_number++;
	code = scan->table->kind->next(scan, &has_row, &err);
	scan->is_end = !has_row;
	return report(scan, code, &err);
}

static int
on_filter(sqlite3_vtab_cursor *cursor, int number, const char *text, int argc, sqlite3_value **argv)
{
	struct scan *scan = (struct scan *)cursor;
	struct fl_err err = { .code = FL_OK };
	enum fl_code code;

	(void)number;
	(void)text;
	(void)argc;
	(void)argv;
	end_scan(scan);
	scan->row_number = 0;
	if (!scan->table->inspect->is_begun) {
		code = FL_FAIL(&err, FL_E_BAD_CONFIG, "no picture was begun");
		return report(scan, code, &err);
	}
	scan->is_open = true;
	code = scan->table->kind->open(scan, &err);
	return code == FL_OK ? on_next(cursor) : report(scan, code, &err);
}

static int
on_eof(sqlite3_vtab_cursor *cursor)
{
	return ((const struct scan *)cursor)->is_end;
}

static int
on_column(sqlite3_vtab_cursor *cursor, sqlite3_context *ctx, int column)
{
	struct scan *scan = (struct scan *)cursor;
	struct inspect_value value;

	value_null(&value);
	scan->table->kind->value(scan, (uint32_t)column, &value);
	switch (value.kind) {
	case INSPECT_NULL:
		sqlite3_result_null(ctx);
		break;
	case INSPECT_INTEGER:
		sqlite3_result_int64(ctx, value.integer);
		break;
	case INSPECT_REAL:
		sqlite3_result_double(ctx, value.real);
		break;
	case INSPECT_TEXT:
		sqlite3_result_text64(
		    ctx, value.bytes, value.size, SQLITE_TRANSIENT, SQLITE_UTF8);
		break;
	case INSPECT_BLOB:
		if (value.size == 0)
			sqlite3_result_zeroblob(ctx, 0);
		else
			sqlite3_result_blob64(ctx, value.bytes, value.size, SQLITE_TRANSIENT);
		break;
	}
	return SQLITE_OK;
}

static int
on_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *row)
{
	*row = ((const struct scan *)cursor)->row_number;
	return SQLITE_OK;
}

static const sqlite3_module module = {
	.iVersion = 1,
	.xCreate = on_connect,
	.xConnect = on_connect,
	.xBestIndex = on_best_index,
	.xDisconnect = on_disconnect,
	.xDestroy = on_disconnect,
	.xOpen = on_open,
	.xClose = on_close,
	.xFilter = on_filter,
	.xNext = on_next,
	.xEof = on_eof,
	.xColumn = on_column,
	.xRowid = on_rowid,
};

int
module_register(struct inspect *inspect)
{
	int rc = sqlite3_create_module_v2(inspect->db, "flight", &module, inspect, NULL);

	for (uint32_t i = 0; i < inspect->table_count && rc == SQLITE_OK; i++) {
		char *sql = sqlite3_mprintf("CREATE VIRTUAL TABLE \"%w\" USING flight(%u)",
		    inspect->tables[i].name, i);

		rc = sql == NULL ? SQLITE_NOMEM : sqlite3_exec(inspect->db, sql, NULL, NULL, NULL);
		sqlite3_free(sql);
	}
	return rc;
}
