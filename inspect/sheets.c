/* SPDX-License-Identifier: Apache-2.0 */
/* sheets.c - tables of few rows, written down whole when a scan begins. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "shm/life.h"
#include "table.h"

/* ---- writing rows ---- */

/* A row of NULLs. */
static struct inspect_value *
add_row(struct sheet *sheet)
{
	struct inspect_value *row;

	if (sheet->row_count == sheet->row_max) {
		sheet->row_max = FL_MAX(32u, sheet->row_max * 2);
		sheet->cells = fl_realloc(sheet->cells,
		    (size_t)sheet->row_max * sheet->column_count * sizeof(*sheet->cells));
	}
	row = &sheet->cells[(size_t)sheet->row_count++ * sheet->column_count];
	for (uint32_t c = 0; c < sheet->column_count; c++)
		value_null(&row[c]);
	return row;
}

/* Copies. */
static void
put_text(struct sheet *sheet, struct inspect_value *value, const char *text)
{
	if (text != NULL)
		value_text(value, fl_arena_strdup(&sheet->arena, text), strlen(text));
}

static void
put_u64(struct inspect_value *value, uint64_t number)
{
	value_i64(value, (int64_t)FL_MIN(number, (uint64_t)INT64_MAX));
}

static void
put_instant(struct sheet *sheet, struct inspect_value *value, int64_t ms)
{
	struct fl_buf text;

	fl_buf_init(&text);
	value_instant(value, ms, &text);
	if (value->kind == INSPECT_TEXT)
		value->bytes = fl_arena_strndup(&sheet->arena, text.data, text.size);
	fl_buf_fini(&text);
}

/* As window_start prints: a wall clock. */
static void
put_local(struct sheet *sheet, struct inspect_value *value, int64_t ms)
{
	put_instant(sheet, value, ms);
	if (value->kind == INSPECT_TEXT)
		value->size--; /* the Z */
}

/* ---- walking them ---- */

static enum fl_code
open_sheet(struct scan *scan, enum fl_code (*fill)(struct scan *, struct sheet *, struct fl_err *),
    struct fl_err *err)
{
	struct sheet *sheet = &scan->at.sheet;

	fl_arena_init(&sheet->arena);
	sheet->column_count = scan->table->column_count;
	scan->row = UINT32_MAX;
	return fill(scan, sheet, err);
}

static enum fl_code
next_line(struct scan *scan, bool *has_row, struct fl_err *err)
{
	(void)err;
	scan->row++;
	*has_row = scan->row < scan->at.sheet.row_count;
	return FL_OK;
}

static void
line_value(struct scan *scan, uint32_t c, struct inspect_value *value)
{
	const struct sheet *sheet = &scan->at.sheet;

	*value = sheet->cells[(size_t)scan->row * sheet->column_count + c];
}

static void
close_sheet(struct scan *scan)
{
	free(scan->at.sheet.cells);
	fl_arena_fini(&scan->at.sheet.arena);
}

#define SHEET_KIND(name)                                                                \
	static enum fl_code open_##name(struct scan *scan, struct fl_err *err)          \
	{                                                                               \
		return open_sheet(scan, fill_##name, err);                              \
	}                                                                               \
	const struct kind kind_##name = { open_##name, next_line, line_value, close_sheet, 50 }

/* ---- tables ---- */

static enum fl_code
fill_tables(struct scan *scan, struct sheet *sheet, struct fl_err *err)
{
	const struct inspect *inspect = scan->table->inspect;
	struct fl_buf columns;

	(void)err;
	fl_buf_init(&columns);
	for (uint32_t t = 0; t < inspect->table_count; t++) {
		const struct table *table = &inspect->tables[t];
		struct inspect_value *row = add_row(sheet);

		fl_buf_reset(&columns);
		for (uint32_t c = 0; c < table->column_count; c++)
			fl_buf_printf(&columns, "%s%s %s", c > 0 ? ", " : "", table->columns[c].name,
			    table->columns[c].sql_type);
		put_text(sheet, &row[0], table->name);
		if (table->view != UINT32_MAX)
			put_text(sheet, &row[1], inspect->views[table->view].info->name);
		put_text(sheet, &row[2], columns.data);
		put_text(sheet, &row[3], table->about);
	}
	fl_buf_fini(&columns);
	return FL_OK;
}
SHEET_KIND(tables);

/* ---- pipelines, queries, sinks ---- */

static enum fl_code
fill_pipelines(struct scan *scan, struct sheet *sheet, struct fl_err *err)
{
	const struct inspect *inspect = scan->table->inspect;

	(void)err;
	for (uint32_t i = 0; i < inspect->view_count; i++) {
		const struct view *view = &inspect->views[i];
		const struct fl_pipeline_cursor *cursor = view->cursor.head;
		uint64_t last = inspect->has_ingest ? inspect->ingest_cursor->last_step : 0;
		struct inspect_value *row = add_row(sheet);
		uint64_t r = view->has_cursor ? cursor->r : 0;
		char uuid[37];

		put_text(sheet, &row[0], view->info->name);
		put_u64(&row[1], r);
		put_u64(&row[2], last);
		put_u64(&row[3], last > r ? last - r : 0);
		if (view->has_cursor) {
			put_instant(sheet, &row[4], r > 0 ? cursor->clock_ms : FL_TIME_MIN);
			put_instant(sheet, &row[5], cursor->watermark);
			put_u64(&row[6], cursor->late_dropped);
		}
		value_i64(&row[7], view->has_cursor && cursor->finished != 0);
		put_text(sheet, &row[8], fl_uuid_print(&view->info->uuid, uuid));
		put_text(sheet, &row[9], view->info->file);
	}
	return FL_OK;
}
SHEET_KIND(pipelines);

static enum fl_code
fill_queries(struct scan *scan, struct sheet *sheet, struct fl_err *err)
{
	const struct inspect *inspect = scan->table->inspect;

	(void)err;
	for (uint32_t i = 0; i < inspect->view_count; i++) {
		const struct view *view = &inspect->views[i];
		const struct fl_plan *plan = view->info->plan;

		for (uint32_t q = 0; q < plan->query_count; q++) {
			const struct fl_query *query = &plan->queries[q];
			struct inspect_value *row = add_row(sheet);
			const struct fl_query_count *count;

			put_text(sheet, &row[0], view->info->name);
			put_text(sheet, &row[1], query->name);
			put_text(sheet, &row[2], plan->sinks[query->sink]->name);
			put_text(sheet, &row[3], query->window != NULL ? "window" :
				fl_query_is_updating(query)	       ? "updating" :
									 "rows");
			if (!view->has_cursor || q >= view->cursor.head->query_count)
				continue;
			count = &view->cursor.queries[q];
			put_u64(&row[4], count->seen);
			put_u64(&row[5], count->used);
			put_u64(&row[6], count->filtered);
			put_u64(&row[7], count->duplicates);
			put_u64(&row[8], count->late);
			put_u64(&row[9], count->dead);
			put_u64(&row[10], count->fired_rows);
			put_u64(&row[11], count->fired_windows);
		}
	}
	return FL_OK;
}
SHEET_KIND(queries);

static void
put_sink(struct sheet *sheet, const struct view *view, uint32_t s)
{
	static const char *const states[] = { "running", "waiting", "stopped" };
	const struct fl_sink_position *position = &view->positions[s];
	uint64_t confirmed = picture_confirmed(view, s), made = 0;
	struct inspect_value *row = add_row(sheet);

	put_text(sheet, &row[0], view->info->name);
	put_text(sheet, &row[1], view->info->plan->sinks[s]->name);
	if (view->has_cursor && s < view->cursor.head->sink_count) {
		made = view->cursor.sinks[s].next;
		put_u64(&row[5], view->cursor.sinks[s].first);
	}
	put_u64(&row[2], made);
	put_u64(&row[3], confirmed);
	put_u64(&row[4], made > confirmed ? made - confirmed : 0);
	put_text(sheet, &row[6], view->is_known[s] ? states[FL_MIN(position->state, 2)] : "new");
	if (!view->is_known[s])
		return;
	put_instant(
	    sheet, &row[7], position->confirmed_ms > 0 ? position->confirmed_ms : FL_TIME_MIN);
	put_u64(&row[8], position->dead);
	put_u64(&row[9], position->retries);
	if (position->error[0] != '\0')
		value_text(&row[10],
		    fl_arena_printf(&sheet->arena, "%.*s", (int)sizeof(position->error), position->error),
		    strnlen(position->error, sizeof(position->error)));
}

static enum fl_code
fill_sinks(struct scan *scan, struct sheet *sheet, struct fl_err *err)
{
	const struct inspect *inspect = scan->table->inspect;

	(void)err;
	for (uint32_t i = 0; i < inspect->view_count; i++)
		for (uint32_t s = 0; s < inspect->views[i].info->plan->sink_count; s++)
			put_sink(sheet, &inspect->views[i], s);
	return FL_OK;
}
SHEET_KIND(sinks);

/* ---- offsets ---- */

static const struct fl_partition_time *
find_time(const struct view *view, uint32_t stream, int32_t partition, uint32_t table)
{
	for (uint32_t i = 0; view->has_cursor && i < view->cursor.head->partition_count; i++) {
		const struct fl_partition_time *time = &view->cursor.at_r[i];

		if (time->stream == stream && time->partition == partition && time->table == table)
			return time;
	}
	return NULL;
}

static void
put_partition(struct sheet *sheet, const struct inspect *inspect, const struct view *view,
    uint32_t table, const struct fl_partition_cursor *partition)
{
	const struct fl_partition_time *time =
	    find_time(view, partition->stream, partition->partition, table);
	bool is_behind =
	    !view->has_cursor || view->cursor.head->r < inspect->ingest_cursor->last_step;
	struct inspect_value *row = add_row(sheet);
	int64_t from = time != NULL ? time->offset + 1 : partition->start;

	put_text(sheet, &row[0], view->info->name);
	put_text(sheet, &row[1], view->info->plan->tables[table]->name);
	put_text(sheet, &row[2], partition->topic);
	value_i64(&row[3], partition->partition % FL_TOPIC_STRIDE);
	value_i64(&row[4], partition->position);
	/* Once all is folded, what lies between is no record. */
	value_i64(&row[6], is_behind ? FL_MAX(partition->position - from, 0) : 0);
	put_text(sheet, &row[10], fl_view_partition_state(partition));
	put_u64(&row[11], partition->delivered);
	put_u64(&row[12], partition->rows);
	put_u64(&row[13], partition->dead);
	put_u64(&row[14], partition->skipped);
	put_u64(&row[15], partition->gaps);
	if (time == NULL)
		return;
	if (time->offset >= 0)
		value_i64(&row[5], time->offset);
	put_instant(sheet, &row[7], time->watermark);
	put_instant(sheet, &row[8], time->floor);
	value_i64(&row[9], time->idle != 0);
}

static enum fl_code
fill_offsets(struct scan *scan, struct sheet *sheet, struct fl_err *err)
{
	const struct inspect *inspect = scan->table->inspect;

	(void)err;
	for (uint32_t i = 0; i < inspect->view_count && inspect->has_ingest; i++) {
		const struct view *view = &inspect->views[i];
		const struct fl_plan *plan = view->info->plan;

		for (uint32_t t = 0; t < plan->table_count; t++)
			for (uint32_t p = 0; p < inspect->ingest_cursor->partition_count; p++)
				if (plan->tables[t]->is_source &&
				    view->info->stream_ids[plan->tables[t]->stream] ==
					inspect->partitions[p].stream)
					put_partition(
					    sheet, inspect, view, t, &inspect->partitions[p]);
	}
	return FL_OK;
}
SHEET_KIND(offsets);

/* ---- dead letters, counted ---- */

static enum fl_code
read_tallies(const struct inspect *inspect, struct fl_tallies *tallies, struct fl_err *err)
{
	if (inspect->ingest_txn != NULL)
		FL_TRY(fl_tallies_add(tallies, inspect->instance, FL_ROLE_INGEST, NULL,
		    inspect->ingest_txn, err));
	for (uint32_t i = 0; i < inspect->view_count; i++)
		if (inspect->views[i].txn != NULL)
			FL_TRY(fl_tallies_add(tallies, inspect->instance, FL_ROLE_PIPELINE,
			    inspect->views[i].info, inspect->views[i].txn, err));
	if (inspect->emit_txn != NULL)
		FL_TRY(fl_tallies_add(
		    tallies, inspect->instance, FL_ROLE_EMIT, NULL, inspect->emit_txn, err));
	fl_tallies_sort(tallies);
	return FL_OK;
}

static enum fl_code
fill_letters_total(struct scan *scan, struct sheet *sheet, struct fl_err *err)
{
	struct fl_tallies tallies = { 0 };
	enum fl_code code = read_tallies(scan->table->inspect, &tallies, err);

	for (uint32_t i = 0; code == FL_OK && i < tallies.count; i++) {
		const struct fl_view_tally *t = &tallies.rows[i];
		struct inspect_value *row;

		if (t->code == FL_OK)
			continue; /* an oddity */
		row = add_row(sheet);
		put_text(sheet, &row[0], fl_role_program(t->role));
		put_text(sheet, &row[1], t->pipeline);
		put_text(sheet, &row[t->role == FL_ROLE_PIPELINE ? 3 : 2], t->of);
		if (t->role == FL_ROLE_INGEST)
			put_u64(&row[4], t->stream);
		put_text(sheet, &row[5], fl_code_name(t->code));
		put_u64(&row[6], t->count);
	}
	fl_tallies_fini(&tallies);
	return code;
}
SHEET_KIND(letters_total);

/* ---- metrics ---- */

/* A program that never ran has no segment, and no metrics. */
static enum fl_code
fill_metrics(struct scan *scan, struct sheet *sheet, struct fl_err *err)
{
	const struct inspect *inspect = scan->table->inspect;
	struct fl_metrics *segment = NULL;
	const char *program = "";
	struct fl_err ignored;

	(void)err;
	for (int m = 0; m < FL_METRIC_COUNT; m++) {
		const struct fl_metric_info *info = fl_metric_info((enum fl_metric)m);
		struct inspect_value *row;

		if (strcmp(program, info->program) != 0) {
			if (segment != NULL)
				fl_metrics_close(&segment);
			program = info->program;
			if (fl_metrics_open(inspect->instance, program, false, &segment, &ignored) !=
			    FL_OK)
				segment = NULL;
		}
		if (segment == NULL)
			continue;
		row = add_row(sheet);
		value_text(&row[0],
		    fl_arena_printf(&sheet->arena, "flight_%s_%s", info->program, info->name),
		    strlen("flight__") + strlen(info->program) + strlen(info->name));
		put_text(sheet, &row[1], info->program);
		put_text(sheet, &row[2], info->kind == FL_COUNTER ? "counter" : "gauge");
		put_text(sheet, &row[3], info->unit);
		value_i64(&row[4], fl_metric_get(segment, (enum fl_metric)m));
		put_text(sheet, &row[5], info->help);
	}
	if (segment != NULL)
		fl_metrics_close(&segment);
	return FL_OK;
}
SHEET_KIND(metrics);

/* ---- windows ---- */

static void
put_windows(struct sheet *sheet, const struct view *view)
{
	const struct aggregate_window *window = NULL;
	const struct aggregate_row *shot;
	struct inspect_value *row = NULL;
	int64_t rows;

	for (uint32_t i = 0; (shot = aggregate_shot_row(view->shot, i)) != NULL; i++) {
		if (shot->window->start == FL_TIME_MIN)
			continue; /* keys of a GROUP BY without a window, or of a deduplication */
		if (shot->window != window) {
			window = shot->window;
			row = add_row(sheet);
			put_text(sheet, &row[0], view->info->name);
			put_text(sheet, &row[1], window->query);
			put_local(sheet, &row[2], window->start);
			put_local(sheet, &row[3], window->end);
			put_text(sheet, &row[4], window->is_open ? "open" : "closed");
			value_i64(&row[5], 0);
			if (window->is_open)
				value_i64(&row[6], 0);
		}
		row[5].integer++;
		if (window->is_open && fl_parse_i64(shot->row_count.text, &rows))
			row[6].integer += rows;
	}
}

static enum fl_code
fill_windows(struct scan *scan, struct sheet *sheet, struct fl_err *err)
{
	struct inspect *inspect = scan->table->inspect;
	bool has;

	for (uint32_t i = 0; i < inspect->view_count; i++) {
		FL_TRY(picture_fold(inspect, i, true, &has, err));
		if (has)
			put_windows(sheet, &inspect->views[i]);
	}
	return FL_OK;
}
SHEET_KIND(windows);
