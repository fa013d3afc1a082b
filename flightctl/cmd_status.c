/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_status.c - one screen: who lives, how far each is, what waits for a person. */
#include <inttypes.h>
#include <string.h>

#include "flightctl/ctl.h"

struct screen {
	struct out_table programs, pipelines, partitions, sinks, errors;
	bool is_ingest_running, is_emit_running;
	uint32_t running, missing, silent, stopped, waiting, starting;
};

static void
add_programs(struct screen *screen, struct fl_instance *instance)
{
	struct fl_err ignored = {0};
	uint16_t port = 0;

	(void)fl_config_serve_port(instance, &port, &ignored);
	out_init(&screen->programs, "programs", "program,running#,pid#,beat,state");
	for (uint32_t i = 0; i < FL_PROGRAM_COUNT; i++) {
		struct fl_life life;

		fl_life_get(instance, fl_programs[i], &life);
		if (i < FL_WRITER_COUNT)
			screen->running += life.is_running;
		else if (port == 0 && !life.is_running)
			continue;
		/* Of bounded sources ingest is through first: who is done is not missing. */
		screen->missing += !life.is_running && strcmp(life.state, "done") != 0;
		if (strcmp(life.program, "emit") == 0)
			screen->is_emit_running = life.is_running;
		if (strcmp(life.program, "ingest") == 0)
			screen->is_ingest_running = life.is_running;
		screen->silent += life.is_silent;
		screen->waiting += strncmp(life.state, "waiting", 7) == 0;
		screen->starting += strcmp(life.state, "starting") == 0 ||
				    strcmp(life.state, "loading") == 0;
		out_row(&screen->programs);
		out_cell(&screen->programs, 0, life.program);
		out_cell(&screen->programs, 1, life.is_running ? "true" : "false");
		if (life.is_running)
			out_cellf(&screen->programs, 2, "%d", (int)life.pid);
		if (life.is_known)
			out_time(&screen->programs, 3, life.beat_ms);
		out_cellf(
		    &screen->programs, 4, "%s%s", life.state, life.is_silent ? " (silent)" : "");
	}
}

static void
add_pipelines(struct screen *screen, const struct fl_view *view)
{
	out_init(&screen->pipelines, "pipelines",
	    "pipeline,step_r#,step_last#,behind#,clock,watermark,rows#,late#,dead#,results#");
	for (uint32_t i = 0; i < view->pipeline_count; i++) {
		const struct fl_view_pipeline *p = &view->pipelines[i];
		uint64_t late = 0, results = 0, seen = 0;

		out_row(&screen->pipelines);
		out_cell(&screen->pipelines, 0, p->pipeline->name);
		if (!p->has_cursor)
			continue;
		for (uint32_t q = 0; q < p->cursor.query_count; q++) {
			seen += p->queries[q].seen;
			late += p->queries[q].late;
			results += p->queries[q].fired_rows;
		}
		out_cellf(&screen->pipelines, 1, "%" PRIu64, p->cursor.r);
		out_cellf(&screen->pipelines, 2, "%" PRIu64, view->ingest.last_step);
		out_cellf(&screen->pipelines, 3, "%" PRIu64,
		    view->ingest.last_step > p->cursor.r ? view->ingest.last_step - p->cursor.r
							 : 0);
		out_time(&screen->pipelines, 4, p->cursor.r > 0 ? p->cursor.clock_ms : FL_TIME_MIN);
		out_time(&screen->pipelines, 5, p->cursor.watermark);
		out_cellf(&screen->pipelines, 6, "%" PRIu64, seen);
		out_cellf(&screen->pipelines, 7, "%" PRIu64, late);
		out_cellf(&screen->pipelines, 8, "%" PRIu64,
		    fl_view_letters(view, FL_ROLE_PIPELINE, p->pipeline->name));
		out_cellf(&screen->pipelines, 9, "%" PRIu64, results);
	}
}

/* A source is there with its first partition; it holds those of the table whose letters it has.
 * For one that was put in after ingest was done, ingest is missing. */
static void
count_sources(struct screen *screen, const struct fl_view *view)
{
	uint32_t *count = screen->is_ingest_running ? &screen->starting : &screen->missing;

	for (uint32_t i = 0; i < view->pipeline_count; i++) {
		const struct fl_pipeline *p = view->pipelines[i].pipeline;
		uint32_t stopped;
		const char *why;

		for (uint32_t s = 0; s < p->plan->stream_count; s++)
			*count += p->plan->streams[s].table->letters == NULL &&
				  fl_view_partitions(view, p->stream_ids[s], &stopped, &why) == 0;
	}
}

static void
add_partitions(struct screen *screen, const struct fl_view *view)
{
	out_init(&screen->partitions, "partitions",
	    "topic,partition#,position#,state,records#,rows#,dead#,skipped#");
	for (uint32_t i = 0; view->has_ingest && i < view->ingest.partition_count; i++) {
		const struct fl_partition_cursor *p = &view->partitions[i];

		screen->stopped += p->state == FL_PARTITION_STOPPED;
		out_row(&screen->partitions);
		out_cellf(&screen->partitions, 0, "%s", p->topic);
		out_cellf(&screen->partitions, 1, "%d", p->partition % FL_TOPIC_STRIDE);
		out_cellf(&screen->partitions, 2, "%" PRId64, p->position);
		out_cell(&screen->partitions, 3, fl_view_partition_state(p));
		out_cellf(&screen->partitions, 4, "%" PRIu64, p->delivered);
		out_cellf(&screen->partitions, 5, "%" PRIu64, p->rows);
		out_cellf(&screen->partitions, 6, "%" PRIu64, p->dead);
		out_cellf(&screen->partitions, 7, "%" PRIu64, p->skipped);
	}
}

static void
add_sinks(struct screen *screen, const struct fl_view *view)
{
	static const char *const states[] = {"running", "waiting", "stopped"};

	out_init(&screen->sinks, "sinks",
	    "pipeline,sink,confirmed#,waiting#,state,confirmed_at,refused#,retries#,error");
	for (uint32_t i = 0; i < view->pipeline_count; i++)
		for (uint32_t s = 0; s < view->pipelines[i].sink_count; s++) {
			const struct fl_view_sink *sink = &view->pipelines[i].sinks[s];
			const struct fl_sink_position *at = &sink->position;

			out_row(&screen->sinks);
			out_cell(&screen->sinks, 0, view->pipelines[i].pipeline->name);
			out_cell(&screen->sinks, 1, sink->name);
			if (!sink->is_known) {
				out_cell(&screen->sinks, 4, "new");
				screen->starting += screen->is_emit_running;
				continue;
			}
			screen->stopped += at->state == 2;
			screen->waiting += at->state == 1 && screen->is_emit_running;
			out_cellf(&screen->sinks, 2, "%" PRIu64, at->next);
			out_cellf(&screen->sinks, 3, "%" PRIu64,
			    sink->count.next > at->next ? sink->count.next - at->next : 0);
			/* Running and waiting is what emit last said: without it, no sink is either. */
			if (screen->is_emit_running || at->state >= 2)
				out_cell(&screen->sinks, 4, states[FL_MIN(at->state, 2)]);
			out_time(&screen->sinks, 5,
			    at->confirmed_ms > 0 ? at->confirmed_ms : FL_TIME_MIN);
			out_cellf(&screen->sinks, 6, "%" PRIu64, at->dead);
			out_cellf(&screen->sinks, 7, "%" PRIu64, at->retries);
			if (at->error[0] != '\0')
				out_cellf(&screen->sinks, 8, "%.255s", at->error);
		}
}

/* Dead letters that there ever were; `flightctl dlq` has those that are left. */
static void
add_errors(struct screen *screen, const struct fl_view *view)
{
	out_init(&screen->errors, "errors", "program,pipeline,of,error,letters#");
	for (uint32_t i = 0; i < view->tallies.count; i++) {
		const struct fl_view_tally *t = &view->tallies.rows[i];

		if (t->code == FL_OK)
			continue;
		out_row(&screen->errors);
		out_cell(&screen->errors, 0, fl_role_program(t->role));
		out_cell(&screen->errors, 1, t->pipeline);
		out_cell(&screen->errors, 2, t->of);
		out_cell(&screen->errors, 3, fl_code_name(t->code));
		out_cellf(&screen->errors, 4, "%" PRIu64, t->count);
	}
}

static void
print_screen(const struct ctl *ctl, const struct fl_instance *instance, const struct fl_view *view,
    const struct screen *screen, const char *verdict)
{
	uint64_t pipelines_dead = 0;
	const struct out_table *tables[] = {
	    &screen->programs, &screen->pipelines, &screen->partitions, &screen->sinks, &screen->errors};
	struct fl_buf out;
	char uuid[37];

	for (uint32_t i = 0; i < view->pipeline_count; i++)
		pipelines_dead += view->pipelines[i].dead;
	fl_buf_init(&out);
	fl_uuid_print(&instance->uuid, uuid);
	if (ctl->json) {
		fl_buf_str(&out, "{\"instance\":");
		fl_buf_json(&out, instance->dir, strlen(instance->dir));
		fl_buf_printf(&out,
		    ",\"uuid\":\"%s\",\"verdict\":\"%s\",\"dead_letters\":{\"ingest\":%" PRIu64
		    ",\"aggregate\":%" PRIu64 ",\"emit\":%" PRIu64 "},\"ingest_bytes\":%" PRIu64,
		    uuid, verdict, view->ingest_dead, pipelines_dead, view->emit_dead,
		    view->ingest_bytes);
		for (uint32_t i = 0; i < FL_ARRAY_COUNT(tables); i++) {
			fl_buf_printf(&out, ",\n\"%s\":", tables[i]->title);
			out_json(tables[i], &out);
		}
		fl_buf_str(&out, ",\n\"problems\":[");
		for (uint32_t i = 0; i < view->problem_count; i++) {
			fl_buf_str(&out, i > 0 ? "," : "");
			fl_buf_json(&out, view->problems[i], strlen(view->problems[i]));
		}
		fl_buf_str(&out, "]}\n");
	} else {
		fl_buf_printf(&out, "instance %s  %s\n", instance->dir, verdict);
		for (uint32_t i = 0; i < FL_ARRAY_COUNT(tables); i++)
			if (tables[i]->row_count > 0) {
				fl_buf_byte(&out, '\n');
				out_print(tables[i], &out);
			}
		for (uint32_t i = 0; i < view->problem_count; i++)
			fl_buf_printf(&out, "\nproblem: %s\n", view->problems[i]);
		if (view->ingest_dead + pipelines_dead + view->emit_dead > 0)
			fl_buf_printf(&out,
			    "\ndead letters: %" PRIu64 " of ingest, %" PRIu64 " of aggregate, %" PRIu64
			    " of emit; flightctl dlq list\n",
			    view->ingest_dead, pipelines_dead, view->emit_dead);
	}
	out_write(&out);
	fl_buf_fini(&out);
}

static int
show_status(const struct ctl *ctl, struct fl_instance *instance, bool is_strict)
{
	struct screen screen = {0};
	struct fl_view view;
	const char *verdict = "running";
	int status = CTL_OK;

	fl_view_read(instance, &view);
	add_programs(&screen, instance);
	add_pipelines(&screen, &view);
	add_partitions(&screen, &view);
	add_sinks(&screen, &view);
	count_sources(&screen, &view);
	add_errors(&screen, &view);
	if (screen.running == 0 && screen.stopped == 0 && fl_view_is_finished(instance, &view)) {
		verdict = "finished";
	} else if (screen.running == 0) {
		verdict = "not running";
		status = CTL_NOT_RUNNING;
	} else if (screen.missing + screen.silent + screen.stopped + view.problem_count > 0 ||
		   (is_strict && screen.waiting > 0)) {
		verdict = "degraded";
		status = CTL_DEGRADED;
	} else if (screen.waiting > 0) {
		verdict = "waiting";
	} else if (screen.starting > 0) {
		verdict = "starting";
	}
	if (!ctl->quiet)
		print_screen(ctl, instance, &view, &screen, verdict);
	out_fini(&screen.programs);
	out_fini(&screen.pipelines);
	out_fini(&screen.partitions);
	out_fini(&screen.sinks);
	out_fini(&screen.errors);
	fl_view_fini(&view);
	return status;
}

int
cmd_status(struct ctl *ctl)
{
	struct fl_instance *instance = NULL;
	struct fl_err err = {0};
	const char *value;
	bool is_strict = false;
	int status;

	while (ctl_next_option(ctl, &value) != NULL)
		is_strict = true;
	if (!ctl_need_args(ctl, 0, 0))
		return ctl->status;
	if (ctl_instance_open(ctl, true, &instance, &err) != FL_OK)
		return ctl_fail(ctl, &err);
	status = show_status(ctl, instance, is_strict);
	fl_instance_close(&instance);
	return status;
}
