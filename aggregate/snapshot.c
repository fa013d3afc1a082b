/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot.c - looking inside from outside: the same fold, in a reader.
 *
 * Read transactions are opened downstream first, so what the pipeline's cursor
 * names is in the ingest snapshot taken after it.  The state images are loaded, the
 * steps (replay_from, R] folded here, and the result is exactly the state at R,
 * with every program alive or dead and at no cost for them.  Everything is copied
 * out before the first callback, so that a slow terminal holds no transaction.
 */
#include "aggregate/aggregate.h"

#include <inttypes.h>
#include <stdlib.h>

#include "aggregate/fold.h"
#include "base/util.h"

#define ROWS_AHEAD 16u

/* Texts live in an arena of their own. */
struct shot_row {
	struct aggregate_row row;
	uint32_t oper;
	uint64_t prefix; /* of the first key, in its order; equal ones prove nothing */
};

/* What rows are sorted by: mostly these two numbers decide.  With equal keys, as they came. */
struct shot_key {
	uint64_t prefix;
	uint32_t window, index; /* window: its place among the query's and all */
};

struct shot {
	struct fl_arena arena, texts;
	struct fold fold;
	struct shot_row *rows;
	uint32_t count, capacity;
	struct aggregate_head head;
	struct fl_partition_time *parts;
	struct aggregate_columns *columns; /* per query */
};

static struct shot_row *
add_row(struct shot *shot)
{
	if (shot->count == shot->capacity) {
		shot->capacity = FL_MAX(64u, shot->capacity * 2);
		shot->rows = fl_realloc(shot->rows, shot->capacity * sizeof(*shot->rows));
	}
	memset(&shot->rows[shot->count], 0, sizeof(*shot->rows));
	return &shot->rows[shot->count++];
}

static const char *
keep_text(struct shot *shot, const struct fl_buf *text)
{
	return fl_arena_strndup(&shot->texts, text->data == NULL ? "" : text->data, text->size);
}

static uint32_t
count_parts(const struct fl_agg *agg)
{
	uint32_t n = 0;

	while (agg->fn->parts[n] != NULL)
		n++;
	return n;
}

static void
name_columns(struct shot *shot, const struct oper *oper, struct aggregate_columns *columns)
{
	const struct fl_schema *results = &shot->fold.sinks[oper->query->sink].table->physical;
	const struct fl_node *agg = oper->agg;
	uint32_t key_count = agg == NULL ? 0 : agg->key_count, n = 0, max;
	const char **names;
	bool *is_number;

	max = key_count + results->count;
	for (uint32_t a = 0; agg != NULL && a < agg->agg_count; a++)
		max += count_parts(&agg->aggs[a]);
	names = FL_ARENA_ARRAY(&shot->arena, const char *, FL_MAX(max, 1u));
	is_number = FL_ARENA_ARRAY(&shot->arena, bool, FL_MAX(max, 1u));
	for (; n < key_count; n++) {
		names[n] = fl_arena_strdup(&shot->arena, agg->schema.fields[n].name);
		is_number[n] = fl_type_is_numeric(agg->schema.fields[n].type.id);
	}
	for (uint32_t a = 0; agg != NULL && a < agg->agg_count; a++)
		for (uint32_t i = 0; agg->aggs[a].fn->parts[i] != NULL; i++) {
			is_number[n] = fl_type_is_numeric(agg->aggs[a].result.id);
			names[n++] = fl_arena_printf(&shot->arena, "%s%s", agg->aggs[a].name,
			    agg->aggs[a].fn->parts[i]);
		}
	*columns = (struct aggregate_columns){ .key_count = key_count, .part_count = n - key_count,
		.result_count = results->count, .names = names, .is_number = is_number };
	for (uint32_t c = 0; c < results->count; c++) {
		is_number[n] = fl_type_is_numeric(results->fields[c].type.id);
		names[n++] = fl_arena_strdup(&shot->arena, results->fields[c].name);
	}
}

/* NULL for NULL: a string may say "NULL" too. */
static const char *
print_value(struct shot *shot, const struct fl_col *col, uint32_t i, struct fl_buf *text)
{
	if (!fl_col_is_valid(col, i))
		return NULL;
	fl_buf_reset(text);
	fl_col_print(col, i, text);
	return keep_text(shot, text);
}

/* ---- open windows ---- */

static void
print_keys(struct shot *shot, const struct fl_node *agg, const struct table *t,
    const struct table_entry *e, const char **values, struct fl_buf *bytes, struct fl_buf *text)
{
	struct table_key_reader reader = { table_key(t, e), NULL };

	reader.end = reader.at + e->key_size;
	for (uint32_t c = 0; c < agg->key_count; c++) {
		struct fl_col col;

		table_col_alloc(&col, &agg->schema.fields[c].type, 1, &shot->fold.fire_arena);
		fl_buf_reset(bytes);
		table_key_take(&reader, &col, 0, bytes);
		if (fl_type_is_var(col.type.id))
			col.bytes = bytes->data == NULL ? "" : bytes->data;
		values[c] = print_value(shot, &col, 0, text);
	}
	fl_arena_reset(&shot->fold.fire_arena);
}

/* A number that orders like the value, as far as 64 bits can tell. */
static uint64_t
prefix_of(const char *value, const struct fl_type *type)
{
	uint64_t prefix = 0;
	int64_t number;

	if (value == NULL)
		return 0;
	if (fl_type_is_integer(type->id))
		return fl_parse_i64(value, &number) ? (uint64_t)number ^ UINT64_C(1) << 63 : 0;
	if (fl_type_is_numeric(type->id))
		return 0;
	for (int i = 0; i < 8; i++) {
		prefix = prefix << 8 | (uint8_t)*value;
		value += *value != '\0';
	}
	return prefix;
}

static void
shoot_window(struct shot *shot, const struct oper *oper, const struct window *window)
{
	const struct aggregate_columns *columns = &shot->columns[oper->index];
	uint32_t value_count = columns->key_count + columns->part_count;
	const struct fl_node *agg = oper->agg;
	const struct table *t = &window->table;
	struct fl_buf text, bytes;

	fl_buf_init(&text);
	fl_buf_init(&bytes);
	for (uint32_t i = 0; i < t->count; i++) {
		struct shot_row *r = add_row(shot);
		const char **values =
		    FL_ARENA_ARRAY(&shot->arena, const char *, FL_MAX(value_count, 1u));
		uint32_t n = agg->key_count;

		print_keys(shot, agg, t, table_at(t, i), values, &bytes, &text);
		if (agg->key_count > 0)
			r->prefix = prefix_of(values[0], &agg->schema.fields[0].type);
		for (uint32_t a = 0; a < agg->agg_count; a++) {
			for (uint32_t part = 0; agg->aggs[a].fn->parts[part] != NULL; part++) {
				fl_buf_reset(&text);
				agg->aggs[a].fn->part_print(&agg->aggs[a],
				    table_acc(t, i) + agg->aggs[a].acc_at, &t->heap, part, &text);
				values[n++] =
				    text.size == 4 && memcmp(text.data, "NULL", 4) == 0 ?
				    NULL :
				    keep_text(shot, &text);
			}
		}
		r->oper = oper->index;
		r->row = (struct aggregate_row){
			.query = oper->query->name,
			.window_start = window->start, .window_end = window->end, .is_open = true,
			.row_count = table_at(t, i)->row_count, .columns = columns,
			.values = values };
	}
	fl_buf_fini(&bytes);
	fl_buf_fini(&text);
}

/* ---- closed windows: what the outbox still holds ---- */

struct closed {
	struct fl_window_closed window;
	uint32_t oper;
};

struct closed_list {
	struct closed *items; /* by sink, first row */
	uint32_t count, capacity;
};

static int
compare_closed(const void *a, const void *b)
{
	const struct fl_window_closed *x = &((const struct closed *)a)->window;
	const struct fl_window_closed *y = &((const struct closed *)b)->window;

	if (x->sink != y->sink)
		return x->sink < y->sink ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

static enum fl_code
list_closed(struct shot *shot, struct fl_cursor *cursor, uint32_t only, struct closed_list *list,
    struct fl_err *err)
{
	struct fl_item item;
	bool found;

	FL_TRY(fl_cursor_seek(cursor, NULL, 0, &found, &item, err));
	while (found) {
		const struct fl_window_closed *closed = item.value;
		uint32_t q = item.key_size == 12 ? fl_key_get_u32(item.key) : UINT32_MAX;

		if (q >= shot->fold.oper_count || item.size != sizeof(*closed) ||
		    closed->sink >= shot->fold.sink_count)
			return FL_FAIL(
			    err, FL_E_STORE_DAMAGED, "a closed window belongs to no query of the plan");
		if (list->count == list->capacity) {
			list->capacity = FL_MAX(64u, list->capacity * 2);
			list->items =
			    fl_realloc(list->items, list->capacity * sizeof(*list->items));
		}
		if (only == UINT32_MAX || q == only)
			list->items[list->count++] = (struct closed){ *closed, q };
		FL_TRY(fl_cursor_next(cursor, &found, &item, err));
	}
	if (list->count > 0)
		qsort(list->items, list->count, sizeof(*list->items), compare_closed);
	return FL_OK;
}

static void
shoot_result(struct shot *shot, const struct closed *closed, const struct fl_batch *batch, uint32_t i,
    struct fl_buf *text)
{
	const char **values =
	    FL_ARENA_ARRAY(&shot->arena, const char *, FL_MAX(batch->schema->count, 1u));
	struct shot_row *r = add_row(shot);

	for (uint32_t c = 0; c < batch->schema->count; c++)
		values[c] = print_value(shot, &batch->cols[c], i, text);
	r->oper = closed->oper;
	r->row = (struct aggregate_row){ .query = shot->fold.opers[closed->oper].query->name,
		.window_start = closed->window.start, .window_end = closed->window.end,
		.columns = &shot->columns[closed->oper], .values = values };
}

/* Rows of a block and windows are both in the order of row numbers. */
static enum fl_code
shoot_block(struct shot *shot, const struct closed_list *list, uint32_t *at, const struct fl_item *item,
    struct fl_err *err)
{
	uint32_t sink = item->key_size == 12 ? fl_key_get_u32(item->key) : UINT32_MAX;
	struct fl_block_view view;
	struct fl_buf text;

	if (sink >= shot->fold.sink_count)
		return FL_FAIL(err, FL_E_STORE_DAMAGED, "a result block belongs to no sink of the plan");
	FL_TRY(fl_block_view(item->value, item->size, &shot->fold.sinks[sink].table->physical,
	    &shot->fold.fire_arena, &view, err));
	fl_buf_init(&text);
	for (uint32_t i = 0; i < view.batch.row_count; i++) {
		uint64_t number = (uint64_t)view.head->first + i;
		const struct closed *c;

		while (*at < list->count &&
		    (list->items[*at].window.sink < sink ||
			(list->items[*at].window.sink == sink &&
			    list->items[*at].window.first + list->items[*at].window.row_count <=
				number)))
			(*at)++;
		if (*at == list->count)
			break;
		c = &list->items[*at];
		if (c->window.sink == sink && number >= c->window.first)
			shoot_result(shot, c, &view.batch, i, &text);
	}
	fl_buf_fini(&text);
	fl_arena_reset(&shot->fold.fire_arena);
	return FL_OK;
}

static enum fl_code
shoot_all_closed(struct shot *shot, struct fl_txn *txn, uint32_t only, struct fl_err *err)
{
	struct fl_cursor *windows = NULL, *out = NULL;
	struct closed_list list = { 0 };
	struct fl_item item;
	uint32_t at = 0;
	bool found = false;
	enum fl_code code;

	FL_TRY(fl_cursor_open(txn, FL_DBI_PIPELINE_WINDOWS, &windows, err));
	code = list_closed(shot, windows, only, &list, err);
	fl_cursor_close(&windows);
	if (code == FL_OK)
		code = fl_cursor_open(txn, FL_DBI_PIPELINE_OUT, &out, err);
	if (code == FL_OK)
		code = fl_cursor_seek(out, NULL, 0, &found, &item, err);
	while (code == FL_OK && found && at < list.count) {
		code = shoot_block(shot, &list, &at, &item, err);
		if (code == FL_OK)
			code = fl_cursor_next(out, &found, &item, err);
	}
	fl_cursor_close(&out);
	free(list.items);
	return code;
}

/* ---- in order ---- */

/* NULL first; numbers by value, texts by bytes. */
static int
compare_values(const char *a, const char *b, bool is_number)
{
	int64_t i, j;
	double x, y;

	if (a == NULL || b == NULL)
		return (a != NULL) - (b != NULL);
	if (!is_number)
		return strcmp(a, b);
	if (fl_parse_i64(a, &i) && fl_parse_i64(b, &j))
		return i < j ? -1 : i > j;
	x = strtod(a, NULL);
	y = strtod(b, NULL);
	return x < y ? -1 : x > y ? 1 : strcmp(a, b);
}

static int
compare_windows(const struct shot_row *x, const struct shot_row *y)
{
	if (x->oper != y->oper)
		return x->oper < y->oper ? -1 : 1;
	if (x->row.window_start != y->row.window_start)
		return x->row.window_start < y->row.window_start ? -1 : 1;
	if (x->row.window_end != y->row.window_end)
		return x->row.window_end < y->row.window_end ? -1 : 1;
	if (x->row.is_open != y->row.is_open)
		return x->row.is_open ? 1 : -1;
	return 0;
}

static int
compare_firsts(const void *a, const void *b)
{
	return compare_windows(*(struct shot_row *const *)a, *(struct shot_row *const *)b);
}

static int
compare_keys(const void *a, const void *b, void *ctx)
{
	const struct shot_key *x = a, *y = b;
	const struct shot *shot = ctx;
	const struct aggregate_row *p, *q;

	if (x->window != y->window)
		return x->window < y->window ? -1 : 1;
	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	p = &shot->rows[x->index].row;
	q = &shot->rows[y->index].row;
	for (uint32_t c = 0; p->is_open && c < p->columns->key_count; c++) {
		int d = compare_values(p->values[c], q->values[c], p->columns->is_number[c]);

		if (d != 0)
			return d;
	}
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Rows come in runs of one window: the windows are ordered first, then rows by number. */
static struct shot_key *
sort_rows(struct shot *shot)
{
	struct shot_key *keys = fl_calloc(shot->count + 1u, sizeof(*keys));
	struct shot_row **firsts = fl_calloc(shot->count + 1u, sizeof(struct shot_row *));
	uint32_t count = 0, *places, place = 0;

	for (uint32_t i = 0; i < shot->count; i++) {
		if (count == 0 || compare_windows(firsts[count - 1], &shot->rows[i]) != 0)
			firsts[count++] = &shot->rows[i];
		keys[i] = (struct shot_key){ shot->rows[i].prefix, count - 1, i };
	}
	places = fl_calloc(count + 1u, sizeof(*places));
	if (count > 1) {
		struct shot_row **sorted = fl_malloc(count * sizeof(struct shot_row *));

		memcpy(sorted, firsts, count * sizeof(struct shot_row *));
		qsort(sorted, count, sizeof(struct shot_row *), compare_firsts);
		for (uint32_t i = 0; i < count; i++) {
			struct shot_row **at = bsearch(
			    &firsts[i], sorted, count, sizeof(struct shot_row *), compare_firsts);

			/* The same window may come in several runs: the first that equals it. */
			for (place = (uint32_t)(at - sorted); place > 0 &&
			     compare_windows(sorted[place - 1], firsts[i]) == 0;)
				place--;
			places[i] = place;
		}
		free(sorted);
	}
	for (uint32_t i = 0; i < shot->count; i++)
		keys[i].window = places[keys[i].window];
	qsort_r(keys, shot->count, sizeof(*keys), compare_keys, shot);
	free(places);
	free(firsts);
	return keys;
}

/* Rows lie as their keys were first seen and go out sorted: each would wait for memory. */
static void
give_rows(const struct shot *shot, const struct shot_key *keys,
    void (*on_row)(void *ctx, const struct aggregate_row *row), void *ctx)
{
	for (uint32_t i = 0; i < shot->count; i++) {
		if (i + 2 * ROWS_AHEAD < shot->count) {
			__builtin_prefetch(&shot->rows[keys[i + 2 * ROWS_AHEAD].index]);
			__builtin_prefetch(shot->rows[keys[i + ROWS_AHEAD].index].row.values);
		}
		on_row(ctx, &shot->rows[keys[i].index].row);
	}
	on_row(ctx, NULL);
}

/* ---- all of it ---- */

static enum fl_code
shoot(struct shot *shot, struct fl_txn *own, struct fl_txn *ingest, uint32_t only, struct fl_err *err)
{
	struct fl_pipeline_cursor_view view;
	const struct fl_ingest_cursor *in;
	const struct fl_partition_cursor *partitions;
	struct fold *fold = &shot->fold;
	bool found, has_ingest;

	FL_TRY(fl_pipeline_cursor_get(own, &found, &view, err));
	if (!found)
		return FL_FAIL(err, FL_E_NO_SUCH_OBJECT, "pipeline \"%s\" has stored nothing yet",
		    fold->plan->name);
	FL_TRY(fl_ingest_cursor_get(ingest, &has_ingest, &in, &partitions, err));
	FL_TRY(state_restore(fold, own, &view, err));
	FL_TRY(state_replay(fold, ingest, view.head, view.at_r, view.queries, err));
	shot->parts = fl_calloc(FL_MAX(fold->part_count, 1u), sizeof(*shot->parts));
	time_save(fold, shot->parts);
	shot->head = (struct aggregate_head){ .r = fold->step,
		.ingest_last = has_ingest ? in->last_step : 0, .clock_ms = fold->clock_ms,
		.watermark = view.head->watermark, .partition_count = fold->part_count,
		.partitions = shot->parts };
	shot->columns =
	    FL_ARENA_ARRAY(&shot->arena, struct aggregate_columns, FL_MAX(fold->oper_count, 1u));
	for (uint32_t q = 0; q < fold->oper_count; q++)
		name_columns(shot, &fold->opers[q], &shot->columns[q]);
	shot->capacity = (uint32_t)FL_MIN(fold_key_count(fold), UINT32_MAX / 2);
	shot->rows = fl_malloc(FL_MAX(shot->capacity, 1u) * sizeof(*shot->rows));
	FL_TRY(shoot_all_closed(shot, own, only, err));
	for (uint32_t q = 0; q < fold->oper_count; q++) {
		const struct oper *oper = &fold->opers[q];

		if (oper->agg == NULL || (only != UINT32_MAX && q != only))
			continue;
		for (uint32_t w = 0; w < oper->window_count; w++)
			shoot_window(shot, oper, oper->windows[w]);
	}
	return FL_OK;
}

static enum fl_code
open_store(struct fl_instance *instance, enum fl_role role, const char *pipeline,
    struct fl_store **store, struct fl_err *err)
{
	struct fl_store_options options = { .role = role, .instance = instance->uuid };
	char path[4096];
	enum fl_code code;

	fl_instance_path(instance, role, pipeline, path, sizeof(path));
	code = fl_store_open(path, &options, store, err);
	if (code == FL_E_NO_SUCH_OBJECT)
		return FL_FAIL(
		    err, FL_E_NO_SUCH_OBJECT, "pipeline \"%s\" has stored nothing yet", pipeline);
	return code;
}

static enum fl_code
find_pipeline(struct fl_instance *instance, const char *pipeline, const char *query,
    const struct fl_pipeline **info, uint32_t *only, struct fl_err *err)
{
	*info = NULL;
	*only = UINT32_MAX;
	for (uint32_t i = 0; i < instance->pipeline_count; i++)
		if (strcmp(instance->pipelines[i].name, pipeline) == 0)
			*info = &instance->pipelines[i];
	if (*info == NULL)
		return FL_FAIL(err, FL_E_NO_SUCH_OBJECT, "there is no pipeline \"%s\"", pipeline);
	if (query == NULL)
		return FL_OK;
	for (uint32_t q = 0; q < (*info)->plan->query_count; q++)
		if (strcmp((*info)->plan->queries[q].name, query) == 0)
			*only = q;
	if (*only == UINT32_MAX)
		return FL_FAIL(err, FL_E_NO_SUCH_OBJECT,
		    "pipeline \"%s\" has no query \"%s\"; its first is \"%s\"", pipeline, query,
		    (*info)->plan->query_count > 0 ? (*info)->plan->queries[0].name : "");
	return FL_OK;
}

static enum fl_code
shoot_stores(struct fl_instance *instance, const struct fl_pipeline *info, uint32_t only,
    struct shot *shot, struct fl_err *err)
{
	struct fl_store *store = NULL, *ingest = NULL;
	struct fl_txn *own = NULL, *in = NULL;
	enum fl_code code;

	code = open_store(instance, FL_ROLE_PIPELINE, info->name, &store, err);
	if (code == FL_OK)
		code = open_store(instance, FL_ROLE_INGEST, info->name, &ingest, err);
	/* Downstream first: ingest may only be further then, and keeps what R needs. */
	if (code == FL_OK)
		code = fl_txn_begin_read(store, &own, err);
	if (code == FL_OK)
		code = fl_txn_begin_read(ingest, &in, err);
	if (code == FL_OK)
		code = shoot(shot, own, in, only, err);
	fl_txn_abort(&in);
	fl_txn_abort(&own);
	fl_store_close(&ingest);
	fl_store_close(&store);
	return code;
}

enum fl_code
aggregate_snapshot(struct fl_instance *instance, const char *pipeline, const char *query,
    void (*on_head)(void *ctx, const struct aggregate_head *head),
    void (*on_row)(void *ctx, const struct aggregate_row *row), void *ctx, struct fl_err *err)
{
	const struct fl_pipeline *info;
	struct shot shot = { 0 };
	struct shot_key *keys;
	uint32_t only;
	enum fl_code code;

	FL_TRY(find_pipeline(instance, pipeline, query, &info, &only, err));
	fl_arena_init(&shot.arena);
	fl_arena_init(&shot.texts);
	fold_init(&shot.fold, info->plan, info->stream_ids, info->plan->max_future_ms >= 0 ?
		info->plan->max_future_ms : instance->is_run ? 0 : INT64_C(86400000));
	code = shoot_stores(instance, info, only, &shot, err);
	if (code == FL_OK) {
		keys = sort_rows(&shot);
		shot.head.row_count = shot.count;
		on_head(ctx, &shot.head);
		give_rows(&shot, keys, on_row, ctx);
		free(keys);
	}
	free(shot.rows);
	free(shot.parts);
	fold_fini(&shot.fold);
	fl_arena_fini(&shot.texts);
	fl_arena_fini(&shot.arena);
	return code;
}
