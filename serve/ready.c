/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ready.c - does the instance do its work?
 *
 * Not ready is what somebody should look at: a program that is silent or waits, a source
 * without partitions, a pipeline that has steps and folds none, a sink that stopped for
 * a person.  A sink that waits is no reason: it goes on by itself, and its metric says so.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "site.h"

#define STUCK_US 30000000

struct checks {
	struct fl_buf *out;
	bool all, ready;
};

/* One that is fine is listed if all are asked for. */
static void
add_check(struct checks *checks, bool is_fine, const char *what, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
static void
add_check(
    struct checks *checks, bool is_fine, const char *what, const char *name, const char *fmt, ...)
{
	char text[FL_ERR_TEXT_SIZE];
	va_list args;

	checks->ready = checks->ready && is_fine;
	if (is_fine && !checks->all)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fl_buf_printf(
	    checks->out, "%s{\"check\":\"%s\",\"of\":", checks->out->size > 0 ? "," : "", what);
	fl_buf_json(checks->out, name, strlen(name));
	fl_buf_printf(checks->out, ",\"ok\":%s,\"text\":", is_fine ? "true" : "false");
	fl_buf_json(checks->out, text, strlen(text));
	fl_buf_byte(checks->out, '}');
}

static void
check_programs(struct checks *checks, const struct fl_instance *instance)
{
	for (uint32_t i = 0; i < FL_WRITER_COUNT; i++) {
		struct fl_life life;
		bool is_done, is_fine;

		fl_life_get(instance, fl_writers[i], &life);
		is_done = strcmp(life.state, "done") == 0;
		is_fine = is_done || (life.is_running && !life.is_silent &&
					 strcmp(life.state, "running") == 0);
		add_check(checks, is_fine, "program", life.program, "%s%s", life.state,
		    life.is_silent ? ", silent" : "");
	}
}

static void
check_sources(struct checks *checks, const struct fl_view *view)
{
	for (uint32_t i = 0; i < view->pipeline_count; i++) {
		const struct fl_pipeline *p = view->pipelines[i].pipeline;

		for (uint32_t s = 0; s < p->plan->stream_count; s++) {
			uint32_t count, stopped;
			const char *why;

			if (p->plan->streams[s].table->letters != NULL)
				continue; /* it has the partitions of the table whose letters it holds */
			count = fl_view_partitions(view, p->stream_ids[s], &stopped, &why);
			add_check(checks, count > 0 && stopped == 0, "source",
			    p->plan->streams[s].table->name, "%u partitions assigned, %u stopped%s%s",
			    count, stopped, stopped > 0 ? ": " : "", stopped > 0 ? why : "");
		}
	}
}

static struct progress *
find_progress(struct serve *serve, const char *pipeline)
{
	struct progress *p;

	for (uint32_t i = 0; i < serve->progress_count; i++)
		if (strcmp(serve->progress[i].pipeline, pipeline) == 0)
			return &serve->progress[i];
	serve->progress =
	    fl_realloc(serve->progress, (serve->progress_count + 1) * sizeof(*serve->progress));
	p = &serve->progress[serve->progress_count++];
	*p = (struct progress){.pipeline = fl_strdup(pipeline)};
	return p;
}

/* R has not moved since it was first seen behind the log: then it has not moved at all,
 * however long nobody asked. */
static void
check_pipelines(struct serve *serve, struct checks *checks, const struct fl_view *view)
{
	int64_t now_us = fl_monotonic_us();

	for (uint32_t i = 0; i < view->pipeline_count; i++) {
		const struct fl_view_pipeline *p = &view->pipelines[i];
		struct progress *progress = find_progress(serve, p->pipeline->name);
		uint64_t r = p->has_cursor ? p->cursor.r : 0;
		uint64_t last = view->has_ingest ? view->ingest.last_step : 0;
		int64_t stuck_us;

		if (last <= r)
			progress->since_us = 0;
		else if (progress->since_us == 0 || progress->r != r)
			progress->since_us = now_us;
		progress->r = r;
		stuck_us = progress->since_us > 0 ? now_us - progress->since_us : 0;
		add_check(checks, stuck_us < STUCK_US, "pipeline", p->pipeline->name,
		    "step %" PRIu64 " of %" PRIu64 "%s", r, last,
		    stuck_us >= STUCK_US ? ", and for 30 s no further" : "");
	}
}

static void
check_sinks(struct checks *checks, const struct fl_view *view)
{
	static const char *const states[] = {"running", "waiting", "stopped"};

	for (uint32_t i = 0; i < view->pipeline_count; i++)
		for (uint32_t s = 0; s < view->pipelines[i].sink_count; s++) {
			const struct fl_view_sink *sink = &view->pipelines[i].sinks[s];
			const struct fl_sink_position *at = &sink->position;
			uint32_t state = sink->is_known ? FL_MIN(at->state, 2u) : 0;
			bool has_text = sink->is_known && at->error[0] != '\0';

			add_check(checks, state != 2, "sink", sink->name, "%s%s%.255s",
			    sink->is_known ? states[state] : "new", has_text ? ": " : "",
			    has_text ? at->error : "");
		}
}

bool
ready_check(struct serve *serve, const struct look *look, bool all, struct fl_buf *out)
{
	struct checks checks = {.out = out, .all = all, .ready = true};
	char problem[FL_ERR_TEXT_SIZE];

	pthread_mutex_lock(&serve->lock);
	memcpy(problem, serve->problem, sizeof(problem));
	pthread_mutex_unlock(&serve->lock);
	add_check(&checks, problem[0] == '\0', "catalog", look->site->instance->dir, "%s",
	    problem[0] == '\0' ? "loaded" : problem);
	for (uint32_t i = 0; i < look->view.problem_count; i++)
		add_check(&checks, false, "store", look->site->instance->dir, "%s",
		    look->view.problems[i]);
	check_programs(&checks, look->site->instance);
	check_sources(&checks, &look->view);
	check_pipelines(serve, &checks, &look->view);
	check_sinks(&checks, &look->view);
	return checks.ready;
}

void
ready_fini(struct serve *serve)
{
	for (uint32_t i = 0; i < serve->progress_count; i++)
		free(serve->progress[i].pipeline);
	free(serve->progress);
}
