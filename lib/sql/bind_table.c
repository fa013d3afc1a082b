/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind_table.c - CREATE TABLE, DROP, and after all statements: which tables are
 * streams and sinks, and whether their formats can be read and written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"
#include "codec/codec.h"

/* ---- names ---- */

struct bind_table *
bind_table_find(const struct bind *b, const char *name)
{
	struct bind_table *bt;

	for (bt = b->tables; bt != NULL; bt = bt->next)
		if (!bt->dropped && strcmp(bt->table->name, name) == 0)
			return bt;
	return NULL;
}

struct bind_view *
bind_view_find(struct bind_view *views, const char *name)
{
	for (; views != NULL; views = views->next)
		if (!views->dropped && strcmp(views->name, name) == 0)
			return views;
	return NULL;
}

enum fl_code
bind_table_missing(struct bind *b, const struct fl_token *name)
{
	const char *names[256];
	const struct bind_table *bt;
	const struct bind_view *view;
	uint32_t n = 0;
	const char *hint;

	for (bt = b->tables; bt != NULL && n < FL_ARRAY_COUNT(names); bt = bt->next)
		if (!bt->dropped)
			names[n++] = bt->table->name;
	for (view = b->views; view != NULL && n < FL_ARRAY_COUNT(names); view = view->next)
		if (!view->dropped)
			names[n++] = view->name;
	hint = bind_did_you_mean(b, name->text, names, n);
	return BIND_FAIL(b, FL_E_SQL_BIND, name->line, name->col, hint, "Object '%.80s' not found%s%s",
	    name->text, hint != NULL ? "; " : "", hint != NULL ? hint : "");
}

/* Is the name free?  *skip: it is not, and IF NOT EXISTS says that is well. */
static enum fl_code
check_free(struct bind *b, const struct ast_create *ast, const char *kind, bool *skip)
{
	*skip = false;
	if (bind_table_find(b, ast->name->text) == NULL && bind_view_find(b->views, ast->name->text) == NULL)
		return FL_OK;
	if (ast->if_not_exists) {
		*skip = true;
		bind_notice(b, ast->name->line, "%s '%s' exists already; this one is skipped", kind,
		    ast->name->text);
		return FL_OK;
	}
	return BIND_FAIL(b, FL_E_SQL_BIND, ast->name->line, ast->name->col, NULL,
	    "%s '%.80s' already exists", kind, ast->name->text);
}

/* ---- columns ---- */

static const struct {
	const char *key;
	enum fl_type_id id;
	bool nullable, writable;
} METADATA[] = {
	{ "topic", FL_TYPE_VARCHAR, false, true },
	{ "partition", FL_TYPE_INT, false, false },
	{ "offset", FL_TYPE_BIGINT, false, false },
	{ "timestamp", FL_TYPE_TIMESTAMP_LTZ, false, true },
};

static enum fl_code
bind_metadata(struct bind *b, struct fl_table *t, const struct ast_column *ast, struct fl_column *col)
{
	const char *key = ast->metadata_key != NULL ? ast->metadata_key->text : ast->name->text;
	const struct fl_token *at = ast->metadata_key != NULL ? ast->metadata_key : ast->name;
	const struct fl_table *from = t->letters != NULL ? t->letters->of : t;
	const char *names[FL_ARRAY_COUNT(METADATA)];
	char want[64], got[64];
	struct fl_type type;
	size_t i;

	col->kind = FL_COLUMN_METADATA;
	col->metadata_key = key;
	col->is_virtual = ast->is_virtual;
	if (bind_is_refused(BIND_REFUSED_METADATA, key))
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, at->line, at->col, NULL,
		    "the metadata column '%s' is not supported; there are topic, partition, offset, "
		    "timestamp", key);
	if (from->connector != FL_CONNECTOR_KAFKA && from->connector != FL_CONNECTOR_TEST)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, at->line, at->col, NULL,
		    "metadata columns of this connector are not supported");
	for (i = 0; i < FL_ARRAY_COUNT(METADATA); i++) {
		names[i] = METADATA[i].key;
		if (strcmp(key, METADATA[i].key) == 0)
			break;
	}
	if (i == FL_ARRAY_COUNT(METADATA))
		return BIND_FAIL(b, FL_E_SQL_BIND, at->line, at->col,
		    bind_did_you_mean(b, key, names, FL_ARRAY_COUNT(names)),
		    "Invalid metadata key '%.80s' in column '%.80s' of table '%.80s'. The table supports "
		    "the metadata columns topic, partition, offset, timestamp", key, ast->name->text, t->name);
	type = fl_type_make(METADATA[i].id, col->type.nullable);
	type.length = METADATA[i].id == FL_TYPE_VARCHAR ? FL_LENGTH_MAX : 0;
	type.precision = METADATA[i].id == FL_TYPE_TIMESTAMP_LTZ ? 3 : 0;
	if (!fl_type_equal(&type, &col->type))
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->type->line, ast->type->col, NULL,
		    "the metadata column '%.80s' is declared %s, '%s' is %s: declare it so, and CAST in the "
		    "query", ast->name->text, fl_type_print(&col->type, got, sizeof(got)), key,
		    fl_type_print(&type, want, sizeof(want)));
	return FL_OK;
}

static bool
is_proctime(const struct fl_expr *expr)
{
	return expr->kind == FL_EXPR_CALL && strcmp(expr->fn->name, "PROCTIME") == 0;
}

/* Columns that expressions of the table may see; computed ones only if asked. */
static struct rel
table_rel(struct bind *b, const struct fl_table *t, bool with_computed)
{
	struct rel rel = { .count = t->column_count };
	uint32_t i;

	rel.cols = FL_ARENA_ARRAY(b->arena, struct rel_col, t->column_count);
	for (i = 0; i < t->column_count; i++) {
		const struct fl_column *col = &t->columns[i];

		rel.cols[i].qualifier = t->name;
		rel.cols[i].type = col->type;
		rel.cols[i].in = col->in;
		/* A computed column cannot see another: its name is no name then. */
		rel.cols[i].name = with_computed || col->kind != FL_COLUMN_COMPUTED ? col->name : "";
	}
	return rel;
}

static enum fl_code
bind_computed(struct bind *b, struct fl_table *t, const struct ast_create *ast)
{
	struct rel rel = table_rel(b, t, false);
	struct scope scope = { .rel = &rel, .clause = "a computed column" };
	uint32_t i, at = 0;

	for (i = 0; i < t->column_count; i++) {
		const struct ast_column *from;
		struct fl_column *col = &t->columns[i];

		if (col->kind != FL_COLUMN_COMPUTED)
			continue;
		do
			from = ast->columns->items[at++];
		while (from->kind != AST_COLUMN_COMPUTED);
		FL_TRY(bind_expr(b, &scope, from->computed, &col->computed));
		col->type = col->computed->type;
		if (is_proctime(col->computed))
			col->time = FL_TIME_PROC;
		if (col->type.id == FL_TYPE_NULL)
			return BIND_FAIL(b, FL_E_SQL_BIND, from->name->line, from->name->col,
			    "CAST(NULL AS type)", "the type of column '%.80s' is not known", col->name);
	}
	return FL_OK;
}

static bool
is_rowtime_type(const struct fl_type *type)
{
	return type->id == FL_TYPE_TIMESTAMP || type->id == FL_TYPE_TIMESTAMP_LTZ;
}

static enum fl_code
bind_watermark(struct bind *b, struct fl_table *t, const struct ast_watermark *ast)
{
	struct rel rel = table_rel(b, t, true);
	struct scope scope = { .rel = &rel, .clause = "WATERMARK" };
	struct ast_list parts = { .count = 1, .items = (void *[]){ ast->column } };
	struct ast_expr name = { .kind = AST_NAME, .line = ast->column->line,
		.col = ast->column->col, .args = &parts };
	struct fl_column *col;
	uint32_t index;
	char text[64];

	FL_TRY(bind_find(b, &scope, &name, &index));
	col = &t->columns[index];
	if (!is_rowtime_type(&col->type))
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->column->line, ast->column->col,
		    "from seconds: ts AS TO_TIMESTAMP_LTZ(x, 0); from milliseconds: TO_TIMESTAMP_LTZ(x, 3)",
		    "Invalid data type of time field for watermark definition. The field must be of type "
		    "TIMESTAMP(p) or TIMESTAMP_LTZ(p), the supported precision 'p' is from 0 to 3, but the "
		    "time field type is %s", fl_type_print(&col->type, text, sizeof(text)));
	if (col->time == FL_TIME_PROC)
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->column->line, ast->column->col, NULL,
		    "A watermark can not be defined for a processing-time attribute.");
	FL_TRY(bind_expr(b, &scope, ast->expr, &t->watermark));
	if (t->watermark->type.id != col->type.id)
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->expr->line, ast->expr->col, NULL,
		    "Invalid data type of expression for watermark definition. The field must be of type "
		    "TIMESTAMP(p) or TIMESTAMP_LTZ(p), the supported precision 'p' is from 0 to 3, but the "
		    "watermark expression type is %s",
		    fl_type_print(&t->watermark->type, text, sizeof(text)));
	col->time = FL_TIME_EVENT;
	t->rowtime = (int32_t)index;
	return FL_OK;
}

static enum fl_code
bind_primary(struct bind *b, struct fl_table *t, const struct ast_create *ast)
{
	uint32_t i, k, j;

	if (ast->primary == NULL)
		return FL_OK;
	t->primary_key = FL_ARENA_ARRAY(b->arena, uint32_t, ast->primary->count);
	for (i = 0; i < ast->primary->count; i++) {
		const struct fl_token *name = ast->primary->items[i];

		for (k = 0; k < t->column_count; k++)
			if (t->columns[k].in == NULL && strcmp(t->columns[k].name, name->text) == 0)
				break;
		if (k == t->column_count || t->columns[k].kind != FL_COLUMN_PHYSICAL)
			return BIND_FAIL(b, FL_E_SQL_BIND, name->line, name->col, NULL,
			    "Primary key column '%.80s' is not defined in the schema as a physical column",
			    name->text);
		t->columns[k].type.nullable = false; /* as Flink makes it */
		t->primary_key[i] = 0;
		for (j = 0; j < k; j++)
			t->primary_key[i] += t->columns[j].kind == FL_COLUMN_PHYSICAL;
		for (j = 0; j < i; j++)
			if (t->primary_key[j] == t->primary_key[i])
				return BIND_FAIL(b, FL_E_SQL_BIND, name->line, name->col, NULL,
				    "Primary key column '%.80s' is named twice", name->text);
		t->primary_key_count = i + 1;
	}
	return FL_OK;
}

/* The physical column of that name, by its number among them; -1: there is none. */
static int
find_physical(const struct fl_table *t, const char *name)
{
	int at = 0;

	for (uint32_t k = 0; k < t->column_count; k++) {
		if (t->columns[k].kind != FL_COLUMN_PHYSICAL)
			continue;
		if (t->columns[k].in == NULL && strcmp(t->columns[k].name, name) == 0)
			return at;
		at++;
	}
	return -1;
}

static enum fl_code
bind_partitions(struct bind *b, struct fl_table *t, const struct ast_create *ast)
{
	char text[64];

	if (ast->partitioned == NULL)
		return FL_OK;
	t->partitions = FL_ARENA_ARRAY(b->arena, uint32_t, ast->partitioned->count);
	for (uint32_t i = 0; i < ast->partitioned->count; i++) {
		const struct fl_token *name = ast->partitioned->items[i];
		int index = find_physical(t, name->text);
		const struct fl_type *type;

		if (t->connector != FL_CONNECTOR_FILESYSTEM)
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, name->line, name->col, NULL,
			    "table '%.80s': PARTITIONED BY is for the connector 'filesystem'", t->name);
		if (index < 0)
			return BIND_FAIL(b, FL_E_SQL_BIND, name->line, name->col, NULL,
			    "Partition column '%.80s' not defined in the table schema as a physical column", name->text);
		type = &t->physical.fields[index].type;
		if (!fl_type_is_string((enum fl_type_id)type->id) && !fl_type_is_integer((enum fl_type_id)type->id) &&
		    type->id != FL_TYPE_BOOLEAN)
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, name->line, name->col,
			    "declare it STRING, and write CAST or DATE_FORMAT in the query",
			    "the partition column '%.80s' is %s: only texts, integers and BOOLEAN name directories",
			    name->text, fl_type_print(type, text, sizeof(text)));
		for (uint32_t k = 0; k < i; k++)
			if (t->partitions[k] == (uint32_t)index)
				return BIND_FAIL(b, FL_E_SQL_BIND, name->line, name->col, NULL,
				    "Partition column '%.80s' is named twice", name->text);
		t->partitions[t->partition_count++] = (uint32_t)index;
	}
	if (t->partition_count == t->physical.count)
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->name->line, ast->name->col, NULL,
		    "table '%.80s': all columns are partition columns, so there is nothing for the files", t->name);
	return FL_OK;
}

#define ROW_DEPTH_MAX 16u /* ROWs within ROWs: decoders recurse so deep */

static uint32_t
count_leaves(const struct ast_type *type)
{
	uint32_t count = 0, i;

	if (type == NULL || type->fields == NULL)
		return 1;
	for (i = 0; i < type->fields->count; i++)
		count += count_leaves(((const struct ast_type_field *)type->fields->items[i])->type);
	return count;
}

static enum fl_code
exists_already(struct bind *b, const struct fl_table *t, const struct fl_token *at, const char *name)
{
	return BIND_FAIL(b, FL_E_SQL_BIND, at->line, at->col, NULL,
	    "A column named '%.80s' already exists in table '%.80s'.", name, t->name);
}

/* A ROW is the columns that its fields are. */
static enum fl_code
bind_row(struct bind *b, struct fl_table *t, const struct fl_token *name, const struct ast_type *ast,
    const struct fl_row_type *in)
{
	struct fl_row_type *row = FL_ARENA_NEW(b->arena, struct fl_row_type);
	uint32_t i, k;

	row->name = in != NULL ? fl_arena_printf(b->arena, "%s.%s", in->name, name->text) : name->text;
	row->in = in;
	row->nullable = ast->nullable;
	if (fl_row_depth(row) > ROW_DEPTH_MAX)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "ROWs nest deeper than %u", ROW_DEPTH_MAX);
	for (i = 0; i < ast->fields->count; i++) {
		const struct ast_type_field *field = ast->fields->items[i];
		struct fl_column *col = &t->columns[t->column_count];
		const char *path = fl_arena_printf(b->arena, "%s.%s", row->name, field->name->text);

		for (k = 0; k < i; k++)
			if (strcmp(((const struct ast_type_field *)ast->fields->items[k])->name->text,
			    field->name->text) == 0)
				return BIND_FAIL(b, FL_E_SQL_BIND, field->name->line, field->name->col, NULL,
				    "the ROW '%.80s' has two fields named '%.80s'", row->name, field->name->text);
		/* `data.name` may be a column's name, too. */
		for (k = 0; k < t->column_count; k++)
			if (strcmp(t->columns[k].name, path) == 0)
				return exists_already(b, t, field->name, path);
		if (field->type->fields != NULL) {
			FL_TRY(bind_row(b, t, field->name, field->type, row));
			continue;
		}
		t->column_count++;
		*col = (struct fl_column){ .name = path, .in = row, .stream_column = -1 };
		FL_TRY(bind_column_type(b, field->type, &col->type));
		/* A field of what may be NULL may be. */
		for (const struct fl_row_type *r = row; r != NULL; r = r->in)
			col->type.nullable |= r->nullable;
	}
	return FL_OK;
}

static enum fl_code
bind_columns(struct bind *b, struct fl_table *t, struct ast_create *ast)
{
	uint32_t i, k, count = 0;

	if (ast->columns->count == 0)
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->name->line, ast->name->col, NULL,
		    "table '%.80s' has no columns", t->name);
	for (i = 0; i < ast->columns->count; i++)
		count += count_leaves(((const struct ast_column *)ast->columns->items[i])->type);
	t->columns = FL_ARENA_ARRAY(b->arena, struct fl_column, count);
	for (i = 0; i < ast->columns->count; i++) {
		const struct ast_column *from = ast->columns->items[i];
		struct fl_column *col = &t->columns[t->column_count];

		for (k = 0; k < i; k++)
			if (strcmp(((const struct ast_column *)ast->columns->items[k])->name->text,
			    from->name->text) == 0)
				return exists_already(b, t, from->name, from->name->text);
		for (k = 0; k < t->column_count; k++)
			if (strcmp(t->columns[k].name, from->name->text) == 0)
				return exists_already(b, t, from->name, from->name->text);
		if (from->kind == AST_COLUMN_PHYSICAL && from->type->fields != NULL) {
			FL_TRY(bind_row(b, t, from->name, from->type, NULL));
			if (from->is_primary)
				return BIND_FAIL(b, FL_E_SQL_BIND, from->name->line, from->name->col, NULL,
				    "the ROW '%.80s' cannot be a PRIMARY KEY", from->name->text);
			continue;
		}
		t->column_count++;
		col->name = from->name->text;
		col->stream_column = -1;
		col->kind = from->kind == AST_COLUMN_COMPUTED ? FL_COLUMN_COMPUTED : FL_COLUMN_PHYSICAL;
		if (from->kind == AST_COLUMN_PHYSICAL)
			FL_TRY(bind_column_type(b, from->type, &col->type));
		else if (from->kind == AST_COLUMN_METADATA)
			FL_TRY(bind_type(b, from->type, &col->type));
		if (from->kind == AST_COLUMN_METADATA)
			FL_TRY(bind_metadata(b, t, from, col));
		if (from->is_primary) {
			if (ast->primary != NULL)
				return BIND_FAIL(b, FL_E_SQL_BIND, from->name->line, from->name->col, NULL,
				    "a table has at most one PRIMARY KEY");
			ast->primary = fl_ast_list(b->arena);
			fl_ast_append(b->arena, ast->primary, from->name);
		}
	}
	return FL_OK;
}

/* ---- dead letters ---- */

static const struct {
	const char *name;
	enum fl_letter_column what;
	enum fl_type_id id;
	bool is_always; /* never NULL */
} LETTERS[] = {
	{ "error", FL_LETTER_ERROR, FL_TYPE_VARCHAR, true },
	{ "field", FL_LETTER_FIELD, FL_TYPE_VARCHAR, false },
	{ "rule", FL_LETTER_RULE, FL_TYPE_VARCHAR, true },
	{ "value", FL_LETTER_VALUE, FL_TYPE_VARCHAR, false },
	{ "raw", FL_LETTER_RAW, FL_TYPE_VARBINARY, false },
	{ "topic", FL_LETTER_TOPIC, FL_TYPE_VARCHAR, true },
	{ "partition", FL_LETTER_PARTITION, FL_TYPE_INT, true },
	{ "offset", FL_LETTER_OFFSET, FL_TYPE_BIGINT, true },
};

static enum fl_code
letter_what(struct bind *b, const struct bind_table *bt, const struct fl_column *col,
    enum fl_letter_column *what)
{
	const struct fl_table *t = bt->table, *of = t->letters->of;
	char want[64], got[64];
	struct fl_type type;

	for (size_t i = 0; i < FL_ARRAY_COUNT(LETTERS); i++) {
		if (strcmp(col->name, LETTERS[i].name) != 0)
			continue;
		*what = LETTERS[i].what;
		type = fl_type_make(LETTERS[i].id, !LETTERS[i].is_always || col->type.nullable);
		type.length = fl_type_width(LETTERS[i].id) == 0 ? FL_LENGTH_MAX : 0;
		if (!fl_type_equal(&type, &col->type))
			return BIND_FAIL(b, FL_E_SQL_BIND, bt->line, bt->col, NULL,
			    "table '%.80s': the column '%s' of dead letters is declared %s, expected %s", t->name,
			    col->name, fl_type_print(&col->type, got, sizeof(got)),
			    fl_type_print(&type, want, sizeof(want)));
		return FL_OK;
	}
	*what = FL_LETTER_RECORD;
	for (uint32_t i = 0; i < of->column_count; i++) {
		const struct fl_column *other = &of->columns[i];
		const char *name = other->in != NULL ? bind_row_column(other->in) : other->name;

		if (other->kind != FL_COLUMN_PHYSICAL || strcmp(name, col->name) != 0)
			continue;
		if (of->key != NULL && !of->key->is_in_value && other->stream_column >= (int32_t)of->key->value.count)
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, bt->line, bt->col, NULL,
			    "table '%.80s': the column '%.80s' is a key field of table '%.80s': of a record that was not "
			    "decoded only the value gives fields", t->name, col->name, of->name);
		if (of->format != FL_FORMAT_JSON)
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, bt->line, bt->col, NULL,
			    "table '%.80s': the column '%.80s' is a field of table '%.80s', whose format is %s: of "
			    "a record that was not decoded only json gives fields", t->name, col->name, of->name,
			    fl_format_name(of->format));
		if (!col->type.nullable)
			return BIND_FAIL(b, FL_E_SQL_BIND, bt->line, bt->col, NULL,
			    "table '%.80s': the column '%.80s' is NOT NULL: a dead letter may lack it", t->name,
			    col->name);
		return FL_OK;
	}
	return BIND_FAIL(b, FL_E_SQL_BIND, bt->line, bt->col, NULL,
	    "table '%.80s': there is no column '%.80s' of dead letters; there are error, field, rule, value, "
	    "raw, topic, partition, offset and the columns of table '%.80s'", t->name, col->name, of->name);
}

static enum fl_letter_column
letter_metadata(const char *key)
{
	static const struct {
		const char *key;
		enum fl_letter_column what;
	} KEYS[] = { { "topic", FL_LETTER_TOPIC }, { "partition", FL_LETTER_PARTITION },
		{ "offset", FL_LETTER_OFFSET }, { "timestamp", FL_LETTER_TIMESTAMP } };
	size_t i = 0;

	while (i + 1 < FL_ARRAY_COUNT(KEYS) && strcmp(KEYS[i].key, key) != 0)
		i++;
	return KEYS[i].what;
}

/* Where its columns lie in the stream's blocks: fields of the record first, as the decoder
 * wants them; then the others. */
static enum fl_code
bind_letters(struct bind *b, const struct bind_table *bt)
{
	struct fl_table *t = bt->table;
	struct fl_letters *letters = t->letters;
	enum fl_letter_column *what = FL_ARENA_ARRAY(b->arena, enum fl_letter_column, t->column_count);
	const struct fl_field *nested = fl_schema_nested(&t->physical);
	int32_t next = 0;

	if (nested != NULL)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, bt->line, bt->col, "declare it STRING: its JSON text",
		    "table '%.80s': %s: dead letters have none", t->name, bind_nested_text(b, nested));
	letters->what = FL_ARENA_ARRAY(b->arena, uint8_t, t->column_count + 1);
	letters->record.fields = FL_ARENA_ARRAY(b->arena, struct fl_field, t->column_count);
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < t->column_count; i++) {
			struct fl_column *col = &t->columns[i];

			if (col->kind == FL_COLUMN_COMPUTED)
				continue;
			if (pass == 0 && col->kind == FL_COLUMN_METADATA)
				what[i] = letter_metadata(col->metadata_key);
			else if (pass == 0)
				FL_TRY(letter_what(b, bt, col, &what[i]));
			if ((what[i] == FL_LETTER_RECORD) != (pass == 0))
				continue;
			if (pass == 0)
				letters->record.fields[letters->record.count++] = t->schema.fields[i];
			letters->what[next] = (uint8_t)what[i];
			col->stream_column = next++;
		}
	letters->what[next] = FL_LETTER_IS;
	return FL_OK;
}

/* The schemas of the table: all columns, and what the codec sees; then where each
 * column lies in a stream's blocks: physical, then metadata. */
static void
make_schemas(struct bind *b, struct fl_table *t)
{
	uint32_t i;
	int32_t next = 0;

	t->schema.count = t->column_count;
	t->schema.fields = FL_ARENA_ARRAY(b->arena, struct fl_field, t->column_count);
	t->physical.fields = FL_ARENA_ARRAY(b->arena, struct fl_field, t->column_count);
	for (i = 0; i < t->column_count; i++) {
		struct fl_column *col = &t->columns[i];

		t->schema.fields[i].name = col->name;
		t->schema.fields[i].type = col->type;
		t->schema.fields[i].in = col->in;
		if (col->kind != FL_COLUMN_PHYSICAL)
			continue;
		t->physical.fields[t->physical.count++] = t->schema.fields[i];
		col->stream_column = next++;
	}
	for (i = 0; i < t->column_count; i++)
		if (t->columns[i].kind == FL_COLUMN_METADATA)
			t->columns[i].stream_column = next++;
}

enum fl_code
bind_table(struct bind *b, const struct ast_statement *statement)
{
	struct ast_create *ast = statement->create;
	struct bind_table *bt = FL_ARENA_NEW(b->arena, struct bind_table);
	struct fl_table *t = FL_ARENA_NEW(b->arena, struct fl_table);
	bool skip;

	FL_TRY(check_free(b, ast, "Table", &skip));
	if (skip)
		return FL_OK;
	bt->table = t;
	bt->ast = ast;
	bt->line = ast->name->line;
	bt->col = ast->name->col;
	t->name = ast->name->text;
	t->rowtime = t->stream = t->sink = -1;
	if (ast->options == NULL || ast->options->count == 0)
		return BIND_FAIL(b, FL_E_BAD_OPTION, bt->line, bt->col, "WITH ('connector' = 'kafka', ...)",
		    "Table '%.80s' has no 'connector': it needs WITH ('connector' = ...)", t->name);
	/* The connector decides which metadata columns there are. */
	FL_TRY(bind_options(b, bt));
	FL_TRY(bind_columns(b, t, ast));
	if (t->connector == FL_CONNECTOR_KAFKA && ast->primary != NULL)
		return BIND_FAIL(b, FL_E_BAD_OPTION, ast->primary_line, ast->primary_col, NULL,
		    "The Kafka table '%.80s' with '%s' format doesn't support defining PRIMARY KEY "
		    "constraint on the table, because it can't guarantee the semantic of primary key.",
		    t->name, fl_format_name(t->format));
	FL_TRY(bind_primary(b, t, ast));
	if (t->connector == FL_CONNECTOR_UPSERT_KAFKA && t->primary_key_count == 0)
		return BIND_FAIL(b, FL_E_BAD_OPTION, bt->line, bt->col, NULL,
		    "'upsert-kafka' tables require to define a PRIMARY KEY constraint. The PRIMARY KEY specifies which "
		    "columns should be read from or write to the Kafka message key. The PRIMARY KEY also defines records "
		    "in the 'upsert-kafka' table should update or delete on which keys. (table '%.80s')", t->name);
	FL_TRY(bind_computed(b, t, ast));
	if (ast->watermark != NULL)
		FL_TRY(bind_watermark(b, t, ast->watermark));
	make_schemas(b, t);
	FL_TRY(bind_key(b, bt));
	if (t->letters != NULL)
		FL_TRY(bind_letters(b, bt));
	FL_TRY(bind_partitions(b, t, ast));
	bt->next = b->tables;
	b->tables = bt;
	b->table_count++;
	return FL_OK;
}

enum fl_code
bind_view(struct bind *b, const struct ast_statement *statement)
{
	const struct ast_create *ast = statement->create;
	struct bind_view *view;
	bool skip;

	FL_TRY(check_free(b, ast, "View", &skip));
	if (skip)
		return FL_OK;
	view = FL_ARENA_NEW(b->arena, struct bind_view);
	view->name = ast->name->text;
	view->query = ast->query;
	view->columns = ast->view_columns;
	view->next = b->views;
	FL_TRY(bind_view_check(b, view, ast->name));
	b->views = view;
	return FL_OK;
}

enum fl_code
bind_drop(struct bind *b, const struct ast_statement *statement)
{
	const char *name = statement->name->text;
	struct bind_view *view = bind_view_find(b->views, name);
	struct bind_table *bt = bind_table_find(b, name);

	if (statement->kind == AST_DROP_TABLE && bt != NULL) {
		bt->dropped = true;
		return FL_OK;
	}
	if (statement->kind == AST_DROP_VIEW && view != NULL) {
		view->dropped = true;
		return FL_OK;
	}
	if (bt != NULL || view != NULL)
		return BIND_FAIL(b, FL_E_SQL_BIND, statement->name->line, statement->name->col, NULL,
		    statement->kind == AST_DROP_TABLE ? "'%.80s' is a view: write DROP VIEW" :
							"'%.80s' is a table: write DROP TABLE", name);
	if (statement->if_exists)
		return FL_OK;
	return bind_table_missing(b, statement->name);
}

/* ---- schema files ---- */

static const char *
read_from_disk(const struct bind *b, const char *path, struct fl_err *err)
{
	const char *text = NULL;
	struct fl_buf buf;

	fl_buf_init(&buf);
	if (fl_file_read(bind_path(b, path), AST_TEXT_MAX, &buf, err) == FL_OK)
		text = fl_arena_strndup(b->arena, buf.data != NULL ? buf.data : "", buf.size);
	fl_buf_fini(&buf);
	return text;
}

static const struct setting *
find_table_setting(struct bind *b, const char *table, const char *key)
{
	const char *full = fl_arena_printf(b->arena, "flight.table.%s.%s", table, key);
	uint32_t i;

	for (i = b->setting_count; i-- > 0;) /* the last one counts */
		if (strcmp(b->settings[i].key, full) == 0)
			return &b->settings[i];
	return NULL;
}

static enum fl_code
read_schema_file(struct bind *b, const struct fl_table *t, const struct setting *s, const char *path,
    const char **text)
{
	struct fl_err err = { .code = FL_OK };

	if (b->env->read_file != NULL)
		*text = b->env->read_file(b->env->ctx, path, b->arena, &err);
	else
		*text = read_from_disk(b, path, &err);
	if (*text == NULL)
		return BIND_FAIL(b, FL_E_NO_SUCH_FILE, s->line, s->col, NULL,
		    "table '%.80s': cannot read the schema file '%.120s': %s", t->name, path, err.text);
	return FL_OK;
}

static enum fl_code
bind_avro_schema(struct bind *b, struct fl_table *t)
{
	const struct setting *s = find_table_setting(b, t->name, "avro-schema");
	struct fl_err err = { .code = FL_OK };
	const char *hash, *path, *text;

	if (s == NULL)
		return FL_OK;
	if (t->format != FL_FORMAT_AVRO)
		return BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col, NULL,
		    "table '%.80s' has no format avro: '%.120s' is not for it", t->name, s->key);
	hash = strrchr(s->value, '#');
	path = hash != NULL ? fl_arena_strndup(b->arena, s->value, (size_t)(hash - s->value)) : s->value;
	if (path[0] == '\0' || (hash != NULL && hash[1] == '\0'))
		return BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col, NULL,
		    "Could not parse value '%.80s' for key '%.120s': expected FILE#NAME", s->value, s->key);
	FL_TRY(read_schema_file(b, t, s, path, &text));
	if (fl_avro_pick(text, strlen(text), hash != NULL ? hash + 1 : NULL, b->arena, &t->avro_schema,
	    &err) != FL_OK)
		return BIND_FAIL(b, err.code == FL_E_NO_SUCH_OBJECT ? FL_E_BAD_SCHEMA : err.code, s->line,
		    s->col, NULL, "table '%.80s': schema file '%.120s': %s", t->name, path, err.text);
	return FL_OK;
}

static enum fl_code
setting_bool(struct bind *b, const struct setting *s, bool *out)
{
	int64_t yes = 0;

	if (s != NULL && bind_value(b, BOOL, NULL, s->value, &yes) != NULL)
		return BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col, NULL,
		    "Could not parse value '%.80s' for key '%.120s': expected true or false", s->value,
		    s->key);
	*out = yes != 0;
	return FL_OK;
}

static enum fl_code
bind_password_file(struct bind *b, struct fl_table *t, const struct setting *file)
{
	if (file->value[0] == '\0')
		return BIND_FAIL(b, FL_E_BAD_OPTION, file->line, file->col, NULL,
		    "Could not parse value '' for key '%.120s': expected a file", file->key);
	if (fl_table_option(t, "password") != NULL)
		return BIND_FAIL(b, FL_E_BAD_OPTION, file->line, file->col, NULL,
		    "table '%.80s' has a 'password' and '%.120s': give one of them", t->name, file->key);
	t->jdbc->password_file = bind_path(b, file->value);
	return FL_OK;
}

/* flight.table.<t>.create, .updated-last and .password-file */
static enum fl_code
bind_jdbc_settings(struct bind *b, struct fl_table *t)
{
	const struct setting *create = find_table_setting(b, t->name, "create");
	const struct setting *last = find_table_setting(b, t->name, "updated-last");
	const struct setting *file = find_table_setting(b, t->name, "password-file");
	const struct setting *any = create != NULL ? create : last != NULL ? last : file, *stray;

	if (any == NULL)
		return FL_OK;
	if (t->connector != FL_CONNECTOR_JDBC)
		return BIND_FAIL(b, FL_E_BAD_OPTION, any->line, any->col, NULL,
		    "table '%.80s' has no connector 'jdbc': '%.120s' is not for it", t->name, any->key);
	FL_TRY(setting_bool(b, create, &t->jdbc->create));
	FL_TRY(setting_bool(b, last, &t->jdbc->updated_last));
	stray = t->jdbc->scheme == FL_JDBC_SQLITE ? file : last;
	if (stray != NULL)
		return BIND_FAIL(b, FL_E_BAD_OPTION, stray->line, stray->col, NULL,
		    "table '%.80s': '%.120s' is not for %s", t->name, stray->key,
		    stray == file ? "a SQLite file, which has no users" : "PostgreSQL");
	if (t->jdbc->updated_last && t->primary_key_count == 0)
		return BIND_FAIL(b, FL_E_BAD_OPTION, last->line, last->col, NULL,
		    "table '%.80s' has no PRIMARY KEY, so no row of it is updated: '%.120s' has no effect",
		    t->name, last->key);
	return file == NULL ? FL_OK : bind_password_file(b, t, file);
}

static enum fl_code
bind_csv_header(struct bind *b, struct fl_table *t)
{
	const struct setting *s = find_table_setting(b, t->name, "csv-header");

	if (s != NULL && (t->format != FL_FORMAT_CSV || t->connector != FL_CONNECTOR_FILESYSTEM))
		return BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col, NULL,
		    "table '%.80s' is no table of CSV files: '%.120s' is not for it", t->name, s->key);
	return setting_bool(b, s, &t->csv_header);
}

static enum fl_code
bind_headers(struct bind *b, struct fl_table *t)
{
	const struct setting *s = find_table_setting(b, t->name, "headers");

	if (s != NULL && !fl_table_is_kafka(t))
		return BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col, NULL,
		    "table '%.80s' has no connector 'kafka': '%.120s' is not for it", t->name, s->key);
	if (s != NULL && t->is_source && !t->is_sink)
		return BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col, NULL,
		    "table '%.80s' is a source: '%.120s' is for what is written", t->name, s->key);
	return setting_bool(b, s, &t->headers);
}

/* The codec says what is wrong in the text; here only what it is good for. */
static enum fl_code
bind_json_schema(struct bind *b, struct fl_table *t)
{
	const struct setting *s = find_table_setting(b, t->name, "json-schema");
	const struct setting *typing = find_table_setting(b, t->name, "json-schema-typing");
	struct fl_codec_options options = { .format = FL_FORMAT_JSON,
		.schema = t->key != NULL ? &t->key->value : &t->physical };
	struct fl_err err = { .code = FL_OK };
	struct fl_decoder *decoder = NULL;
	int choice = 0;

	if (typing != NULL && s == NULL)
		return BIND_FAIL(b, FL_E_BAD_OPTION, typing->line, typing->col, NULL,
		    "table '%.80s' has no json-schema: '%.120s' is not for it", t->name, typing->key);
	if (s == NULL)
		return FL_OK;
	if (t->format != FL_FORMAT_JSON)
		return BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col, NULL,
		    "table '%.80s' has no format json: '%.120s' is not for it", t->name, s->key);
	if (t->is_sink && !t->is_source)
		return BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col, NULL,
		    "table '%.80s' is a sink: '%.120s' is for what is read", t->name, s->key);
	if (typing != NULL && (choice = bind_choice("lenient|strict", typing->value, true)) < 0)
		return BIND_FAIL(b, FL_E_BAD_OPTION, typing->line, typing->col, NULL,
		    "Could not parse value '%.80s' for key '%.120s': expected one of lenient|strict",
		    typing->value, typing->key);
	FL_TRY(read_schema_file(b, t, s, s->value, &t->json.schema));
	t->json.schema_strict = choice == 1;
	options.json_schema = t->json.schema;
	if (fl_decoder_new(&options, &decoder, &err) != FL_OK)
		return BIND_FAIL(b, err.code, s->line, s->col, NULL, "table '%.80s': schema file '%.120s': %s",
		    t->name, s->value, err.text);
	fl_decoder_free(&decoder);
	return FL_OK;
}

static enum fl_code
try_codec(struct bind *b, const struct bind_table *bt, const struct fl_codec_options *options,
    const char *part)
{
	const struct fl_table *t = bt->table;
	struct fl_err err = { .code = FL_OK };
	struct fl_decoder *decoder = NULL;
	struct fl_encoder *encoder = NULL;

	if (t->is_source && fl_decoder_new(options, &decoder, &err) != FL_OK)
		return BIND_FAIL(b, err.code, bt->line, bt->col, NULL, "table '%.80s' as a source%s: %s",
		    t->name, part, err.text);
	fl_decoder_free(&decoder);
	if (t->is_sink && fl_encoder_new(options, &encoder, &err) != FL_OK)
		return BIND_FAIL(b, err.code, bt->line, bt->col, NULL, "table '%.80s' as a sink%s: %s",
		    t->name, part, err.text);
	fl_encoder_free(&encoder);
	return FL_OK;
}

/* Can the codecs read and write it?  Then the programs can too. */
static enum fl_code
check_codec(struct bind *b, const struct bind_table *bt)
{
	const struct fl_table *t = bt->table;
	struct fl_codec_options options = fl_table_codec(t);

	if (options.format == FL_FORMAT_NONE)
		return FL_OK;
	if (t->key != NULL) {
		struct fl_codec_options key = fl_table_key_codec(t);

		FL_TRY(try_codec(b, bt, &key, ", its key"));
	}
	return try_codec(b, bt, &options, t->key != NULL ? ", its value" : "");
}

/* ---- streams and sinks ---- */

static void
print_start(const struct fl_table *t, struct fl_buf *out)
{
	static const char *const NAMES[] = { "group-offsets", "earliest", "latest", "timestamp",
		"specific" };
	const char *group;
	uint32_t i;

	fl_buf_printf(out, ";start=%s", NAMES[t->startup]);
	if (t->startup == FL_STARTUP_TIMESTAMP)
		fl_buf_printf(out, ":%" PRId64, t->startup_timestamp_ms);
	for (i = 0; i < t->startup_offset_count; i++)
		fl_buf_printf(out, ":%d=%" PRId64, t->startup_offsets[i].partition, t->startup_offsets[i].offset);
	group = fl_table_option(t, "properties.group.id");
	if (t->startup == FL_STARTUP_GROUP_OFFSETS && group != NULL)
		fl_buf_printf(out, ":%s", group);
	fl_buf_printf(out, ";end=%d:%" PRId64, (int)t->bounded, t->bounded_timestamp_ms);
	for (i = 0; i < t->bounded_offset_count; i++)
		fl_buf_printf(out, ":%d=%" PRId64, t->bounded_offsets[i].partition, t->bounded_offsets[i].offset);
}

/* A field of a ROW has another name than a column whose name has a point. */
static void
print_row(const struct fl_row_type *row, struct fl_buf *out)
{
	const char *name;

	if (row == NULL)
		return;
	print_row(row->in, out);
	name = fl_row_field(row->name, row->in);
	fl_buf_json(out, name, strlen(name));
	fl_buf_str(out, row->nullable ? "." : " NOT NULL.");
}

/* What is read and how; with where to where, what two tables must have in common to
 * share decoded blocks. */
static void
print_content(const struct fl_table *t, const struct fl_schema *schema, struct fl_buf *out)
{
	const char *isolation = fl_table_option(t, "properties.isolation.level"), *name;
	char type[64];
	uint32_t i;

	fl_buf_printf(out, "%s;", fl_connector_info(t->connector)->name);
	for (i = 0; i < t->topic_count; i++)
		fl_buf_printf(out, "%s%s", i == 0 ? "topic=" : ",", t->topics[i]);
	if (t->connector == FL_CONNECTOR_FILESYSTEM)
		fl_buf_printf(out, "path=%s", t->place);
	if (t->connector == FL_CONNECTOR_JDBC)
		fl_buf_printf(out, "database=%s;table=%s",
		    t->place != NULL ? t->place : t->jdbc->where, t->jdbc->table_name);
	if (t->connector == FL_CONNECTOR_TEST)
		fl_buf_printf(out, "table=%s", t->name);
	fl_buf_printf(out, ";format=%s", fl_format_name(t->format));
	if (t->format == FL_FORMAT_JSON)
		fl_buf_printf(out, ":%d%d%d%d", t->json.ignore_parse_errors, t->json.fail_on_missing_field,
		    t->json.iso8601, t->json.strict);
	if (t->json.schema != NULL)
		fl_buf_printf(out, ";json-schema=%016" PRIx64 ":%s",
		    fl_hash64(t->json.schema, strlen(t->json.schema)),
		    t->json.schema_strict ? "strict" : "lenient");
	if (t->format == FL_FORMAT_CSV)
		fl_csv_options_print(&t->csv, t->csv_header, out);
	if (t->raw_little_endian)
		fl_buf_str(out, ":little-endian");
	if (t->avro_schema != NULL)
		fl_buf_printf(out, ":%016" PRIx64, fl_hash64(t->avro_schema, strlen(t->avro_schema)));
	if (t->key != NULL) {
		fl_buf_str(out, ";key=");
		fl_table_print_key(t, out);
	}
	fl_buf_str(out, ";columns=");
	for (i = 0; i < schema->count; i++) {
		if (i > 0)
			fl_buf_byte(out, ',');
		name = fl_row_field(schema->fields[i].name, schema->fields[i].in);
		print_row(schema->fields[i].in, out);
		fl_buf_json(out, name, strlen(name));
		fl_buf_printf(out, " %s", fl_type_print(&schema->fields[i].type, type, sizeof(type)));
	}
	for (i = 0; i < t->column_count; i++)
		if (t->columns[i].kind == FL_COLUMN_METADATA)
			fl_buf_printf(out, ";metadata=%s", t->columns[i].metadata_key);
	if (t->connector == FL_CONNECTOR_KAFKA)
		fl_buf_printf(out, ";isolation=%s", isolation != NULL ? isolation : "read_committed");
}

/* Who reads its dead letters has them from its first record on: such streams are not
 * shared with those that have none. */
static void
print_letters(const struct bind *b, const struct fl_table *t, struct fl_buf *out)
{
	const struct fl_plan *plan = b->plan;
	char type[64];

	if (t->letters != NULL)
		fl_buf_printf(out, ";of=%016" PRIx64,
		    fl_hash64(plan->streams[t->letters->of->stream].identity,
			plan->streams[t->letters->of->stream].content_size));
	for (const struct bind_table *bt = b->tables; bt != NULL; bt = bt->next) {
		const struct fl_table *letters = bt->table;

		if (!letters->is_source || letters->letters == NULL || letters->letters->of != t)
			continue;
		fl_buf_str(out, ";letters=");
		for (uint32_t i = 0; i < letters->column_count; i++) {
			const struct fl_column *col = &letters->columns[i];

			if (col->kind == FL_COLUMN_COMPUTED)
				continue;
			fl_buf_json(out, col->name, strlen(col->name));
			fl_buf_printf(out, " %s ", fl_type_print(&col->type, type, sizeof(type)));
		}
	}
}

static void
make_stream_schema(struct bind *b, const struct fl_table *t, struct fl_schema *schema)
{
	uint32_t i;

	schema->fields = FL_ARENA_ARRAY(b->arena, struct fl_field, t->column_count + 1);
	for (i = 0; i < t->column_count; i++) {
		if (t->columns[i].stream_column < 0)
			continue;
		schema->fields[t->columns[i].stream_column] = t->schema.fields[i];
		schema->count++;
	}
	if (t->letters != NULL)
		schema->fields[schema->count++] = (struct fl_field){ .name = "is_letter",
			.type = fl_type_make(FL_TYPE_BOOLEAN, false) };
}

/* The time of dead letters is that of the records they were. */
static void
need_time(struct fl_plan *plan, const struct fl_table *t)
{
	plan->streams[t->stream].needs_time = true;
	if (t->letters != NULL)
		need_time(plan, t->letters->of);
}

static void
add_stream(struct bind *b, struct fl_table *t)
{
	struct fl_plan *plan = b->plan;
	struct fl_schema schema = { .count = 0 };
	struct fl_stream *stream;
	struct fl_buf buf;
	uint32_t i, content_size;

	make_stream_schema(b, t, &schema);
	fl_buf_init(&buf);
	print_content(t, &schema, &buf);
	print_letters(b, t, &buf);
	content_size = (uint32_t)buf.size;
	if (t->connector == FL_CONNECTOR_KAFKA)
		print_start(t, &buf);
	if (t->beside != NULL)
		fl_buf_printf(&buf, ";beside=%s", t->beside);
	/* A table that is read once is read for one pipeline, and its other streams wait for
	 * that: nobody else's should. */
	if (plan->scans)
		fl_buf_printf(&buf, ";scans=%s", plan->name);
	if (t->letters != NULL)
		fl_buf_printf(&buf, ";from=%016" PRIx64, plan->streams[t->letters->of->stream].identity_hash);
	for (i = 0; i < plan->stream_count; i++)
		if (strcmp(plan->streams[i].identity, buf.data) == 0)
			break;
	stream = &plan->streams[i];
	if (i == plan->stream_count) {
		plan->stream_count++;
		stream->table = t;
		stream->schema = schema;
		stream->identity = fl_arena_strndup(b->arena, buf.data, buf.size);
		stream->content_size = content_size;
		stream->identity_hash = fl_hash64(buf.data, buf.size);
		stream->letters_of = t->letters != NULL ? t->letters->of->stream : -1;
	}
	fl_buf_fini(&buf);
	t->stream = (int32_t)i;
	if (t->idle_timeout_ms > 0 || plan->quiet_close_ms > 0)
		need_time(plan, t);
}

/* Cut, the ids of two sinks could be one, and each would fence the other. */
static enum fl_code
check_txn_id(struct bind *b, const struct bind_table *bt)
{
	const struct fl_table *t = bt->table;
	size_t size = strlen(t->name) + 1, prefix = t->txn_prefix != NULL ? strlen(t->txn_prefix) :
	    strlen("flight.") + strlen(b->plan->name);

	if (size + prefix <= FL_TXN_ID_MAX)
		return FL_OK;
	for (uint32_t i = 0; t->txn_prefix != NULL && i < bt->ast->options->count; i++) {
		const struct ast_option *opt = bt->ast->options->items[i];

		if (opt->value->text == t->txn_prefix)
			return BIND_FAIL(b, FL_E_BAD_OPTION, opt->value->line, opt->value->col, NULL,
			    "Invalid value for option '%s': '%.80s' has %zu bytes; with '.' and the table's "
			    "name the transactional id has %zu, at most %u are possible", opt->key->text,
			    opt->value->text, prefix, size + prefix, FL_TXN_ID_MAX);
	}
	return BIND_FAIL(b, FL_E_BAD_OPTION, bt->line, bt->col,
	    "set 'sink.transactional-id-prefix', or a shorter name",
	    "table '%.80s': the transactional id 'flight.<pipeline.name>.<table>' has %zu bytes, at most "
	    "%u are possible", t->name, size + prefix, FL_TXN_ID_MAX);
}

/* What only the use of a table shows to be wrong. */
static enum fl_code
check_use(struct bind *b, const struct bind_table *bt)
{
	const struct fl_table *t = bt->table;
	const struct fl_connector_info *info = fl_connector_info(t->connector);
	const struct fl_field *nested;
	uint32_t i;

	if (t->is_source && t->connector == FL_CONNECTOR_UPSERT_KAFKA)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, bt->line, bt->col, "read the topic with the connector 'kafka'",
		    "table '%.80s' as a source: reading the connector 'upsert-kafka' is not supported", t->name);
	if (t->is_source && strcmp(info->source, "none") == 0)
		return BIND_FAIL(b, FL_E_SQL_BIND, bt->line, bt->col, NULL,
		    "Connector '%s' can only be used as a sink. It cannot be used as a source (table "
		    "'%.80s').", info->name, t->name);
	if (t->is_sink && strcmp(info->sink, "none") == 0)
		return BIND_FAIL(b, FL_E_SQL_BIND, bt->line, bt->col, NULL,
		    "Connector '%s' can only be used as a source. It cannot be used as a sink (table "
		    "'%.80s').", info->name, t->name);
	if (t->is_source && t->physical.count == 0)
		return BIND_FAIL(b, FL_E_SQL_BIND, bt->line, bt->col, NULL,
		    "table '%.80s' has no physical column", t->name);
	if (t->is_source && t->partition_count > 0)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, bt->line, bt->col,
		    "name one of its directories in 'path', and give its value in the query",
		    "table '%.80s' as a source: reading directories of PARTITIONED BY is not supported", t->name);
	nested = fl_schema_nested(&t->physical);
	if (nested != NULL && t->is_source && t->format != FL_FORMAT_JSON)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, bt->line, bt->col, NULL,
		    "table '%.80s': %s: only tables with format json, as sources, can have one", t->name,
		    bind_nested_text(b, nested));
	if (t->is_source && t->connector == FL_CONNECTOR_KAFKA && !bt->has_group_id &&
	    t->startup == FL_STARTUP_GROUP_OFFSETS)
		return BIND_FAIL(b, FL_E_BAD_OPTION, bt->line, bt->col,
		    "'scan.startup.mode' = 'earliest-offset', or name 'properties.group.id'",
		    "table '%.80s': Property group.id is required when using committed offset for offsets "
		    "initializer: set 'properties.group.id', or 'scan.startup.mode' = 'earliest-offset'",
		    t->name);
	if (t->is_source && t->connector == FL_CONNECTOR_KAFKA && !bt->has_group_id &&
	    t->bounded == FL_BOUNDED_GROUP)
		return BIND_FAIL(b, FL_E_BAD_OPTION, bt->line, bt->col, NULL,
		    "table '%.80s': 'properties.group.id' is required in 'group-offsets' bounded mode but "
		    "missing.", t->name);
	if (t->is_sink && t->topic_count > 1)
		return BIND_FAIL(b, FL_E_BAD_OPTION, bt->line, bt->col, NULL,
		    "table '%.80s' is a sink and has %u topics, expected one", t->name, t->topic_count);
	if (t->is_sink && fl_table_is_kafka(t))
		FL_TRY(check_txn_id(b, bt));
	for (i = 0; t->is_sink && i < t->column_count; i++) {
		const struct fl_column *col = &t->columns[i];

		if (col->kind != FL_COLUMN_METADATA || col->is_virtual)
			continue;
		if (strcmp(col->metadata_key, "partition") == 0 || strcmp(col->metadata_key, "offset") == 0)
			return BIND_FAIL(b, FL_E_SQL_BIND, bt->line, bt->col, NULL,
			    "table '%.80s' as a sink: the metadata column '%.80s' is read-only: declare it "
			    "VIRTUAL", t->name, col->name);
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, bt->line, bt->col, NULL,
		    "table '%.80s' as a sink: writing the metadata column '%.80s' is not supported: declare "
		    "it VIRTUAL", t->name, col->name);
	}
	return FL_OK;
}

static bool
is_bounded(const struct fl_table *t)
{
	if (t->letters != NULL)
		return is_bounded(t->letters->of);
	return t->connector == FL_CONNECTOR_FILESYSTEM || t->connector == FL_CONNECTOR_JDBC ||
	    t->bounded != FL_BOUNDED_NO;
}

/* A setting for a table that is nowhere is a mistake. */
static enum fl_code
check_table_settings(struct bind *b)
{
	const char *names[256];
	struct bind_table *bt;
	uint32_t i, n = 0;

	for (bt = b->tables; bt != NULL && n < FL_ARRAY_COUNT(names); bt = bt->next)
		names[n++] = bt->table->name;
	for (i = 0; i < b->setting_count; i++) {
		const struct setting *s = &b->settings[i];
		const char *rest, *dot, *table, *hint;

		if (strncmp(s->key, "flight.table.", 13) != 0)
			continue;
		rest = s->key + 13;
		dot = bind_is_file_key(rest) ? strstr(rest, ".properties.") : NULL;
		if (dot == NULL)
			dot = strrchr(rest, '.');
		table = fl_arena_strndup(b->arena, rest, (size_t)(dot - rest));
		for (bt = b->tables; bt != NULL; bt = bt->next)
			if (strcmp(bt->table->name, table) == 0)
				break;
		if (bt != NULL)
			continue;
		hint = bind_did_you_mean(b, table, names, n);
		return BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col, hint,
		    "key '%.120s': there is no table '%.80s'%s%s", s->key, table, hint != NULL ? "; " : "",
		    hint != NULL ? hint : "");
	}
	return FL_OK;
}

/* All streams that the tree of a query over processing time scans. */
static void
need_clock(struct fl_plan *plan, const struct fl_node *node)
{
	uint32_t i;

	for (; node != NULL; node = node->input) {
		for (i = 0; i < node->also_count; i++)
			need_clock(plan, node->also[i]);
		if (node->kind == FL_NODE_SCAN)
			need_time(plan, node->table);
	}
}

enum fl_code
bind_finish(struct bind *b)
{
	struct fl_plan *plan = b->plan;
	struct bind_table *bt;
	struct bind_table **order = FL_ARENA_ARRAY(b->arena, struct bind_table *, b->table_count + 1);
	uint32_t i = b->table_count;

	FL_TRY(check_table_settings(b));
	for (bt = b->tables; bt != NULL; bt = bt->next) {
		order[--i] = bt; /* as declared */
		/* Its records have to be read for it. */
		if (bt->table->is_source && bt->table->letters != NULL)
			bt->table->letters->of->is_source = true;
	}
	plan->tables = FL_ARENA_ARRAY(b->arena, struct fl_table *, b->table_count + 1);
	plan->streams = FL_ARENA_ARRAY(b->arena, struct fl_stream, b->table_count + 1);
	plan->bounded = true;
	for (i = 0; i < b->table_count; i++)
		plan->scans |= order[i]->table->is_source && order[i]->table->connector == FL_CONNECTOR_JDBC;
	for (i = 0; i < b->table_count; i++) {
		struct fl_table *t = order[i]->table;

		plan->tables[plan->table_count++] = t;
		t->idle_timeout_ms =
		    order[i]->idle_timeout_ms >= 0 ? order[i]->idle_timeout_ms : b->idle_timeout_ms;
		FL_TRY(bind_avro_schema(b, t));
		FL_TRY(bind_jdbc_settings(b, t));
		FL_TRY(bind_json_schema(b, t));
		FL_TRY(bind_csv_header(b, t));
		FL_TRY(bind_headers(b, t));
		FL_TRY(check_use(b, order[i]));
		FL_TRY(check_codec(b, order[i]));
		if (t->is_source) {
			add_stream(b, t);
			plan->bounded &= is_bounded(t);
		}
	}
	if (plan->stream_count == 0)
		plan->bounded = false;
	if (plan->max_drift_ms < 0)
		plan->max_drift_ms = b->align_drift_ms;
	for (i = 0; i < plan->query_count; i++) {
		const struct fl_query *query = &plan->queries[i];

		if (query->window != NULL && query->window->time == FL_TIME_PROC)
			need_clock(plan, query->root);
	}
	return FL_OK;
}
