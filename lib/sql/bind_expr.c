/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind_expr.c - expressions: names to columns, literals to values, and every type
 * decided.
 *
 * With aggregates about (struct agg_scope) an expression is first held against the
 * GROUP BY keys: what equals a key is that key.  Otherwise it is taken apart until
 * its leaves are keys, aggregates, window bounds or constants.  Comparing is done
 * on bound trees, so a, A.a and (a) are one.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"

#define MS_SECOND INT64_C(1000)
#define MS_MINUTE (60 * MS_SECOND)
#define MS_HOUR (60 * MS_MINUTE)
#define MS_DAY (24 * MS_HOUR)

/* ---- trees ---- */

static enum fl_code
count_expr(struct bind *b, const struct ast_expr *at)
{
	if (++b->expr_count > BIND_EXPRS_MAX)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, at->line, at->col, NULL,
		    "the script has more than %u expressions", BIND_EXPRS_MAX);
	return FL_OK;
}

static struct fl_expr *
make_literal(struct bind *b, struct fl_type type)
{
	struct fl_expr *expr = FL_ARENA_NEW(b->arena, struct fl_expr);

	expr->kind = FL_EXPR_LITERAL;
	expr->type = type;
	return expr;
}

static bool
values_equal(const struct fl_type *type, const struct fl_value *a, const struct fl_value *b)
{
	if (a->is_null || b->is_null)
		return a->is_null == b->is_null;
	if (fl_type_is_var((enum fl_type_id)type->id))
		return a->str.size == b->str.size && memcmp(a->str.p, b->str.p, a->str.size) == 0;
	if (type->id == FL_TYPE_DECIMAL)
		return a->i128 == b->i128;
	if (type->id == FL_TYPE_BOOLEAN)
		return a->boolean == b->boolean;
	return a->i64 == b->i64; /* of a DOUBLE the bits: 0.0 is not -0.0 */
}

bool
bind_expr_equal(const struct fl_expr *a, const struct fl_expr *b)
{
	uint32_t i;

	if (a == b)
		return true;
	if (a == NULL || b == NULL || a->kind != b->kind || a->arg_count != b->arg_count ||
	    !fl_type_equal(&a->type, &b->type))
		return false;
	switch (a->kind) {
	case FL_EXPR_COLUMN:
		return a->column == b->column;
	case FL_EXPR_LITERAL:
		return values_equal(&a->type, &a->value, &b->value);
	case FL_EXPR_CALL:
		if (a->fn != b->fn)
			return false;
		break;
	case FL_EXPR_CAST:
		if (a->try_cast != b->try_cast)
			return false;
		break;
	case FL_EXPR_AND:
	case FL_EXPR_OR:
	case FL_EXPR_CASE:
	case FL_EXPR_COALESCE:
		break;
	}
	for (i = 0; i < a->arg_count; i++)
		if (!bind_expr_equal(a->args[i], b->args[i]))
			return false;
	return true;
}

uint32_t
bind_expr_find(struct fl_expr *const *list, uint32_t count, const struct fl_expr *expr)
{
	uint32_t i;

	for (i = 0; i < count && !bind_expr_equal(list[i], expr); i++)
		;
	return i;
}

uint32_t
bind_expr_size(const struct fl_expr *expr, uint32_t max)
{
	uint32_t size = 1, i;

	for (i = 0; i < expr->arg_count && size <= max; i++)
		size += bind_expr_size(expr->args[i], max - FL_MIN(size, max));
	return size;
}

struct fl_expr *
bind_expr_replace(struct bind *b, const struct fl_expr *expr, struct fl_expr *const *exprs,
    uint32_t (*map)(uint32_t column, void *ctx), void *ctx)
{
	struct fl_expr *copy;
	uint32_t i;

	if (expr->kind == FL_EXPR_COLUMN && exprs != NULL)
		return exprs[expr->column];
	copy = fl_arena_dup(b->arena, expr, sizeof(*expr));
	if (expr->kind == FL_EXPR_COLUMN) {
		copy->column = map(expr->column, ctx);
		return copy;
	}
	copy->args = FL_ARENA_ARRAY(b->arena, struct fl_expr *, expr->arg_count);
	for (i = 0; i < expr->arg_count; i++)
		copy->args[i] = bind_expr_replace(b, expr->args[i], exprs, map, ctx);
	return copy;
}

/* An error of lib/expr knows no place; it is given one here. */
static enum fl_code
fail_from(struct bind *b, const struct fl_err *err, uint32_t line, uint32_t col)
{
	return BIND_FAIL(b, err->code, line, col, NULL, "%s", err->text);
}

static void
stamp_place(struct fl_expr *expr, uint32_t line, uint32_t col)
{
	if (expr->line == 0) {
		expr->line = line;
		expr->col = col;
	}
}

enum fl_code
bind_call(struct bind *b, const char *name, struct fl_expr **args, uint32_t count, uint32_t line,
    uint32_t col, struct fl_expr **out)
{
	struct fl_err err = { .code = FL_OK };

	if (fl_expr_call(b->arena, name, args, count, out, &err) != FL_OK)
		return fail_from(b, &err, line, col);
	stamp_place(*out, line, col);
	return FL_OK;
}

enum fl_code
bind_cast(struct bind *b, struct fl_expr *arg, const struct fl_type *to, uint32_t line,
    uint32_t col, struct fl_expr **out)
{
	struct fl_err err = { .code = FL_OK };

	if (fl_type_equal(&arg->type, to)) {
		*out = arg;
		return FL_OK;
	}
	if (fl_expr_cast(b->arena, arg, to, false, out, &err) != FL_OK)
		return fail_from(b, &err, line, col);
	stamp_place(*out, line, col);
	return FL_OK;
}

enum fl_code
bind_and(struct bind *b, struct fl_expr *x, struct fl_expr *y, struct fl_expr **out)
{
	struct fl_expr **args;

	if (x == NULL || y == NULL) {
		*out = x != NULL ? x : y;
		return FL_OK;
	}
	args = FL_ARENA_ARRAY(b->arena, struct fl_expr *, 2);
	args[0] = x;
	args[1] = y;
	return bind_call(b, "AND", args, 2, x->line, x->col, out);
}

/* ---- types ---- */

static const struct {
	const char *name;
	enum fl_type_id id;
	enum { LEN_NONE, LEN_CHARS, LEN_MAX, LEN_DECIMAL, LEN_TIME } length;
} TYPE_NAMES[] = {
	{ "BOOLEAN", FL_TYPE_BOOLEAN, LEN_NONE },
	{ "TINYINT", FL_TYPE_TINYINT, LEN_NONE },
	{ "SMALLINT", FL_TYPE_SMALLINT, LEN_NONE },
	{ "INT", FL_TYPE_INT, LEN_NONE },
	{ "INTEGER", FL_TYPE_INT, LEN_NONE },
	{ "BIGINT", FL_TYPE_BIGINT, LEN_NONE },
	{ "FLOAT", FL_TYPE_FLOAT, LEN_NONE },
	{ "DOUBLE", FL_TYPE_DOUBLE, LEN_NONE },
	{ "DECIMAL", FL_TYPE_DECIMAL, LEN_DECIMAL },
	{ "DEC", FL_TYPE_DECIMAL, LEN_DECIMAL },
	{ "NUMERIC", FL_TYPE_DECIMAL, LEN_DECIMAL },
	{ "CHAR", FL_TYPE_CHAR, LEN_CHARS },
	{ "CHARACTER", FL_TYPE_CHAR, LEN_CHARS },
	{ "VARCHAR", FL_TYPE_VARCHAR, LEN_CHARS },
	{ "STRING", FL_TYPE_VARCHAR, LEN_MAX },
	{ "BINARY", FL_TYPE_BINARY, LEN_CHARS },
	{ "VARBINARY", FL_TYPE_VARBINARY, LEN_CHARS },
	{ "BYTES", FL_TYPE_VARBINARY, LEN_MAX },
	{ "DATE", FL_TYPE_DATE, LEN_NONE },
	{ "TIMESTAMP", FL_TYPE_TIMESTAMP, LEN_TIME },
	{ "TIMESTAMP_LTZ", FL_TYPE_TIMESTAMP_LTZ, LEN_TIME },
};

static enum fl_code
unknown_type(struct bind *b, const struct ast_type *ast)
{
	const char *names[FL_ARRAY_COUNT(TYPE_NAMES)];
	size_t i;

	for (i = 0; i < FL_ARRAY_COUNT(TYPE_NAMES); i++)
		names[i] = TYPE_NAMES[i].name;
	return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col,
	    bind_did_you_mean(b, ast->name, names, FL_ARRAY_COUNT(names)),
	    "there is no type %.60s", ast->name);
}

static enum fl_code
bind_length(struct bind *b, const struct ast_type *ast, struct fl_type *type)
{
	/* CHAR and BINARY alone are of length 1, VARCHAR and VARBINARY as long as may be. */
	bool open_ended = type->id == FL_TYPE_VARCHAR || type->id == FL_TYPE_VARBINARY;
	int64_t length = ast->has_length ? ast->length : open_ended ? INT32_MAX : 1;

	if (length < 1 || length > INT32_MAX)
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
		    "the length of %s is %" PRId64 ", expected 1 to 2147483647", ast->name, length);
	type->length = length == INT32_MAX ? FL_LENGTH_MAX : (uint32_t)length;
	return FL_OK;
}

static enum fl_code
bind_time_precision(struct bind *b, const struct ast_type *ast, struct fl_type *type)
{
	int64_t precision = ast->has_length ? ast->length : 6;
	const char *name = type->id == FL_TYPE_TIMESTAMP ? "TIMESTAMP" : "TIMESTAMP_LTZ";

	if (precision < 0 || precision > 9)
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
		    "the precision of %s is %" PRId64 ", expected 0 to 9", name, precision);
	if (precision > 3)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "%s(%" PRId64 ")%s is not supported: times are milliseconds, write %s(3)", name,
		    precision, ast->has_length ? "" : " (the default precision)", name);
	type->precision = (uint8_t)precision;
	return FL_OK;
}

enum fl_code
bind_type(struct bind *b, const struct ast_type *ast, struct fl_type *type)
{
	size_t i;

	if (ast->fields != NULL)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "the type ROW is not supported here: only a physical column of a table can be a ROW");
	if (ast->element != NULL)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "the type ARRAY is not supported here: only a physical column of a table, or a field of "
		    "a ROW, can be an ARRAY of scalars");
	if (strcmp(ast->name, "REAL") == 0 || strcmp(ast->name, "VARIANT") == 0)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "the type %s is not supported", ast->name);
	for (i = 0; i < FL_ARRAY_COUNT(TYPE_NAMES); i++)
		if (strcmp(ast->name, TYPE_NAMES[i].name) == 0)
			break;
	if (i == FL_ARRAY_COUNT(TYPE_NAMES))
		return unknown_type(b, ast);
	*type = fl_type_make(TYPE_NAMES[i].id, ast->nullable);
	if (ast->local_zone)
		type->id = FL_TYPE_TIMESTAMP_LTZ;
	if ((ast->has_length && (TYPE_NAMES[i].length == LEN_NONE || TYPE_NAMES[i].length == LEN_MAX)) ||
	    (ast->has_scale && TYPE_NAMES[i].length != LEN_DECIMAL))
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
		    "the type %s takes no such length", ast->name);
	switch (TYPE_NAMES[i].length) {
	case LEN_NONE:
		break;
	case LEN_MAX:
		type->length = FL_LENGTH_MAX;
		break;
	case LEN_CHARS:
		return bind_length(b, ast, type);
	case LEN_TIME:
		return bind_time_precision(b, ast, type);
	case LEN_DECIMAL:
		if (ast->has_length && (ast->length < 1 || ast->length > 38))
			return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
			    "DECIMAL precision must be between 1 and 38 (both inclusive), got "
			    "%" PRId64, ast->length);
		type->precision = ast->has_length ? (uint8_t)ast->length : 10;
		if (ast->has_scale && (ast->scale < 0 || ast->scale > type->precision))
			return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
			    "DECIMAL scale must be between 0 and the precision %u (both "
			    "inclusive), got %" PRId64, type->precision, ast->scale);
		type->scale = ast->has_scale ? (uint8_t)ast->scale : 0;
		break;
	}
	return FL_OK;
}

enum fl_code
bind_column_type(struct bind *b, const struct ast_type *ast, struct fl_type *type)
{
	struct fl_type element;

	if (ast->element == NULL)
		return bind_type(b, ast, type);
	FL_TRY(bind_type(b, ast->element, &element));
	if (!element.nullable)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->element->line, ast->element->col, NULL,
		    "an ARRAY of NOT NULL elements is not supported: any element of a record may be null");
	*type = element;
	type->id = FL_TYPE_ARRAY;
	type->element = element.id;
	type->nullable = ast->nullable;
	return FL_OK;
}

/* ---- names ---- */

static const char *
name_part(const struct ast_expr *name, uint32_t i)
{
	return ((const struct fl_token *)name->args->items[i])->text;
}

static const char *
list_columns(struct bind *b, const struct rel *rel)
{
	struct fl_buf buf;
	const char *text;
	uint32_t i;

	fl_buf_init(&buf);
	for (i = 0; i < rel->count; i++) {
		if (rel->cols[i].name[0] == '\0')
			continue; /* a computed column, to another one */
		if (buf.size > 300) {
			fl_buf_str(&buf, ", ...");
			break;
		}
		fl_buf_printf(&buf, "%s%s", buf.size == 0 ? "" : ", ", rel->cols[i].name);
	}
	text = fl_arena_strndup(b->arena, buf.data != NULL ? buf.data : "", buf.size);
	fl_buf_fini(&buf);
	return text;
}

static enum fl_code
column_missing(struct bind *b, const struct scope *scope, const struct ast_expr *name)
{
	const char **names =
	    FL_ARENA_ARRAY(b->arena, const char *, scope->rel->count);
	const char *text = name_part(name, name->args->count - 1), *hint;
	uint32_t i;

	for (i = 0; i < scope->rel->count; i++)
		names[i] = scope->rel->cols[i].in == NULL ? scope->rel->cols[i].name : "";
	hint = bind_did_you_mean(b, text, names, scope->rel->count);
	for (i = 0; scope->aliases != NULL && i < scope->aliases->count; i++) {
		const struct ast_item *item = scope->aliases->items[i];

		if (item->alias != NULL && strcmp(item->alias->text, text) == 0)
			hint = "GROUP BY takes expressions, not aliases of SELECT: repeat the expression";
	}
	return BIND_FAIL(b, FL_E_SQL_BIND, name->line, name->col,
	    hint != NULL ? hint : fl_arena_printf(b->arena, "there are: %s", list_columns(b, scope->rel)),
	    "Column '%.80s' not found in any table%s%s", text, hint != NULL ? "; " : "",
	    hint != NULL ? hint : "");
}

const char *
bind_row_column(const struct fl_row_type *row)
{
	while (row->in != NULL)
		row = row->in;
	return row->name;
}

const char *
bind_nested_text(struct bind *b, const struct fl_field *field)
{
	return fl_arena_printf(b->arena, "the column '%.80s' is %s",
	    field->in != NULL ? bind_row_column(field->in) : field->name,
	    field->in != NULL ? "a ROW" : "an ARRAY");
}

/* Are the parts of name from 'from' on the path of what is called path in row? */
static bool
is_path(const struct ast_expr *name, uint32_t from, const char *path, const struct fl_row_type *row)
{
	uint32_t i = name->args->count;

	if (i - from != fl_row_depth(row) + 1)
		return false;
	while (i-- > from) {
		if (strcmp(name_part(name, i), fl_row_field(path, row)) != 0)
			return false;
		if (row == NULL)
			return true;
		path = row->name;
		row = row->in;
	}
	return true;
}

/* Do the parts begin with that path, or are they it? */
static bool
begins_with(
    const struct ast_expr *name, uint32_t from, const char *path, const struct fl_row_type *row)
{
	struct ast_list parts = *name->args;
	struct ast_expr begin = { .args = &parts };

	if (parts.count - from < fl_row_depth(row) + 1)
		return false;
	parts.count = from + fl_row_depth(row) + 1;
	return is_path(&begin, from, path, row);
}

/* The innermost ROW of col with whose path the parts begin. */
static const struct fl_row_type *
find_row(const struct ast_expr *name, uint32_t from, const struct rel_col *col)
{
	const struct fl_row_type *row = col->in;

	while (row != NULL && !begins_with(name, from, row->name, row->in))
		row = row->in;
	return row;
}

static const char *
list_fields(struct bind *b, const struct rel *rel, const struct fl_row_type *row)
{
	const char *text = "";
	uint32_t i;

	for (i = 0; i < rel->count && strlen(text) < 300; i++) {
		const struct fl_row_type *in = rel->cols[i].in;
		const char *field = fl_row_field(rel->cols[i].name, in);

		for (; in != NULL && in != row; in = in->in)
			field = fl_row_field(in->name, in->in);
		/* A field that is a ROW comes once. */
		if (in == NULL || (i > 0 && rel->cols[i].in != row && rel->cols[i - 1].in == rel->cols[i].in))
			continue;
		text = fl_arena_printf(b->arena, "%s%s%s", text, text[0] == '\0' ? "" : ", ", field);
	}
	return text;
}

/* No column is so called.  Is it a ROW, or something within one that is not there? */
static enum fl_code
field_missing(struct bind *b, const struct scope *scope, const struct ast_expr *name, uint32_t from)
{
	const struct fl_row_type *row = NULL, *found;
	uint32_t i, depth, n = name->args->count;
	char type[64];

	for (i = 0; i < scope->rel->count; i++) {
		const struct rel_col *col = &scope->rel->cols[i];

		found = find_row(name, from, col);
		if (fl_row_depth(found) > fl_row_depth(row))
			row = found;
		if (begins_with(name, from, col->name, col->in))
			return BIND_FAIL(b, FL_E_SQL_BIND, name->line, name->col, NULL,
			    "Column '%.80s' is %s, no ROW: it has no field '%.80s'", col->name,
			    fl_type_print(&col->type, type, sizeof(type)),
			    name_part(name, from + fl_row_depth(col->in) + 1));
	}
	depth = fl_row_depth(row);
	if (row == NULL)
		return FL_OK;
	if (from + depth == n)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, name->line, name->col,
		    fl_arena_printf(b->arena, "name its fields: %s", list_fields(b, scope->rel, row)),
		    "the ROW '%.80s' as a whole is not supported", row->name);
	return BIND_FAIL(b, FL_E_SQL_BIND, name->line, name->col,
	    fl_arena_printf(b->arena, "there are: %s", list_fields(b, scope->rel, row)),
	    "the ROW '%.80s' has no field '%.80s'", row->name, name_part(name, from + depth));
}

/* Columns that the parts of name are, the first of them a table's name if qualified. */
static uint32_t
find_columns(const struct scope *scope, const struct ast_expr *name, uint32_t from, uint32_t *index,
    bool *known)
{
	uint32_t i, found = 0;

	for (i = 0; i < scope->rel->count; i++) {
		const struct rel_col *col = &scope->rel->cols[i];

		if (from > 0 && (col->qualifier == NULL ||
		    strcmp(name_part(name, from - 1), col->qualifier) != 0))
			continue;
		*known = true;
		if (!is_path(name, from, col->name, col->in))
			continue;
		*index = i;
		found++;
	}
	return found;
}

/*
 * As Flink reads a.b.c: if a is a table, b.c are looked for in it, else a is a column.  The
 * names of catalog and database may stand before the table's.
 */
enum fl_code
bind_find(struct bind *b, const struct scope *scope, const struct ast_expr *name, uint32_t *index)
{
	uint32_t parts = name->args->count, from, found = 0;
	bool known = false;

	for (from = FL_MIN(parts - 1, 3u); ; from--) {
		/* Only these stand before a table's name. */
		if (from > 1 && (strcmp(name_part(name, from - 2), "default_database") != 0 ||
		    (from > 2 && strcmp(name_part(name, 0), "default_catalog") != 0)))
			continue;
		found = find_columns(scope, name, from, index, &known);
		if (known || from == 0)
			break;
	}
	if (found == 1)
		return FL_OK;
	if (found > 1)
		return BIND_FAIL(b, FL_E_SQL_BIND, name->line, name->col, NULL,
		    "Column '%.80s' is ambiguous", name_part(name, parts - 1));
	FL_TRY(field_missing(b, scope, name, from));
	if (parts > 1 && from == 0)
		return BIND_FAIL(b, FL_E_SQL_BIND, name->line, name->col, NULL,
		    "Table '%.80s' not found", name_part(name, 0));
	return column_missing(b, scope, name);
}

static enum fl_code
bind_name(struct bind *b, const struct scope *scope, const struct ast_expr *ast,
    struct fl_expr **out)
{
	const struct rel_col *col;
	uint32_t index;

	FL_TRY(bind_find(b, scope, ast, &index));
	col = &scope->rel->cols[index];
	if (scope->agg != NULL) {
		if (col->role == WIN_NONE)
			return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col,
			    "add it to GROUP BY, or take MIN or MAX of it",
			    "Expression '%.80s' is not being grouped", name_part(ast, ast->args->count - 1));
		if (col->role == WIN_TIME && !scope->agg->has_time)
			return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col,
			    "add window_time to GROUP BY",
			    "Expression '%.80s' is not being grouped", name_part(ast, ast->args->count - 1));
		*out = fl_expr_column(b->arena, AGG_COLUMN_WINDOW + (uint32_t)(col->role - WIN_START), &col->type);
	} else {
		*out = fl_expr_column(b->arena, index, &col->type);
	}
	stamp_place(*out, ast->line, ast->col);
	return FL_OK;
}

/* ---- literals ---- */

static uint32_t
count_chars(const char *p, uint32_t size)
{
	uint32_t i, n = 0;

	for (i = 0; i < size; i++)
		n += ((unsigned char)p[i] & 0xc0) != 0x80;
	return n;
}

static enum fl_code
bind_decimal(struct bind *b, const struct ast_expr *ast, struct fl_expr **out)
{
	const char *dot = strchr(ast->text, '.');
	uint32_t scale = dot != NULL ? ast->size - (uint32_t)(dot - ast->text) - 1 : 0;
	uint32_t digits = dot != NULL ? ast->size - 1 : ast->size; /* 0.1 has two, as in Flink */
	struct fl_type type = fl_type_make(FL_TYPE_DECIMAL, false);
	fl_i128 value = 0;

	if (digits > 38 || !fl_parse_decimal(ast->text, ast->size, digits, scale, &value) ||
	    value > INT64_MAX)
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col,
		    fl_arena_printf(b->arena, "CAST('%.60s' AS DECIMAL(38, %u))", ast->text, FL_MIN(scale, 38u)),
		    "Numeric literal '%.60s' out of range", ast->text);
	type.precision = (uint8_t)digits;
	type.scale = (uint8_t)scale;
	*out = make_literal(b, type);
	(*out)->value.i128 = value;
	return FL_OK;
}

/* 5 and 5. but not .5 */
static bool
is_whole(const struct ast_expr *ast)
{
	const char *dot = strchr(ast->text, '.');

	return dot == NULL || (dot[1] == '\0' && dot != ast->text);
}

static enum fl_code
bind_number(struct bind *b, const struct ast_expr *ast, bool negative, struct fl_expr **out)
{
	char text[64];
	int64_t value;

	if (strpbrk(ast->text, "eE") != NULL) {
		*out = make_literal(b, fl_type_make(FL_TYPE_DOUBLE, false));
		if (!fl_parse_double(ast->text, ast->size, &(*out)->value.f64) ||
		    !isfinite((*out)->value.f64))
			return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
			    "Numeric literal '%.60s' out of range", ast->text);
		if (negative)
			(*out)->value.f64 = -(*out)->value.f64;
		return FL_OK;
	}
	if (is_whole(ast) && ast->size < sizeof(text) - 1) {
		(void)snprintf(text, sizeof(text), "%s%.*s", negative ? "-" : "",
		    (int)strcspn(ast->text, "."), ast->text);
		if (fl_parse_i64(text, &value)) {
			*out = make_literal(b, fl_type_make(value >= INT32_MIN && value <= INT32_MAX ?
			    FL_TYPE_INT : FL_TYPE_BIGINT, false));
			(*out)->value.i64 = value;
			return FL_OK;
		}
	}
	FL_TRY(bind_decimal(b, ast, out));
	if (negative)
		(*out)->value.i128 = -(*out)->value.i128;
	return FL_OK;
}

static enum fl_code
bind_time_literal(struct bind *b, const struct ast_expr *ast, struct fl_expr **out)
{
	const char *dot = strchr(ast->text, '.');
	uint32_t digits = dot != NULL ? ast->size - (uint32_t)(dot - ast->text) - 1 : 0;
	struct fl_type type = fl_type_make(FL_TYPE_TIMESTAMP, false);

	if (ast->kind == AST_DATE) {
		*out = make_literal(b, fl_type_make(FL_TYPE_DATE, false));
		if (!fl_parse_time_literal(ast->text, ast->size, false, &(*out)->value.i64))
			return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
			    "Illegal DATE literal '%.60s': not in format 'yyyy-MM-dd'", ast->text);
		return FL_OK;
	}
	if (digits > 3)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "a TIMESTAMP literal with more than milliseconds ('%.60s') is not supported",
		    ast->text);
	type.precision = (uint8_t)digits;
	*out = make_literal(b, type);
	if (!fl_parse_time_literal(ast->text, ast->size, true, &(*out)->value.i64))
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
		    "Illegal TIMESTAMP literal '%.60s': not in format 'yyyy-MM-dd HH:mm:ss'", ast->text);
	return FL_OK;
}

/* ---- intervals ---- */

static const struct unit {
	const char *name;
	int64_t ms, limit; /* limit: values as a following field */
} UNITS[] = {
	{ "DAY", MS_DAY, 0 }, { "HOUR", MS_HOUR, 24 }, { "MINUTE", MS_MINUTE, 60 },
	{ "SECOND", MS_SECOND, 60 }, { "WEEK", 7 * MS_DAY, 0 },
};

static int
find_unit(const char *name)
{
	size_t i;

	for (i = 0; i < FL_ARRAY_COUNT(UNITS); i++)
		if (strcmp(UNITS[i].name, name) == 0)
			return (int)i;
	return -1;
}

static enum fl_code
bad_interval(struct bind *b, const struct ast_expr *ast)
{
	return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
	    "Illegal interval literal format '%.60s' for INTERVAL %s%s%s", ast->text, ast->unit,
	    ast->unit_to != NULL ? " TO " : "", ast->unit_to != NULL ? ast->unit_to : "");
}

/* Digits at *p into value; at most max of them; false if there are none or more. */
static bool
take_digits(const char **p, uint32_t max, int64_t *value, uint32_t *count)
{
	*value = 0;
	for (*count = 0; **p >= '0' && **p <= '9'; (*p)++) {
		if (++*count > max)
			return false;
		*value = *value * 10 + (**p - '0');
	}
	return *count > 0;
}

static bool
take_fraction(const char **p, int64_t *ms)
{
	uint32_t digits;
	int64_t value;

	if (**p != '.')
		return true;
	(*p)++;
	if (!take_digits(p, 3, &value, &digits))
		return false;
	for (; digits < 3; digits++)
		value *= 10;
	*ms += value;
	return true;
}

static enum fl_code
bind_interval(struct bind *b, const struct ast_expr *ast, struct fl_expr **out)
{
	int first = find_unit(ast->unit);
	int last = ast->unit_to != NULL ? find_unit(ast->unit_to) : first, i;
	const char *p = ast->text;
	int64_t ms = 0, value;
	bool negative = ast->negated;
	uint32_t digits, lead_max = ast->precision != 0 ? ast->precision : 2;

	if (first < 0 || last < 0)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col,
		    "write days: they are exact",
		    "an interval of %s is not supported: months have no fixed length, write days",
		    first < 0 ? ast->unit : ast->unit_to);
	if (ast->unit_to != NULL && (last <= first || last == 4)) /* no WEEK */
		return bad_interval(b, ast);
	if (*p == '-' || *p == '+')
		negative ^= *p++ == '-';
	for (i = first; i <= last; i++) {
		if (i > first && *p++ != (i == 1 ? ' ' : ':'))
			return bad_interval(b, ast);
		if (!take_digits(&p, 10, &value, &digits) ||
		    (i > first && (digits > 2 || value >= UNITS[i].limit)))
			return bad_interval(b, ast);
		if (i == first && digits > lead_max)
			return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col,
			    fl_arena_printf(b->arena, "write %s(%u)", ast->unit, digits),
			    "Interval field value %" PRId64 " exceeds precision of %s(%u) field; "
			    "write %s(%u)", value, ast->unit, lead_max, ast->unit, digits);
		ms += value * UNITS[i].ms;
		if (i == 3 && !take_fraction(&p, &ms))
			return bad_interval(b, ast);
	}
	if (*p != '\0' || p != ast->text + ast->size)
		return bad_interval(b, ast);
	*out = make_literal(b, fl_type_make(FL_TYPE_INTERVAL, false));
	(*out)->value.i64 = negative ? -ms : ms;
	return FL_OK;
}

/* ---- calls ---- */

static enum fl_code
bind_args(struct bind *b, const struct scope *scope, const struct ast_expr *ast, uint32_t from,
    struct fl_expr ***args, uint32_t *count)
{
	uint32_t i;

	*count = ast->args->count - from;
	*args = FL_ARENA_ARRAY(b->arena, struct fl_expr *, *count);
	for (i = 0; i < *count; i++)
		FL_TRY(bind_expr(b, scope, ast->args->items[from + i], &(*args)[i]));
	return FL_OK;
}

static bool
is_aggregate_name(const char *name)
{
	return fl_agg_find(name, strlen(name), false) != NULL ||
	    bind_is_refused(BIND_REFUSED_AGGREGATE, name);
}

bool
bind_has_aggregate(const struct ast_expr *ast)
{
	uint32_t i;

	if (ast->kind == AST_NAME || ast->kind == AST_STAR || ast->kind == AST_DESCRIPTOR)
		return false;
	if (ast->kind == AST_CALL && ast->over == NULL && !(ast->flag && ast->negated) &&
	    is_aggregate_name(ast->text))
		return true;
	for (i = 0; i < ast->args->count; i++)
		if (bind_has_aggregate(ast->args->items[i]))
			return true;
	return false;
}

bool
bind_is_rank(const struct ast_expr *ast)
{
	return ast->kind == AST_CALL && ast->over != NULL && strcasecmp(ast->text, "ROW_NUMBER") == 0;
}

/* "passengers" in SUM(CAST(passengers AS BIGINT)), else NULL. */
static const char *
innermost_column(const struct fl_expr *expr, const struct rel *rel)
{
	while (expr->kind == FL_EXPR_CAST)
		expr = expr->args[0];
	return expr->kind == FL_EXPR_COLUMN ? rel->cols[expr->column].name : NULL;
}

static bool
same_agg(const struct fl_agg *x, const struct fl_agg *y)
{
	return x->fn == y->fn && bind_expr_equal(x->arg, y->arg) &&
	    bind_expr_equal(x->filter, y->filter);
}

static enum fl_code
check_aggregate(struct bind *b, const struct scope *scope, const struct ast_expr *ast,
    const struct fl_agg_fn **fn)
{
	uint32_t arg_count = ast->args->count;
	bool star = ast->flag;

	if (scope->agg == NULL)
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
		    "Aggregate expression is illegal in %s clause", scope->clause);
	if (ast->distinct)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "%s(DISTINCT ...) is not supported", ast->text);
	*fn = fl_agg_find(ast->text, strlen(ast->text), star);
	if (*fn == NULL && fl_agg_find(ast->text, strlen(ast->text), false) == NULL)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "the aggregate %s is not supported; there are COUNT, SUM, AVG, MIN, MAX, "
		    "FIRST_VALUE, LAST_VALUE", ast->text);
	if (*fn == NULL || (star && arg_count != 0) || (!star && arg_count != (*fn)->arg_count))
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
		    "Invalid number of arguments to function '%s': expected %u, got %u", ast->text,
		    *fn != NULL ? (*fn)->arg_count : 1, arg_count);
	return FL_OK;
}

static enum fl_code
bind_aggregate(struct bind *b, const struct scope *scope, const struct ast_expr *ast,
    struct fl_expr **out)
{
	struct scope inner = { .rel = scope->rel, .clause = "an aggregate's argument" };
	const struct fl_agg_fn *fn = NULL;
	struct fl_err err = { .code = FL_OK };
	struct fl_agg *agg;
	struct ast_list *aggs;
	uint32_t i;

	FL_TRY(check_aggregate(b, scope, ast, &fn));
	aggs = scope->agg->aggs;
	agg = FL_ARENA_NEW(b->arena, struct fl_agg);
	agg->fn = fn;
	if (!ast->flag)
		FL_TRY(bind_expr(b, &inner, ast->args->items[0], &agg->arg));
	inner.clause = "FILTER";
	if (ast->filter != NULL)
		FL_TRY(bind_condition(b, &inner, ast->filter, &agg->filter));
	if (agg->arg != NULL && agg->arg->type.id == FL_TYPE_ARRAY)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "%s of an ARRAY is not supported", fn->name);
	if (fn->type_rule(agg->arg != NULL ? &agg->arg->type : NULL, &agg->result,
	    &agg->acc_size, &err) != FL_OK)
		return fail_from(b, &err, ast->line, ast->col);
	/* With FILTER no row may be left. */
	if (agg->filter != NULL && strcasecmp(fn->name, "COUNT") != 0)
		agg->result.nullable = true;
	if (agg->arg != NULL)
		agg->name = innermost_column(agg->arg, scope->rel);
	for (i = 0; i < aggs->count; i++)
		if (same_agg(aggs->items[i], agg))
			break;
	if (i == aggs->count)
		fl_ast_append(b->arena, aggs, agg);
	*out = fl_expr_column(b->arena, AGG_COLUMN_AGG + i, &agg->result);
	stamp_place(*out, ast->line, ast->col);
	return FL_OK;
}

static enum fl_code
bind_over(struct bind *b, const struct ast_expr *ast)
{
	if (bind_is_rank(ast))
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "ROW_NUMBER() inside an expression is not supported: select it under a name of "
		    "its own");
	if (strcasecmp(ast->text, "RANK") == 0 || strcasecmp(ast->text, "DENSE_RANK") == 0)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "%s() OVER is not supported, only ROW_NUMBER()", ast->text);
	return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
	    "%s(...) OVER (...) is not supported: aggregate in a window with "
	    "TABLE(TUMBLE(...)) and GROUP BY window_start, window_end", ast->text);
}

/* What it gives is the watermark of the row's partition, so it needs a row and the
 * table's own time; a fired row has neither. */
static enum fl_code
check_watermark(struct bind *b, const struct scope *scope, const struct ast_expr *ast,
    const struct fl_expr *arg)
{
	char text[64];

	if (scope->agg != NULL ||
	    (scope->rel->stage != REL_ROWS && scope->rel->stage != REL_WINDOWED))
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "CURRENT_WATERMARK() over the rows of a window's result is not supported: call it "
		    "below the aggregate");
	if (arg->kind != FL_EXPR_COLUMN || scope->rel->cols[arg->column].time != FL_TIME_EVENT)
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col,
		    "a rowtime attribute is a column with WATERMARK FOR it, passed on unchanged",
		    "CURRENT_WATERMARK() must be called with a single rowtime attribute argument, but it "
		    "got a value of type %s", fl_type_print(&arg->type, text, sizeof(text)));
	return FL_OK;
}

/* WEEK is a name to the grammar, in TIMESTAMPDIFF(WEEK, a, b) a unit. */
static void
name_as_unit(struct bind *b, struct ast_expr *arg)
{
	char *unit, *p;

	if (arg->kind != AST_NAME || arg->args->count != 1)
		return;
	unit = fl_arena_strdup(b->arena, name_part(arg, 0));
	for (p = unit; *p != '\0'; p++)
		*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
	arg->kind = AST_UNIT;
	arg->unit = unit;
}

/* Stands alone as a value only with its parentheses, except CURRENT_DATE and kin. */
static enum fl_code
bind_ast_call(struct bind *b, const struct scope *scope, const struct ast_expr *ast,
    struct fl_expr **out)
{
	bool takes_unit = bind_choice("TIMESTAMPDIFF|TIMESTAMPADD", ast->text, true) >= 0;
	struct fl_expr **args;
	uint32_t count, i;

	if (ast->over != NULL)
		return bind_over(b, ast);
	if (ast->flag && ast->negated &&
	    bind_choice("CURRENT_DATE|CURRENT_TIME|CURRENT_TIMESTAMP|LOCALTIME|LOCALTIMESTAMP",
		ast->text, true) < 0)
		return BIND_FAIL(b, FL_E_SQL_SYNTAX, ast->line, ast->col,
		    fl_arena_printf(b->arena, "as a name it needs back-ticks: `%s`", ast->text),
		    "\"%s\" is a reserved word; as a name it needs back-ticks: `%s`", ast->text, ast->text);
	if (bind_choice("ROW_NUMBER|RANK|DENSE_RANK", ast->text, true) >= 0)
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
		    "%s() needs OVER (PARTITION BY window_start, window_end ORDER BY ...)", ast->text);
	if (is_aggregate_name(ast->text))
		return bind_aggregate(b, scope, ast, out);
	if (ast->filter != NULL || ast->distinct || (ast->flag && !ast->negated))
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
		    "%.60s is no aggregate: it takes no %s", ast->text,
		    ast->filter != NULL ? "FILTER" : ast->distinct ? "DISTINCT" : "*");
	if (bind_is_refused(BIND_REFUSED_FUNCTION, ast->text))
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "the function %.60s is not supported", ast->text);
	for (i = 0; i < ast->args->count; i++) {
		const struct ast_expr *arg = ast->args->items[i];

		if (arg->kind == AST_UNIT && (i > 0 || !takes_unit))
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, arg->line, arg->col,
			    "seconds: EXTRACT(EPOCH FROM x)",
			    "%.60s with a time unit is not supported", ast->text);
	}
	if (strcasecmp(ast->text, "TUMBLE") == 0 || strcasecmp(ast->text, "HOP") == 0) {
		bool hops = strcasecmp(ast->text, "HOP") == 0;
		const char *name = hops ? "HOP" : "TUMBLE", *sizes = hops ? "slide, size" : "size";

		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "the old group window %s(ts, %s) is not supported: write FROM "
		    "TABLE(%s(TABLE t, DESCRIPTOR(ts), %s)) GROUP BY window_start, window_end", name, sizes,
		    name, sizes);
	}
	if (takes_unit && ast->args->count > 0)
		name_as_unit(b, ast->args->items[0]);
	FL_TRY(bind_args(b, scope, ast, 0, &args, &count));
	if (strcasecmp(ast->text, "CURRENT_WATERMARK") == 0 && count == 1)
		FL_TRY(check_watermark(b, scope, ast, args[0]));
	return bind_call(b, ast->text, args, count, ast->line, ast->col, out);
}

/* ---- operators ---- */

static enum fl_code
bind_op(struct bind *b, const struct scope *scope, const struct ast_expr *ast, struct fl_expr **out)
{
	struct fl_expr **args;
	const struct ast_expr *first = ast->args->items[0];
	uint32_t count;

	if (ast->args->count == 1 && first->kind == AST_NUMBER)
		return bind_number(b, first, true, out);
	if (ast->args->count == 1 && first->kind == AST_INTERVAL)
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col,
		    "put the sign inside: INTERVAL '-6' SECOND",
		    "Cannot apply '-' to an INTERVAL literal: write the sign inside the quotes");
	FL_TRY(bind_args(b, scope, ast, 0, &args, &count));
	return bind_call(b, ast->text, args, count, ast->line, ast->col, out);
}

static enum fl_code
negate(struct bind *b, bool negated, struct fl_expr *expr, const struct ast_expr *ast,
    struct fl_expr **out)
{
	struct fl_expr **args;

	*out = expr;
	if (!negated)
		return FL_OK;
	args = FL_ARENA_ARRAY(b->arena, struct fl_expr *, 1);
	args[0] = expr;
	return bind_call(b, "NOT", args, 1, ast->line, ast->col, out);
}

static enum fl_code
bind_is(struct bind *b, const struct scope *scope, const struct ast_expr *ast, struct fl_expr **out)
{
	static const char *const NAMES[][2] = {
		[AST_IS_NULL] = { "IS NULL", "IS NOT NULL" },
		[AST_IS_TRUE] = { "IS TRUE", "IS NOT TRUE" },
		[AST_IS_FALSE] = { "IS FALSE", "IS NOT FALSE" },
		[AST_IS_UNKNOWN] = { "IS UNKNOWN", "IS NOT UNKNOWN" },
		[AST_IS_DISTINCT] = { "IS DISTINCT FROM", "IS NOT DISTINCT FROM" },
	};
	struct fl_expr **args;
	uint32_t count;

	FL_TRY(bind_args(b, scope, ast, 0, &args, &count));
	return bind_call(b, NAMES[ast->test][ast->negated], args, count, ast->line, ast->col, out);
}

/* x BETWEEN low AND high: x >= low AND x <= high, x bound anew for each. */
static enum fl_code
bind_range(struct bind *b, const struct scope *scope, const struct ast_expr *ast, uint32_t low,
    uint32_t high, struct fl_expr **out)
{
	struct fl_expr **args = FL_ARENA_ARRAY(b->arena, struct fl_expr *, 6);

	FL_TRY(bind_expr(b, scope, ast->args->items[0], &args[2]));
	FL_TRY(bind_expr(b, scope, ast->args->items[low], &args[3]));
	FL_TRY(bind_call(b, ">=", args + 2, 2, ast->line, ast->col, &args[0]));
	FL_TRY(bind_expr(b, scope, ast->args->items[0], &args[4]));
	FL_TRY(bind_expr(b, scope, ast->args->items[high], &args[5]));
	FL_TRY(bind_call(b, "<=", args + 4, 2, ast->line, ast->col, &args[1]));
	return bind_call(b, "AND", args, 2, ast->line, ast->col, out);
}

static enum fl_code
bind_between(struct bind *b, const struct scope *scope, const struct ast_expr *ast,
    struct fl_expr **out)
{
	struct fl_expr **args = FL_ARENA_ARRAY(b->arena, struct fl_expr *, 2);

	FL_TRY(bind_range(b, scope, ast, 1, 2, &args[0]));
	if (ast->flag) {
		FL_TRY(bind_range(b, scope, ast, 2, 1, &args[1]));
		FL_TRY(bind_call(b, "OR", args, 2, ast->line, ast->col, &args[0]));
	}
	return negate(b, ast->negated, args[0], ast, out);
}

/* Flink makes the literals of a list the type of x: 2.5 among integers becomes 2. */
static enum fl_code
check_member(struct bind *b, const struct ast_expr *at, struct fl_expr **pair)
{
	enum fl_type_id type = (enum fl_type_id)pair[0]->type.id;
	const struct fl_expr *value = pair[1];
	struct fl_type real = fl_type_make(FL_TYPE_FLOAT, false);
	char text[64];
	bool is_whole = true;

	if (value->kind != FL_EXPR_LITERAL || value->value.is_null)
		return FL_OK;
	if (type == FL_TYPE_FLOAT && value->type.id == FL_TYPE_DECIMAL)
		return bind_cast(b, pair[1], &real, at->line, at->col, &pair[1]);
	if (!fl_type_is_integer(type))
		return FL_OK;
	if (value->type.id == FL_TYPE_DECIMAL) {
		fl_i128 unit = 1;
		uint32_t i;

		for (i = 0; i < value->type.scale; i++)
			unit *= 10;
		is_whole = value->value.i128 % unit == 0;
	} else if (value->type.id == FL_TYPE_DOUBLE) {
		is_whole = value->value.f64 == floor(value->value.f64);
	}
	if (is_whole)
		return FL_OK;
	return BIND_FAIL(b, FL_E_SQL_BIND, at->line, at->col, NULL,
	    "a number that is not whole in a list for %s: Flink would cut it; write x = ... OR x = ...",
	    fl_type_print(&pair[0]->type, text, sizeof(text)));
}

static enum fl_code
bind_in(struct bind *b, const struct scope *scope, const struct ast_expr *ast, struct fl_expr **out)
{
	uint32_t n = ast->args->count - 1, i;
	struct fl_expr **tests = FL_ARENA_ARRAY(b->arena, struct fl_expr *, n), *any;

	for (i = 0; i < n; i++) {
		struct fl_expr **args = FL_ARENA_ARRAY(b->arena, struct fl_expr *, 2);

		FL_TRY(bind_expr(b, scope, ast->args->items[0], &args[0]));
		FL_TRY(bind_expr(b, scope, ast->args->items[i + 1], &args[1]));
		FL_TRY(check_member(b, ast->args->items[i + 1], args));
		FL_TRY(bind_call(b, "=", args, 2, ast->line, ast->col, &tests[i]));
	}
	any = tests[0];
	if (n > 1)
		FL_TRY(bind_call(b, "OR", tests, n, ast->line, ast->col, &any));
	return negate(b, ast->negated, any, ast, out);
}

static enum fl_code
bind_like(struct bind *b, const struct scope *scope, const struct ast_expr *ast, struct fl_expr **out)
{
	struct fl_expr **args, *like;
	uint32_t count;

	FL_TRY(bind_args(b, scope, ast, 0, &args, &count));
	FL_TRY(bind_call(b, "LIKE", args, count, ast->line, ast->col, &like));
	return negate(b, ast->negated, like, ast, out);
}

static enum fl_code
bind_case(struct bind *b, const struct scope *scope, const struct ast_expr *ast, struct fl_expr **out)
{
	uint32_t from = ast->flag ? 1 : 0, count = ast->args->count - from, i;
	struct fl_expr **args = FL_ARENA_ARRAY(b->arena, struct fl_expr *, count);

	for (i = 0; i < count; i++) {
		const struct ast_expr *arg = ast->args->items[from + i];

		FL_TRY(bind_expr(b, scope, arg, &args[i]));
		if (ast->flag && i + 1 < count && i % 2 == 0) {
			struct fl_expr **pair = FL_ARENA_ARRAY(b->arena, struct fl_expr *, 2);

			FL_TRY(bind_expr(b, scope, ast->args->items[0], &pair[0]));
			pair[1] = args[i];
			FL_TRY(bind_call(b, "=", pair, 2, arg->line, arg->col, &args[i]));
		}
	}
	return bind_call(b, "CASE", args, count, ast->line, ast->col, out);
}

static enum fl_code
bind_ast_cast(struct bind *b, const struct scope *scope, const struct ast_expr *ast,
    struct fl_expr **out)
{
	struct fl_err err = { .code = FL_OK };
	struct fl_expr *arg;
	struct fl_type type;

	FL_TRY(bind_expr(b, scope, ast->args->items[0], &arg));
	FL_TRY(bind_type(b, ast->type, &type));
	type.nullable = arg->type.nullable;
	if (fl_expr_cast(b->arena, arg, &type, ast->flag, out, &err) != FL_OK)
		return fail_from(b, &err, ast->line, ast->col);
	stamp_place(*out, ast->line, ast->col);
	return FL_OK;
}

/* A time unit reaches lib/expr as its name. */
static struct fl_expr *
unit_literal(struct bind *b, const struct ast_expr *ast)
{
	struct fl_type type = fl_type_make(FL_TYPE_CHAR, false);
	struct fl_expr *expr;

	type.length = (uint32_t)strlen(ast->unit);
	expr = make_literal(b, type);
	expr->value.str.p = ast->unit;
	expr->value.str.size = type.length;
	return expr;
}

/* x[i]; as Flink, a constant i is checked. */
static enum fl_code
bind_index(struct bind *b, const struct scope *scope, const struct ast_expr *ast,
    struct fl_expr **out)
{
	const struct ast_expr *at = ast->args->items[1];
	struct fl_err err = { .code = FL_OK };
	struct fl_expr *args[2];
	struct fl_value value;

	FL_TRY(bind_expr(b, scope, ast->args->items[0], &args[0]));
	FL_TRY(bind_expr(b, scope, at, &args[1]));
	FL_TRY(bind_call(b, "[]", args, 2, ast->line, ast->col, out));
	if (!fl_expr_is_const(args[1]) ||
	    fl_expr_const(args[1], "UTC", b->arena, &value, &err) != FL_OK)
		return FL_OK;
	if (!value.is_null && value.i64 < 1)
		return BIND_FAIL(b, FL_E_SQL_BIND, at->line, at->col, NULL,
		    "Array element access needs an index starting at 1 but was %" PRId64 ".", value.i64);
	return FL_OK;
}

static enum fl_code
bind_extract(struct bind *b, const struct scope *scope, const struct ast_expr *ast,
    struct fl_expr **out)
{
	struct fl_expr **args = FL_ARENA_ARRAY(b->arena, struct fl_expr *, 2);

	args[0] = unit_literal(b, ast);
	FL_TRY(bind_expr(b, scope, ast->args->items[0], &args[1]));
	return bind_call(b, "EXTRACT", args, 2, ast->line, ast->col, out);
}

/* ---- JSON_VALUE, JSON_EXISTS ---- */

static struct fl_expr *
word_literal(struct bind *b, const char *word)
{
	struct ast_expr ast = { .unit = word };

	return unit_literal(b, &ast);
}

/* DEFAULT x: a constant that widens to the type returned. */
static enum fl_code
bind_default(struct bind *b, const struct scope *scope, const struct ast_expr *ast,
    const struct fl_type *type, struct fl_expr **out)
{
	char have[64], want[64];

	FL_TRY(bind_expr(b, scope, ast, out));
	if (!fl_expr_is_const(*out) || !fl_type_can_widen(&(*out)->type, type))
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
		    "DEFAULT of JSON_VALUE must be a constant of type %s, got %s of type %s",
		    fl_type_print(type, want, sizeof(want)),
		    fl_expr_is_const(*out) ? "a constant" : "an expression",
		    fl_type_print(&(*out)->type, have, sizeof(have)));
	return bind_cast(b, *out, type, ast->line, ast->col, out);
}

/* JSON_VALUE reaches lib/expr as (text, path, NULL of the type returned, word and default ON
 * EMPTY, word and default ON ERROR), JSON_EXISTS as (text, path, word ON ERROR). */
static enum fl_code
bind_json(struct bind *b, const struct scope *scope, const struct ast_expr *ast, struct fl_expr **out)
{
	struct fl_expr **args = FL_ARENA_ARRAY(b->arena, struct fl_expr *, 7);
	struct fl_type type = fl_type_make(FL_TYPE_VARCHAR, true);
	bool given[2] = { false, false };
	uint32_t i;

	FL_TRY(bind_expr(b, scope, ast->args->items[0], &args[0]));
	FL_TRY(bind_expr(b, scope, ast->args->items[1], &args[1]));
	if (ast->flag) {
		const struct ast_expr *word = ast->args->count > 2 ? ast->args->items[2] : NULL;

		args[2] = word_literal(b, word != NULL ? word->unit : "FALSE");
		return bind_call(b, "JSON_EXISTS", args, 3, ast->line, ast->col, out);
	}
	if (ast->type != NULL)
		FL_TRY(bind_type(b, ast->type, &type));
	type.nullable = true;
	args[2] = args[4] = args[6] = make_literal(b, type);
	args[2]->value.is_null = true;
	args[3] = args[5] = word_literal(b, "NULL");
	for (i = 2; i < ast->args->count; i++) {
		const struct ast_expr *word = ast->args->items[i];
		uint32_t at = word->flag ? 3 : 5;

		if (given[word->flag])
			return BIND_FAIL(b, FL_E_SQL_BIND, word->line, word->col, NULL,
			    "JSON_VALUE has more than one %s", word->flag ? "ON EMPTY" : "ON ERROR");
		given[word->flag] = true;
		args[at] = word_literal(b, word->unit);
		if (word->args->count > 0)
			FL_TRY(bind_default(b, scope, word->args->items[0], &type, &args[at + 1]));
	}
	return bind_call(b, "JSON_VALUE", args, 7, ast->line, ast->col, out);
}

/* ---- all of it ---- */

static enum fl_code
bind_parts(struct bind *b, const struct scope *scope, const struct ast_expr *ast, struct fl_expr **out)
{
	struct fl_type type;
	struct fl_expr **args;
	uint32_t count;

	switch (ast->kind) {
	case AST_NAME:
		return bind_name(b, scope, ast, out);
	case AST_NUMBER:
		return bind_number(b, ast, false, out);
	case AST_STRING:
		type = fl_type_make(FL_TYPE_CHAR, false);
		type.length = count_chars(ast->text, ast->size);
		*out = make_literal(b, type);
		(*out)->value.str.p = ast->text;
		(*out)->value.str.size = ast->size;
		return FL_OK;
	case AST_TRUE:
	case AST_FALSE:
		*out = make_literal(b, fl_type_make(FL_TYPE_BOOLEAN, false));
		(*out)->value.boolean = ast->kind == AST_TRUE;
		return FL_OK;
	case AST_NULL:
		*out = make_literal(b, fl_type_make(ast->flag ? FL_TYPE_BOOLEAN : FL_TYPE_NULL, true));
		(*out)->value.is_null = true;
		return FL_OK;
	case AST_INTERVAL:
		return bind_interval(b, ast, out);
	case AST_TIMESTAMP:
	case AST_DATE:
		return bind_time_literal(b, ast, out);
	case AST_OP:
		return bind_op(b, scope, ast, out);
	case AST_AND:
	case AST_OR:
	case AST_NOT:
		FL_TRY(bind_args(b, scope, ast, 0, &args, &count));
		return bind_call(b, ast->kind == AST_AND ? "AND" : ast->kind == AST_OR ? "OR" : "NOT",
		    args, count, ast->line, ast->col, out);
	case AST_IS:
		return bind_is(b, scope, ast, out);
	case AST_BETWEEN:
		return bind_between(b, scope, ast, out);
	case AST_IN:
		return bind_in(b, scope, ast, out);
	case AST_LIKE:
		return bind_like(b, scope, ast, out);
	case AST_CASE:
		return bind_case(b, scope, ast, out);
	case AST_CAST:
		return bind_ast_cast(b, scope, ast, out);
	case AST_EXTRACT:
		return bind_extract(b, scope, ast, out);
	case AST_JSON:
		return bind_json(b, scope, ast, out);
	case AST_UNIT: /* of TIMESTAMPDIFF and TIMESTAMPADD only */
		*out = unit_literal(b, ast);
		return FL_OK;
	case AST_CALL:
		return bind_ast_call(b, scope, ast, out);
	case AST_INDEX:
		return bind_index(b, scope, ast, out);
	case AST_SUBQUERY:
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "a subquery as a value is not supported");
	case AST_DESCRIPTOR:
	case AST_TABLE:
	case AST_NAMED:
	case AST_ROW:
	case AST_STAR:
		break;
	}
	return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
	    "this is no value: it belongs into a window function");
}

/* Is ast, bound over the input, one of the keys? */
static bool
find_key(struct bind *b, const struct scope *scope, const struct ast_expr *ast, struct fl_expr **out)
{
	struct scope inner = { .rel = scope->rel, .clause = scope->clause };
	struct fl_source quiet = *b->src, *loud = b->src;
	struct fl_err err = { .code = FL_OK };
	struct fl_expr *expr;
	enum fl_code code;
	uint32_t i;

	quiet.detail = NULL;
	quiet.err = &err;
	b->src = &quiet;
	code = bind_expr(b, &inner, ast, &expr);
	b->src = loud;
	if (code != FL_OK)
		return false;
	i = bind_expr_find(scope->agg->keys, scope->agg->key_count, expr);
	if (i == scope->agg->key_count)
		return false;
	*out = fl_expr_column(b->arena, i, &expr->type);
	return true;
}

enum fl_code
bind_expr(struct bind *b, const struct scope *scope, const struct ast_expr *ast, struct fl_expr **out)
{
	FL_TRY(count_expr(b, ast));
	if (scope->agg == NULL || scope->agg->key_count == 0 || bind_has_aggregate(ast) ||
	    !find_key(b, scope, ast, out))
		FL_TRY(bind_parts(b, scope, ast, out));
	stamp_place(*out, ast->line, ast->col);
	return FL_OK;
}

enum fl_code
bind_condition(struct bind *b, const struct scope *scope, const struct ast_expr *ast,
    struct fl_expr **out)
{
	char text[64];

	FL_TRY(bind_expr(b, scope, ast, out));
	if ((*out)->type.id == FL_TYPE_NULL) {
		struct fl_type type = fl_type_make(FL_TYPE_BOOLEAN, true);

		return bind_cast(b, *out, &type, ast->line, ast->col, out);
	}
	if ((*out)->type.id != FL_TYPE_BOOLEAN)
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
		    "%s clause must be a condition, got %s", scope->clause,
		    fl_type_print(&(*out)->type, text, sizeof(text)));
	return FL_OK;
}
