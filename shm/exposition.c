/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exposition.c - all rows of tbl/metrics.h, as Prometheus reads them.
 *
 * A family is a name with its HELP and TYPE and, below, a line for each thing that has it.
 * The labels are bounded by what the pipelines declare (programs, partitions, pipelines,
 * queries, sinks) and by tbl/errors.h.
 */
#include "shm/exposition.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shm/life.h"

/* clang-format off */
static const struct fl_series_info series_table[FL_SERIES_COUNT] = {
#define COUNTER FL_COUNTER
#define GAUGE FL_GAUGE
#define FL_SERIES(name, kind, unit, scope, help) { #name, unit, help, kind, FL_SCOPE_##scope },
#include "tbl/metrics.h"
#undef COUNTER
#undef GAUGE
};
/* clang-format on */

struct writer {
	const struct fl_instance *instance;
	const struct fl_view *view;
	const int64_t *ends;
	const char *glob;
	bool json, is_first;
	struct fl_buf *out;
	char name[128]; /* of the family */
	const char *unit, *help;
	enum fl_metric_kind kind;
	bool has_head;
};

struct label {
	const char *name, *value;
};

const struct fl_series_info *
fl_series_info(enum fl_series series)
{
	assert((unsigned)series < FL_SERIES_COUNT);
	return &series_table[series];
}

const char *
fl_scope_labels(enum fl_series_scope scope)
{
	static const char *const labels[] = {
	    "program", "topic,partition,stream", "pipeline", "pipeline,sink",
	    "program,source,stream,pipeline,query,sink,error", "source,stream"};

	return labels[scope];
}

static const char *
kind_name(enum fl_metric_kind kind)
{
	return kind == FL_COUNTER ? "counter" : "gauge";
}

/* Backslash, quote and newline are escaped, all else goes as it is. */
static void
add_label_value(struct fl_buf *out, const char *value)
{
	fl_buf_byte(out, '"');
	for (; *value != '\0'; value++) {
		if (*value == '\n') {
			fl_buf_str(out, "\\n");
			continue;
		}
		if (*value == '"' || *value == '\\')
			fl_buf_byte(out, '\\');
		fl_buf_byte(out, *value);
	}
	fl_buf_byte(out, '"');
}

/* False: the name is not wanted. */
static bool
begin_family(struct writer *w, enum fl_metric_kind kind, const char *unit, const char *help)
{
	w->kind = kind;
	w->unit = unit;
	w->help = help;
	w->has_head = false;
	return w->glob == NULL || fnmatch(w->glob, w->name, 0) == 0;
}

static void
add_json(struct writer *w, const struct label *labels, uint32_t count, const char *value)
{
	fl_buf_printf(w->out, "%s\n {\"name\":\"%s\",\"type\":\"%s\"", w->is_first ? "" : ",",
	    w->name, kind_name(w->kind));
	if (w->unit[0] != '\0')
		fl_buf_printf(w->out, ",\"unit\":\"%s\"", w->unit);
	for (uint32_t i = 0; i < count; i++) {
		fl_buf_printf(w->out, ",\"%s\":", labels[i].name);
		fl_buf_json(w->out, labels[i].value, strlen(labels[i].value));
	}
	fl_buf_printf(w->out, ",\"value\":%s}", value);
}

static void
add_sample(struct writer *w, const struct label *labels, uint32_t count, const char *value)
{
	if (w->json) {
		add_json(w, labels, count, value);
	} else {
		if (!w->has_head)
			fl_buf_printf(w->out, "# HELP %s %s\n# TYPE %s %s\n", w->name, w->help,
			    w->name, kind_name(w->kind));
		fl_buf_str(w->out, w->name);
		for (uint32_t i = 0; i < count; i++) {
			fl_buf_byte(w->out, i == 0 ? '{' : ',');
			fl_buf_str(w->out, labels[i].name);
			fl_buf_byte(w->out, '=');
			add_label_value(w->out, labels[i].value);
		}
		fl_buf_printf(w->out, "%s %s\n", count > 0 ? "}" : "", value);
	}
	w->has_head = true;
	w->is_first = false;
}

/* ---- values; false: none now ---- */

static void
print_seconds(char *text, size_t size, int64_t ms)
{
	snprintf(text, size, "%s%" PRId64 ".%03d", ms < 0 ? "-" : "", ms < 0 ? -(ms / 1000) : ms / 1000,
	    (int)(ms < 0 ? -(ms % 1000) : ms % 1000));
}

static bool
print_number(char *text, size_t size, uint64_t number)
{
	snprintf(text, size, "%" PRIu64, number);
	return true;
}

static bool
print_time(char *text, size_t size, int64_t ms)
{
	if (ms == FL_TIME_MIN || ms == FL_TIME_MAX)
		return false;
	print_seconds(text, size, ms);
	return true;
}

static bool
program_value(enum fl_series series, const struct fl_life *life, char *text, size_t size)
{
	if (series == FL_SERIES_up)
		return print_number(text, size, life->is_running);
	return life->is_known && print_time(text, size, life->beat_ms);
}

static bool
partition_value(const struct writer *w, enum fl_series series, uint32_t i, char *text, size_t size)
{
	const struct fl_partition_cursor *p = &w->view->partitions[i];
	int64_t end = w->ends != NULL ? w->ends[i] : -1;

	if (series == FL_SERIES_partition_position)
		return print_number(text, size, (uint64_t)p->position);
	if (series == FL_SERIES_partition_end)
		return end >= 0 && print_number(text, size, (uint64_t)end);
	if (series == FL_SERIES_partition_lag)
		return end >= 0 && print_number(text, size,
				       end > p->position ? (uint64_t)(end - p->position) : 0);
	if (series == FL_SERIES_partition_stopped)
		return print_number(text, size, p->state == FL_PARTITION_STOPPED);
	if (series == FL_SERIES_partition_records_total)
		return print_number(text, size, p->delivered);
	return print_number(text, size, p->dead + p->replayed); /* a counter does not go back */
}

static bool
pipeline_value(const struct writer *w, enum fl_series series, const struct fl_view_pipeline *p,
    char *text, size_t size)
{
	uint64_t last = w->view->has_ingest ? w->view->ingest.last_step : 0, sum = 0;

	if (series == FL_SERIES_pipeline_steps_behind)
		return print_number(text, size, last > p->cursor.r ? last - p->cursor.r : 0);
	if (!p->has_cursor)
		return false;
	if (series == FL_SERIES_pipeline_watermark_timestamp_seconds)
		return print_time(text, size, p->cursor.watermark);
	if (series == FL_SERIES_pipeline_clock_timestamp_seconds)
		return p->cursor.r > 0 && print_time(text, size, p->cursor.clock_ms);
	if (series == FL_SERIES_pipeline_dead_total)
		return print_number(
		    text, size, fl_view_letters(w->view, FL_ROLE_PIPELINE, p->pipeline->name));
	for (uint32_t q = 0; q < p->cursor.query_count; q++)
		sum += series == FL_SERIES_pipeline_rows_total	? p->queries[q].seen
		     : series == FL_SERIES_pipeline_late_total	? p->queries[q].late
								: p->queries[q].fired_rows;
	return print_number(text, size, sum);
}

static bool
sink_value(enum fl_series series, const struct fl_view_sink *sink, char *text, size_t size)
{
	const struct fl_sink_position *at = &sink->position;
	uint64_t next = sink->is_known ? at->next : 0;

	if (series == FL_SERIES_sink_waiting)
		return print_number(text, size, sink->count.next > next ? sink->count.next - next : 0);
	if (!sink->is_known)
		return false;
	if (series == FL_SERIES_sink_rows_total)
		return print_number(text, size, next);
	if (series == FL_SERIES_sink_state)
		return print_number(text, size, at->state);
	if (series == FL_SERIES_sink_refused_total)
		return print_number(text, size, at->dead);
	if (series == FL_SERIES_sink_retries_total)
		return print_number(text, size, at->retries);
	return at->confirmed_ms > 0 && print_time(text, size, at->confirmed_ms);
}

/* ---- families ---- */

static void
add_programs(struct writer *w, enum fl_series series)
{
	char text[64];
	struct fl_life life;

	for (uint32_t i = 0; i < FL_PROGRAM_COUNT; i++) {
		struct label label = {"program", fl_programs[i]};

		fl_life_get(w->instance, fl_programs[i], &life);
		/* Not every instance has a serve. */
		if (i >= FL_WRITER_COUNT && !life.is_known)
			continue;
		if (program_value(series, &life, text, sizeof(text)))
			add_sample(w, &label, 1, text);
	}
}

static void
add_partitions(struct writer *w, enum fl_series series)
{
	for (uint32_t i = 0; w->view->has_ingest && i < w->view->ingest.partition_count; i++) {
		const struct fl_partition_cursor *p = &w->view->partitions[i];
		char text[64], number[16], stream[16];
		struct label labels[] = {
		    {"topic", p->topic}, {"partition", number}, {"stream", stream}};

		snprintf(number, sizeof(number), "%d", p->partition % FL_TOPIC_STRIDE);
		snprintf(stream, sizeof(stream), "%u", p->stream);
		if (partition_value(w, series, i, text, sizeof(text)))
			add_sample(w, labels, FL_ARRAY_COUNT(labels), text);
	}
}

static void
add_pipelines(struct writer *w, enum fl_series series)
{
	char text[64];

	for (uint32_t i = 0; i < w->view->pipeline_count; i++) {
		const struct fl_view_pipeline *p = &w->view->pipelines[i];
		struct label label = {"pipeline", p->pipeline->name};

		if (pipeline_value(w, series, p, text, sizeof(text)))
			add_sample(w, &label, 1, text);
	}
}

static void
add_sinks(struct writer *w, enum fl_series series)
{
	char text[64];

	for (uint32_t i = 0; i < w->view->pipeline_count; i++)
		for (uint32_t s = 0; s < w->view->pipelines[i].sink_count; s++) {
			const struct fl_view_pipeline *p = &w->view->pipelines[i];
			struct label labels[] = {
			    {"pipeline", p->pipeline->name}, {"sink", p->sinks[s].name}};

			if (sink_value(series, &p->sinks[s], text, sizeof(text)))
				add_sample(w, labels, FL_ARRAY_COUNT(labels), text);
		}
}

/* Whose they are: ingest's have a source and its stream, aggregate's a pipeline and a query,
 * emit's a pipeline and a sink. */
static void
add_letters(struct writer *w, bool are_odd)
{
	for (uint32_t i = 0; i < w->view->tallies.count; i++) {
		const struct fl_view_tally *t = &w->view->tallies.rows[i];
		struct label labels[4];
		uint32_t count = 0;
		char text[64], stream[16];

		if ((t->code == FL_OK) != are_odd)
			continue;
		if (!are_odd)
			labels[count++] = (struct label){"program", fl_role_program(t->role)};
		if (t->role == FL_ROLE_INGEST) {
			snprintf(stream, sizeof(stream), "%u", t->stream);
			labels[count++] = (struct label){"source", t->of};
			labels[count++] = (struct label){"stream", stream};
		} else {
			labels[count++] = (struct label){"pipeline", t->pipeline};
			labels[count++] =
			    (struct label){t->role == FL_ROLE_EMIT ? "sink" : "query", t->of};
		}
		if (!are_odd)
			labels[count++] = (struct label){"error", fl_code_name(t->code)};
		assert(count <= FL_ARRAY_COUNT(labels));
		print_number(text, sizeof(text), t->count);
		add_sample(w, labels, count, text);
	}
}

static bool
print_series(struct writer *w)
{
	bool is_any = false;

	for (uint32_t i = 0; i < FL_SERIES_COUNT; i++) {
		const struct fl_series_info *info = &series_table[i];

		snprintf(w->name, sizeof(w->name), "flight_%s", info->name);
		if (!begin_family(w, info->kind, info->unit, info->help))
			continue;
		is_any = true;
		switch (info->scope) {
		case FL_SCOPE_PROGRAM:
			add_programs(w, (enum fl_series)i);
			break;
		case FL_SCOPE_PARTITION:
			add_partitions(w, (enum fl_series)i);
			break;
		case FL_SCOPE_PIPELINE:
			add_pipelines(w, (enum fl_series)i);
			break;
		case FL_SCOPE_SINK:
			add_sinks(w, (enum fl_series)i);
			break;
		case FL_SCOPE_LETTERS:
		case FL_SCOPE_SOURCE:
			add_letters(w, info->scope == FL_SCOPE_SOURCE);
			break;
		}
	}
	return is_any;
}

static bool
print_mirrored(struct writer *w)
{
	struct fl_metrics *segments[FL_PROGRAM_COUNT] = {0};
	bool is_any = false;
	char text[32];

	for (uint32_t i = 0; i < FL_PROGRAM_COUNT; i++)
		/* A program that never ran has no segment, and no metrics. */
		if (fl_metrics_open(w->instance, fl_programs[i], false, &segments[i], NULL) != FL_OK)
			segments[i] = NULL;
	for (int m = 0; m < FL_METRIC_COUNT; m++) {
		const struct fl_metric_info *info = fl_metric_info((enum fl_metric)m);

		snprintf(w->name, sizeof(w->name), "flight_%s_%s", info->program, info->name);
		if (!begin_family(w, info->kind, info->unit, info->help))
			continue;
		is_any = true;
		for (uint32_t i = 0; i < FL_PROGRAM_COUNT; i++) {
			if (segments[i] == NULL || strcmp(info->program, fl_programs[i]) != 0)
				continue;
			snprintf(text, sizeof(text), "%" PRId64,
			    fl_metric_get(segments[i], (enum fl_metric)m));
			add_sample(w, NULL, 0, text);
		}
	}
	for (uint32_t i = 0; i < FL_PROGRAM_COUNT; i++)
		fl_metrics_close(&segments[i]);
	return is_any;
}

bool
fl_exposition_print(const struct fl_instance *instance, const struct fl_view *view,
    const int64_t *ends, const char *glob, bool json, struct fl_buf *out)
{
	struct writer w = {.instance = instance,
	    .view = view,
	    .ends = ends,
	    .glob = glob,
	    .json = json,
	    .is_first = true,
	    .out = out};
	bool has_series, has_mirrored;

	if (json)
		fl_buf_byte(out, '[');
	has_series = print_series(&w);
	has_mirrored = print_mirrored(&w);
	if (json)
		fl_buf_str(out, "\n]\n");
	return has_series || has_mirrored;
}
