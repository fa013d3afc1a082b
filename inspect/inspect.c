/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inspect.c - the connection, what it allows, statements and their errors.
 *
 * Three things keep a statement from doing harm: the authorizer refuses what is not
 * reading, while it is compiled; the database is in memory and empty but for the tables
 * of the module, which cannot be written; limits end what takes too long or too much.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "table.h"

#define PROGRESS_OPS 1000
#define SQL_SIZE_MAX 1000000
#define VALUE_SIZE_MAX (64 << 20)

struct inspect_statement {
	struct inspect *inspect;
	struct inspect_statement *next;
	sqlite3_stmt *stmt;
	int64_t deadline_us; /* 0: none, or not stepped yet */
	bool is_stepped;
};

/* ---- what is allowed ---- */

static const char *
name_of_action(int action)
{
	switch (action) {
	case SQLITE_ATTACH:
	case SQLITE_DETACH:
		return "ATTACH or DETACH";
	case SQLITE_PRAGMA:
		return "PRAGMA";
	case SQLITE_TRANSACTION:
	case SQLITE_SAVEPOINT:
		return "a transaction";
	case SQLITE_INSERT:
	case SQLITE_UPDATE:
	case SQLITE_DELETE:
		return "writing";
	case SQLITE_FUNCTION:
		return "function";
	default:
		return "a change of the schema";
	}
}

static bool
is_allowed(int action, const char *a, const char *b)
{
	static const char *const pragmas[] = { "table_info", "table_xinfo", "table_list" };

	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return true;
	case SQLITE_UPDATE: /* SQLite asks so when it meets a table-valued function of its own */
		return strcmp(a, "sqlite_master") == 0;
	case SQLITE_FUNCTION: /* a is NULL, b is its name */
		return strcasecmp(b, "load_extension") != 0 && strcasecmp(b, "fts3_tokenizer") != 0;
	case SQLITE_PRAGMA:
		for (uint32_t i = 0; i < FL_ARRAY_COUNT(pragmas); i++)
			if (strcasecmp(a, pragmas[i]) == 0)
				return true;
		return false;
	default:
		return false;
	}
}

static int
on_authorize(void *ctx, int action, const char *a, const char *b, const char *schema, const char *by)
{
	struct inspect *inspect = ctx;

	(void)schema;
	(void)by;
	if (is_allowed(action, a, b))
		return SQLITE_OK;
	if (inspect->denied[0] == '\0')
		(void)snprintf(inspect->denied, sizeof(inspect->denied), "%s%s%.60s",
		    name_of_action(action),
		    action == SQLITE_PRAGMA || action == SQLITE_FUNCTION ? " " : "",
		    action == SQLITE_PRAGMA	  ? a :
			action == SQLITE_FUNCTION ? b :
						    "");
	return SQLITE_DENY;
}

static int
on_progress(void *ctx)
{
	const struct inspect *inspect = ctx;

	return inspect->deadline_us > 0 && fl_monotonic_us() > inspect->deadline_us;
}

/* ---- opening ---- */

static enum fl_code
fail_open(struct inspect *inspect, int rc, struct fl_err *err)
{
	return FL_FAIL_NATIVE(err, FL_E_BAD_CONFIG, rc, "could not make the tables: %s",
	    inspect->db != NULL ? sqlite3_errmsg(inspect->db) : sqlite3_errstr(rc));
}

static int
open_db(struct inspect *inspect)
{
	int rc = sqlite3_open_v2(":memory:", &inspect->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX,
	    NULL);

	if (rc != SQLITE_OK)
		return rc;
	/* A misspelt "name" is an error, not a text; sorting makes no files. */
	(void)sqlite3_db_config(inspect->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	(void)sqlite3_db_config(inspect->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	(void)sqlite3_limit(inspect->db, SQLITE_LIMIT_LENGTH, VALUE_SIZE_MAX);
	(void)sqlite3_limit(inspect->db, SQLITE_LIMIT_SQL_LENGTH, SQL_SIZE_MAX);
	rc = sqlite3_exec(inspect->db, "PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = functions_register(inspect);
	if (rc == SQLITE_OK)
		rc = module_register(inspect);
	if (rc == SQLITE_OK)
		rc = sqlite3_set_authorizer(inspect->db, on_authorize, inspect);
	/* It may begin a transaction of its own for the tables; they are made by now. */
	(void)sqlite3_db_config(inspect->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_progress_handler(inspect->db, PROGRESS_OPS, on_progress, inspect);
	if (inspect->options.memory_size > 0)
		(void)sqlite3_hard_heap_limit64(inspect->options.memory_size);
	return rc;
}

enum fl_code
inspect_open(const struct fl_instance *instance, const struct inspect_options *options,
    struct inspect **out, struct fl_err *err)
{
	struct inspect *inspect = fl_calloc(1, sizeof(*inspect));
	int rc;

	inspect->instance = instance;
	inspect->options = *options;
	fl_arena_init(&inspect->arena);
	inspect->view_count = instance->pipeline_count;
	inspect->views = fl_calloc(FL_MAX(inspect->view_count, 1u), sizeof(*inspect->views));
	for (uint32_t i = 0; i < inspect->view_count; i++) {
		struct view *view = &inspect->views[i];
		uint32_t sink_count = instance->pipelines[i].plan->sink_count + 1;

		view->info = &instance->pipelines[i];
		view->positions =
		    FL_ARENA_ARRAY(&inspect->arena, struct fl_sink_position, sink_count);
		view->is_known = FL_ARENA_ARRAY(&inspect->arena, bool, sink_count);
	}
	tables_make(inspect);
	rc = open_db(inspect);
	if (rc != SQLITE_OK) {
		(void)fail_open(inspect, rc, err);
		inspect_close(&inspect);
		return err->code;
	}
	*out = inspect;
	return FL_OK;
}

void
inspect_close(struct inspect **pinspect)
{
	struct inspect *inspect = *pinspect;

	if (inspect == NULL)
		return;
	while (inspect->statements != NULL) {
		struct inspect_statement *statement = inspect->statements;

		inspect_finish(&statement);
	}
	inspect_end(inspect);
	(void)sqlite3_close(inspect->db);
	picture_close(inspect);
	fl_arena_fini(&inspect->arena);
	free(inspect->tables);
	free(inspect->views);
	free(inspect);
	*pinspect = NULL;
}

enum fl_code
inspect_begin(struct inspect *inspect, struct fl_err *err)
{
	enum fl_code code;

	inspect_end(inspect);
	code = picture_begin(inspect, err);
	inspect->is_begun = code == FL_OK;
	if (code != FL_OK)
		picture_end(inspect);
	return code;
}

void
inspect_end(struct inspect *inspect)
{
	for (struct inspect_statement *s = inspect->statements; s != NULL; s = s->next)
		inspect_reset(s);
	picture_end(inspect);
	inspect->is_begun = false;
}

/* ---- compiling ---- */

static void
list_tables(const struct inspect *inspect, struct fl_buf *out)
{
	for (uint32_t i = 0; i < inspect->table_count; i++)
		fl_buf_printf(out, "%s%s", i > 0 ? ", " : "", inspect->tables[i].name);
}

/* Line and column, both from 1, of byte `at`; characters are counted. */
static void
locate(const char *sql, size_t at, uint32_t *line, uint32_t *column, size_t *line_at)
{
	*line = *column = 1;
	*line_at = 0;
	for (size_t i = 0; i < at; i++) {
		if (sql[i] == '\n') {
			++*line;
			*column = 1;
			*line_at = i + 1;
		} else if (((unsigned char)sql[i] & 0xc0) != 0x80) {
			++*column;
		}
	}
}

static void
add_detail(const char *sql, size_t size, size_t line_at, uint32_t column, struct fl_buf *detail)
{
	const char *end = memchr(sql + line_at, '\n', size - line_at);
	size_t n = (end != NULL ? (size_t)(end - sql) : size) - line_at;

	/* Of a line that no terminal shows a caret says nothing. */
	if (n > 300)
		return;
	for (size_t i = 0; i < n; i++)
		fl_buf_byte(detail, (unsigned char)sql[line_at + i] < ' ' ? ' ' : sql[line_at + i]);
	fl_buf_printf(detail, "\n%*s^", (int)column - 1, "");
}

static const char *
closest_table(const struct inspect *inspect, const char *name)
{
	const char **names = fl_calloc(inspect->table_count + 1u, sizeof(*names)), *closest;

	for (uint32_t i = 0; i < inspect->table_count; i++)
		names[i] = inspect->tables[i].name;
	closest = fl_closest(name, names, inspect->table_count);
	free(names);
	return closest;
}

static enum fl_code
fail_prepare(struct inspect *inspect, const char *sql, size_t size, struct fl_buf *detail,
    struct fl_err *err)
{
	static const char no_table[] = "no such table: ";
	const char *text = sqlite3_errmsg(inspect->db), *closest;
	int offset = sqlite3_error_offset(inspect->db);
	uint32_t line, column;
	struct fl_buf names;
	size_t line_at;
	bool is_syntax = strstr(text, "syntax error") != NULL ||
	    strstr(text, "unrecognized token") != NULL || strstr(text, "incomplete input") != NULL;

	if (strstr(text, "incomplete input") != NULL)
		offset = (int)size;
	locate(sql, offset < 0 ? 0 : FL_MIN((size_t)offset, size), &line, &column, &line_at);
	if (detail != NULL && offset >= 0)
		add_detail(sql, size, line_at, column, detail);
	if (strstr(text, "may not be modified") != NULL)
		return FL_FAIL(err, FL_E_SQL_UNSUPPORTED, "a query only reads, and %s", text);
	if (inspect->denied[0] != '\0')
		return FL_FAIL(err, FL_E_SQL_UNSUPPORTED,
		    "a query only reads, and this is %s", inspect->denied);
	if (strncmp(text, no_table, strlen(no_table)) != 0)
		return FL_FAIL(err, is_syntax ? FL_E_SQL_SYNTAX : FL_E_SQL_BIND, "%u:%u: %s", line,
		    column, text);
	fl_buf_init(&names);
	list_tables(inspect, &names);
	closest = closest_table(inspect, text + strlen(no_table));
	(void)FL_FAIL(err, FL_E_SQL_BIND, "%u:%u: there is no table \"%.60s\"%s%s%s; there are %.300s%s",
	    line, column, text + strlen(no_table), closest != NULL ? ", did you mean \"" : "",
	    closest != NULL ? closest : "", closest != NULL ? "\"" : "", names.data,
	    names.size > 300 ? " ... (SELECT name FROM tables)" : "");
	fl_buf_fini(&names);
	return err->code;
}

/* Blanks, semicolons and comments say nothing. */
static bool
is_nothing(struct inspect *inspect, const char *sql, size_t size)
{
	sqlite3_stmt *stmt = NULL;
	const char *tail = sql, *end = sql + size;

	while (tail < end) {
		const char *from = tail;

		if (sqlite3_prepare_v2(inspect->db, from, (int)(end - from), &stmt, &tail) !=
			SQLITE_OK ||
		    stmt != NULL) {
			(void)sqlite3_finalize(stmt);
			return false;
		}
		if (tail == from)
			break;
	}
	return true;
}

enum fl_code
inspect_prepare(struct inspect *inspect, const char *sql, size_t size,
    struct inspect_statement **out, struct fl_buf *detail, struct fl_err *err)
{
	struct inspect_statement *statement;
	sqlite3_stmt *stmt = NULL;
	const char *tail = NULL;

	inspect->denied[0] = '\0';
	if (size > SQL_SIZE_MAX)
		return FL_FAIL(err, FL_E_SQL_SYNTAX, "1:1: the statement has %zu bytes, at most %d fit",
		    size, SQL_SIZE_MAX);
	if (memchr(sql, '\0', size) != NULL)
		return FL_FAIL(err, FL_E_SQL_SYNTAX, "1:1: the statement holds a NUL byte");
	if (sqlite3_prepare_v2(inspect->db, sql, (int)size, &stmt, &tail) != SQLITE_OK)
		return fail_prepare(inspect, sql, size, detail, err);
	if (stmt == NULL)
		return FL_FAIL(err, FL_E_SQL_SYNTAX, "1:1: there is no statement");
	if (!is_nothing(inspect, tail, size - (size_t)(tail - sql))) {
		(void)sqlite3_finalize(stmt);
		return FL_FAIL(err, FL_E_SQL_UNSUPPORTED,
		    "more than one statement: \"%.40s\" follows the first", tail);
	}
	/* What the authorizer is not asked about: VACUUM, ANALYZE of nothing and the like. */
	if (sqlite3_stmt_readonly(stmt) == 0 || sqlite3_column_count(stmt) == 0) {
		(void)sqlite3_finalize(stmt);
		return FL_FAIL(err, FL_E_SQL_UNSUPPORTED,
		    "the statement gives no rows: a query is a SELECT, WITH or VALUES");
	}
	statement = fl_calloc(1, sizeof(*statement));
	*statement = (struct inspect_statement){
		.inspect = inspect, .next = inspect->statements, .stmt = stmt };
	inspect->statements = statement;
	*out = statement;
	return FL_OK;
}

/* ---- parameters ---- */

const char *
inspect_parameter(const struct inspect_statement *statement, uint32_t i)
{
	int count = sqlite3_bind_parameter_count(statement->stmt);
	const char *name;

	for (int p = 1; p <= count; p++) {
		name = sqlite3_bind_parameter_name(statement->stmt, p);
		if (name != NULL && i-- == 0)
			return name + 1;
	}
	return NULL;
}

enum fl_code
inspect_bind(struct inspect_statement *statement, const char *name, const char *text,
    struct fl_err *err)
{
	int count = sqlite3_bind_parameter_count(statement->stmt);
	char names[256] = "none";
	bool is_found = false;
	size_t at = 0;

	for (int p = 1; p <= count; p++) {
		const char *own = sqlite3_bind_parameter_name(statement->stmt, p);

		if (own == NULL)
			continue;
		if (strcmp(own + 1, name) == 0)
			is_found = sqlite3_bind_text(
				       statement->stmt, p, text, -1, SQLITE_TRANSIENT) == SQLITE_OK;
		if (at < sizeof(names))
			at += (size_t)snprintf(
			    names + at, sizeof(names) - at, "%s%s", at > 0 ? ", " : "", own + 1);
	}
	return is_found ? FL_OK :
			  FL_FAIL(err, FL_E_NO_SUCH_OBJECT,
			      "the statement has no parameter \"%s\"; there are: %s", name, names);
}

/* ---- rows ---- */

uint32_t
inspect_column_count(const struct inspect_statement *statement)
{
	return (uint32_t)sqlite3_column_count(statement->stmt);
}

const char *
inspect_column_name(const struct inspect_statement *statement, uint32_t column)
{
	return sqlite3_column_name(statement->stmt, (int)column);
}

const char *
inspect_column_type(const struct inspect_statement *statement, uint32_t column)
{
	const char *name = sqlite3_column_table_name(statement->stmt, (int)column);
	const char *origin = sqlite3_column_origin_name(statement->stmt, (int)column);
	const struct inspect *inspect = statement->inspect;

	for (uint32_t t = 0; t < inspect->table_count && name != NULL && origin != NULL; t++) {
		const struct table *table = &inspect->tables[t];

		for (uint32_t c = 0; strcmp(table->name, name) == 0 && c < table->column_count; c++)
			if (strcmp(table->columns[c].name, origin) == 0)
				return table->columns[c].sql_type;
	}
	return NULL;
}

static enum fl_code
fail_step(struct inspect_statement *statement, int rc, struct fl_err *err)
{
	struct inspect *inspect = statement->inspect;

	if (inspect->failed.code != FL_OK) {
		*err = inspect->failed;
		return err->code;
	}
	if ((rc & 0xff) == SQLITE_INTERRUPT)
		return FL_FAIL(err, FL_E_TIMED_OUT,
		    "the query did not end within %.3g s", (double)inspect->options.timeout_ms / 1000);
	if ((rc & 0xff) == SQLITE_NOMEM)
		return FL_FAIL(err, FL_E_SQL_BIND, "the query needs more memory than it may have");
	return FL_FAIL_NATIVE(err, FL_E_SQL_BIND, rc, "%s", sqlite3_errmsg(inspect->db));
}

enum fl_code
inspect_step(struct inspect_statement *statement, bool *has_row, struct fl_err *err)
{
	struct inspect *inspect = statement->inspect;
	int64_t timeout_ms = inspect->options.timeout_ms;
	int rc;

	if (!statement->is_stepped && timeout_ms > 0)
		statement->deadline_us = fl_monotonic_us() + timeout_ms * 1000;
	statement->is_stepped = true;
	inspect->deadline_us = statement->deadline_us;
	inspect->failed = (struct fl_err){ .code = FL_OK };
	rc = sqlite3_step(statement->stmt);
	inspect->deadline_us = 0;
	if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
		*has_row = rc == SQLITE_ROW;
		return FL_OK;
	}
	(void)fail_step(statement, rc, err);
	inspect_reset(statement);
	return err->code;
}

void
inspect_value(
    const struct inspect_statement *statement, uint32_t column, struct inspect_value *value)
{
	sqlite3_stmt *stmt = statement->stmt;
	int c = (int)column;

	value_null(value);
	switch (sqlite3_column_type(stmt, c)) {
	case SQLITE_INTEGER:
		value_i64(value, sqlite3_column_int64(stmt, c));
		break;
	case SQLITE_FLOAT:
		value->kind = INSPECT_REAL;
		value->real = sqlite3_column_double(stmt, c);
		break;
	case SQLITE_TEXT:
		value->bytes = (const char *)sqlite3_column_text(stmt, c);
		value->kind = value->bytes != NULL ? INSPECT_TEXT : INSPECT_NULL; /* no memory */
		value->size = (size_t)sqlite3_column_bytes(stmt, c);
		break;
	case SQLITE_BLOB:
		value->kind = INSPECT_BLOB;
		value->bytes = sqlite3_column_blob(stmt, c);
		value->size = (size_t)sqlite3_column_bytes(stmt, c);
		break;
	default:
		break;
	}
}

void
inspect_reset(struct inspect_statement *statement)
{
	(void)sqlite3_reset(statement->stmt);
	statement->is_stepped = false;
	statement->deadline_us = 0;
}

void
inspect_finish(struct inspect_statement **pstatement)
{
	struct inspect_statement *statement = *pstatement, **at;

	if (statement == NULL)
		return;
	for (at = &statement->inspect->statements; *at != statement;)
		at = &(*at)->next;
	*at = statement->next;
	(void)sqlite3_finalize(statement->stmt);
	free(statement);
	*pstatement = NULL;
}
