/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind_from.c - FROM: tables, views, subqueries, and window functions over them.
 */
#include <ctype.h>
#include <string.h>

#include "bind.h"

/* ---- FROM ---- */

static void
scan_table(struct bind *b, struct bind_table *bt, struct rel *rel)
{
	struct fl_table *t = bt->table;
	uint32_t i;

	memset(rel, 0, sizeof(*rel));
	rel->count = t->column_count;
	rel->cols = FL_ARENA_ARRAY(b->arena, struct rel_col, rel->count);
	for (i = 0; i < rel->count; i++) {
		rel->cols[i].qualifier = t->name;
		rel->cols[i].name = t->columns[i].name;
		rel->cols[i].type = t->columns[i].type;
		rel->cols[i].in = t->columns[i].in;
		rel->cols[i].time = t->columns[i].time;
		rel->cols[i].is_rowtime = t->columns[i].time == FL_TIME_EVENT;
	}
	rel->node = rel->scan = bind_node(b, FL_NODE_SCAN, NULL);
	rel->node->table = t;
	bind_set_schema(b, rel->node, rel->cols, rel->count);
}

static enum fl_code
rename_columns(struct bind *b, struct rel *rel, const struct ast_list *columns, uint32_t line,
    uint32_t col)
{
	uint32_t i;

	if (columns == NULL)
		return FL_OK;
	for (i = 0; i < rel->count; i++)
		if (rel->cols[i].in != NULL)
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, line, col, NULL,
			    "a list of column aliases for the ROW '%.80s' is not supported: select its fields "
			    "by name", bind_row_column(rel->cols[i].in));
	if (columns->count != rel->count)
		return BIND_FAIL(b, FL_E_SQL_BIND, line, col, NULL,
		    "List of column aliases must have same degree as table; table has %u columns, whereas "
		    "alias list has %u columns", rel->count, columns->count);
	for (i = 0; i < rel->count; i++)
		rel->cols[i].name = ((const struct fl_token *)columns->items[i])->text;
	return FL_OK;
}

static void
set_qualifier(struct rel *rel, const char *qualifier)
{
	uint32_t i;

	for (i = 0; i < rel->count; i++)
		rel->cols[i].qualifier = qualifier;
}

static enum fl_code
bind_from_name(struct bind *b, const struct fl_token *name, struct bind_view *views,
    struct rel *rel)
{
	const struct bind_view *view = bind_view_find(views, name->text);
	struct bind_table *bt;

	if (view == NULL) {
		bt = bind_table_find(b, name->text);
		if (bt == NULL)
			return bind_table_missing(b, name);
		scan_table(b, bt, rel);
		return FL_OK;
	}
	FL_TRY(bind_query(b, view->query, view->next, rel));
	FL_TRY(rename_columns(b, rel, view->columns, name->line, name->col));
	set_qualifier(rel, name->text);
	return FL_OK;
}

/* ---- window functions ---- */

struct tvf {
	const struct window_row *row;
	const struct ast_expr *data, *time, *step, *size, *offset;
	int64_t step_ms, size_ms, offset_ms;
};

#define PANES_MAX 100000 /* of one HOP window */

static enum fl_code
check_tumble(struct bind *b, const struct tvf *tvf)
{
	if (tvf->size_ms > 0 && tvf->offset_ms < tvf->size_ms && tvf->offset_ms > -tvf->size_ms)
		return FL_OK;
	return BIND_FAIL(b, FL_E_SQL_BIND, tvf->size->line, tvf->size->col, NULL,
	    "Tumbling Window parameters must satisfy size > 0 and abs(offset) < size, but got size "
	    "%" PRId64 "ms and offset %" PRId64 "ms", tvf->size_ms, tvf->offset_ms);
}

static enum fl_code
check_hop(struct bind *b, const struct tvf *tvf)
{
	if (tvf->step_ms <= 0 || tvf->size_ms <= 0)
		return BIND_FAIL(b, FL_E_SQL_BIND, tvf->step->line, tvf->step->col, NULL,
		    "HOP table function based aggregate requires slide and size to be positive, but got slide "
		    "%" PRId64 " ms and size %" PRId64 " ms", tvf->step_ms, tvf->size_ms);
	if (tvf->size_ms % tvf->step_ms != 0)
		return BIND_FAIL(b, FL_E_SQL_BIND, tvf->step->line, tvf->step->col,
		    tvf->size_ms < tvf->step_ms ? "the slide comes before the size" : NULL,
		    "HOP table function based aggregate requires size must be an integral multiple of slide, but "
		    "got size %" PRId64 " ms and slide %" PRId64 " ms", tvf->size_ms, tvf->step_ms);
	if (tvf->size_ms / tvf->step_ms > PANES_MAX)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, tvf->step->line, tvf->step->col, NULL,
		    "a HOP window of more than %d slides is not supported, and this one has %" PRId64, PANES_MAX,
		    tvf->size_ms / tvf->step_ms);
	return FL_OK;
}

static const struct window_row {
	const char *name, *step;
	enum fl_window_kind kind;
	enum fl_code (*check)(struct bind *b, const struct tvf *tvf);
} WINDOWS[] = {
#define FL_WINDOW(name, ident, step, help) { #name, step, FL_WINDOW_##name, check_##ident },
#include "tbl/windows.h"
#undef FL_WINDOW
};

/* "HOP(TABLE table_name, ...)" */
static const char *
tvf_usage(struct bind *b, const struct tvf *tvf)
{
	const char *step = "";

	if (tvf->row->step != NULL) {
		char *lower = fl_arena_strdup(b->arena, tvf->row->step);

		for (char *p = lower; *p != '\0'; p++)
			*p = (char)tolower((unsigned char)*p);
		step = fl_arena_printf(b->arena, "%s interval, ", lower);
	}
	return fl_arena_printf(b->arena,
	    "%s(TABLE table_name, DESCRIPTOR(timecol), %ssize interval[, offset interval])", tvf->row->name,
	    step);
}

static enum fl_code
tvf_failed(struct bind *b, const struct tvf *tvf, const struct ast_expr *at, const char *why)
{
	return BIND_FAIL(b, FL_E_SQL_BIND, at->line, at->col, NULL, "%s; expected %s", why,
	    tvf_usage(b, tvf));
}

static enum fl_code
read_named_args(struct bind *b, const struct ast_expr *call, struct tvf *tvf)
{
	/* The step last: kinds that have none know the names before it. */
	const char *const names[] = { "DATA", "TIMECOL", "SIZE", "OFFSET", tvf->row->step };
	const uint32_t count = tvf->row->step != NULL ? 5 : 4;
	uint32_t i, k;

	for (i = 0; i < call->args->count; i++) {
		const struct ast_expr *arg = call->args->items[i];
		const struct ast_expr **slots[] = { &tvf->data, &tvf->time, &tvf->size, &tvf->offset,
			&tvf->step };

		if (arg->kind != AST_NAMED)
			return tvf_failed(b, tvf, arg, "named and unnamed arguments cannot be mixed");
		for (k = 0; k < count; k++)
			if (strcasecmp(arg->text, names[k]) == 0)
				break;
		if (k == count)
			return BIND_FAIL(b, FL_E_SQL_BIND, arg->line, arg->col,
			    bind_did_you_mean(b, arg->text, names, count),
			    "%s has no argument %.60s; there are DATA, TIMECOL, %s%sSIZE, `OFFSET`",
			    tvf->row->name, arg->text, tvf->row->step != NULL ? tvf->row->step : "",
			    tvf->row->step != NULL ? ", " : "");
		if (i == 0 && k != 0)
			return tvf_failed(b, tvf, arg, "DATA must come first");
		if (*slots[k] != NULL)
			return tvf_failed(b, tvf, arg, "an argument is given twice");
		*slots[k] = arg->args->items[0];
	}
	return FL_OK;
}

/* In their places: data, time[, step], size[, offset]. */
static enum fl_code
read_args(struct bind *b, const struct ast_expr *call, struct tvf *tvf)
{
	const struct ast_list *args = call->args;
	uint32_t at = 2, least = tvf->row->step != NULL ? 4 : 3;

	if (args->count < least || args->count > least + 1)
		return tvf_failed(b, tvf, call, "wrong number of arguments");
	tvf->data = args->items[0];
	tvf->time = args->items[1];
	if (tvf->row->step != NULL)
		tvf->step = args->items[at++];
	tvf->size = args->items[at++];
	tvf->offset = args->count > at ? args->items[at] : NULL;
	return FL_OK;
}

static enum fl_code
read_tvf(struct bind *b, const struct ast_expr *call, struct tvf *tvf)
{
	const struct ast_list *args = call->args;
	const char *names = "";
	uint32_t i;

	memset(tvf, 0, sizeof(*tvf));
	for (i = 0; i < FL_ARRAY_COUNT(WINDOWS) && tvf->row == NULL; i++) {
		names = fl_arena_printf(b->arena, "%s%s%s", names, i > 0 ? ", " : "", WINDOWS[i].name);
		if (strcasecmp(call->text, WINDOWS[i].name) == 0)
			tvf->row = &WINDOWS[i];
	}
	if (tvf->row == NULL)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, call->line, call->col, NULL,
		    "the table function %.60s is not supported, only %s", call->text, names);
	if (args->count > 0 && ((const struct ast_expr *)args->items[0])->kind == AST_NAMED)
		FL_TRY(read_named_args(b, call, tvf));
	else
		FL_TRY(read_args(b, call, tvf));
	if (tvf->data == NULL || tvf->time == NULL || tvf->size == NULL ||
	    (tvf->row->step != NULL && tvf->step == NULL))
		return tvf_failed(b, tvf, call, "an argument is missing");
	if (tvf->data->kind != AST_TABLE && tvf->data->kind != AST_SUBQUERY)
		return tvf_failed(b, tvf, tvf->data, "the first argument is no table");
	if (tvf->time->kind != AST_DESCRIPTOR)
		return tvf_failed(b, tvf, tvf->time, "the time column must stand in DESCRIPTOR(...)");
	if (tvf->time->args->count != 1)
		return tvf_failed(b, tvf, tvf->time, "DESCRIPTOR takes one column");
	return FL_OK;
}

static enum fl_code
read_interval(struct bind *b, const struct rel *rel, const struct ast_expr *ast, int64_t *ms)
{
	struct scope scope = { .rel = rel, .clause = "a window's size" };
	struct fl_err err = { .code = FL_OK };
	struct fl_value value;
	struct fl_expr *expr;

	FL_TRY(bind_expr(b, &scope, ast, &expr));
	if (expr->type.id != FL_TYPE_INTERVAL || !fl_expr_is_const(expr))
		return BIND_FAIL(b, FL_E_SQL_BIND, ast->line, ast->col, "INTERVAL '10' MINUTE",
		    "the size, slide and offset of a window must be constant intervals");
	if (fl_expr_const(expr, "UTC", b->arena, &value, &err) != FL_OK)
		return BIND_FAIL(b, err.code, ast->line, ast->col, NULL, "%s", err.text);
	*ms = value.is_null ? 0 : value.i64;
	return FL_OK;
}

static enum fl_code
find_time_column(struct bind *b, const struct rel *rel, const struct tvf *tvf, uint32_t *index)
{
	struct scope scope = { .rel = rel, .clause = "DESCRIPTOR" };
	struct fl_token *token = tvf->time->args->items[0];
	struct ast_list parts = { .count = 1, .items = (void *[]){ token } };
	struct ast_expr name = { .kind = AST_NAME, .line = token->line, .col = token->col,
		.args = &parts };
	const struct rel_col *col;
	const char *hint = "declare WATERMARK FOR it, or a column AS PROCTIME()";
	char text[64];

	FL_TRY(bind_find(b, &scope, &name, index));
	col = &rel->cols[*index];
	if (col->time != FL_TIME_NONE)
		return FL_OK;
	if (col->is_spent)
		hint = "a window function has used it up";
	else if (col->type.id == FL_TYPE_TIMESTAMP || col->type.id == FL_TYPE_TIMESTAMP_LTZ)
		hint = "a time attribute is a column with WATERMARK FOR it, passed on unchanged";
	return BIND_FAIL(b, FL_E_SQL_BIND, token->line, token->col, hint,
	    "The window function %s requires the timecol is a time attribute type, but is %s; %s",
	    tvf_usage(b, tvf), fl_type_print(&col->type, text, sizeof(text)), hint);
}

struct rel_col
bind_window_column(const char *name, struct fl_type type, enum win_role role)
{
	struct rel_col col = { .name = name, .type = type, .role = role };

	return col;
}

static void
add_window(struct bind *b, struct rel *rel, uint32_t time_column, const struct tvf *tvf)
{
	struct fl_type bound = fl_type_make(FL_TYPE_TIMESTAMP, false), time;
	struct rel_col *cols = FL_ARENA_ARRAY(b->arena, struct rel_col, rel->count + 3);
	enum fl_time_attr attr = rel->cols[time_column].time;
	struct rel *part;
	uint32_t i;

	bound.precision = 3;
	time = rel->cols[time_column].type;
	time.nullable = false;
	for (i = 0; i < rel->count; i++) {
		cols[i] = rel->cols[i];
		cols[i].is_spent |= cols[i].time != FL_TIME_NONE;
		cols[i].time = FL_TIME_NONE;
	}
	cols[i] = bind_window_column("window_start", bound, WIN_START);
	cols[i + 1] = bind_window_column("window_end", bound, WIN_END);
	cols[i + 2] = bind_window_column("window_time", time, WIN_TIME);
	cols[i + 2].time = attr;
	cols[i + 2].is_rowtime = attr == FL_TIME_EVENT;
	rel->cols = cols;
	rel->count += 3;
	for (part = rel; part != NULL; part = part->also) {
		struct fl_node *node = bind_node(b, FL_NODE_WINDOW, part->node);

		node->time_column = time_column;
		node->time = attr;
		node->window_kind = tvf->row->kind;
		node->size_ms = tvf->size_ms;
		node->slide_ms = tvf->step != NULL ? tvf->step_ms : tvf->size_ms;
		node->offset_ms = tvf->offset_ms;
		bind_set_schema(b, node, cols, rel->count);
		part->node = part->window = node;
	}
	rel->stage = REL_WINDOWED;
}

static enum fl_code
bind_from_tvf(struct bind *b, const struct ast_from *from, struct bind_view *views,
    struct rel *rel)
{
	uint32_t time_column;
	struct tvf tvf;

	FL_TRY(read_tvf(b, from->call, &tvf));
	if (tvf.data->kind == AST_TABLE) {
		const struct ast_expr *path = tvf.data->args->items[0];

		FL_TRY(bind_from_name(b, path->args->items[path->args->count - 1], views, rel));
	} else {
		FL_TRY(bind_query(b, tvf.data->query, views, rel));
		b->plan->has_union_tvf |= tvf.data->query->parts != NULL;
	}
	if (rel->stage == REL_ROWS)
		FL_TRY(bind_rank_is_used(b, from->line, from->col, rel));
	if (rel->stage == REL_UPDATING)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, from->line, from->col, NULL,
		    "a window doesn't support consuming update changes which is produced by node "
		    "GroupAggregate: its rows must come from a table");
	if (rel->stage != REL_ROWS)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, from->line, from->col, NULL,
		    "a window over the result of a window is not supported: write the results to a topic and "
		    "read them in a second pipeline");
	FL_TRY(find_time_column(b, rel, &tvf, &time_column));
	FL_TRY(read_interval(b, rel, tvf.size, &tvf.size_ms));
	if (tvf.step != NULL)
		FL_TRY(read_interval(b, rel, tvf.step, &tvf.step_ms));
	if (tvf.offset != NULL)
		FL_TRY(read_interval(b, rel, tvf.offset, &tvf.offset_ms));
	FL_TRY(tvf.row->check(b, &tvf));
	add_window(b, rel, time_column, &tvf);
	return FL_OK;
}

enum fl_code
bind_from(struct bind *b, const struct ast_query *ast, struct bind_view *views,
    struct rel *rel)
{
	const struct ast_from *from = ast->from;

	if (from == NULL)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, ast->line, ast->col, NULL,
		    "SELECT without FROM is not supported");
	switch (from->kind) {
	case AST_FROM_NAME:
		FL_TRY(bind_from_name(b, from->name, views, rel));
		break;
	case AST_FROM_QUERY:
		FL_TRY(bind_query(b, from->query, views, rel));
		set_qualifier(rel, NULL);
		break;
	case AST_FROM_TVF:
		FL_TRY(bind_from_tvf(b, from, views, rel));
		b->plan->has_bare_tvf |= !from->wrapped;
		set_qualifier(rel, NULL);
		break;
	}
	if (from->alias == NULL)
		return FL_OK;
	set_qualifier(rel, from->alias->text);
	return rename_columns(b, rel, from->alias_columns, from->line, from->col);
}

/* ---- views ---- */

/* A view is bound where it is used; this is only to see its mistakes early. */
enum fl_code
bind_view_check(struct bind *b, const struct bind_view *view, const struct fl_token *at)
{
	uint32_t notice_count = b->notices->count;
	struct rel rel;

	FL_TRY(bind_query(b, view->query, view->next, &rel));
	b->notices->count = notice_count;
	return rename_columns(b, &rel, view->columns, at->line, at->col);
}
