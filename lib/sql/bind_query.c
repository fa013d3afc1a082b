/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind_query.c - SELECT to a tree of nodes.
 *
 * Each clause makes nodes on top of the relation so far:
 *
 *	FROM	  SCAN, or what a view or subquery makes; a window function adds WINDOW
 *	WHERE	  CALC with a filter; on a rank its limits go into the TOPN below
 *	GROUP BY  AGG; without a window it is updating, and the sink must take changes
 *	HAVING	  CALC with a filter
 *	SELECT	  TOPN or DEDUP for ROW_NUMBER(), CALC with the projection
 *
 * Neighbouring CALCs become one.  What would not be one of the two shapes of plan.h
 * is refused here.
 */
#include <string.h>

#include "bind.h"

#define QUERY_DEPTH_MAX 100u
#define UNION_PARTS_MAX 256u /* views of views would double them without end */

/* ---- nodes ---- */

struct fl_node *
bind_node(struct bind *b, enum fl_node_kind kind, struct fl_node *input)
{
	struct fl_node *node = FL_ARENA_NEW(b->arena, struct fl_node);

	node->kind = kind;
	node->input = input;
	return node;
}

void
bind_set_schema(struct bind *b, struct fl_node *node, const struct rel_col *cols, uint32_t count)
{
	uint32_t i;

	node->schema.count = count;
	node->schema.fields = FL_ARENA_ARRAY(b->arena, struct fl_field, count);
	for (i = 0; i < count; i++) {
		node->schema.fields[i].name = cols[i].name;
		node->schema.fields[i].type = cols[i].type;
		node->schema.fields[i].in = cols[i].in;
	}
}

static bool
may_merge(const struct fl_node *below, const struct fl_expr *filter, struct fl_expr *const *exprs,
    uint32_t count)
{
	uint32_t size = 0, each = 1, i;

	if (below->kind != FL_NODE_CALC)
		return false;
	for (i = 0; i < below->schema.count; i++)
		each = FL_MAX(each, bind_expr_size(below->exprs[i], BIND_MERGE_MAX));
	for (i = 0; i < count; i++)
		size += bind_expr_size(exprs[i], BIND_MERGE_MAX);
	if (filter != NULL)
		size += bind_expr_size(filter, BIND_MERGE_MAX);
	return (uint64_t)size * each <= BIND_MERGE_MAX;
}

/* Filters and projects node; merged with a CALC below.  cols are the columns that
 * come out. */
static enum fl_code
add_calc(struct bind *b, struct fl_node *input, struct fl_expr *filter, struct fl_expr **exprs,
    const struct rel_col *cols, uint32_t count, struct fl_node **out)
{
	struct fl_node *node;
	struct fl_expr **merged = exprs;
	uint32_t i;

	if (may_merge(input, filter, exprs, count)) {
		merged = FL_ARENA_ARRAY(b->arena, struct fl_expr *, count);
		for (i = 0; i < count; i++)
			merged[i] = bind_expr_replace(b, exprs[i], input->exprs, NULL, NULL);
		if (filter != NULL)
			filter = bind_expr_replace(b, filter, input->exprs, NULL, NULL);
		FL_TRY(bind_and(b, input->filter, filter, &filter));
		input = input->input;
	}
	node = bind_node(b, FL_NODE_CALC, input);
	node->filter = filter;
	node->exprs = merged;
	bind_set_schema(b, node, cols, count);
	*out = node;
	return FL_OK;
}

enum fl_code
bind_calcs(struct bind *b, struct rel *rel, struct fl_expr *filter, struct fl_expr **exprs,
    const struct rel_col *cols, uint32_t count)
{
	struct rel *part;

	for (part = rel; part != NULL; part = part->also)
		FL_TRY(add_calc(b, part->node, filter, exprs, cols, count, &part->node));
	return FL_OK;
}

static enum fl_code
add_filter(struct bind *b, struct rel *rel, struct fl_expr *filter)
{
	struct fl_expr **exprs = FL_ARENA_ARRAY(b->arena, struct fl_expr *, rel->count);
	uint32_t i;

	for (i = 0; i < rel->count; i++)
		exprs[i] = fl_expr_column(b->arena, i, &rel->cols[i].type);
	return bind_calcs(b, rel, filter, exprs, rel->cols, rel->count);
}

enum fl_code
bind_rank_is_used(struct bind *b, uint32_t line, uint32_t col, const struct rel *rel)
{
	bool is_dedup = rel->rank != NULL && rel->rank->kind == FL_NODE_DEDUP;

	if (rel->rank == NULL)
		return FL_OK;
	return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, line, col,
	    is_dedup ? "SELECT ... FROM (SELECT ..., ROW_NUMBER() OVER (...) AS rn FROM ...) WHERE rn = 1" :
		       "SELECT ... FROM (SELECT ..., ROW_NUMBER() OVER (...) AS rn FROM ...) WHERE rn <= 3",
	    "ROW_NUMBER() needs a limit on its rank, in the WHERE of a query around it: WHERE rn %s",
	    is_dedup ? "= 1" : "<= N");
}

/* ---- WHERE, and the limits of a rank ---- */

struct limits {
	int64_t from, to; /* to: INT64_MAX, none */
};

static bool
reads_rank(const struct fl_expr *expr, const struct rel *rel)
{
	uint32_t i;

	if (expr->kind == FL_EXPR_COLUMN)
		return rel->cols[expr->column].is_rank;
	for (i = 0; i < expr->arg_count; i++)
		if (reads_rank(expr->args[i], rel))
			return true;
	return false;
}

/* rn <= 3, 3 >= rn and the like narrow the limits; false if it is none of them. */
static bool
take_limit(struct bind *b, const struct fl_expr *expr, const struct rel *rel, struct limits *limits)
{
	static const char *const OPS[] = { "=", "<", "<=", ">", ">=" };
	static const int FLIPPED[] = { 0, 3, 4, 1, 2 };
	const struct fl_expr *rank, *bound;
	struct fl_err err = { .code = FL_OK };
	struct fl_value value;
	int op;

	if (expr->kind != FL_EXPR_CALL || expr->arg_count != 2)
		return false;
	for (op = 0; op < 5; op++)
		if (strcmp(expr->fn->name, OPS[op]) == 0)
			break;
	if (op == 5)
		return false;
	rank = expr->args[0];
	bound = expr->args[1];
	if (rank->kind != FL_EXPR_COLUMN) {
		rank = expr->args[1];
		bound = expr->args[0];
		op = FLIPPED[op];
	}
	if (rank->kind != FL_EXPR_COLUMN || !rel->cols[rank->column].is_rank ||
	    !fl_type_is_integer(bound->type.id) || !fl_expr_is_const(bound) ||
	    fl_expr_const(bound, "UTC", b->arena, &value, &err) != FL_OK || value.is_null)
		return false;
	if (op == 0 || op >= 3)
		limits->from = FL_MAX(limits->from, op == 3 && value.i64 < INT64_MAX ? value.i64 + 1 : value.i64);
	if (op <= 2)
		limits->to = FL_MIN(limits->to, op == 1 && value.i64 > INT64_MIN ? value.i64 - 1 : value.i64);
	return true;
}

/* Takes the limits out of a condition; what is left goes to *rest. */
static enum fl_code
split_limits(struct bind *b, struct fl_expr *expr, const struct rel *rel, struct limits *limits,
    struct fl_expr **rest)
{
	uint32_t i;

	if (expr->kind == FL_EXPR_AND) {
		for (i = 0; i < expr->arg_count; i++)
			FL_TRY(split_limits(b, expr->args[i], rel, limits, rest));
		return FL_OK;
	}
	if (take_limit(b, expr, rel, limits))
		return FL_OK;
	return bind_and(b, *rest, expr, rest);
}

static enum fl_code
bind_where(struct bind *b, const struct ast_query *ast, struct rel *rel)
{
	struct scope scope = { .rel = rel, .clause = "WHERE" };
	struct limits limits = { .from = 1, .to = INT64_MAX };
	struct fl_expr *filter, *rest = NULL;

	if (ast->where == NULL)
		return FL_OK;
	FL_TRY(bind_condition(b, &scope, ast->where, &filter));
	if (rel->rank != NULL && reads_rank(filter, rel)) {
		FL_TRY(split_limits(b, filter, rel, &limits, &rest));
		filter = rest;
		if (limits.to == INT64_MAX)
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->where->line, ast->where->col,
			    "WHERE rn <= 3",
			    "the rank of ROW_NUMBER() needs a constant upper limit: rn <= N, rn < N, rn = N or rn "
			    "BETWEEN a AND b");
		if (limits.from > limits.to)
			return BIND_FAIL(b, FL_E_SQL_BIND, ast->where->line, ast->where->col, NULL,
			    "the limits of the rank let no row through: ranks begin at 1");
		if (rel->rank->kind == FL_NODE_DEDUP && (limits.from > 1 || limits.to > 1))
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->where->line, ast->where->col,
			    "WHERE rn = 1",
			    "Top-N without a window is not supported: of ROW_NUMBER() over the rows of a table only "
			    "the first of each key can be taken (deduplication), WHERE rn = 1");
		rel->rank->rank_from = limits.from;
		rel->rank->rank_to = limits.to;
		rel->rank = NULL;
	}
	return filter != NULL ? add_filter(b, rel, filter) : FL_OK;
}

/* ---- GROUP BY ---- */

/* Aggregates without both bounds of a window: over rows they are updating. */
static enum fl_code
check_window(struct bind *b, const struct ast_query *ast, const struct rel *rel, bool has_start,
    bool has_end)
{
	if (rel->stage == REL_AGGREGATED || rel->stage == REL_RANKED)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "an aggregate over the result of a window is not supported: write the results to a topic "
		    "and read them in a second pipeline");
	if (rel->stage == REL_UPDATING)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "an aggregate over the changes of another (GROUP BY without a window) is not supported");
	if (rel->stage == REL_ROWS || (has_start && has_end))
		return FL_OK;
	return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col,
	    "FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, "
	    "window_end",
	    "GROUP BY has %s: over the rows of a window that is an unbounded, updating aggregate in "
	    "Flink, which is not supported here; without the window function it is",
	    has_start ? "window_start but not window_end" :
	    has_end   ? "window_end but not window_start" :
			"neither window_start nor window_end");
}

/* The name of a key in the output of AGG: of its column, or of the item that is it. */
static const char *
key_name(struct bind *b, const struct ast_query *ast, const struct ast_expr *key,
    const struct rel *rel, const struct fl_expr *bound, uint32_t i)
{
	uint32_t k;

	if (bound->kind == FL_EXPR_COLUMN)
		return rel->cols[bound->column].name;
	for (k = 0; k < ast->items->count; k++) {
		const struct ast_item *item = ast->items->items[k];

		if (item->alias != NULL && item->expr->kind == key->kind && item->expr->size == key->size &&
		    strcmp(item->expr->text, key->text) == 0 && item->expr->args->count == key->args->count)
			return item->alias->text;
	}
	return fl_arena_printf(b->arena, "key$%u", i);
}

static enum fl_code
bind_keys(struct bind *b, const struct ast_query *ast, const struct rel *rel, struct agg_scope *agg)
{
	struct scope scope = { .rel = rel, .clause = "GROUP BY", .aliases = ast->items };
	uint32_t n = ast->group != NULL ? ast->group->count : 0, i;
	bool has_start = false, has_end = false;

	agg->keys = FL_ARENA_ARRAY(b->arena, struct fl_expr *, n);
	agg->key_names = FL_ARENA_ARRAY(b->arena, const char *, n);
	agg->aggs = fl_ast_list(b->arena);
	for (i = 0; i < n; i++) {
		const struct ast_expr *key = ast->group->items[i];
		enum win_role role = WIN_NONE;
		struct fl_expr *expr;

		FL_TRY(bind_expr(b, &scope, key, &expr));
		if (key->kind == AST_NAME)
			role = rel->cols[expr->column].role;
		has_start |= role == WIN_START;
		has_end |= role == WIN_END;
		agg->has_time |= role == WIN_TIME;
		if (role != WIN_NONE)
			continue;
		if (expr->type.id == FL_TYPE_ARRAY)
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, key->line, key->col, NULL,
			    "GROUP BY an ARRAY is not supported");
		if (expr->type.id == FL_TYPE_NULL || expr->type.id == FL_TYPE_INTERVAL)
			return BIND_FAIL(b, FL_E_SQL_BIND, key->line, key->col, NULL,
			    "GROUP BY cannot take a value of type %s", fl_type_name(expr->type.id));
		if (bind_expr_find(agg->keys, agg->key_count, expr) < agg->key_count)
			continue;
		agg->key_names[agg->key_count] = key_name(b, ast, key, rel, expr, agg->key_count);
		agg->keys[agg->key_count++] = expr;
	}
	return check_window(b, ast, rel, has_start, has_end);
}

/* Does expr, over the rows of node, read window_start, window_end or window_time? */
static bool
reads_bounds(const struct fl_expr *expr, const struct fl_node *node)
{
	uint32_t i;

	if (expr->kind == FL_EXPR_COLUMN && node->kind == FL_NODE_WINDOW)
		return expr->column >= node->input->schema.count;
	if (expr->kind == FL_EXPR_COLUMN)
		return reads_bounds(node->exprs[expr->column], node->input);
	for (i = 0; i < expr->arg_count; i++)
		if (reads_bounds(expr->args[i], node))
			return true;
	return false;
}

/* Below the aggregate a row of windows that overlap is there once, not once for each. */
static enum fl_code
check_overlap(struct bind *b, const struct ast_query *ast, const struct rel *rel,
    const struct agg_scope *agg)
{
	const struct rel *part;
	bool reads = false;
	uint32_t i;

	if (rel->window == NULL || rel->window->window_kind != FL_WINDOW_HOP)
		return FL_OK;
	for (i = 0; i < agg->aggs->count; i++) {
		const struct fl_agg *call = agg->aggs->items[i];

		if (call->fn->merge == NULL)
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
			    "%s over HOP is not supported: Flink could not find an implementation method 'merge' "
			    "for it either", call->fn->name);
		reads = reads || (call->arg != NULL && reads_bounds(call->arg, rel->node)) ||
		    (call->filter != NULL && reads_bounds(call->filter, rel->node));
	}
	for (i = 0; i < agg->key_count; i++)
		reads = reads || reads_bounds(agg->keys[i], rel->node);
	for (part = rel; part != NULL; part = part->also) {
		const struct fl_node *node = part->node;

		for (; node->kind == FL_NODE_CALC; node = node->input)
			reads = reads || (node->filter != NULL && reads_bounds(node->filter, node->input));
	}
	if (!reads || rel->window->slide_ms == rel->window->size_ms)
		return FL_OK;
	return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
	    "over HOP, window_start, window_end and window_time are supported as keys of GROUP BY and above it, "
	    "not in WHERE, in other keys or in the arguments of aggregates");
}

struct places {
	uint32_t key_count, agg_count;
};

/* Where a column of an aggregate stands once all are known. */
static uint32_t
place_column(uint32_t column, void *ctx)
{
	const struct places *places = ctx;

	if (column >= AGG_COLUMN_WINDOW)
		return places->key_count + places->agg_count + (column - AGG_COLUMN_WINDOW);
	if (column >= AGG_COLUMN_AGG)
		return places->key_count + (column - AGG_COLUMN_AGG);
	return column;
}

static bool
name_taken(const struct fl_agg *aggs, uint32_t count, const struct fl_agg *agg)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (aggs[i].fn == agg->fn && strcmp(aggs[i].name, agg->name) == 0)
			return true;
	return false;
}

/* Makes the AGG node on rel; rel's columns become the AGG's.  names[i], if any, is
 * the alias of the item that is aggregate i. */
static void
add_agg(struct bind *b, struct rel *rel, const struct agg_scope *agg, const char *const *names)
{
	uint32_t n = agg->key_count, m = agg->aggs->count, at = 0, i;
	uint32_t bounds = rel->window != NULL ? 3 : 0;
	struct rel_col *cols = FL_ARENA_ARRAY(b->arena, struct rel_col, n + m + bounds);
	struct fl_node *node = bind_node(b, FL_NODE_AGG, rel->node);
	struct rel *part;

	for (part = rel->also; part != NULL; part = part->also)
		node->also_count++;
	node->also = FL_ARENA_ARRAY(b->arena, struct fl_node *, node->also_count);
	for (part = rel->also, i = 0; part != NULL; part = part->also)
		node->also[i++] = part->node;
	rel->also = NULL;
	node->key_count = n;
	node->keys = agg->keys;
	node->agg_count = m;
	node->aggs = FL_ARENA_ARRAY(b->arena, struct fl_agg, m);
	for (i = 0; i < n; i++) {
		cols[i].name = agg->key_names[i];
		cols[i].type = agg->keys[i]->type;
	}
	for (i = 0; i < m; i++) {
		struct fl_agg *a = &node->aggs[i];
		const char *field = names[i];

		*a = *(const struct fl_agg *)agg->aggs->items[i];
		if (field == NULL)
			field = fl_arena_printf(b->arena, "agg$%u", i);
		if (a->name == NULL || name_taken(node->aggs, i, a))
			a->name = a->arg == NULL && names[i] == NULL && i == 0 ? "count" : field;
		a->acc_at = at;
		at += a->acc_size;
		cols[n + i].name = field;
		cols[n + i].type = a->result;
	}
	node->row_size = at + (rel->window == NULL ? FL_AGG_CHANGED_SIZE : 0);
	for (i = 0; i < bounds; i++) {
		const struct fl_field *bound =
		    &rel->window->schema.fields[rel->window->input->schema.count + i];

		cols[n + m + i] = bind_window_column(bound->name, bound->type, (enum win_role)(WIN_START + i));
	}
	rel->cols = cols;
	rel->count = n + m + bounds;
	rel->stage = rel->window != NULL ? REL_AGGREGATED : REL_UPDATING;
	bind_set_schema(b, node, cols, rel->count);
	rel->node = rel->agg = node;
}

/* ---- SELECT ---- */

/* One column of the result, over the relation below (or, grouped, over AGG). */
struct item {
	struct fl_expr *expr;	/* NULL: the rank */
	struct rel_col col;
	const struct ast_expr *ast;
};

struct items {
	uint32_t count, capacity;
	struct item *list;
	const struct ast_expr *rank; /* ROW_NUMBER() OVER (...), NULL */
};

static struct item *
add_item(struct bind *b, struct items *items)
{
	if (items->count == items->capacity) {
		uint32_t more = items->capacity == 0 ? 16 : items->capacity * 2;
		struct item *grown = FL_ARENA_ARRAY(b->arena, struct item, more);

		if (items->count > 0)
			memcpy(grown, items->list, sizeof(*grown) * items->count);
		items->list = grown;
		items->capacity = more;
	}
	return &items->list[items->count++];
}

static enum fl_code
bind_star(struct bind *b, const struct ast_expr *ast, const struct rel *rel, bool grouped,
    struct items *items)
{
	uint32_t i, found = 0;
	const char *qualifier = ast->args->count > 0 ?
	    ((const struct fl_token *)ast->args->items[ast->args->count - 1])->text : NULL;

	if (grouped)
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
		    "SELECT * cannot be used with GROUP BY: name keys and aggregates");
	for (i = 0; i < rel->count; i++) {
		struct item *item;

		if (qualifier != NULL &&
		    (rel->cols[i].qualifier == NULL || strcmp(rel->cols[i].qualifier, qualifier) != 0))
			continue;
		item = add_item(b, items);
		item->expr = fl_expr_column(b->arena, i, &rel->cols[i].type);
		item->col = rel->cols[i];
		item->ast = ast;
		found++;
	}
	if (found == 0)
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL, "Unknown identifier '%.80s'",
		    qualifier != NULL ? qualifier : "*");
	return FL_OK;
}

/* What a column that is only passed on keeps: time attribute, role, rank. */
static void
keep_attributes(struct item *item, const struct ast_expr *ast, const struct rel *rel)
{
	uint32_t column = item->expr->column;
	const struct rel_col *from;
	uint32_t i;

	if (item->expr->kind == FL_EXPR_CALL && strcmp(item->expr->fn->name, "PROCTIME") == 0)
		item->col.time = FL_TIME_PROC;
	if (ast->kind != AST_NAME || item->expr->kind != FL_EXPR_COLUMN)
		return;
	if (column < AGG_COLUMN_AGG) {
		from = &rel->cols[column];
		item->col.time = from->time;
		item->col.is_rowtime = from->is_rowtime;
		item->col.is_spent = from->is_spent;
		item->col.role = from->role;
		item->col.is_rank = from->is_rank;
		return;
	}
	if (column < AGG_COLUMN_WINDOW)
		return;
	item->col.role = (enum win_role)(WIN_START + (column - AGG_COLUMN_WINDOW));
	for (i = 0; i < rel->count; i++) {
		if (rel->cols[i].role == item->col.role) {
			item->col.time = rel->cols[i].time;
			item->col.is_rowtime = rel->cols[i].is_rowtime;
		}
	}
}

static enum fl_code
bind_item(struct bind *b, const struct ast_item *ast, const struct rel *rel, const struct scope *scope,
    uint32_t number, struct items *items)
{
	struct item *item;
	struct fl_expr *expr = NULL;

	if (ast->expr->kind == AST_STAR)
		return bind_star(b, ast->expr, rel, scope->agg != NULL, items);
	if (bind_is_rank(ast->expr)) {
		if (items->rank != NULL)
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->expr->line, ast->expr->col, NULL,
			    "two ROW_NUMBER() in one SELECT are not supported");
		items->rank = ast->expr;
	} else {
		FL_TRY(bind_expr(b, scope, ast->expr, &expr));
		if (expr->type.id == FL_TYPE_NULL)
			return BIND_FAIL(b, FL_E_SQL_BIND, ast->expr->line, ast->expr->col, NULL,
			    "Illegal use of 'NULL' in SELECT: write CAST(NULL AS type)");
	}
	item = add_item(b, items);
	item->expr = expr;
	item->ast = ast->expr;
	if (ast->alias != NULL)
		item->col.name = ast->alias->text;
	else if (ast->expr->kind == AST_NAME)
		item->col.name = ((const struct fl_token *)ast->expr->args->items[ast->expr->args->count - 1])->text;
	else
		item->col.name = fl_arena_printf(b->arena, "EXPR$%u", number);
	if (expr == NULL) {
		item->col.type = fl_type_make(FL_TYPE_BIGINT, false);
		item->col.is_rank = true;
		return FL_OK;
	}
	item->col.type = expr->type;
	/* A key of the aggregate is a plain value, also if it was a time before. */
	if (scope->agg == NULL || (expr->kind == FL_EXPR_COLUMN && expr->column >= AGG_COLUMN_AGG))
		keep_attributes(item, ast->expr, rel);
	return FL_OK;
}

static enum fl_code
bind_items(struct bind *b, const struct ast_query *ast, const struct rel *rel, const struct scope *scope,
    struct items *items)
{
	uint32_t i;

	for (i = 0; i < ast->items->count; i++)
		FL_TRY(bind_item(b, ast->items->items[i], rel, scope, i, items));
	return FL_OK;
}

/* ---- ROW_NUMBER() ---- */

/* ORDER BY and PARTITION BY of the rank, bound as SELECT's items are. */
struct ranking {
	bool is_dedup; /* over the rows of a table, without a window */
	uint32_t partition_count, sort_count;
	struct fl_expr **partition, **sort;
	struct fl_sort_key *keys;
};

static enum fl_code
bind_partition(struct bind *b, const struct ast_expr *rank, const struct rel *rel,
    const struct scope *scope, struct ranking *out)
{
	const struct ast_list *list = rank->over->partition;
	bool has_start = false, has_end = false;
	uint32_t n = list != NULL ? list->count : 0, i;

	out->partition = FL_ARENA_ARRAY(b->arena, struct fl_expr *, n);
	for (i = 0; i < n; i++) {
		const struct ast_expr *ast = list->items[i];
		enum win_role role = WIN_NONE;
		struct fl_expr *expr;

		FL_TRY(bind_expr(b, scope, ast, &expr));
		if (ast->kind == AST_NAME && expr->column >= AGG_COLUMN_WINDOW)
			role = (enum win_role)(WIN_START + (expr->column - AGG_COLUMN_WINDOW));
		else if (ast->kind == AST_NAME && expr->kind == FL_EXPR_COLUMN && scope->agg == NULL)
			role = rel->cols[expr->column].role;
		has_start |= role == WIN_START;
		has_end |= role == WIN_END;
		if (role != WIN_NONE)
			continue;
		if (expr->type.id == FL_TYPE_ARRAY || expr->type.id == FL_TYPE_NULL ||
		    expr->type.id == FL_TYPE_INTERVAL)
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
			    "PARTITION BY cannot take a value of type %s", fl_type_name(expr->type.id));
		if (bind_expr_find(out->partition, out->partition_count, expr) == out->partition_count)
			out->partition[out->partition_count++] = expr;
	}
	out->is_dedup = rel->stage == REL_ROWS && scope->agg == NULL;
	if (!out->is_dedup && (!has_start || !has_end))
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, rank->over->line, rank->over->col,
		    "PARTITION BY window_start, window_end",
		    "Top-N without a window is not supported: PARTITION BY must have window_start and window_end");
	return FL_OK;
}

static enum fl_code
bind_order(struct bind *b, const struct ast_expr *rank, const struct scope *scope, struct ranking *out)
{
	const struct ast_list *list = rank->over->order;
	uint32_t i;

	if (list == NULL)
		return BIND_FAIL(b, FL_E_SQL_BIND, rank->over->line, rank->over->col, NULL,
		    "ROW_NUMBER() needs ORDER BY: without it the ranks are arbitrary");
	out->sort_count = list->count;
	out->sort = FL_ARENA_ARRAY(b->arena, struct fl_expr *, list->count);
	out->keys = FL_ARENA_ARRAY(b->arena, struct fl_sort_key, list->count);
	for (i = 0; i < list->count; i++) {
		const struct ast_sort *sort = list->items[i];

		FL_TRY(bind_expr(b, scope, sort->expr, &out->sort[i]));
		if (out->sort[i]->type.id == FL_TYPE_NULL || out->sort[i]->type.id == FL_TYPE_INTERVAL)
			return BIND_FAIL(b, FL_E_SQL_BIND, sort->expr->line, sort->expr->col, NULL,
			    "ORDER BY cannot take a value of type %s", fl_type_name(out->sort[i]->type.id));
		out->keys[i].descending = sort->descending;
		/* NULL is the lowest value, as in Flink. */
		out->keys[i].nulls_first = sort->nulls == AST_NULLS_DEFAULT ? !sort->descending :
		    sort->nulls == AST_NULLS_FIRST;
	}
	return FL_OK;
}

/* The column of rel that is expr; expressions get a column of their own in extra. */
static uint32_t
column_of(struct bind *b, const struct rel *rel, struct fl_expr *expr, struct ast_list *extra)
{
	uint32_t i;

	if (expr->kind == FL_EXPR_COLUMN)
		return expr->column;
	for (i = 0; i < extra->count; i++)
		if (bind_expr_equal(extra->items[i], expr))
			return rel->count + i;
	fl_ast_append(b->arena, extra, expr);
	return rel->count + extra->count - 1;
}

/* A CALC that passes all of rel on and adds the extra expressions. */
static enum fl_code
add_extra(struct bind *b, struct rel *rel, const struct ast_list *extra)
{
	uint32_t n = rel->count + extra->count, i;
	struct fl_expr **exprs = FL_ARENA_ARRAY(b->arena, struct fl_expr *, n);
	struct rel_col *cols = FL_ARENA_ARRAY(b->arena, struct rel_col, n);

	if (extra->count == 0)
		return FL_OK;
	for (i = 0; i < n; i++) {
		if (i < rel->count) {
			cols[i] = rel->cols[i];
			exprs[i] = fl_expr_column(b->arena, i, &cols[i].type);
			continue;
		}
		exprs[i] = extra->items[i - rel->count];
		cols[i].name = fl_arena_printf(b->arena, "sort$%u", i - rel->count);
		cols[i].type = exprs[i]->type;
	}
	rel->cols = cols;
	rel->count = n;
	return bind_calcs(b, rel, NULL, exprs, cols, n);
}

/* Which of the rows of a key is first?  By arrival only that is known at once and for good. */
static enum fl_code
check_dedup_order(struct bind *b, const struct ast_expr *rank, const struct rel *rel,
    const struct ranking *ranking)
{
	const struct ast_sort *sort = rank->over->order->items[0];
	const struct fl_expr *expr = ranking->sort[0];
	enum fl_time_attr time = FL_TIME_NONE;

	if (expr->kind == FL_EXPR_COLUMN)
		time = rel->cols[expr->column].time;
	else if (expr->kind == FL_EXPR_CALL && strcmp(expr->fn->name, "PROCTIME") == 0)
		time = FL_TIME_PROC;
	if (time == FL_TIME_NONE || ranking->sort_count > 1)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, rank->over->line, rank->over->col,
		    "PARTITION BY window_start, window_end",
		    "Top-N without a window is not supported: PARTITION BY must have window_start and "
		    "window_end; without them ROW_NUMBER() can only take the first row of each key, by a "
		    "processing time alone: ORDER BY a column AS PROCTIME()");
	if (time == FL_TIME_EVENT)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, sort->expr->line, sort->expr->col,
		    "ORDER BY a column AS PROCTIME()",
		    "deduplication by event time is not supported, only by processing time: which row is the "
		    "first by event time is not known before the watermark has passed it");
	if (sort->descending)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, sort->expr->line, sort->expr->col,
		    "LAST_VALUE(column) with GROUP BY the keys",
		    "deduplication that keeps the last row (ORDER BY ... DESC) is not supported, only the "
		    "first (ASC): its result would be changes of keys");
	return FL_OK;
}

static enum fl_code
add_dedup(struct bind *b, struct rel *rel, const struct ast_expr *rank, const struct ranking *ranking)
{
	struct ast_list *extra = fl_ast_list(b->arena);
	struct fl_dedup *dedup = FL_ARENA_NEW(b->arena, struct fl_dedup);
	uint32_t n = ranking->partition_count, *columns = FL_ARENA_ARRAY(b->arena, uint32_t, n), i;
	struct rel *part;

	FL_TRY(bind_rank_is_used(b, rank->line, rank->col, rel));
	FL_TRY(check_dedup_order(b, rank, rel, ranking));
	for (i = 0; i < n; i++)
		columns[i] = column_of(b, rel, ranking->partition[i], extra);
	FL_TRY(add_extra(b, rel, extra));
	dedup->keys.count = n;
	dedup->keys.fields = FL_ARENA_ARRAY(b->arena, struct fl_field, n);
	for (i = 0; i < n; i++) {
		dedup->keys.fields[i].name = rel->cols[columns[i]].name;
		dedup->keys.fields[i].type = rel->cols[columns[i]].type;
	}
	for (part = rel; part != NULL; part = part->also) {
		struct fl_node *node = bind_node(b, FL_NODE_DEDUP, part->node);

		node->dedup = dedup;
		node->partition_count = n;
		node->partition_columns = columns;
		bind_set_schema(b, node, rel->cols, rel->count);
		part->node = node;
	}
	rel->rank = rel->node;
	return FL_OK;
}

static enum fl_code
add_topn(struct bind *b, struct rel *rel, const struct ast_expr *rank, const struct ranking *ranking)
{
	struct ast_list *extra = fl_ast_list(b->arena);
	struct fl_node *node = bind_node(b, FL_NODE_TOPN, NULL);
	struct rel_col *cols;
	uint32_t i;

	if (rel->stage == REL_WINDOWED)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, rank->line, rank->col, NULL,
		    "Top-N directly on the rows of a window is not supported: aggregate first (GROUP BY "
		    "window_start, window_end, keys)");
	if (rel->stage != REL_AGGREGATED)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, rank->line, rank->col, NULL,
		    rel->stage == REL_RANKED ? "Top-N of a Top-N is not supported" :
					       "Top-N without a window is not supported");
	node->partition_count = ranking->partition_count;
	node->partition_columns = FL_ARENA_ARRAY(b->arena, uint32_t, ranking->partition_count);
	for (i = 0; i < ranking->partition_count; i++)
		node->partition_columns[i] = column_of(b, rel, ranking->partition[i], extra);
	node->sort_count = ranking->sort_count;
	node->sort = ranking->keys;
	for (i = 0; i < ranking->sort_count; i++)
		node->sort[i].column = column_of(b, rel, ranking->sort[i], extra);
	FL_TRY(add_extra(b, rel, extra));
	cols = FL_ARENA_ARRAY(b->arena, struct rel_col, rel->count + 1);
	memcpy(cols, rel->cols, sizeof(*cols) * rel->count);
	memset(&cols[rel->count], 0, sizeof(*cols));
	cols[rel->count].name = "rank$";
	cols[rel->count].type = fl_type_make(FL_TYPE_BIGINT, false);
	cols[rel->count].is_rank = true;
	rel->cols = cols;
	rel->count++;
	rel->stage = REL_RANKED;
	node->input = rel->node;
	bind_set_schema(b, node, cols, rel->count);
	rel->node = rel->rank = node;
	return FL_OK;
}

/* ---- a SELECT ---- */

static bool
is_grouped(const struct ast_query *ast)
{
	uint32_t i;

	if (ast->group != NULL || ast->having != NULL)
		return true;
	for (i = 0; i < ast->items->count; i++)
		if (bind_has_aggregate(((const struct ast_item *)ast->items->items[i])->expr))
			return true;
	return false;
}

static void
place(struct bind *b, struct fl_expr **expr, struct places *places)
{
	if (*expr != NULL)
		*expr = bind_expr_replace(b, *expr, NULL, place_column, places);
}

/* Everything of a grouped SELECT is bound over the keys and aggregates, in places
 * yet unknown; then AGG is made and the places are filled in. */
static enum fl_code
make_agg(struct bind *b, struct rel *rel, struct agg_scope *agg, struct items *items,
    struct ranking *ranking, struct fl_expr *having)
{
	struct places places = { agg->key_count, agg->aggs->count };
	const char **names = FL_ARENA_ARRAY(b->arena, const char *, places.agg_count);
	uint32_t i;

	for (i = 0; i < items->count; i++) {
		struct item *item = &items->list[i];

		if (item->expr == NULL)
			continue;
		if (item->expr->kind == FL_EXPR_COLUMN && item->expr->column >= AGG_COLUMN_AGG &&
		    item->expr->column < AGG_COLUMN_WINDOW &&
		    names[item->expr->column - AGG_COLUMN_AGG] == NULL)
			names[item->expr->column - AGG_COLUMN_AGG] = item->col.name;
		place(b, &item->expr, &places);
	}
	for (i = 0; i < ranking->partition_count; i++)
		place(b, &ranking->partition[i], &places);
	for (i = 0; i < ranking->sort_count; i++)
		place(b, &ranking->sort[i], &places);
	place(b, &having, &places);
	add_agg(b, rel, agg, names);
	return having != NULL ? add_filter(b, rel, having) : FL_OK;
}

/* The last column of TOPN; of what DEDUP lets through it is 1. */
static struct fl_expr *
rank_value(struct bind *b, const struct rel *rel, const struct fl_type *type)
{
	const struct fl_value one = { .i64 = 1 };

	if (rel->rank->kind == FL_NODE_DEDUP)
		return fl_expr_literal(b->arena, type, &one);
	return fl_expr_column(b->arena, rel->count - 1, type);
}

static enum fl_code
project(struct bind *b, struct rel *rel, const struct items *items)
{
	struct fl_expr **exprs = FL_ARENA_ARRAY(b->arena, struct fl_expr *, items->count);
	struct rel_col *cols = FL_ARENA_ARRAY(b->arena, struct rel_col, items->count);
	uint32_t i;

	for (i = 0; i < items->count; i++) {
		cols[i] = items->list[i].col;
		cols[i].qualifier = NULL;
		exprs[i] = items->list[i].expr != NULL ? items->list[i].expr :
		    rank_value(b, rel, &cols[i].type);
	}
	FL_TRY(bind_calcs(b, rel, NULL, exprs, cols, items->count));
	rel->cols = cols;
	rel->count = items->count;
	return FL_OK;
}

static enum fl_code
bind_select(struct bind *b, const struct ast_query *ast, struct bind_view *views,
    struct rel *rel)
{
	struct agg_scope agg = { .key_count = 0 };
	struct scope scope = { .rel = rel, .clause = "SELECT" };
	struct items items = { .count = 0 };
	struct ranking ranking = { .partition_count = 0 };
	struct fl_expr *having = NULL;
	struct rel input;

	FL_TRY(bind_from(b, ast, views, &input));
	FL_TRY(bind_where(b, ast, &input));
	*rel = input;
	scope.rel = &input;
	if (is_grouped(ast)) {
		FL_TRY(bind_rank_is_used(b, ast->line, ast->col, &input));
		FL_TRY(bind_keys(b, ast, &input, &agg));
		scope.agg = &agg;
	}
	FL_TRY(bind_items(b, ast, &input, &scope, &items));
	if (items.rank != NULL) {
		scope.clause = "PARTITION BY";
		FL_TRY(bind_partition(b, items.rank, &input, &scope, &ranking));
		scope.clause = "ORDER BY";
		FL_TRY(bind_order(b, items.rank, &scope, &ranking));
	}
	if (ast->having != NULL) {
		scope.clause = "HAVING";
		FL_TRY(bind_condition(b, &scope, ast->having, &having));
	}
	if (scope.agg != NULL)
		FL_TRY(check_overlap(b, ast, &input, &agg));
	if (scope.agg != NULL)
		FL_TRY(make_agg(b, rel, &agg, &items, &ranking, having));
	if (items.rank != NULL)
		FL_TRY(ranking.is_dedup ? add_dedup(b, rel, items.rank, &ranking) :
					  add_topn(b, rel, items.rank, &ranking));
	return project(b, rel, &items);
}

/* ---- UNION ALL ---- */

/* Column c of all parts: name and time attribute of the first, the common type. */
static enum fl_code
union_column(struct bind *b, const struct ast_query *ast, const struct rel *parts, uint32_t count,
    uint32_t c, struct rel_col *out)
{
	char first[64], other[64];
	uint32_t i;

	memset(out, 0, sizeof(*out));
	out->name = parts[0].cols[c].name;
	out->type = parts[0].cols[c].type;
	out->time = parts[0].cols[c].time;
	out->is_rowtime = true;
	for (i = 0; i < count; i++) {
		const struct rel_col *col = &parts[i].cols[c];
		struct fl_type so_far = out->type;

		/* What is an event time in one part only is none: no watermark covers the others. */
		if (col->time != out->time || col->type.id != parts[0].cols[c].type.id)
			out->time = FL_TIME_NONE;
		out->is_rowtime &= col->is_rowtime;
		out->is_spent |= col->is_spent;
		if (!fl_type_least_restrictive(&so_far, &col->type, &out->type))
			return BIND_FAIL(b, FL_E_SQL_BIND, ((const struct ast_query *)ast->parts->items[i])->line,
			    ((const struct ast_query *)ast->parts->items[i])->col,
			    "CAST one of them to the type of the other",
			    "Type mismatch in column %u of UNION ALL: %s and %s", c + 1,
			    fl_type_print(&so_far, first, sizeof(first)),
			    fl_type_print(&col->type, other, sizeof(other)));
		out->type.nullable = so_far.nullable || col->type.nullable;
	}
	return FL_OK;
}

/* A part's columns become those of the whole. */
static enum fl_code
convert_part(struct bind *b, const struct ast_query *ast, struct rel *part, const struct rel_col *cols)
{
	struct fl_expr **exprs = FL_ARENA_ARRAY(b->arena, struct fl_expr *, part->count);
	uint32_t c;

	for (c = 0; c < part->count; c++) {
		struct fl_type to = cols[c].type;

		to.nullable = part->cols[c].type.nullable;
		exprs[c] = fl_expr_column(b->arena, c, &part->cols[c].type);
		FL_TRY(bind_cast(b, exprs[c], &to, ast->line, ast->col, &exprs[c]));
	}
	return bind_calcs(b, part, NULL, exprs, cols, part->count);
}

static enum fl_code
check_part(struct bind *b, const struct ast_query *ast, const struct rel *part, uint32_t count)
{
	uint32_t i;

	FL_TRY(bind_rank_is_used(b, ast->line, ast->col, part));
	for (i = 0; i < part->count; i++)
		if (part->cols[i].in != NULL)
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
			    "UNION ALL of the ROW '%.80s' as a whole is not supported: select its fields by name",
			    bind_row_column(part->cols[i].in));
	if (part->stage == REL_WINDOWED)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "UNION ALL of the rows of windows is not supported: put the UNION ALL into the window "
		    "function: TABLE(TUMBLE((SELECT ... UNION ALL SELECT ...), DESCRIPTOR(ts), size))");
	if (part->count != count)
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, NULL,
		    "Column count mismatch in UNION ALL: %u columns, the first part has %u", part->count, count);
	return FL_OK;
}

static enum fl_code
bind_union(struct bind *b, const struct ast_query *ast, struct bind_view *views, struct rel *rel)
{
	uint32_t n = ast->parts->count, total = 0, i, c;
	struct rel *parts = FL_ARENA_ARRAY(b->arena, struct rel, n), *last;
	struct rel_col *cols;

	for (i = 0; i < n; i++) {
		FL_TRY(bind_query(b, ast->parts->items[i], views, &parts[i]));
		FL_TRY(check_part(b, ast->parts->items[i], &parts[i], parts[0].count));
		for (last = &parts[i]; last != NULL; last = last->also)
			total++;
		if (total > UNION_PARTS_MAX)
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
			    "UNION ALL of more than %u parts is not supported", UNION_PARTS_MAX);
	}
	cols = FL_ARENA_ARRAY(b->arena, struct rel_col, parts[0].count);
	for (c = 0; c < parts[0].count; c++)
		FL_TRY(union_column(b, ast, parts, n, c, &cols[c]));
	*rel = parts[0];
	for (i = 0, last = rel; i < n; i++) {
		FL_TRY(convert_part(b, ast->parts->items[i], i == 0 ? rel : &parts[i], cols));
		/* Windows of several aggregates are no windows of the whole. */
		if (parts[i].stage == REL_UPDATING || rel->stage == REL_UPDATING)
			rel->stage = REL_UPDATING;
		else if (parts[i].stage != REL_ROWS)
			rel->stage = REL_AGGREGATED;
		if (i > 0)
			last->also = &parts[i];
		while (last->also != NULL)
			last = last->also;
	}
	rel->cols = cols;
	return FL_OK;
}

enum fl_code
bind_query(struct bind *b, const struct ast_query *ast, struct bind_view *views,
    struct rel *rel)
{
	enum fl_code code;
	uint32_t i;

	if (++b->depth > QUERY_DEPTH_MAX)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "queries and views are nested deeper than %u levels", QUERY_DEPTH_MAX);
	for (i = 0; ast->ctes != NULL && i < ast->ctes->count; i++) {
		const struct ast_cte *cte = ast->ctes->items[i];
		struct bind_view *view = FL_ARENA_NEW(b->arena, struct bind_view);

		view->name = cte->name->text;
		view->query = cte->query;
		view->next = views;
		views = view;
	}
	code = ast->parts != NULL ? bind_union(b, ast, views, rel) : bind_select(b, ast, views, rel);
	b->depth--;
	return code;
}
