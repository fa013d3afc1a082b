/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.c - tables of many rows, read where they lie: results, late rows, dead letters in the
 * stores, keys and current rows in the fold.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "expr/expr.h"
#include "table.h"

static void
value_str(struct inspect_value *value, const char *text)
{
	if (text != NULL)
		value_text(value, text, strlen(text));
}

static void
value_row(struct inspect_value *value, const struct fl_batch *batch, uint32_t row, struct fl_buf *text)
{
	fl_buf_reset(text);
	fl_row_print_json(batch, row, text);
	value_text(value, text->data, text->size);
}

/* ---- blocks of the pipelines' stores: results and late rows ---- */

static const struct view *
view_of(const struct scan *scan, uint32_t index)
{
	return &scan->table->inspect->views[index];
}

static enum fl_code
open_blocks(struct scan *scan, struct fl_err *err)
{
	struct blocks *at = &scan->at.blocks;

	(void)err;
	at->view = scan->table->view == UINT32_MAX ? 0 : scan->table->view;
	at->arena = fl_malloc(sizeof(*at->arena));
	fl_arena_init(at->arena);
	return FL_OK;
}

static void
close_blocks(struct scan *scan)
{
	struct blocks *at = &scan->at.blocks;

	fl_cursor_close(&at->cursor);
	fl_arena_fini(at->arena);
	free(at->arena);
}

/* The first item of this pipeline's database, or the next one. */
static enum fl_code
next_item(struct blocks *at, struct fl_txn *txn, enum fl_dbi dbi, const void *key,
    size_t key_size, bool *found, struct fl_err *err)
{
	if (at->cursor != NULL)
		return fl_cursor_next(at->cursor, found, &at->item, err);
	FL_TRY(fl_cursor_open(txn, dbi, &at->cursor, err));
	return fl_cursor_seek(at->cursor, key, key_size, found, &at->item, err);
}

/* Schema of the block that at->item is; NULL: it belongs to nothing of the plan. */
typedef const struct fl_schema *schema_of(const struct scan *scan);

static enum fl_code
view_item(struct scan *scan, const struct fl_schema *schema, struct fl_err *err)
{
	struct blocks *at = &scan->at.blocks;

	if (schema == NULL)
		return FL_FAIL(err, FL_E_STORE_DAMAGED,
		    "pipeline \"%s\": a block in the store belongs to nothing of the plan",
		    view_of(scan, at->view)->info->name);
	fl_arena_reset(at->arena);
	FL_TRY(fl_block_view(at->item.value, at->item.size, schema, at->arena, &at->block, err));
	at->has_block = true;
	scan->row = 0;
	return FL_OK;
}

/* Row after row, block after block, pipeline after pipeline, but of one sink only where the
 * table is one sink's. */
static enum fl_code
next_of_blocks(struct scan *scan, enum fl_dbi dbi, schema_of *schema, bool *has_row, struct fl_err *err)
{
	struct blocks *at = &scan->at.blocks;
	const struct table *table = scan->table;
	uint32_t view_end = table->view == UINT32_MAX ? table->inspect->view_count : table->view + 1;
	bool found;

	if (at->has_block && ++scan->row < at->block.batch.row_count) {
		*has_row = true;
		return FL_OK;
	}
	for (; at->view < view_end; at->view++) {
		struct fl_txn *txn = view_of(scan, at->view)->txn;
		uint8_t key[12];

		fl_key_u32(key, table->sink);
		fl_key_u64(key + 4, 0);
		for (found = true; txn != NULL;) {
			FL_TRY(next_item(at, txn, dbi, table->sink == UINT32_MAX ? NULL : key,
			    table->sink == UINT32_MAX ? 0 : sizeof(key), &found, err));
			if (!found ||
			    (table->sink != UINT32_MAX &&
				(at->item.key_size != 12 ||
				    fl_key_get_u32(at->item.key) != table->sink)))
				break;
			FL_TRY(view_item(scan, schema(scan), err));
			*has_row = at->block.batch.row_count > 0;
			if (*has_row)
				return FL_OK;
		}
		fl_cursor_close(&at->cursor);
	}
	at->has_block = false;
	*has_row = false;
	return FL_OK;
}

/* ---- results ---- */

static const struct fl_schema *
schema_of_result(const struct scan *scan)
{
	const struct blocks *at = &scan->at.blocks;
	const struct fl_plan *plan = view_of(scan, at->view)->info->plan;
	uint32_t sink = at->item.key_size == 12 ? fl_key_get_u32(at->item.key) : UINT32_MAX;

	return sink < plan->sink_count ? &plan->sinks[sink]->physical : NULL;
}

static enum fl_code
next_result(struct scan *scan, bool *has_row, struct fl_err *err)
{
	return next_of_blocks(scan, FL_DBI_PIPELINE_OUT, schema_of_result, has_row, err);
}

static uint64_t
result_number(const struct scan *scan)
{
	return (uint64_t)scan->at.blocks.block.head->first + scan->row;
}

static bool
is_delivered(const struct scan *scan)
{
	const struct blocks *at = &scan->at.blocks;

	return result_number(scan) <
	    picture_confirmed(view_of(scan, at->view), fl_key_get_u32(at->item.key));
}

static void
result_value(struct scan *scan, uint32_t c, struct inspect_value *value)
{
	static const char *const kinds[] = { "+I", "-U", "+U", "-D" };
	const struct blocks *at = &scan->at.blocks;
	const struct view *view = view_of(scan, at->view);
	const uint8_t *kind = at->block.kinds;

	switch (c) {
	case 0:
		value_str(value, view->info->name);
		break;
	case 1:
		value_str(value, view->info->plan->sinks[fl_key_get_u32(at->item.key)]->name);
		break;
	case 2:
		value_i64(value, (int64_t)result_number(scan));
		break;
	case 3:
		value_str(value, kinds[kind == NULL ? 0 : kind[scan->row] & 3]);
		break;
	case 4:
		value_i64(value, is_delivered(scan));
		break;
	default:
		value_row(value, &at->block.batch, scan->row, &scan->text);
		break;
	}
}

static void
outbox_value(struct scan *scan, uint32_t c, struct inspect_value *value)
{
	const struct fl_batch *batch = &scan->at.blocks.block.batch;

	if (c < batch->schema->count)
		value_col(value, &batch->cols[c], scan->row, &scan->text);
	else if (c == batch->schema->count)
		value_row(value, batch, scan->row, &scan->text);
	else if (c == batch->schema->count + 1)
		value_i64(value, (int64_t)result_number(scan));
	else
		value_i64(value, is_delivered(scan));
}

const struct kind kind_results = { open_blocks, next_result, result_value, close_blocks, 1e5 };
const struct kind kind_outbox = { open_blocks, next_result, outbox_value, close_blocks, 1e4 };

/* ---- late rows ---- */

/* The stream of a late block: its number in the plan, or UINT32_MAX. */
static uint32_t
late_stream(const struct scan *scan)
{
	const struct blocks *at = &scan->at.blocks;
	const struct fl_pipeline *info = view_of(scan, at->view)->info;
	const struct fl_block_head *head = at->item.value;

	if (at->item.size < sizeof(*head))
		return UINT32_MAX;
	for (uint32_t s = 0; s < info->plan->stream_count; s++)
		if (info->stream_ids[s] == head->stream)
			return s;
	return UINT32_MAX;
}

static const struct fl_schema *
schema_of_late(const struct scan *scan)
{
	const struct fl_plan *plan = view_of(scan, scan->at.blocks.view)->info->plan;
	uint32_t stream = late_stream(scan);

	if (scan->at.blocks.item.key_size != 20 || stream == UINT32_MAX ||
	    fl_key_get_u32((const uint8_t *)scan->at.blocks.item.key + 12) >= plan->query_count)
		return NULL;
	return &plan->streams[stream].schema;
}

static enum fl_code
next_late(struct scan *scan, bool *has_row, struct fl_err *err)
{
	return next_of_blocks(scan, FL_DBI_PIPELINE_LATE, schema_of_late, has_row, err);
}

/* Several topics in one stream: the partition says which. */
static const char *
topic_of(const struct fl_table *table, int32_t partition)
{
	uint32_t n = (uint32_t)(partition / FL_TOPIC_STRIDE);

	return n < table->topic_count ? table->topics[n] :
	    table->topic != NULL      ? table->topic :
					table->name;
}

static void
late_value(struct scan *scan, uint32_t c, struct inspect_value *value)
{
	const struct blocks *at = &scan->at.blocks;
	const struct view *view = view_of(scan, at->view);
	const struct fl_plan *plan = view->info->plan;
	const struct fl_block_head *head = at->block.head;
	const uint8_t *key = at->item.key;

	switch (c) {
	case 0:
		value_str(value, view->info->name);
		break;
	case 1:
		value_str(value, plan->queries[fl_key_get_u32(key + 12)].name);
		break;
	case 2:
		value_i64(value, (int64_t)fl_key_get_u64(key));
		break;
	case 3:
		value_str(value, topic_of(plan->streams[late_stream(scan)].table, head->partition));
		break;
	case 4:
		value_i64(value, head->partition % FL_TOPIC_STRIDE);
		break;
	case 5:
		value_i64(value, fl_block_offset(&at->block, scan->row));
		break;
	default:
		value_row(value, &at->block.batch, scan->row, &scan->text);
		break;
	}
}

const struct kind kind_late = { open_blocks, next_late, late_value, close_blocks, 1e5 };

/* ---- dead letters: ingest's, then the pipelines', then emit's ---- */

static enum fl_code
open_letters(struct scan *scan, struct fl_err *err)
{
	(void)err;
	scan->at.letters.dead = fl_calloc(1, sizeof(struct fl_dead));
	return FL_OK;
}

static void
close_letters(struct scan *scan)
{
	fl_cursor_close(&scan->at.letters.cursor);
	free(scan->at.letters.dead);
}

static struct fl_txn *
letters_txn(const struct scan *scan, enum fl_dbi *dbi)
{
	const struct inspect *inspect = scan->table->inspect;
	uint32_t store = scan->at.letters.store;

	*dbi = store == 0		  ? FL_DBI_INGEST_DEAD :
	    store <= inspect->view_count ? FL_DBI_PIPELINE_DEAD :
					   FL_DBI_EMIT_DEAD;
	return store == 0		 ? inspect->ingest_txn :
	    store <= inspect->view_count ? inspect->views[store - 1].txn :
					   inspect->emit_txn;
}

static enum fl_code
next_letter(struct scan *scan, bool *has_row, struct fl_err *err)
{
	struct letters *at = &scan->at.letters;

	*has_row = false;
	for (; at->store <= scan->table->inspect->view_count + 1; at->store++) {
		enum fl_dbi dbi;
		struct fl_txn *txn = letters_txn(scan, &dbi);

		if (txn == NULL)
			continue;
		if (at->cursor == NULL) {
			FL_TRY(fl_cursor_open(txn, dbi, &at->cursor, err));
			FL_TRY(fl_cursor_seek(at->cursor, NULL, 0, has_row, &at->item, err));
		} else {
			FL_TRY(fl_cursor_next(at->cursor, has_row, &at->item, err));
		}
		if (*has_row)
			return fl_dead_decode(at->item.value, at->item.size, at->dead, err);
		fl_cursor_close(&at->cursor);
	}
	return FL_OK;
}

/* The table of a stream of some pipeline. */
static const struct fl_table *
table_of_stream(const struct inspect *inspect, uint32_t stream)
{
	for (uint32_t i = 0; i < inspect->view_count; i++) {
		const struct fl_pipeline *info = inspect->views[i].info;

		for (uint32_t s = 0; s < info->plan->stream_count; s++)
			if (info->stream_ids[s] == stream)
				return info->plan->streams[s].table;
	}
	return NULL;
}

/* "pipeline\0sink\0row": the sink, or NULL. */
static const char *
emit_sink_of(const struct fl_item *item)
{
	const char *key = item->key, *end = memchr(key, '\0', item->key_size);

	if (end == NULL || item->key_size < 10)
		return NULL;
	end++;
	return memchr(end, '\0', item->key_size - (size_t)(end - key)) == NULL ? NULL : end;
}

static const char *
letter_table(const struct scan *scan)
{
	const struct inspect *inspect = scan->table->inspect;
	const struct letters *at = &scan->at.letters;
	const struct fl_dead *dead = at->dead;
	const struct fl_table *table;
	const uint8_t *key = at->item.key;

	if (at->store > inspect->view_count)
		return emit_sink_of(&at->item);
	/* Of a fired row the sink stands in the stream's place. */
	if (at->store > 0 && at->item.key_size == 20 && fl_key_get_u32(key + 8) == UINT32_MAX) {
		const struct fl_plan *plan = inspect->views[at->store - 1].info->plan;

		return dead->head.stream < plan->sink_count ? plan->sinks[dead->head.stream]->name :
							      NULL;
	}
	table = table_of_stream(inspect, dead->head.stream);
	return table == NULL ? NULL : table->name;
}

/* As `flightctl dlq list` names them. */
static void
letter_id(const struct scan *scan, struct fl_buf *id)
{
	const struct inspect *inspect = scan->table->inspect;
	const struct letters *at = &scan->at.letters;
	const uint8_t *key = at->item.key;
	const char *sink;

	fl_buf_reset(id);
	if (at->store == 0 && at->item.key_size == 16)
		fl_buf_printf(id, "ingest/%" PRIu32 "/%" PRId32 "/%" PRIu64, fl_key_get_u32(key),
		    (int32_t)fl_key_get_u32(key + 4), fl_key_get_u64(key + 8));
	else if (at->store > 0 && at->store <= inspect->view_count && at->item.key_size == 20)
		fl_buf_printf(id, "aggregate/%s/%" PRIu64 ".%" PRIu32 ".%" PRIu32 ".%" PRIu32,
		    inspect->views[at->store - 1].info->name, fl_key_get_u64(key),
		    fl_key_get_u32(key + 8), fl_key_get_u32(key + 12), fl_key_get_u32(key + 16));
	else if (at->store > inspect->view_count && (sink = emit_sink_of(&at->item)) != NULL)
		fl_buf_printf(id, "emit/%s/%s/%" PRIu64, (const char *)at->item.key, sink,
		    fl_key_get_u64(key + at->item.key_size - 8));
	else
		fl_buf_str(id, "unknown");
}

static void
letter_value(struct scan *scan, uint32_t c, struct inspect_value *value)
{
	const struct inspect *inspect = scan->table->inspect;
	const struct letters *at = &scan->at.letters;
	const struct fl_dead *dead = at->dead;
	bool is_emit = at->store > inspect->view_count;

	switch (c) {
	case 0:
		letter_id(scan, &scan->text);
		value_text(value, scan->text.data, scan->text.size);
		break;
	case 1:
		value_str(value, at->store == 0 ? "ingest" : is_emit ? "emit" : "aggregate");
		break;
	case 2: /* a stream's letter belongs to all pipelines that read it */
		if (at->store > 0)
			value_str(value, is_emit ? at->item.key :
						   inspect->views[at->store - 1].info->name);
		break;
	case 3:
		value_str(value, letter_table(scan));
		break;
	case 4:
		value_str(value, fl_code_name((enum fl_code)dead->head.code));
		break;
	case 5:
		value_text(value, dead->reason, dead->head.reason_size);
		break;
	case 6:
		if (dead->head.partition >= 0)
			value_i64(value, dead->head.partition % FL_TOPIC_STRIDE);
		break;
	case 7:
		if (dead->head.offset >= 0)
			value_i64(value, dead->head.offset);
		break;
	case 8:
		value_instant(value, fl_view_record_time(dead->head.kafka_ts), &scan->text);
		break;
	case 9:
		value_instant(value, dead->head.clock_ms, &scan->text);
		break;
	case 10:
	case 11:
		/* NULL, too, where the quota let no bytes be kept: value_size tells them apart. */
		if ((dead->head.flags & (c == 10 ? 1u : 2u)) != 0 ||
		    (c == 11 && dead->head.value_size < dead->head.value_full))
			break;
		*value = (struct inspect_value){ .kind = INSPECT_BLOB,
			.bytes = c == 10 ? dead->key : dead->value,
			.size = c == 10 ? dead->head.key_size : dead->head.value_size };
		break;
	default:
		if ((dead->head.flags & FL_DEAD_NULL_VALUE) == 0)
			value_i64(value, dead->head.value_full);
		break;
	}
}

const struct kind kind_letters = { open_letters, next_letter, letter_value, close_letters, 1e5 };

/* ---- rows of an updating query as they are now ---- */

static enum fl_code
open_current(struct scan *scan, struct fl_err *err)
{
	struct current *at = &scan->at.current;
	const struct fl_plan *plan = view_of(scan, scan->table->view)->info->plan;

	at->rows = fl_malloc(sizeof(*at->rows));
	fl_builder_init(at->rows, &plan->sinks[scan->table->sink]->physical);
	at->arena = fl_malloc(sizeof(*at->arena));
	fl_arena_init(at->arena);
	fl_buf_init(&at->changed);
	return picture_fold(scan->table->inspect, scan->table->view, false, &at->has_rows, err);
}

static void
close_current(struct scan *scan)
{
	struct current *at = &scan->at.current;

	fl_builder_fini(at->rows);
	free(at->rows);
	fl_arena_fini(at->arena);
	free(at->arena);
	fl_buf_fini(&at->changed);
}

static enum fl_code
next_current(struct scan *scan, bool *has_row, struct fl_err *err)
{
	struct current *at = &scan->at.current;
	const struct view *view = view_of(scan, scan->table->view);
	const struct fl_plan *plan = view->info->plan;

	(void)err;
	*has_row = at->has_rows;
	if (!at->has_rows || ++scan->row < at->rows->row_count)
		return FL_OK;
	for (; at->query < plan->query_count; at->query++, at->entry = 0) {
		bool more = plan->queries[at->query].sink == scan->table->sink;

		while (more) {
			fl_builder_reset(at->rows);
			fl_buf_reset(&at->changed);
			more = aggregate_shot_current(
			    view->shot, at->query, &at->entry, at->rows, &at->changed);
			if (at->rows->row_count == 0)
				continue;
			fl_arena_reset(at->arena);
			fl_builder_view(at->rows, &at->batch, at->arena);
			scan->row = 0;
			return FL_OK;
		}
	}
	*has_row = at->has_rows = false;
	return FL_OK;
}

static void
current_value(struct scan *scan, uint32_t c, struct inspect_value *value)
{
	const struct current *at = &scan->at.current;
	uint64_t changed;

	if (c < at->batch.schema->count) {
		value_col(value, &at->batch.cols[c], scan->row, &scan->text);
	} else if (c == at->batch.schema->count) {
		value_row(value, &at->batch, scan->row, &scan->text);
	} else {
		memcpy(&changed, at->changed.data + scan->row * sizeof(changed), sizeof(changed));
		value_i64(value, (int64_t)changed);
	}
}

const struct kind kind_current = { open_current, next_current, current_value, close_current, 1e5 };

/* ---- keys: open windows, and GROUP BY without one ---- */

static enum fl_code
open_keys(struct scan *scan, struct fl_err *err)
{
	bool has;

	FL_TRY(picture_fold(scan->table->inspect, scan->table->view, true, &has, err));
	scan->row = has ? 0 : UINT32_MAX;
	return FL_OK;
}

static bool
is_of_table(const struct table *table, const struct aggregate_window *window, const char *query)
{
	if (table->dedup != UINT32_MAX)
		return window->is_dedup && window->dedup == table->dedup;
	return window->is_open && !window->is_dedup && window->query == query;
}

/* scan->row is the row that comes next. */
static enum fl_code
next_key(struct scan *scan, bool *has_row, struct fl_err *err)
{
	const struct table *table = scan->table;
	const struct view *view = view_of(scan, table->view);
	const char *query =
	    table->query == UINT32_MAX ? NULL : view->info->plan->queries[table->query].name;
	const struct aggregate_row *row = NULL;

	(void)err;
	*has_row = false;
	while (!*has_row && scan->row != UINT32_MAX &&
	    (row = aggregate_shot_row(view->shot, scan->row)) != NULL) {
		scan->row++;
		*has_row = is_of_table(table, row->window, query);
	}
	return FL_OK;
}

static void
key_value(struct scan *scan, uint32_t c, struct inspect_value *value)
{
	struct aggregate_shot *shot = view_of(scan, scan->table->view)->shot;
	const struct aggregate_row *row = aggregate_shot_row(shot, scan->row - 1);
	const struct aggregate_columns *columns = row->window->columns;
	bool has_window = row->window->start != FL_TIME_MIN;
	int64_t rows;

	if (has_window && c < 2) {
		value_instant(value, c == 0 ? row->window->start : row->window->end, &scan->text);
		value->size--; /* a wall clock: no Z */
		return;
	}
	c -= has_window ? 2 : 0;
	if (c == columns->key_count) {
		if (fl_parse_i64(row->row_count.text, &rows))
			value_i64(value, rows);
		return;
	}
	c -= c > columns->key_count ? 1 : 0;
	value_printed(value, &columns->types[c], columns->is_number[c], &row->values[c], &scan->text);
}

/* first_seen is an instant. */
static void
seen_value(struct scan *scan, uint32_t c, struct inspect_value *value)
{
	struct aggregate_shot *shot = view_of(scan, scan->table->view)->shot;
	const struct aggregate_row *row = aggregate_shot_row(shot, scan->row - 1);
	const struct aggregate_columns *columns = row->window->columns;

	value_printed(value, &columns->types[c], columns->is_number[c], &row->values[c], &scan->text);
	if (c == columns->key_count) {
		fl_buf_byte(&scan->text, 'Z');
		value_text(value, scan->text.data, scan->text.size);
	}
}

static void
close_keys(struct scan *scan)
{
	(void)scan;
}

const struct kind kind_keys = { open_keys, next_key, key_value, close_keys, 1e5 };
const struct kind kind_seen = { open_keys, next_key, seen_value, close_keys, 1e5 };
