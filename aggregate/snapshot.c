/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot.c - looking inside from outside: the same fold, in a reader.
 *
 * Read transactions are opened downstream first, so what the pipeline's cursor
 * names is in the ingest snapshot taken after it.  The state images are loaded, the
 * steps (replay_from, R] folded here, and the result is exactly the state at R,
 * with every program alive or dead and at no cost for them.  Every row becomes a
 * record of texts, then the transactions end and the fold goes: a slow terminal holds
 * neither pages of the stores nor the state.
 *
 * A record is the texts of a row one behind the other, so that a row which goes out
 * in another order than it came in waits for memory once:
 *
 *	+------+-------+---+------+-------+---+---
 *	| size | bytes | 0 | size | bytes | 0 | ...	rows, then the values; of NULL only
 *	+------+-------+---+------+-------+---+---	the size, NULL_SIZE
 */
#include "aggregate/aggregate.h"

#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>

#include "aggregate/fold.h"
#include "base/util.h"

#define ROWS_AHEAD 16u
#define CACHE_LINE_SIZE 64u
#define NULL_SIZE UINT32_MAX

struct shot_window {
	struct aggregate_window window;
	uint32_t index; /* as it came; rows know it by this until they are sorted */
};

/* What rows are sorted by: mostly the two numbers decide. */
struct shot_row {
	uint64_t prefix; /* of the first key, in its order; equal ones prove nothing */
	uint32_t window;
	uint32_t index; /* as it came */
	const char *record;
};

struct aggregate_shot {
	const struct fl_pipeline *info;
	int64_t max_future_ms;
	struct fold fold;
	struct fl_uuid store; /* that the fold is of */
	bool is_folded;
	struct fl_pipeline_cursor cursor; /* as far as it is folded */
	/* What aggregate_shot_list() made: */
	struct fl_arena arena, records;
	struct shot_window *windows;
	struct shot_row *rows;
	uint32_t window_count, window_capacity, count, capacity;
	struct fl_buf text; /* of the record being made */
	struct aggregate_head head;
	struct fl_partition_time *parts;
	struct aggregate_columns *columns; /* per unit, in their order */
	struct aggregate_value *values;	   /* of the row given last, and of one it is compared to */
	uint32_t value_max;
	struct aggregate_row row;
};

/* ---- rows and their records ---- */

static void
add_window(struct aggregate_shot *shot, struct aggregate_window window)
{
	if (shot->window_count == shot->window_capacity) {
		shot->window_capacity = FL_MAX(16u, shot->window_capacity * 2);
		shot->windows =
		    fl_realloc(shot->windows, shot->window_capacity * sizeof(*shot->windows));
	}
	shot->windows[shot->window_count] = (struct shot_window){ window, shot->window_count };
	shot->window_count++;
}

/* A row of the window added last; its record is what shot->text holds. */
static void
add_row(struct aggregate_shot *shot, uint64_t prefix)
{
	if (shot->count == shot->capacity) {
		shot->capacity = FL_MAX(64u, shot->capacity * 2);
		shot->rows = fl_realloc(shot->rows, shot->capacity * sizeof(*shot->rows));
	}
	shot->rows[shot->count] = (struct shot_row){ prefix, shot->window_count - 1, shot->count,
		fl_arena_strndup(&shot->records, shot->text.data, shot->text.size) };
	shot->count++;
}

/* Room for the size of a text that is added next; returns where. */
static size_t
begin_text(struct fl_buf *record)
{
	size_t at = record->size;
	uint32_t size = NULL_SIZE;

	fl_buf_add(record, &size, sizeof(size));
	return at;
}

static void
end_text(struct fl_buf *record, size_t at)
{
	uint32_t size = (uint32_t)(record->size - at - sizeof(size));

	memcpy(record->data + at, &size, sizeof(size));
	fl_buf_byte(record, '\0');
}

static void
add_value(struct fl_buf *record, const struct fl_col *col, uint32_t i)
{
	size_t at = begin_text(record);

	if (!fl_col_is_valid(col, i))
		return;
	fl_col_print(col, i, record);
	end_text(record, at);
}

static void
read_record(const char *record, uint32_t count, struct aggregate_value *values)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t size;

		memcpy(&size, record, sizeof(size));
		record += sizeof(size);
		values[i] = size == NULL_SIZE ? (struct aggregate_value){ NULL, 0 } :
						(struct aggregate_value){ record, size };
		record += size == NULL_SIZE ? 0 : size + 1;
	}
}

/* Texts in the record of a row. */
static uint32_t
count_texts(const struct aggregate_window *window)
{
	const struct aggregate_columns *c = window->columns;

	return 1 + (window->is_open ? c->key_count + c->part_count : c->result_count);
}

/* ---- columns ---- */

static uint32_t
count_parts(const struct fl_agg *agg)
{
	uint32_t n = 0;

	while (agg->fn->parts[n] != NULL)
		n++;
	return n;
}

static void
name_columns(
    struct aggregate_shot *shot, const struct oper *oper, struct aggregate_columns *columns)
{
	const struct fl_schema *results = &shot->fold.sinks[oper->query->sink].table->physical;
	const struct fl_node *agg = oper->agg;
	uint32_t key_count = agg == NULL ? 0 : agg->key_count, n = 0, max;
	struct fl_type *types;
	const char **names;
	bool *is_number;

	max = key_count + results->count;
	for (uint32_t a = 0; agg != NULL && a < agg->agg_count; a++)
		max += count_parts(&agg->aggs[a]);
	names = FL_ARENA_ARRAY(&shot->arena, const char *, FL_MAX(max, 1u));
	is_number = FL_ARENA_ARRAY(&shot->arena, bool, FL_MAX(max, 1u));
	types = FL_ARENA_ARRAY(&shot->arena, struct fl_type, FL_MAX(max, 1u));
	for (; n < key_count; n++) {
		types[n] = agg->schema.fields[n].type;
		names[n] = fl_arena_strdup(&shot->arena, agg->schema.fields[n].name);
		is_number[n] = fl_type_is_numeric(agg->schema.fields[n].type.id);
	}
	for (uint32_t a = 0; agg != NULL && a < agg->agg_count; a++)
		for (uint32_t i = 0; agg->aggs[a].fn->parts[i] != NULL; i++) {
			types[n] = agg->aggs[a].result;
			is_number[n] = fl_type_is_numeric(agg->aggs[a].result.id);
			names[n++] = fl_arena_printf(&shot->arena, "%s%s", agg->aggs[a].name,
			    agg->aggs[a].fn->parts[i]);
		}
	*columns = (struct aggregate_columns){ .key_count = key_count, .part_count = n - key_count,
		.result_count = results->count, .names = names, .is_number = is_number,
		.types = types };
	for (uint32_t c = 0; c < results->count; c++) {
		types[n] = results->fields[c].type;
		is_number[n] = fl_type_is_numeric(results->fields[c].type.id);
		names[n++] = fl_arena_strdup(&shot->arena, results->fields[c].name);
	}
}

/* ---- open windows ---- */

/* A number that orders like the value at `at`, as far as 64 bits can tell. */
static uint64_t
prefix_of(const struct fl_buf *record, size_t at, const struct fl_type *type)
{
	struct aggregate_value value;
	uint64_t bytes = 0;
	int64_t number;
	double real;

	read_record(record->data + at, 1, &value);
	if (value.text == NULL)
		return 0;
	if (fl_type_is_integer(type->id))
		return fl_parse_i64(value.text, &number) ? (uint64_t)number ^ UINT64_C(1) << 63 : 0;
	if (fl_type_is_numeric(type->id)) { /* IEEE 754 orders like its bits, signs apart */
		real = strtod(value.text, NULL);
		memcpy(&bytes, &real, sizeof(bytes));
		return bytes >> 63 != 0 ? ~bytes : bytes | UINT64_C(1) << 63;
	}
	memcpy(&bytes, value.text, FL_MIN(value.size, sizeof(bytes)));
	return be64toh(bytes);
}

/* The key of an entry; *cols are of one row, and bytes theirs. */
static void
add_keys(struct fl_buf *record, const struct table *t, const struct table_entry *e,
    struct fl_col *cols, uint32_t col_count, struct fl_buf *bytes)
{
	struct table_key_reader reader = { table_key(t, e), NULL };

	reader.end = reader.at + e->key_size;
	for (uint32_t c = 0; c < col_count; c++) {
		cols[c].valid[0] = 1;
		fl_buf_reset(bytes);
		table_key_take(&reader, &cols[c], 0, bytes);
		if (fl_type_is_var(cols[c].type.id))
			cols[c].bytes = bytes->data == NULL ? "" : bytes->data;
		add_value(record, &cols[c], 0);
	}
}

/* A part says NULL in words. */
static void
add_part(struct fl_buf *record, const struct fl_agg *agg, const char *acc,
    const struct fl_heap *heap, uint32_t part)
{
	size_t at = begin_text(record), from = record->size;

	agg->fn->part_print(agg, acc, heap, part, record);
	if (record->size - from == 4 && memcmp(record->data + from, "NULL", 4) == 0)
		record->size = from;
	else
		end_text(record, at);
}

static void
shoot_window(struct aggregate_shot *shot, const struct oper *oper, const struct window *window)
{
	const struct fl_node *agg = oper->agg;
	const struct table *t = &window->table;
	struct fl_arena *arena = &shot->fold.fire_arena;
	struct fl_col *cols = FL_ARENA_ARRAY(arena, struct fl_col, agg->key_count + 1);
	struct fl_buf *record = &shot->text, bytes;

	fl_buf_init(&bytes);
	for (uint32_t c = 0; c < agg->key_count; c++)
		table_col_alloc(&cols[c], &agg->schema.fields[c].type, 1, arena);
	add_window(shot, (struct aggregate_window){ .query = oper->query->name,
		.start = window->start, .end = window->end, .is_open = true,
		.columns = &shot->columns[oper->index] });
	for (uint32_t i = 0; i < t->count; i++) {
		const struct table_entry *e = table_at(t, i);
		size_t at;

		fl_buf_reset(record);
		at = begin_text(record);
		fl_buf_i64(record, (int64_t)e->row_count);
		end_text(record, at);
		at = record->size;
		add_keys(record, t, e, cols, agg->key_count, &bytes);
		for (uint32_t a = 0; a < agg->agg_count; a++)
			for (uint32_t part = 0; agg->aggs[a].fn->parts[part] != NULL; part++)
				add_part(record, &agg->aggs[a],
				    table_acc(t, i) + agg->aggs[a].acc_at, &t->heap, part);
		add_row(shot, agg->key_count == 0 ? 0 :
			prefix_of(record, at, &agg->schema.fields[0].type));
	}
	fl_buf_fini(&bytes);
	fl_arena_reset(arena);
}

/* ---- keys of deduplications ---- */

static void
name_dedup_columns(struct aggregate_shot *shot, const struct fl_schema *keys,
    struct aggregate_columns *columns)
{
	const char **names = FL_ARENA_ARRAY(&shot->arena, const char *, keys->count + 1);
	bool *is_number = FL_ARENA_ARRAY(&shot->arena, bool, keys->count + 1);
	struct fl_type *types = FL_ARENA_ARRAY(&shot->arena, struct fl_type, keys->count + 1);

	for (uint32_t n = 0; n < keys->count; n++) {
		types[n] = keys->fields[n].type;
		names[n] = fl_arena_strdup(&shot->arena, keys->fields[n].name);
		is_number[n] = fl_type_is_numeric(keys->fields[n].type.id);
	}
	names[keys->count] = "first_seen";
	types[keys->count] = fl_type_make(FL_TYPE_TIMESTAMP, false);
	*columns = (struct aggregate_columns){ .key_count = keys->count, .part_count = 1,
		.names = names, .is_number = is_number, .types = types };
}

static void
shoot_dedup(struct aggregate_shot *shot, const struct dedup *dedup)
{
	const struct fl_schema *keys = &dedup->plan->keys;
	const struct table *t = &dedup->table;
	struct fl_arena *arena = &shot->fold.fire_arena;
	struct fl_col *cols = FL_ARENA_ARRAY(arena, struct fl_col, keys->count + 1);
	struct fl_buf *record = &shot->text, bytes;
	struct fl_type instant = fl_type_make(FL_TYPE_TIMESTAMP, false);

	instant.precision = 3;
	fl_buf_init(&bytes);
	for (uint32_t c = 0; c < keys->count; c++)
		table_col_alloc(&cols[c], &keys->fields[c].type, 1, arena);
	table_col_alloc(&cols[keys->count], &instant, 1, arena);
	add_window(shot, (struct aggregate_window){ .query = dedup->plan->query, .start = FL_TIME_MIN,
		.end = FL_TIME_MAX, .is_open = true, .is_dedup = true,
		.dedup = dedup->plan->index,
		.columns = &shot->columns[shot->fold.oper_count + dedup->plan->index] });
	for (uint32_t i = 0; i < t->count; i++) {
		const struct table_entry *e = table_at(t, i);
		size_t at;

		if (e->key_size == TABLE_GONE)
			continue;
		fl_buf_reset(record);
		at = begin_text(record);
		fl_buf_byte(record, '1');
		end_text(record, at);
		at = record->size;
		add_keys(record, t, e, cols, keys->count, &bytes);
		((int64_t *)cols[keys->count].data)[0] = dedup_first_ms(dedup, i);
		add_value(record, &cols[keys->count], 0);
		add_row(shot, keys->count == 0 ? 0 : prefix_of(record, at, &keys->fields[0].type));
	}
	fl_buf_fini(&bytes);
	fl_arena_reset(arena);
}

/* Of a query, or of any: only is UINT32_MAX. */
static void
shoot_dedups(struct aggregate_shot *shot, uint32_t only)
{
	const struct fold *fold = &shot->fold;

	for (uint32_t d = 0; d < fold->dedup_count; d++)
		if (only == UINT32_MAX || fold_is_above(fold, fold->oper_count + d, only))
			shoot_dedup(shot, &fold->dedups[d]);
}

/* Windows made of panes, as they would fire now. */
static void
shoot_panes(struct aggregate_shot *shot, struct oper *oper)
{
	int64_t *ends = NULL;
	uint32_t count = pane_ends(oper, oper->next_end, FL_TIME_MAX, &ends);

	for (uint32_t i = 0; i < count; i++) {
		struct window window;

		pane_merge(&shot->fold, oper, ends[i], &window);
		shoot_window(shot, oper, &window);
		table_fini(&window.table);
	}
	free(ends);
}

/* ---- closed windows: what the outbox still holds ---- */

struct closed {
	struct fl_window_closed window;
	uint32_t oper;
	bool is_added; /* some row of it was there */
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
list_closed(struct aggregate_shot *shot, struct fl_cursor *cursor, uint32_t only,
    struct closed_list *list, struct fl_err *err)
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
			list->items[list->count++] = (struct closed){ *closed, q, false };
		FL_TRY(fl_cursor_next(cursor, &found, &item, err));
	}
	if (list->count > 0)
		qsort(list->items, list->count, sizeof(*list->items), compare_closed);
	return FL_OK;
}

static void
shoot_result(struct aggregate_shot *shot, const struct fl_batch *batch, uint32_t i)
{
	fl_buf_reset(&shot->text);
	(void)begin_text(&shot->text); /* how many rows it was made of is not known any more */
	for (uint32_t c = 0; c < batch->schema->count; c++)
		add_value(&shot->text, &batch->cols[c], i);
	add_row(shot, 0);
}

/* Rows of a block and windows are both in the order of row numbers. */
static enum fl_code
shoot_block(struct aggregate_shot *shot, struct closed_list *list, uint32_t *at,
    const struct fl_item *item, struct fl_err *err)
{
	uint32_t sink = item->key_size == 12 ? fl_key_get_u32(item->key) : UINT32_MAX;
	struct fl_block_view view;

	if (sink >= shot->fold.sink_count)
		return FL_FAIL(err, FL_E_STORE_DAMAGED, "a result block belongs to no sink of the plan");
	FL_TRY(fl_block_view(item->value, item->size, &shot->fold.sinks[sink].table->physical,
	    &shot->fold.fire_arena, &view, err));
	for (uint32_t i = 0; i < view.batch.row_count; i++) {
		uint64_t number = (uint64_t)view.head->first + i;
		struct closed *c;

		while (*at < list->count &&
		    (list->items[*at].window.sink < sink ||
			(list->items[*at].window.sink == sink &&
			    list->items[*at].window.first + list->items[*at].window.row_count <=
				number)))
			(*at)++;
		if (*at == list->count)
			break;
		c = &list->items[*at];
		if (c->window.sink != sink || number < c->window.first)
			continue;
		if (!c->is_added)
			add_window(shot, (struct aggregate_window){
				.query = shot->fold.opers[c->oper].query->name,
				.start = c->window.start, .end = c->window.end,
				.columns = &shot->columns[c->oper] });
		c->is_added = true;
		shoot_result(shot, &view.batch, i);
	}
	fl_arena_reset(&shot->fold.fire_arena);
	return FL_OK;
}

static enum fl_code
shoot_all_closed(struct aggregate_shot *shot, struct fl_txn *txn, uint32_t only, struct fl_err *err)
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
compare_windows(const void *a, const void *b)
{
	const struct aggregate_window *x = &((const struct shot_window *)a)->window;
	const struct aggregate_window *y = &((const struct shot_window *)b)->window;

	if (x->columns != y->columns)
		return x->columns < y->columns ? -1 : 1;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return x->is_open - y->is_open;
}

/* Rows of one window whose prefixes are the same. */
static int
compare_rows(const void *a, const void *b, void *ctx)
{
	const struct shot_row *x = a, *y = b;
	const struct aggregate_shot *shot = ctx;
	const struct aggregate_columns *columns = shot->windows[x->window].window.columns;
	struct aggregate_value *p = shot->values, *q = p + shot->value_max;

	read_record(x->record, 1 + columns->key_count, p);
	read_record(y->record, 1 + columns->key_count, q);
	for (uint32_t c = 0; c < columns->key_count; c++) {
		int d = compare_values(p[1 + c].text, q[1 + c].text, columns->is_number[c]);

		if (d != 0)
			return d;
	}
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Windows in order, and rows with the places of theirs.  One that came twice has one place. */
static void
sort_windows(struct aggregate_shot *shot)
{
	uint32_t *places = fl_malloc((shot->window_count + 1u) * sizeof(*places));

	if (shot->window_count > 0)
		qsort(shot->windows, shot->window_count, sizeof(*shot->windows), compare_windows);
	for (uint32_t i = 0; i < shot->window_count; i++)
		places[shot->windows[i].index] =
		    i > 0 && compare_windows(&shot->windows[i - 1], &shot->windows[i]) == 0 ?
		    places[shot->windows[i - 1].index] : i;
	for (uint32_t i = 0; i < shot->count; i++)
		shot->rows[i].window = places[shot->rows[i].window];
	free(places);
}

/* Byte `at` of a row's prefix and, above it, its window. */
static inline uint8_t
number_byte(const struct shot_row *row, uint32_t at)
{
	return (uint8_t)(at < 8 ? row->prefix >> 8 * at : row->window >> 8 * (at - 8));
}

/* By one byte after the other, the lowest first; rows with the same one stay as they were.
 * Most bytes are the same in all rows.  For 100,000 rows it takes a fifth of qsort()'s time. */
static void
sort_numbers(struct aggregate_shot *shot)
{
	struct shot_row *spare = fl_malloc((shot->count + 1u) * sizeof(*spare)), *rows = shot->rows;
	struct shot_row differs = { 0 };

	for (uint32_t i = 0; i < shot->count; i++) {
		differs.prefix |= rows[i].prefix ^ rows[0].prefix;
		differs.window |= rows[i].window ^ rows[0].window;
	}
	for (uint32_t b = 0; b < 12; b++) {
		uint32_t at[257] = { 0 };

		if (number_byte(&differs, b) == 0)
			continue;
		for (uint32_t i = 0; i < shot->count; i++)
			at[number_byte(&rows[i], b) + 1]++;
		for (uint32_t v = 1; v < 256; v++)
			at[v] += at[v - 1];
		for (uint32_t i = 0; i < shot->count; i++)
			spare[at[number_byte(&rows[i], b)]++] = rows[i];
		shot->rows = spare;
		spare = rows;
		rows = shot->rows;
	}
	free(spare);
}

static void
sort_rows(struct aggregate_shot *shot)
{
	const struct shot_row *rows;

	sort_windows(shot);
	sort_numbers(shot);
	rows = shot->rows;
	for (uint32_t from = 0, to; from < shot->count; from = to) {
		for (to = from + 1; to < shot->count && rows[to].prefix == rows[from].prefix &&
		     rows[to].window == rows[from].window;)
			to++;
		if (to - from > 1 && shot->windows[rows[from].window].window.is_open)
			qsort_r(shot->rows + from, to - from, sizeof(*rows), compare_rows, shot);
	}
}

/* ---- the fold ---- */

static void
unfold(struct aggregate_shot *shot)
{
	fold_fini(&shot->fold);
	shot->is_folded = false;
}

/* The fold is of this store and not beyond R, and ingest still has the steps that follow. */
static bool
can_follow(const struct aggregate_shot *shot, const struct fl_store_meta *meta,
    const struct fl_pipeline_cursor *cursor, const struct fl_ingest_cursor *ingest)
{
	return shot->is_folded && fl_uuid_equal(&shot->store, &meta->store) &&
	    cursor->r >= shot->fold.step && ingest->first_step <= shot->fold.step + 1;
}

enum fl_code
aggregate_shot_fold(struct aggregate_shot *shot, const struct fl_store_meta *meta,
    struct fl_txn *own, struct fl_txn *ingest, bool *found, struct fl_err *err)
{
	const struct fl_partition_cursor *partitions;
	struct fl_pipeline_cursor_view view;
	const struct fl_ingest_cursor *in;
	bool has_ingest;
	enum fl_code code = FL_OK;

	FL_TRY(fl_pipeline_cursor_get(own, found, &view, err));
	if (!*found)
		return FL_OK;
	FL_TRY(fl_ingest_cursor_get(ingest, &has_ingest, &in, &partitions, err));
	if (!has_ingest || !can_follow(shot, meta, view.head, in)) {
		unfold(shot);
		fold_init(
		    &shot->fold, shot->info->plan, shot->info->stream_ids, shot->max_future_ms);
		code = state_restore(&shot->fold, own, &view, err);
	}
	shot->is_folded = false;
	if (code == FL_OK)
		code = state_replay(&shot->fold, ingest, view.head, view.at_r, view.queries, err);
	if (code != FL_OK)
		return code;
	shot->is_folded = true;
	shot->store = meta->store;
	shot->cursor = *view.head;
	return FL_OK;
}

bool
aggregate_shot_current(struct aggregate_shot *shot, uint32_t query, uint32_t *at,
    struct fl_builder *rows, struct fl_buf *changed)
{
	return shot->is_folded && shot->fold.opers[query].is_updating &&
	    update_current(&shot->fold, &shot->fold.opers[query], at, rows, changed);
}

/* ---- all of it ---- */

static void
forget_list(struct aggregate_shot *shot)
{
	free(shot->windows);
	free(shot->rows);
	free(shot->parts);
	shot->windows = NULL;
	shot->rows = NULL;
	shot->parts = NULL;
	shot->window_count = shot->window_capacity = shot->count = shot->capacity = 0;
	shot->value_max = 0;
	fl_arena_reset(&shot->records);
	fl_arena_reset(&shot->arena);
}

static enum fl_code
shoot(struct aggregate_shot *shot, struct fl_txn *own, uint32_t only, struct fl_err *err)
{
	struct fold *fold = &shot->fold;

	shot->value_max = 1;
	for (uint32_t u = 0; u < fold_unit_count(fold); u++)
		shot->value_max = FL_MAX(shot->value_max, 1 + shot->columns[u].key_count +
			shot->columns[u].part_count + shot->columns[u].result_count);
	shot->values = FL_ARENA_ARRAY(&shot->arena, struct aggregate_value, 2 * shot->value_max);
	shot->capacity = (uint32_t)FL_MIN(fold_key_count(fold), UINT32_MAX / 2);
	shot->rows = fl_malloc(FL_MAX(shot->capacity, 1u) * sizeof(*shot->rows));
	FL_TRY(shoot_all_closed(shot, own, only, err));
	shoot_dedups(shot, only);
	for (uint32_t q = 0; q < fold->oper_count; q++) {
		struct oper *oper = &fold->opers[q];

		if (oper->agg == NULL || (only != UINT32_MAX && q != only))
			continue;
		if (oper->has_panes)
			shoot_panes(shot, oper);
		for (uint32_t w = 0; w < oper->window_count && !oper->has_panes; w++)
			shoot_window(shot, oper, oper->windows[w]);
	}
	return FL_OK;
}

static void
shoot_head(struct aggregate_shot *shot)
{
	struct fold *fold = &shot->fold;
	uint32_t part_count = 0;

	shot->parts = fl_calloc(FL_MAX(fold->part_count, 1u), sizeof(*shot->parts));
	time_save(fold, shot->parts);
	for (uint32_t i = 0; i < fold->part_count; i++)
		if (!time_is_of_oper(&shot->parts[i]))
			shot->parts[part_count++] = shot->parts[i];
	shot->head = (struct aggregate_head){ .r = fold->step, .clock_ms = fold->clock_ms,
		.watermark = shot->cursor.watermark, .partition_count = part_count,
		.partitions = shot->parts };
	shot->columns =
	    FL_ARENA_ARRAY(&shot->arena, struct aggregate_columns, FL_MAX(fold_unit_count(fold), 1u));
	for (uint32_t q = 0; q < fold->oper_count; q++)
		name_columns(shot, &fold->opers[q], &shot->columns[q]);
	for (uint32_t d = 0; d < fold->dedup_count; d++)
		name_dedup_columns(
		    shot, &fold->plan->dedups[d]->keys, &shot->columns[fold->oper_count + d]);
}

enum fl_code
aggregate_shot_list(
    struct aggregate_shot *shot, struct fl_txn *own, uint32_t query, struct fl_err *err)
{
	forget_list(shot);
	shoot_head(shot);
	FL_TRY(shoot(shot, own, query, err));
	sort_rows(shot);
	shot->head.row_count = shot->count;
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
shoot_stores(struct fl_instance *instance, uint32_t only, struct aggregate_shot *shot,
    struct fl_err *err)
{
	const struct fl_partition_cursor *partitions;
	const struct fl_ingest_cursor *cursor;
	struct fl_store *store = NULL, *ingest = NULL;
	struct fl_txn *own = NULL, *in = NULL;
	const char *name = shot->info->name;
	bool found = true, has_ingest = false;
	enum fl_code code;

	code = open_store(instance, FL_ROLE_PIPELINE, name, &store, err);
	if (code == FL_OK)
		code = open_store(instance, FL_ROLE_INGEST, name, &ingest, err);
	/* Downstream first: ingest may only be further then, and keeps what R needs. */
	if (code == FL_OK)
		code = fl_txn_begin_read(store, &own, err);
	if (code == FL_OK)
		code = fl_txn_begin_read(ingest, &in, err);
	if (code == FL_OK)
		code = aggregate_shot_fold(shot, fl_store_meta(store), own, in, &found, err);
	if (code == FL_OK && !found)
		code = FL_FAIL(
		    err, FL_E_NO_SUCH_OBJECT, "pipeline \"%s\" has stored nothing yet", name);
	if (code == FL_OK)
		code = aggregate_shot_list(shot, own, only, err);
	if (code == FL_OK)
		code = fl_ingest_cursor_get(in, &has_ingest, &cursor, &partitions, err);
	if (code == FL_OK)
		shot->head.ingest_last = has_ingest ? cursor->last_step : 0;
	fl_txn_abort(&in);
	fl_txn_abort(&own);
	fl_store_close(&ingest);
	fl_store_close(&store);
	return code;
}

struct aggregate_shot *
aggregate_shot_new(const struct fl_instance *instance, const struct fl_pipeline *pipeline)
{
	struct aggregate_shot *shot = fl_calloc(1, sizeof(*shot));
	int64_t max_future_ms = pipeline->plan->max_future_ms;

	shot->info = pipeline;
	shot->max_future_ms =
	    max_future_ms >= 0 ? max_future_ms : instance->is_run ? 0 : INT64_C(86400000);
	fl_arena_init(&shot->arena);
	fl_arena_init(&shot->records);
	fl_buf_init(&shot->text);
	return shot;
}

enum fl_code
aggregate_shot_take(struct fl_instance *instance, const char *pipeline, const char *query,
    struct aggregate_shot **out, struct fl_err *err)
{
	const struct fl_pipeline *info;
	struct aggregate_shot *shot;
	uint32_t only;
	enum fl_code code;

	FL_TRY(find_pipeline(instance, pipeline, query, &info, &only, err));
	shot = aggregate_shot_new(instance, info);
	code = shoot_stores(instance, only, shot, err);
	unfold(shot);
	if (code != FL_OK) {
		aggregate_shot_free(&shot);
		return code;
	}
	*out = shot;
	return FL_OK;
}

const struct aggregate_head *
aggregate_shot_head(const struct aggregate_shot *shot)
{
	return &shot->head;
}

const struct aggregate_row *
aggregate_shot_row(struct aggregate_shot *shot, uint32_t i)
{
	const struct shot_row *row = &shot->rows[i];

	if (i >= shot->count)
		return NULL;
	if (shot->count - i > ROWS_AHEAD) { /* records lie as their keys were first seen */
		__builtin_prefetch(row[ROWS_AHEAD].record);
		__builtin_prefetch(row[ROWS_AHEAD].record + CACHE_LINE_SIZE);
	}
	shot->row.window = &shot->windows[row->window].window;
	read_record(row->record, count_texts(shot->row.window), shot->values);
	shot->row.row_count = shot->values[0];
	shot->row.values = &shot->values[1];
	return &shot->row;
}

void
aggregate_shot_free(struct aggregate_shot **pshot)
{
	struct aggregate_shot *shot = *pshot;

	if (shot == NULL)
		return;
	unfold(shot);
	forget_list(shot);
	fl_buf_fini(&shot->text);
	fl_arena_fini(&shot->records);
	fl_arena_fini(&shot->arena);
	free(shot);
	*pshot = NULL;
}
