/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind_insert.c - INSERT to a query of the plan.
 *
 * The rows are converted to the sink's columns.  Changes of keys need a sink that takes
 * them, with the key that the query makes.
 */
#include <string.h>
#include <sys/stat.h>

#include "bind.h"

static void
print_query_schema(const struct rel *rel, struct fl_buf *buf)
{
	char text[64];
	uint32_t i;

	fl_buf_str(buf, "Query schema: [");
	for (i = 0; i < rel->count; i++)
		fl_buf_printf(buf, "%s%s: %s", i == 0 ? "" : ", ", rel->cols[i].name,
		    fl_type_print(&rel->cols[i].type, text, sizeof(text)));
	fl_buf_str(buf, "] Sink schema: [");
}

static enum fl_code
schemas_differ(struct bind *b, const struct ast_insert *ast, const struct rel *rel,
    const struct fl_table *t, const uint32_t *targets, const char *cause)
{
	enum fl_code code;
	struct fl_buf buf;
	char text[64];
	uint32_t i, n = ast->columns != NULL ? ast->columns->count : t->physical.count;

	fl_buf_init(&buf);
	print_query_schema(rel, &buf);
	for (i = 0; i < n; i++)
		fl_buf_printf(&buf, "%s%s: %s", i == 0 ? "" : ", ", t->physical.fields[targets[i]].name,
		    fl_type_print(&t->physical.fields[targets[i]].type, text, sizeof(text)));
	code = BIND_FAIL(b, FL_E_SQL_BIND, ast->table->line, ast->table->col, NULL,
	    "Column types of query result and sink for '%.80s' do not match. Cause: %s %s]", t->name, cause,
	    buf.data);
	fl_buf_fini(&buf);
	return code;
}

/* The sink's columns that the query fills, in the query's order. */
static enum fl_code
find_targets(struct bind *b, const struct ast_insert *ast, const struct fl_table *t, uint32_t **out)
{
	uint32_t n = t->physical.count, i, k;
	uint32_t *targets = FL_ARENA_ARRAY(b->arena, uint32_t, n);
	bool *given = FL_ARENA_ARRAY(b->arena, bool, n);

	*out = targets;
	if (ast->columns == NULL) {
		for (i = 0; i < n; i++)
			targets[i] = i;
		return FL_OK;
	}
	for (i = 0; i < ast->columns->count; i++) {
		const struct fl_token *name = ast->columns->items[i];
		const char **names = FL_ARENA_ARRAY(b->arena, const char *, n);

		for (k = 0; k < n; k++)
			names[k] = t->physical.fields[k].name;
		for (k = 0; k < n && strcmp(names[k], name->text) != 0; k++)
			;
		if (k == n)
			return BIND_FAIL(b, FL_E_SQL_BIND, name->line, name->col,
			    bind_did_you_mean(b, name->text, names, n), "Unknown target column '%.80s'", name->text);
		if (given[k])
			return BIND_FAIL(b, FL_E_SQL_BIND, name->line, name->col, NULL,
			    "Target column '%.80s' is assigned more than once", name->text);
		given[k] = true;
		targets[i] = k;
	}
	for (k = 0; k < n; k++)
		if (!given[k] && !t->physical.fields[k].type.nullable)
			return BIND_FAIL(b, FL_E_SQL_BIND, ast->table->line, ast->table->col, NULL,
			    "Column '%.80s' has no default value and does not allow NULLs",
			    t->physical.fields[k].name);
	return FL_OK;
}

/* Flink's sink converter asks which column is the event time. */
static enum fl_code
check_rowtimes(struct bind *b, const struct ast_insert *ast, const struct rel *rel)
{
	enum fl_code code;
	struct fl_buf buf;
	uint32_t i, n = 0;

	fl_buf_init(&buf);
	for (i = 0; i < rel->count; i++)
		if (rel->cols[i].is_rowtime)
			fl_buf_printf(&buf, "%s%s", n++ == 0 ? "" : ", ", rel->cols[i].name);
	code = n <= 1 ? FL_OK : BIND_FAIL(b, FL_E_SQL_BIND, ast->table->line, ast->table->col,
	    "CAST(ts AS TIMESTAMP(3))",
	    "The query contains more than one rowtime attribute column [%s] for writing into table "
	    "'%.80s'. Please select the column that should be used as the event-time timestamp for the "
	    "table sink by casting all other columns to regular TIMESTAMP or TIMESTAMP_LTZ.", buf.data,
	    ast->table->text);
	fl_buf_fini(&buf);
	return code;
}

static enum fl_code
convert_columns(struct bind *b, const struct ast_insert *ast, struct rel *rel, const struct fl_table *t,
    const uint32_t *targets, struct fl_expr **exprs)
{
	uint32_t i;

	for (i = 0; i < rel->count; i++) {
		struct fl_type to = t->physical.fields[targets[i]].type;

		if (!fl_type_can_widen(&rel->cols[i].type, &to))
			return schemas_differ(b, ast, rel, t, targets, fl_arena_printf(b->arena,
			    "Incompatible types for sink column '%s' at position %u.",
			    t->physical.fields[targets[i]].name, i));
		to.nullable = rel->cols[i].type.nullable;
		exprs[targets[i]] = fl_expr_column(b->arena, i, &rel->cols[i].type);
		FL_TRY(bind_cast(b, exprs[targets[i]], &to, ast->table->line, ast->table->col,
		    &exprs[targets[i]]));
	}
	for (i = 0; i < t->physical.count; i++) {
		struct fl_type to = t->physical.fields[i].type, null = fl_type_make(FL_TYPE_NULL, true);
		struct fl_value value = { .is_null = true };

		if (exprs[i] == NULL)
			FL_TRY(bind_cast(b, fl_expr_literal(b->arena, &null, &value), &to, ast->table->line,
			    ast->table->col, &exprs[i]));
	}
	return FL_OK;
}

/* Projects each part of rel to the sink's columns; its node becomes the SINK. */
static enum fl_code
add_sinks(struct bind *b, const struct ast_insert *ast, struct fl_table *t, struct rel *rel)
{
	uint32_t *targets, n = t->physical.count, want, i;
	struct fl_expr **exprs = FL_ARENA_ARRAY(b->arena, struct fl_expr *, n);
	struct rel_col *cols = FL_ARENA_ARRAY(b->arena, struct rel_col, n);
	const struct fl_field *nested;
	struct rel *part;

	nested = fl_schema_nested(&t->physical);
	if (nested != NULL)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->table->line, ast->table->col, NULL,
		    "table '%.80s' as a sink: %s: only tables with format json, as sources, can have one",
		    t->name, bind_nested_text(b, nested));
	for (i = 0; i < rel->count; i++)
		if (rel->cols[i].in != NULL)
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->table->line, ast->table->col, NULL,
			    "the ROW '%.80s' cannot be written into table '%.80s' as a whole: select its fields "
			    "by name", bind_row_column(rel->cols[i].in), t->name);
	FL_TRY(find_targets(b, ast, t, &targets));
	want = ast->columns != NULL ? ast->columns->count : n;
	if (rel->count != want)
		return schemas_differ(b, ast, rel, t, targets, "Different number of columns.");
	FL_TRY(check_rowtimes(b, ast, rel));
	FL_TRY(convert_columns(b, ast, rel, t, targets, exprs));
	for (i = 0; i < n; i++) {
		cols[i].name = t->physical.fields[i].name;
		cols[i].type = exprs[i]->type;
	}
	FL_TRY(bind_calcs(b, rel, NULL, exprs, cols, n));
	for (part = rel; part != NULL; part = part->also) {
		part->node = bind_node(b, FL_NODE_SINK, part->node);
		part->node->table = t;
		part->node->schema = t->physical;
	}
	return FL_OK;
}

/* ---- changes into a sink ---- */

static void
print_group_aggregate(const struct fl_node *agg, struct fl_buf *out)
{
	const struct fl_schema *below = &agg->input->schema;
	uint32_t i;

	fl_buf_str(out, "GroupAggregate(");
	for (i = 0; i < agg->key_count; i++)
		fl_buf_printf(out, "%s%s", i == 0 ? "groupBy=[" : ", ", agg->schema.fields[i].name);
	fl_buf_str(out, agg->key_count > 0 ? "], select=[" : "select=[");
	for (i = 0; i < agg->schema.count; i++) {
		const struct fl_agg *call = i < agg->key_count ? NULL : &agg->aggs[i - agg->key_count];

		fl_buf_str(out, i == 0 ? "" : ", ");
		if (call != NULL) {
			fl_buf_printf(out, "%s(", call->fn->name);
			if (call->arg != NULL)
				fl_expr_print(call->arg, below, out);
			else
				fl_buf_byte(out, '*');
			fl_buf_str(out, ") AS ");
		}
		fl_buf_str(out, agg->schema.fields[i].name);
	}
	fl_buf_str(out, "])");
}

/* The key of the aggregate that column c of the sink is, at most in a wider integer; -1. */
static int64_t
trace_key(const struct fl_node *node, uint32_t c)
{
	for (node = node->input; node->kind == FL_NODE_CALC; node = node->input) {
		const struct fl_expr *expr = node->exprs[c];

		if (expr->kind == FL_EXPR_CAST && (expr->type.id == expr->args[0]->type.id ?
		    expr->type.length == expr->args[0]->type.length && expr->type.id != FL_TYPE_DECIMAL :
		    fl_type_is_integer(expr->type.id) && fl_type_is_integer(expr->args[0]->type.id) &&
		    fl_type_width(expr->type.id) >= fl_type_width(expr->args[0]->type.id)))
			expr = expr->args[0];
		if (expr->kind != FL_EXPR_COLUMN)
			return -1;
		c = expr->column;
	}
	return c < node->key_count ? (int64_t)c : -1;
}

/* One row of the sink for each key of the query: that is what PRIMARY KEY has to say. */
static enum fl_code
check_primary_key(struct bind *b, const struct ast_insert *ast, const struct fl_table *t,
    const struct fl_node *sink, const struct fl_node *agg)
{
	bool *seen = FL_ARENA_ARRAY(b->arena, bool, agg->key_count + 1);
	uint32_t i, n = 0;

	for (i = 0; i < t->primary_key_count; i++) {
		int64_t key = trace_key(sink, t->primary_key[i]);

		if (key < 0)
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->table->line, ast->table->col, NULL,
			    "column '%.80s' of the PRIMARY KEY of '%.80s' is no key of the query's GROUP BY: "
			    "the PRIMARY KEY must be the keys of GROUP BY, all of them and unchanged",
			    t->physical.fields[t->primary_key[i]].name, t->name);
		n += !seen[key];
		seen[key] = true;
	}
	for (i = 0; i < agg->key_count && n < agg->key_count; i++)
		if (!seen[i])
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->table->line, ast->table->col, NULL,
			    "the query groups by '%.80s', which the PRIMARY KEY of '%.80s' does not have: "
			    "the PRIMARY KEY must be the keys of GROUP BY, all of them and unchanged",
			    agg->schema.fields[i].name, t->name);
	return FL_OK;
}

static bool
reads_clock(const struct fl_expr *expr)
{
	uint32_t i;

	if (expr->kind == FL_EXPR_CALL && (expr->fn->flags & FL_FUNCTION_CLOCK) != 0)
		return true;
	for (i = 0; i < expr->arg_count; i++)
		if (reads_clock(expr->args[i]))
			return true;
	return false;
}

static enum fl_code
refuse_changes(struct bind *b, const struct ast_insert *ast, const struct fl_table *t,
    const struct fl_node *agg)
{
	enum fl_code code;
	struct fl_buf buf;

	fl_buf_init(&buf);
	print_group_aggregate(agg, &buf);
	code = BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->table->line, ast->table->col,
	    "FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, "
	    "window_end",
	    "Table sink '%.80s' doesn't support consuming update changes which is produced by node "
	    "%s", t->name, buf.data);
	fl_buf_fini(&buf);
	return code;
}

static enum fl_code
check_part_changes(struct bind *b, const struct ast_insert *ast, const struct fl_table *t,
    const struct rel *part, bool is_only)
{
	const struct fl_node *node;

	if (part->agg == NULL || part->window != NULL)
		return FL_OK;
	if (fl_table_takes_changes(t) == FL_TAKES_NO_CHANGES)
		return refuse_changes(b, ast, t, part->agg);
	for (node = part->node; node != part->agg; node = node->input)
		if (node->kind == FL_NODE_CALC && node->filter != NULL && reads_clock(node->filter))
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->query->line, ast->query->col, NULL,
			    "a condition on the result of GROUP BY without a window cannot read the clock: "
			    "whether a key's old value had passed it would not be known any more");
	if (t->primary_key_count == 0)
		return FL_OK;
	if (!is_only)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->table->line, ast->table->col, NULL,
		    "UNION ALL of GROUP BY without a window into '%.80s' is not supported: parts may have the "
		    "same key, and its PRIMARY KEY has room for one value", t->name);
	return check_primary_key(b, ast, t, part->node, part->agg);
}

static enum fl_code
check_changes(struct bind *b, const struct ast_insert *ast, const struct fl_table *t,
    const struct rel *rel)
{
	const struct rel *part;

	for (part = rel; part != NULL; part = part->also)
		FL_TRY(check_part_changes(b, ast, t, part, rel->also == NULL));
	return FL_OK;
}

static const char *
query_name(struct bind *b, const char *table)
{
	const char *name = table;
	uint32_t i, n = 1;

	for (i = 0; i < b->inserts->count; i++) {
		if (strcmp(((const struct fl_query *)b->inserts->items[i])->name, name) != 0)
			continue;
		name = fl_arena_printf(b->arena, "%s_%u", table, ++n);
		i = UINT32_MAX; /* look at all of them again */
	}
	return name;
}

/* The tables that a tree scans are sources. */
static void
mark_sources(struct bind *b, const struct fl_node *node)
{
	const struct bind_table *bt;
	uint32_t i;

	for (; node != NULL; node = node->input) {
		for (i = 0; i < node->also_count; i++)
			mark_sources(b, node->also[i]);
		for (bt = node->kind == FL_NODE_SCAN ? b->tables : NULL; bt != NULL; bt = bt->next)
			if (bt->table == node->table)
				bt->table->is_source = true;
	}
}

static bool
has_name(const struct fl_node *agg, const struct fl_agg_fn *fn, const char *name)
{
	for (uint32_t i = 0; i < agg->key_count; i++)
		if (strcmp(agg->schema.fields[i].name, name) == 0)
			return true;
	for (uint32_t i = 0; i < agg->agg_count; i++)
		if (agg->aggs[i].fn == fn && strcmp(agg->aggs[i].name, name) == 0)
			return true;
	return false;
}

/* Those who look into windows see an aggregate that SELECT gave no name by the column of the
 * table that takes it.  No expression and no plan's text names it so. */
static void
name_aggs(const struct fl_node *root, const struct fl_node *agg)
{
	const struct fl_node *calc = root->input;

	if (agg == NULL || calc->kind != FL_NODE_CALC || calc->input != agg)
		return;
	for (uint32_t c = 0; c < calc->schema.count; c++) {
		const struct fl_expr *expr = calc->exprs[c];
		struct fl_agg *a;

		while (expr->kind == FL_EXPR_CAST)
			expr = expr->args[0];
		if (expr->kind != FL_EXPR_COLUMN || expr->column < agg->key_count ||
		    expr->column >= agg->key_count + agg->agg_count)
			continue;
		a = &agg->aggs[expr->column - agg->key_count];
		if (strncmp(a->name, "EXPR$", 5) == 0 &&
		    !has_name(agg, a->fn, calc->schema.fields[c].name))
			a->name = calc->schema.fields[c].name;
	}
}

/* One query for each part of a UNION ALL that reaches the sink. */
static void
add_query(struct bind *b, const struct rel *rel, const struct fl_table *sink)
{
	struct fl_query *query = FL_ARENA_NEW(b->arena, struct fl_query);

	query->name = query_name(b, sink->name);
	query->root = rel->node;
	query->scan = rel->scan;
	query->window = rel->window;
	query->agg = rel->agg;
	query->sink = (uint32_t)sink->sink;
	name_aggs(rel->node, rel->agg);
	mark_sources(b, rel->node);
	fl_ast_append(b->arena, b->inserts, query);
}

/* A path without empty parts, "." and "..". */
static const char *
plain_path(struct bind *b, const char *path)
{
	char *out = fl_arena_printf(b->arena, "/%s", path);
	size_t used = 0, size;

	for (; *path != '\0'; path += size) {
		path += strspn(path, "/");
		size = strcspn(path, "/");
		if (size == 0 || (size == 1 && path[0] == '.'))
			continue;
		if (size == 2 && strncmp(path, "..", 2) == 0) {
			while (used > 0 && out[--used] != '/')
				;
			continue;
		}
		out[used++] = '/';
		memmove(out + used, path, size);
		used += size;
	}
	out[used] = '\0';
	return out;
}

static bool
is_same_place(struct bind *b, const char *one, const char *other)
{
	struct stat a, z;

	if (stat(one, &a) == 0 && stat(other, &z) == 0)
		return a.st_dev == z.st_dev && a.st_ino == z.st_ino;
	return strcmp(plain_path(b, one), plain_path(b, other)) == 0;
}

/* The next run would read what this one wrote. */
static enum fl_code
check_directories(struct bind *b, const struct ast_insert *ast)
{
	const struct bind_table *from, *to;

	for (to = b->tables; to != NULL; to = to->next) {
		if (!to->table->is_sink || to->table->connector != FL_CONNECTOR_FILESYSTEM)
			continue;
		for (from = b->tables; from != NULL; from = from->next) {
			if (!from->table->is_source ||
			    from->table->connector != FL_CONNECTOR_FILESYSTEM ||
			    !is_same_place(b, from->table->path, to->table->path))
				continue;
			return BIND_FAIL(b, FL_E_BAD_OPTION, ast->table->line, ast->table->col,
			    "give the sink a directory of its own",
			    "source table '%.80s' reads what sink table '%.80s' writes: both have the "
			    "path '%.120s'",
			    from->table->name, to->table->name, to->table->path);
		}
	}
	return FL_OK;
}

enum fl_code
bind_insert(struct bind *b, const struct ast_statement *statement)
{
	const struct ast_insert *ast = statement->insert;
	struct bind_table *bt = bind_table_find(b, ast->table->text);
	const struct rel *part;
	struct rel rel;

	if (bt == NULL && bind_view_find(b->views, ast->table->text) != NULL)
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->table->line, ast->table->col, NULL,
		    "'%.80s' is a view: INSERT needs a table", ast->table->text);
	if (bt == NULL)
		return bind_table_missing(b, ast->table);
	FL_TRY(bind_query(b, ast->query, b->views, &rel));
	FL_TRY(bind_rank_is_used(b, ast->query->line, ast->query->col, &rel));
	if (rel.stage == REL_WINDOWED)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->query->line, ast->query->col, NULL,
		    "a window function without an aggregate is not supported: add GROUP BY window_start, "
		    "window_end");
	FL_TRY(add_sinks(b, ast, bt->table, &rel));
	FL_TRY(check_changes(b, ast, bt->table, &rel));
	if (!bt->table->is_sink) {
		bt->table->is_sink = true;
		bt->table->sink = (int32_t)b->plan->sink_count++;
	}
	for (part = &rel; part != NULL; part = part->also)
		add_query(b, part, bt->table);
	return check_directories(b, ast);
}
