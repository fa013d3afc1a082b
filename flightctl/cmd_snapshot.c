/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_snapshot.c - the stored windows, open and closed, as of R.
 *
 * Rows come sorted by query; each query has columns of its own, so a new query starts a
 * new table.  Its rows are gone through twice, for the widths and for the lines, and lines
 * go out by the chunk: 100,000 keys make 13 MB, of which no more is held than a pipe takes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/aggregate.h"
#include "flightctl/ctl.h"
#include "flightctl/pipeline.h"
#include "shm/step.h"

#define CHUNK_SIZE 32768u /* half of what a pipe holds: its reader works while we do */

struct job {
	bool json, wants_open, wants_closed;
	const struct fl_plan *plan;
	const uint32_t *stream_ids;
	struct fl_buf out;
	bool is_lost; /* nobody reads it any more */
	/* The window of the row before, and what all its rows begin with. */
	const struct aggregate_window *window;
	struct fl_buf begin;
};

/* Columns of a query's table: four of the window, the key, rows, the parts, and results. */
enum { AT_QUERY, AT_START, AT_END, AT_STATE, AT_KEY };

struct sheet {
	const struct aggregate_columns *columns;
	struct out_table table;
	struct out_lines lines;
	uint32_t *result_at; /* columns of the results; those named like a key share its column */
};

static void
write_chunk(struct job *job, size_t at_least)
{
	if (job->out.size < at_least)
		return;
	job->is_lost = job->is_lost || !out_write(&job->out);
	fl_buf_reset(&job->out);
}

static void
add_key_value(struct fl_buf *out, const char *name, const char *text)
{
	fl_buf_byte(out, ',');
	fl_buf_json(out, name, strlen(name));
	fl_buf_byte(out, ':');
	if (strcmp(text, "-") == 0)
		fl_buf_str(out, "null");
	else
		fl_buf_json(out, text, strlen(text));
}

static const char *
stream_topic(const struct job *job, const struct fl_partition_time *p)
{
	uint32_t n = (uint32_t)(p->partition / FL_TOPIC_STRIDE);

	for (uint32_t i = 0; i < job->plan->stream_count; i++) {
		const struct fl_table *table = job->plan->streams[i].table;

		if (job->stream_ids[i] == p->stream)
			return n < table->topic_count	? table->topics[n]
			       : table->topic != NULL ? table->topic
						      : table->name;
	}
	return "-";
}

static void
print_head_json(struct job *job, const struct aggregate_head *head)
{
	struct fl_buf *out = &job->out;
	char text[32];

	fl_buf_str(out, "\n{\"pipeline\":");
	fl_buf_json(out, job->plan->name, strlen(job->plan->name));
	fl_buf_printf(
	    out, ",\"r\":%" PRIu64 ",\"ingest_last\":%" PRIu64, head->r, head->ingest_last);
	add_key_value(out, "clock", out_instant(head->clock_ms, text));
	add_key_value(out, "watermark", out_instant(head->watermark, text));
	fl_buf_str(out, ",\"partitions\":[");
	for (uint32_t i = 0; i < head->partition_count; i++) {
		const struct fl_partition_time *p = &head->partitions[i];

		fl_buf_printf(out, "%s\n {\"stream\":%u", i > 0 ? "," : "", p->stream);
		add_key_value(out, "topic", stream_topic(job, p));
		fl_buf_printf(out, ",\"partition\":%d,\"offset\":%" PRId64,
		    p->partition % FL_TOPIC_STRIDE, p->offset);
		add_key_value(out, "watermark", out_instant(p->watermark, text));
		add_key_value(out, "floor", out_instant(p->floor, text));
		fl_buf_printf(out, ",\"idle\":%s,\"ended\":%s}", p->idle ? "true" : "false",
		    p->ended ? "true" : "false");
	}
	fl_buf_str(out, "],\"rows\":[");
}

static void
print_head(struct job *job, const struct aggregate_head *head)
{
	struct out_table table;
	char clock[32], watermark[32];

	if (job->json) {
		print_head_json(job, head);
		return;
	}
	fl_buf_printf(&job->out,
	    "pipeline %s  step R %" PRIu64 " of %" PRIu64 "  clock %s  watermark %s\n",
	    job->plan->name, head->r, head->ingest_last, out_instant(head->clock_ms, clock),
	    out_instant(head->watermark, watermark));
	out_init(&table, NULL, "stream#,topic,partition#,offset#,watermark,floor,state");
	for (uint32_t i = 0; i < head->partition_count; i++) {
		const struct fl_partition_time *p = &head->partitions[i];

		out_row(&table);
		out_cellf(&table, 0, "%u", p->stream);
		out_cell(&table, 1, stream_topic(job, p));
		out_cellf(&table, 2, "%d", p->partition % FL_TOPIC_STRIDE);
		out_cellf(&table, 3, "%" PRId64, p->offset);
		out_time(&table, 4, p->watermark);
		out_time(&table, 5, p->floor);
		out_cell(&table, 6, p->ended ? "ended" : p->idle ? "idle" : "active");
	}
	if (table.row_count > 0)
		out_print(&table, &job->out);
	out_fini(&table);
}

static bool
is_wanted(const struct job *job, const struct aggregate_row *row)
{
	return row->window->is_open ? job->wants_open : job->wants_closed;
}

static const char *
state_name(const struct aggregate_window *window)
{
	return window->is_dedup ? "seen" : window->is_open ? "open" : "closed";
}

/* ---- as a table ---- */

static void
sheet_init(struct sheet *sheet, const struct aggregate_columns *c)
{
	uint32_t state_count = c->key_count + c->part_count;
	struct out_table *table = &sheet->table;

	sheet->columns = c;
	out_init(table, NULL, "query,window_start,window_end,state");
	for (uint32_t i = 0; i < c->key_count; i++)
		out_column(table, c->names[i], c->is_number[i]);
	out_column(table, "rows", true);
	for (uint32_t i = c->key_count; i < state_count; i++)
		out_column(table, c->names[i], c->is_number[i]);
	sheet->result_at = fl_calloc(c->result_count + 1u, sizeof(*sheet->result_at));
	for (uint32_t i = 0; i < c->result_count; i++) {
		const char *name = c->names[state_count + i];

		for (uint32_t k = 0; k < c->key_count; k++)
			if (strcmp(c->names[k], name) == 0)
				sheet->result_at[i] = AT_KEY + k;
		if (sheet->result_at[i] == 0)
			sheet->result_at[i] =
			    out_column(table, name, c->is_number[state_count + i]);
	}
	out_lines_init(&sheet->lines, table);
}

static void
sheet_fini(struct sheet *sheet)
{
	out_lines_fini(&sheet->lines);
	out_fini(&sheet->table);
	free(sheet->result_at);
}

static uint32_t
value_count(const struct aggregate_window *window)
{
	const struct aggregate_columns *c = window->columns;

	return window->is_open ? c->key_count + c->part_count : c->result_count;
}

static uint32_t
value_at(const struct sheet *sheet, const struct aggregate_window *window, uint32_t i)
{
	if (!window->is_open)
		return sheet->result_at[i];
	return AT_KEY + i + (i >= sheet->columns->key_count ? 1 : 0);
}

static void
measure_row(struct job *job, struct sheet *sheet, const struct aggregate_row *row)
{
	const struct aggregate_window *window = row->window;
	struct out_lines *lines = &sheet->lines;
	char text[32];

	if (window != job->window) {
		job->window = window;
		out_widen(lines, AT_QUERY, strlen(window->query));
		out_widen(lines, AT_START, strlen(out_instant(window->start, text)));
		out_widen(lines, AT_END, strlen(out_instant(window->end, text)));
		out_widen(lines, AT_STATE, strlen(state_name(window)));
	}
	out_widen(lines, AT_KEY + sheet->columns->key_count, row->row_count.size);
	for (uint32_t i = 0, n = value_count(window); i < n; i++)
		out_widen(lines, value_at(sheet, window, i),
		    row->values[i].text == NULL ? strlen("NULL") : row->values[i].size);
}

/* A line with all but the values: nothing where one will stand, "-" where none will. */
static void
begin_lines(struct job *job, const struct sheet *sheet, const struct aggregate_window *window)
{
	const struct out_lines *lines = &sheet->lines;
	uint32_t count = sheet->table.column_count, rows_at = AT_KEY + sheet->columns->key_count;
	char text[32], *line;

	fl_buf_reset(&job->begin);
	fl_buf_reserve(&job->begin, lines->size_max);
	line = job->begin.data;
	memset(line, ' ', lines->size_max);
	out_put(lines, line, AT_QUERY, window->query, strlen(window->query));
	out_instant(window->start, text);
	out_put(lines, line, AT_START, text, strlen(text));
	out_instant(window->end, text);
	out_put(lines, line, AT_END, text, strlen(text));
	out_put(lines, line, AT_STATE, state_name(window), strlen(state_name(window)));
	for (uint32_t c = AT_KEY; c < count; c++) {
		bool has_value = window->is_open && c == rows_at;

		for (uint32_t i = 0, n = value_count(window); i < n; i++)
			has_value = has_value || value_at(sheet, window, i) == c;
		if (!has_value)
			job->begin.size = (size_t)(out_put(lines, line, c, "-", 1) - line);
	}
}

static void
print_row(struct job *job, const struct sheet *sheet, const struct aggregate_row *row)
{
	const struct out_lines *lines = &sheet->lines;
	const struct aggregate_window *window = row->window;
	char *line, *end, *value_end;

	if (window != job->window)
		begin_lines(job, sheet, job->window = window);
	fl_buf_reserve(&job->out, 2 * lines->size_max);
	line = job->out.data + job->out.size;
	memcpy(line, job->begin.data, lines->size_max);
	end = line + job->begin.size;
	if (window->is_open) {
		value_end = out_put(lines, line, AT_KEY + sheet->columns->key_count,
		    row->row_count.text, row->row_count.size);
		end = FL_MAX(end, value_end);
	}
	for (uint32_t i = 0, n = value_count(window); i < n; i++) {
		const struct aggregate_value *value = &row->values[i];

		value_end = value->text == NULL ?
		    out_put(lines, line, value_at(sheet, window, i), "NULL", strlen("NULL")) :
		    out_put(lines, line, value_at(sheet, window, i), value->text, value->size);
		end = FL_MAX(end, value_end);
	}
	job->out.size = (size_t)(out_lines_end(lines, line, end) - job->out.data);
}

/* The rows of one query, from row i on; returns the first of the next. */
static uint32_t
print_sheet(struct job *job, struct aggregate_shot *shot, uint32_t from, uint32_t *row_count)
{
	const struct aggregate_row *row = aggregate_shot_row(shot, from);
	uint32_t count = 0, to;
	struct sheet sheet;

	sheet_init(&sheet, row->window->columns);
	job->window = NULL;
	for (to = from; row != NULL && row->window->columns == sheet.columns;) {
		if (is_wanted(job, row)) {
			measure_row(job, &sheet, row);
			count++;
		}
		row = aggregate_shot_row(shot, ++to);
	}
	job->window = NULL;
	if (count > 0) {
		fl_buf_byte(&job->out, '\n');
		out_lines_begin(&sheet.lines, &job->out);
	}
	for (uint32_t i = from; count > 0 && i < to && !job->is_lost; i++) {
		row = aggregate_shot_row(shot, i);
		if (is_wanted(job, row))
			print_row(job, &sheet, row);
		write_chunk(job, CHUNK_SIZE);
	}
	*row_count += count;
	sheet_fini(&sheet);
	return to;
}

/* ---- as JSON ---- */

static void
add_values(struct fl_buf *out, const struct aggregate_row *row, uint32_t name, uint32_t from,
    uint32_t to)
{
	const struct aggregate_columns *c = row->window->columns;

	fl_buf_byte(out, '{');
	for (uint32_t i = from; i < to; i++) {
		const struct aggregate_value *value = &row->values[i];

		if (i > from)
			fl_buf_byte(out, ',');
		fl_buf_json(out, c->names[name + i], strlen(c->names[name + i]));
		fl_buf_byte(out, ':');
		if (value->text == NULL)
			fl_buf_str(out, "null");
		else
			out_json_value(out, value->text, value->size, c->is_number[name + i]);
	}
	fl_buf_byte(out, '}');
}

static void
begin_rows_json(struct job *job, const struct aggregate_window *window)
{
	struct fl_buf *out = &job->begin;
	char text[32];

	fl_buf_reset(out);
	fl_buf_str(out, "\n {\"query\":");
	fl_buf_json(out, window->query, strlen(window->query));
	add_key_value(out, "window_start", out_instant(window->start, text));
	add_key_value(out, "window_end", out_instant(window->end, text));
	add_key_value(out, "state", state_name(window));
	fl_buf_str(out, ",\"key\":");
}

static void
print_row_json(struct job *job, const struct aggregate_row *row)
{
	const struct aggregate_window *window = row->window;
	const struct aggregate_columns *c = window->columns;
	struct fl_buf *out = &job->out;

	if (window != job->window)
		begin_rows_json(job, job->window = window);
	fl_buf_add(out, job->begin.data, job->begin.size);
	if (window->is_open) {
		add_values(out, row, 0, 0, c->key_count);
		fl_buf_str(out, ",\"rows\":");
		fl_buf_add(out, row->row_count.text, row->row_count.size);
		fl_buf_str(out, ",\"values\":");
		add_values(out, row, 0, c->key_count, c->key_count + c->part_count);
	} else {
		fl_buf_str(out, "null,\"rows\":null,\"values\":");
		add_values(out, row, c->key_count + c->part_count, 0, c->result_count);
	}
	fl_buf_byte(out, '}');
}

/* ---- all of it ---- */

/* NULL: a pipeline that has stored nothing yet has no windows; that is an answer. */
static void
print_shot(struct job *job, struct aggregate_shot *shot)
{
	static const struct aggregate_head nothing = {
	    .clock_ms = FL_TIME_MIN, .watermark = FL_TIME_MIN};
	const struct aggregate_head *head = shot != NULL ? aggregate_shot_head(shot) : &nothing;
	const struct aggregate_row *row;
	uint32_t row_count = 0;

	print_head(job, head);
	job->window = NULL;
	for (uint32_t i = 0; !job->json && i < head->row_count;)
		i = print_sheet(job, shot, i, &row_count);
	if (!job->json && row_count == 0)
		fl_buf_str(&job->out, "\nno windows\n");
	for (uint32_t i = 0; job->json && i < head->row_count && !job->is_lost; i++) {
		row = aggregate_shot_row(shot, i);
		if (!is_wanted(job, row))
			continue;
		if (row_count++ > 0)
			fl_buf_byte(&job->out, ',');
		print_row_json(job, row);
		write_chunk(job, CHUNK_SIZE);
	}
	if (job->json)
		fl_buf_str(&job->out, "\n]}");
}

static bool
has_query(const struct fl_plan *plan, const char *query)
{
	for (uint32_t q = 0; query != NULL && q < plan->query_count; q++)
		if (strcmp(plan->queries[q].name, query) == 0)
			return true;
	return query == NULL;
}

/* only NULL: any pipeline; query NULL: any query. */
static bool
is_asked(const struct fl_pipeline *pipeline, const struct fl_pipeline *only, const char *query)
{
	return (only == NULL || pipeline == only) && has_query(pipeline->plan, query);
}

/* only NULL: the query may be of any pipeline. */
static enum fl_code
check_query(const struct fl_instance *instance, const struct fl_pipeline *only, const char *query,
    struct fl_err *err)
{
	char names[256] = "none";
	size_t at = 0;

	for (uint32_t i = 0; i < instance->pipeline_count; i++) {
		const struct fl_pipeline *p = &instance->pipelines[i];

		if (only != NULL && p != only)
			continue;
		if (has_query(p->plan, query))
			return FL_OK;
		for (uint32_t q = 0; q < p->plan->query_count && at < sizeof(names); q++)
			at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s",
			    at > 0 ? ", " : "", p->plan->queries[q].name);
	}
	return FL_FAIL(err, FL_E_NO_SUCH_OBJECT, "%s%s%s has %squery \"%s\"; there is: %s",
	    only != NULL ? "pipeline \"" : "no pipeline", only != NULL ? only->name : "",
	    only != NULL ? "\"" : "", only != NULL ? "no " : "a ", query, names);
}

/* All are taken before the first is printed: who reads gets the whole answer or an error. */
static enum fl_code
take_all(struct fl_instance *instance, const struct fl_pipeline *only, const char *query,
    struct aggregate_shot **shots, struct fl_err *err)
{
	for (uint32_t i = 0; i < instance->pipeline_count; i++) {
		if (!is_asked(&instance->pipelines[i], only, query))
			continue;
		if (aggregate_shot_take(instance, instance->pipelines[i].name, query, &shots[i],
			err) == FL_OK)
			continue;
		if (err->code != FL_E_NO_SUCH_OBJECT)
			return err->code;
		*err = (struct fl_err){0};
	}
	return FL_OK;
}

static void
print_all(struct job *job, const struct fl_instance *instance, const struct fl_pipeline *only,
    const char *query, struct aggregate_shot **shots)
{
	bool is_first = true;

	if (job->json)
		fl_buf_str(&job->out, "{\"pipelines\":[");
	for (uint32_t i = 0; i < instance->pipeline_count; i++) {
		if (!is_asked(&instance->pipelines[i], only, query))
			continue;
		job->plan = instance->pipelines[i].plan;
		job->stream_ids = instance->pipelines[i].stream_ids;
		if (!is_first)
			fl_buf_str(&job->out, job->json ? "," : "\n");
		is_first = false;
		print_shot(job, shots[i]);
	}
	if (job->json)
		fl_buf_str(&job->out, "\n]}\n");
	write_chunk(job, 0);
}

static enum fl_code
snapshot_all(struct job *job, struct fl_instance *instance, const char *pipeline, const char *query,
    struct fl_err *err)
{
	struct aggregate_shot **shots;
	const struct fl_pipeline *only;
	enum fl_code code;

	FL_TRY(pipeline_find(instance, pipeline, &only, err));
	if (pipeline == NULL)
		only = NULL;
	FL_TRY(check_query(instance, only, query, err));
	shots = fl_calloc(instance->pipeline_count + 1u, sizeof(struct aggregate_shot *));
	code = take_all(instance, only, query, shots, err);
	if (code == FL_OK)
		print_all(job, instance, only, query, shots);
	for (uint32_t i = 0; i < instance->pipeline_count; i++)
		aggregate_shot_free(&shots[i]);
	free(shots);
	return code;
}

int
cmd_snapshot(struct ctl *ctl)
{
	struct job job = {.wants_open = true, .wants_closed = true};
	const char *option, *value, *pipeline = NULL, *query = NULL;
	struct fl_instance *instance = NULL;
	struct fl_err err = {0};
	int status = CTL_OK;

	while ((option = ctl_next_option(ctl, &value)) != NULL) {
		if (strcmp(option, "pipeline") == 0)
			pipeline = value;
		else if (strcmp(option, "open") == 0)
			job.wants_closed = false;
		else
			job.wants_open = false;
	}
	if (!ctl_need_args(ctl, 0, 1))
		return ctl->status;
	job.json = ctl->json;
	fl_buf_init(&job.out);
	fl_buf_init(&job.begin);
	if (ctl->arg_count > 0)
		query = ctl->args[0];
	if (ctl_instance_open(ctl, true, &instance, &err) != FL_OK ||
	    snapshot_all(&job, instance, pipeline, query, &err) != FL_OK)
		status = ctl_fail(ctl, &err);
	else if (job.is_lost)
		status = CTL_FAILED;
	fl_buf_fini(&job.begin);
	fl_buf_fini(&job.out);
	fl_instance_close(&instance);
	return status;
}
