/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.c - what the page shows, but for windows and dead letters, which it asks in SQL.
 *
 * Times are milliseconds since 1970, null where there is none.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "site.h"

static void
add_text(struct fl_buf *out, const char *before, const char *text)
{
	fl_buf_str(out, before);
	fl_buf_json(out, text, strlen(text));
}

static void
add_time(struct fl_buf *out, const char *before, int64_t ms)
{
	if (ms == FL_TIME_MIN || ms == FL_TIME_MAX)
		fl_buf_printf(out, "%snull", before);
	else
		fl_buf_printf(out, "%s%" PRId64, before, ms);
}

static void
add_programs(struct fl_buf *out, const struct fl_instance *instance)
{
	for (uint32_t i = 0; i < FL_PROGRAM_COUNT; i++) {
		struct fl_life life;

		fl_life_get(instance, fl_programs[i], &life);
		add_text(out, i > 0 ? ",\n{\"program\":" : "{\"program\":", life.program);
		fl_buf_printf(out, ",\"running\":%s,\"silent\":%s,\"pid\":%d",
		    life.is_running ? "true" : "false", life.is_silent ? "true" : "false",
		    life.is_running ? (int)life.pid : 0);
		add_time(out, ",\"beat_ms\":", life.is_known ? life.beat_ms : FL_TIME_MIN);
		add_text(out, ",\"state\":", life.state);
		fl_buf_byte(out, '}');
	}
}

static void
add_pipeline(struct fl_buf *out, const struct fl_view *view, const struct fl_view_pipeline *p)
{
	uint64_t last = view->has_ingest ? view->ingest.last_step : 0;
	uint64_t r = p->has_cursor ? p->cursor.r : 0, seen = 0, late = 0, results = 0;

	for (uint32_t q = 0; p->has_cursor && q < p->cursor.query_count; q++) {
		seen += p->queries[q].seen;
		late += p->queries[q].late;
		results += p->queries[q].fired_rows;
	}
	add_text(out, "{\"pipeline\":", p->pipeline->name);
	fl_buf_printf(out,
	    ",\"step\":%" PRIu64 ",\"behind\":%" PRIu64 ",\"rows\":%" PRIu64 ",\"late\":%" PRIu64
	    ",\"dead\":%" PRIu64 ",\"results\":%" PRIu64,
	    r, last > r ? last - r : 0, seen, late,
	    fl_view_letters(view, FL_ROLE_PIPELINE, p->pipeline->name), results);
	add_time(out, ",\"clock_ms\":", r > 0 ? p->cursor.clock_ms : FL_TIME_MIN);
	add_time(out, ",\"watermark_ms\":", p->has_cursor ? p->cursor.watermark : FL_TIME_MIN);
	fl_buf_byte(out, '}');
}

/* The partition in each pipeline that reads it: how far, and whether it holds the watermark. */
static void
add_readers(struct fl_buf *out, const struct fl_view *view, const struct fl_partition_cursor *c)
{
	bool is_first = true;

	for (uint32_t i = 0; i < view->pipeline_count; i++) {
		const struct fl_view_pipeline *p = &view->pipelines[i];
		const struct fl_partition_time *time = fl_view_time(p, c->stream, c->partition);
		int64_t watermark;

		if (time == NULL)
			continue;
		watermark = FL_MAX(time->watermark, time->floor);
		add_text(out, is_first ? "{\"pipeline\":" : ",{\"pipeline\":", p->pipeline->name);
		fl_buf_printf(out, ",\"idle\":%s,\"holds\":%s", time->idle ? "true" : "false",
		    !time->idle && !time->ended && watermark != FL_TIME_MIN &&
			    watermark == p->cursor.watermark ? "true" : "false");
		add_time(out, ",\"watermark_ms\":", watermark);
		fl_buf_byte(out, '}');
		is_first = false;
	}
}

static void
add_partition(struct fl_buf *out, const struct look *look, uint32_t i)
{
	const struct fl_partition_cursor *c = &look->view.partitions[i];
	int64_t end = look->ends[i];

	add_text(out, "{\"topic\":", c->topic);
	fl_buf_printf(out,
	    ",\"partition\":%d,\"position\":%" PRId64 ",\"records\":%" PRIu64 ",\"dead\":%" PRIu64
	    ",\"stopped\":%s",
	    c->partition % FL_TOPIC_STRIDE, c->position, c->delivered, c->dead,
	    c->state == FL_PARTITION_STOPPED ? "true" : "false");
	if (end >= 0)
		fl_buf_printf(out, ",\"end\":%" PRId64 ",\"lag\":%" PRId64, end,
		    FL_MAX(0, end - c->position));
	else
		fl_buf_str(out, ",\"end\":null,\"lag\":null");
	add_text(out, ",\"state\":", fl_view_partition_state(c));
	fl_buf_str(out, ",\"readers\":[");
	add_readers(out, &look->view, c);
	fl_buf_str(out, "]}");
}

static void
add_sink(struct fl_buf *out, const char *pipeline, const struct fl_view_sink *sink)
{
	static const char *const states[] = {"running", "waiting", "stopped"};
	const struct fl_sink_position *at = &sink->position;
	uint64_t next = sink->is_known ? at->next : 0;
	char error[sizeof(at->error) + 1];

	snprintf(error, sizeof(error), "%.*s", (int)sizeof(at->error), sink->is_known ? at->error : "");
	add_text(out, "{\"pipeline\":", pipeline);
	add_text(out, ",\"sink\":", sink->name);
	add_text(out, ",\"state\":", sink->is_known ? states[FL_MIN(at->state, 2u)] : "new");
	fl_buf_printf(out,
	    ",\"confirmed\":%" PRIu64 ",\"waiting\":%" PRIu64 ",\"refused\":%" PRIu64
	    ",\"retries\":%" PRIu64,
	    next, sink->count.next > next ? sink->count.next - next : 0,
	    sink->is_known ? at->dead : 0, sink->is_known ? at->retries : 0);
	add_time(out, ",\"confirmed_ms\":",
	    sink->is_known && at->confirmed_ms > 0 ? at->confirmed_ms : FL_TIME_MIN);
	add_text(out, ",\"error\":", error);
	fl_buf_byte(out, '}');
}

void
state_print(struct serve *serve, const struct look *look, struct fl_buf *out)
{
	const struct fl_view *view = &look->view;
	struct fl_buf checks;
	bool is_ready, is_first = true;

	fl_buf_init(&checks);
	is_ready = ready_check(serve, look, false, &checks);
	add_text(out, "{\"instance\":", look->site->instance->dir);
	fl_buf_printf(out, ",\"now_ms\":%" PRId64 ",\"ready\":%s,\"reasons\":[", fl_now_ms(),
	    is_ready ? "true" : "false");
	fl_buf_add(out, checks.data, checks.size);
	fl_buf_str(out, "],\n\"programs\":[");
	add_programs(out, look->site->instance);
	fl_buf_str(out, "],\n\"pipelines\":[");
	for (uint32_t i = 0; i < view->pipeline_count; i++) {
		fl_buf_str(out, i > 0 ? ",\n" : "");
		add_pipeline(out, view, &view->pipelines[i]);
	}
	fl_buf_str(out, "],\n\"partitions\":[");
	for (uint32_t i = 0; view->has_ingest && i < view->ingest.partition_count; i++) {
		fl_buf_str(out, i > 0 ? ",\n" : "");
		add_partition(out, look, i);
	}
	fl_buf_str(out, "],\n\"sinks\":[");
	for (uint32_t i = 0; i < view->pipeline_count; i++)
		for (uint32_t s = 0; s < view->pipelines[i].sink_count; s++, is_first = false) {
			fl_buf_str(out, is_first ? "" : ",\n");
			add_sink(out, view->pipelines[i].pipeline->name, &view->pipelines[i].sinks[s]);
		}
	fl_buf_str(out, "]}\n");
	fl_buf_fini(&checks);
}
