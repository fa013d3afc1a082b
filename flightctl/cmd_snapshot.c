/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_snapshot.c - the stored windows, open and closed, as of R.
 *
 * Rows come sorted by query; each query has columns of its own, so a new query starts a
 * new table.  Everything is collected and written at once: 100,000 keys take well under
 * 100 ms into a pipe.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/aggregate.h"
#include "flightctl/ctl.h"
#include "flightctl/pipeline.h"
#include "shm/step.h"

struct job {
	bool json, wants_open, wants_closed;
	const char *query_name; /* of the table being collected; copied */
	struct out_table table;
	uint32_t *result_at; /* columns of the results; those named like a key share its column */
	bool has_table, has_head;
	int64_t start_ms, end_ms; /* of the row before, and as texts */
	char start[32], end[32];
	const struct fl_plan *plan;
	const uint32_t *stream_ids;
	struct fl_buf out, number;
	uint64_t row_count;
	uint32_t row_max; /* of this pipeline */
};

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
take_head_json(struct job *job, const struct aggregate_head *head)
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
take_head(void *ctx, const struct aggregate_head *head)
{
	struct job *job = ctx;
	struct out_table table;
	char clock[32], watermark[32];

	job->has_head = true;
	job->row_max = head->row_count;
	if (job->json) {
		take_head_json(job, head);
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

static void
end_table(struct job *job)
{
	if (!job->has_table)
		return;
	fl_buf_byte(&job->out, '\n');
	out_print(&job->table, &job->out);
	out_fini(&job->table);
	free(job->result_at);
	job->result_at = NULL;
	job->has_table = false;
}

/* Keys, rows and accumulators of open windows, then the results of closed ones. */
static void
begin_table(struct job *job, const struct aggregate_row *row)
{
	const struct aggregate_columns *c = row->columns;
	uint32_t state_count = c->key_count + c->part_count, first_key;

	out_init(&job->table, NULL, "query,window_start,window_end,state");
	job->has_table = true;
	job->query_name = fl_arena_strdup(&job->table.arena, row->query);
	first_key = job->table.column_count;
	for (uint32_t i = 0; i < state_count; i++) {
		if (i == c->key_count)
			out_column(&job->table, "rows", true);
		out_column(&job->table, c->names[i], c->is_number[i]);
	}
	if (c->part_count == 0)
		out_column(&job->table, "rows", true);
	job->result_at = fl_calloc(c->result_count + 1, sizeof(*job->result_at));
	for (uint32_t i = 0; i < c->result_count; i++) {
		const char *name = c->names[state_count + i];

		for (uint32_t k = 0; k < c->key_count; k++)
			if (strcmp(c->names[k], name) == 0)
				job->result_at[i] = first_key + k;
		if (job->result_at[i] == 0)
			job->result_at[i] =
			    out_column(&job->table, name, c->is_number[state_count + i]);
	}
	out_reserve(&job->table, job->row_max);
}

static void
add_values(
    struct fl_buf *out, const struct aggregate_row *row, uint32_t name, uint32_t from, uint32_t to)
{
	const struct aggregate_columns *c = row->columns;

	fl_buf_byte(out, '{');
	for (uint32_t i = from; i < to; i++) {
		if (i > from)
			fl_buf_byte(out, ',');
		fl_buf_json(out, c->names[name + i], strlen(c->names[name + i]));
		fl_buf_byte(out, ':');
		if (row->values[i] == NULL)
			fl_buf_str(out, "null");
		else
			out_json_value(out, row->values[i], c->is_number[name + i]);
	}
	fl_buf_byte(out, '}');
}

static void
take_row_json(struct job *job, const struct aggregate_row *row, const char *start, const char *end)
{
	const struct aggregate_columns *c = row->columns;
	struct fl_buf *out = &job->out;

	fl_buf_str(out, job->row_count > 1 ? ",\n {\"query\":" : "\n {\"query\":");
	fl_buf_json(out, row->query, strlen(row->query));
	add_key_value(out, "window_start", start);
	add_key_value(out, "window_end", end);
	add_key_value(out, "state", row->is_open ? "open" : "closed");
	if (row->is_open) {
		fl_buf_str(out, ",\"key\":");
		add_values(out, row, 0, 0, c->key_count);
		fl_buf_printf(out, ",\"rows\":%" PRIu64 ",\"values\":", row->row_count);
		add_values(out, row, 0, c->key_count, c->key_count + c->part_count);
	} else {
		fl_buf_str(out, ",\"key\":null,\"rows\":null,\"values\":");
		add_values(out, row, c->key_count + c->part_count, 0, c->result_count);
	}
	fl_buf_byte(out, '}');
}

static void
take_row_count(struct job *job, uint32_t column, const struct aggregate_row *row)
{
	fl_buf_reset(&job->number);
	fl_buf_i64(&job->number, (int64_t)row->row_count);
	out_cell(&job->table, column, job->number.data);
}

static void
take_row_text(struct job *job, const struct aggregate_row *row, const char *start, const char *end)
{
	const struct aggregate_columns *c = row->columns;
	uint32_t at = 0;

	if (!job->has_table || strcmp(job->query_name, row->query) != 0) {
		end_table(job);
		begin_table(job, row);
	}
	out_row(&job->table);
	out_cell_kept(&job->table, at++, row->query);
	out_cell(&job->table, at++, start);
	out_cell(&job->table, at++, end);
	out_cell_kept(&job->table, at++, row->is_open ? "open" : "closed");
	if (!row->is_open) {
		for (uint32_t i = 0; i < c->result_count; i++)
			out_cell_kept(&job->table, job->result_at[i],
			    row->values[i] == NULL ? "NULL" : row->values[i]);
		return;
	}
	for (uint32_t i = 0; i < c->key_count + c->part_count; i++) {
		if (i == c->key_count)
			take_row_count(job, at++, row);
		out_cell_kept(&job->table, at++, row->values[i] == NULL ? "NULL" : row->values[i]);
	}
	if (c->part_count == 0)
		take_row_count(job, at, row);
}

static void
take_row(void *ctx, const struct aggregate_row *row)
{
	struct job *job = ctx;

	if (row == NULL) { /* the table is printed while the texts of its rows are there */
		end_table(job);
		return;
	}
	if (row->is_open ? !job->wants_open : !job->wants_closed)
		return;
	job->row_count++;
	if (job->start[0] == '\0' || row->window_start != job->start_ms || row->window_end != job->end_ms) {
		(void)out_instant(job->start_ms = row->window_start, job->start);
		(void)out_instant(job->end_ms = row->window_end, job->end);
	}
	if (job->json)
		take_row_json(job, row, job->start, job->end);
	else
		take_row_text(job, row, job->start, job->end);
}

static bool
has_query(const struct fl_plan *plan, const char *query)
{
	for (uint32_t q = 0; query != NULL && q < plan->query_count; q++)
		if (strcmp(plan->queries[q].name, query) == 0)
			return true;
	return query == NULL;
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

static enum fl_code
snapshot_all(struct ctl *ctl, struct fl_instance *instance, const char *pipeline, const char *query,
    struct job *job, struct fl_err *err)
{
	const struct fl_pipeline *first;
	bool is_first = true;
	enum fl_code code;

	FL_TRY(pipeline_find(instance, pipeline, &first, err));
	FL_TRY(check_query(instance, pipeline != NULL ? first : NULL, query, err));
	if (ctl->json)
		fl_buf_str(&job->out, "{\"pipelines\":[");
	for (uint32_t i = 0; i < instance->pipeline_count; i++) {
		if (pipeline != NULL && &instance->pipelines[i] != first)
			continue;
		if (!has_query(instance->pipelines[i].plan, query))
			continue;
		job->plan = instance->pipelines[i].plan;
		job->stream_ids = instance->pipelines[i].stream_ids;
		job->row_count = 0;
		if (!is_first)
			fl_buf_str(&job->out, ctl->json ? "," : "\n");
		is_first = false;
		job->has_head = false;
		code = aggregate_snapshot(
		    instance, instance->pipelines[i].name, query, take_head, take_row, job, err);
		/* A pipeline that has not begun has no windows; that is an answer. */
		if (code == FL_E_NO_SUCH_OBJECT && !job->has_head)
			take_head(job, &(struct aggregate_head){
					   .clock_ms = FL_TIME_MIN, .watermark = FL_TIME_MIN});
		else if (code != FL_OK)
			return code;
		end_table(job);
		if (ctl->json)
			fl_buf_str(&job->out, "\n]}");
		else if (job->row_count == 0)
			fl_buf_str(&job->out, "\nno windows\n");
	}
	if (ctl->json)
		fl_buf_str(&job->out, "\n]}\n");
	return FL_OK;
}

int
cmd_snapshot(struct ctl *ctl)
{
	struct job job = {.wants_open = true, .wants_closed = true};
	const char *option, *value, *pipeline = NULL;
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
	fl_buf_init(&job.number);
	if (ctl_instance_open(ctl, true, &instance, &err) != FL_OK ||
	    snapshot_all(ctl, instance, pipeline, ctl->arg_count > 0 ? ctl->args[0] : NULL, &job,
		&err) != FL_OK)
		status = ctl_fail(ctl, &err);
	else if (!out_write(&job.out))
		status = CTL_FAILED;
	if (job.has_table)
		out_fini(&job.table);
	free(job.result_at);
	fl_buf_fini(&job.number);
	fl_buf_fini(&job.out);
	fl_instance_close(&instance);
	return status;
}
